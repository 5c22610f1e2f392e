"""The pairs of a memory from which the phrases of a translation may come."""

from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from rnncli.tasks.translate.memory import MAX_PAIRS
from rnncli.tasks.translate.predict import Translator
from rnncli.text.sentences import clean
from rnncli.text.special_tokens import EOS
from rnncli.text.unicode import plain_signs, word_spans

MIN_WORDS = 2  # of a phrase: single words are in many pairs


@dataclass(frozen=True)
class MemoryMatch:
    """A phrase of a translation, and a pair whose target has it."""

    phrase: str
    source: str
    target: str


def memory_matches(translator: Translator, text: str, translation: str) -> list[MemoryMatch]:
    """Return the phrases that a translation shares with the pairs retrieved for its text.

    The longest come first, each from the most similar pair; no word is in two of them.
    """
    replies = translator.replies
    if replies is not None and translation in replies.answers:
        question = replies.nearest_question(text, translation)
        return [MemoryMatch(translation, question, translation)]
    spans = word_spans(translation)
    words = [translation[slice(*span)] for span in spans]
    source = [*translator.tokenizer.encode(plain_signs(clean(text))), EOS]
    pairs = [
        (memory.sources[row], translator.target_tokenizer.decode(memory.targets[row]))
        for memory in reversed(translator.memories)  # a person's pairs first
        for row in memory.index.nearest(np.array(source), MAX_PAIRS).tolist()
    ]
    blocks = [
        (block.size, rank, block.a)
        for rank, (_, target) in enumerate(pairs)
        for block in SequenceMatcher(
            None, words, [target[slice(*span)] for span in word_spans(target)], autojunk=False
        ).get_matching_blocks()
        if block.size >= MIN_WORDS
    ]
    matches, taken = list[MemoryMatch](), set[int]()
    for size, rank, start in sorted(blocks, key=lambda block: (-block[0], block[1])):
        if taken.isdisjoint(range(start, start + size)):
            taken.update(range(start, start + size))
            phrase = translation[spans[start][0] : spans[start + size - 1][1]]
            pair_source, target = pairs[rank]
            matches.append(MemoryMatch(phrase, translator.tokenizer.decode(pair_source), target))
    return matches
