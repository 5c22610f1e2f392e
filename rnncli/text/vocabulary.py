"""Learn vocabularies from texts: the most frequent characters or words, or pieces of words."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, pre_tokenizers, trainers

from rnncli.config import Level
from rnncli.text.batching import batched
from rnncli.text.levels import (
    BYTE_TOKENS,
    PRETOKENIZED_WORDS,
    WORDS,
    build_backend,
    char_model,
    word_model,
    word_splitter,
)
from rnncli.text.special_tokens import SPECIAL_TOKENS

BATCH_TEXTS = 1_000  # handed to the library at once: keeps both its threads busy, memory flat
BATCH_CHARACTERS = 1 << 20  # of all of them, unless a single one has more

_SIGN_IN_TEXT = re.compile(r"(?:^|(?<=(.)))[.,!?](?=\s|$)", re.MULTILINE)
_SAMPLE = 1_000  # texts that tell whether all are pre-tokenized
_MIN_SIGNS = 20  # from which that can be told
_PRETOKENIZED_SHARE = 0.95  # of the signs that have a space before them


def train_backend(
    texts: Iterable[str], level: Level, vocab_size: int, fold: bool, min_count: int
) -> Backend:
    """Learn a vocabulary; see `Tokenizer.train`."""
    match level:
        case "char":
            return _train_char(texts, vocab_size, fold, min_count)
        case "word":
            return _train_word(texts, vocab_size, fold, min_count)
        case "subword":
            return _train_subword(texts, vocab_size, fold, min_count)


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield texts as they are handed to the library."""
    return batched(texts, max_items=BATCH_TEXTS, max_size=BATCH_CHARACTERS)


def _train_char(texts: Iterable[str], vocab_size: int, fold: bool, min_count: int) -> Backend:
    lower = normalizers.Lowercase().normalize_str if fold else str
    room = max(vocab_size - len(SPECIAL_TOKENS) - len(BYTE_TOKENS), 0)
    frequent = _most_common(map(lower, texts), room, min_count)
    return build_backend(char_model(_vocab([*BYTE_TOKENS, *frequent])), "char", fold)


def _train_word(texts: Iterable[str], vocab_size: int, fold: bool, min_count: int) -> Backend:
    texts = iter(texts)
    sample = list(islice(texts, _SAMPLE))
    pattern = PRETOKENIZED_WORDS if not fold and is_pretokenized(sample) else WORDS
    splitter = word_splitter(pattern, fold)
    lower = normalizers.Lowercase().normalize_str if fold else str

    def words(text: str) -> list[str]:
        return [word for word, _ in splitter.pre_tokenize_str(lower(text))]

    room = max(vocab_size - len(SPECIAL_TOKENS), 0)
    frequent = _most_common(map(words, chain(sample, texts)), room, min_count)
    return build_backend(word_model(_vocab(frequent)), "word", fold, pattern)


def is_pretokenized(texts: Iterable[str]) -> bool:
    """Return whether texts have spaces around their signs, as pre-tokenized corpora do."""
    before = [match[1] for text in texts for match in _SIGN_IN_TEXT.finditer(text)]
    spaced = sum(character in (None, " ", "\n") for character in before)
    return len(before) >= _MIN_SIGNS and spaced >= _PRETOKENIZED_SHARE * len(before)


def _train_subword(texts: Iterable[str], vocab_size: int, fold: bool, min_count: int) -> Backend:
    backend = build_backend(models.BPE(), "subword", fold)
    trainer = trainers.BpeTrainer(
        vocab_size=max(vocab_size, len(SPECIAL_TOKENS) + 256),
        min_frequency=min_count,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(batches(texts), trainer=trainer)
    # The trainer registers special tokens as text to look out for; they must only be entries.
    description = json.loads(backend.to_str())
    description["added_tokens"] = []
    return Backend.from_str(json.dumps(description))


def _most_common(texts: Iterable[Iterable[str]], room: int, min_count: int) -> list[str]:
    counts: Counter[str] = Counter()
    for tokens in texts:
        counts.update(tokens)
    # Ties in a fixed order, so that the same texts give the same vocabulary.
    frequent = (token for token in counts if counts[token] >= min_count)
    ranked = sorted(frequent, key=lambda token: (-counts[token], token))
    return [token for token in ranked if token not in SPECIAL_TOKENS][:room]


def _vocab(tokens: Iterable[str]) -> dict[str, int]:
    return {token: id for id, token in enumerate([*SPECIAL_TOKENS, *tokens])}
