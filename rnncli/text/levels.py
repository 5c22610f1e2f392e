"""The levels of tokens: how each splits a text, and learns its vocabulary."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

import numpy as np
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend

from rnncli.config import Level
from rnncli.text.batching import batched, split_between_words
from rnncli.text.special_tokens import SPECIAL_TOKENS, UNK
from rnncli.text.unicode import UNSPACED_SCRIPTS

BYTE_TOKENS = tuple(f"<0x{byte:02X}>" for byte in range(256))
BATCH_TEXTS = 1_000  # for the library at once: keep its threads busy and memory flat
BATCH_CHARACTERS = 1 << 20  # of these texts together
# Longer texts are given to the library in pieces of so many characters: each character of one text
# takes 200 bytes, of a batch of short ones at most 71.
MAX_PIECE = 1 << 16
BYTES_A_CHARACTER = 100
MAX_KNOWN_WORDS = 1 << 17  # kept while many texts are read: some 30 megabytes

_PUNCTUATION = re.compile(r"(?:^|(?<=(.)))[.,!?](?=\s|$)", re.MULTILINE)
# Texts are pre-tokenized if most punctuation marks of a sample have a space before them.
_SAMPLE_TEXTS = 1_000
_MIN_PUNCTUATION = 20
_MIN_SPACED_SHARE = 0.95

# --- Backends -----------------------------------------------------------------------------------

_SYMBOL = r"[^\s\p{L}\p{M}\p{N}_]"
_LETTER = rf"[\p{{L}}\p{{M}}\p{{N}}_&&[^{UNSPACED_SCRIPTS}]]"
# A word keeps the space before it, so that joining tokens gives the text back. An apostrophe
# belongs to the word before it when one or two letters follow (don't, we'll), else it stands alone
# (l'eau).
_WORD = rf"{_LETTER}+(?:['’]{_LETTER}{{1,2}}(?!{_LETTER}))?"
WORDS = rf" ?(?:[{UNSPACED_SCRIPTS}]|{_WORD}|{_SYMBOL})|\s"
# Of pre-tokenized text, with spaces around punctuation: "it 's late , <unk> said ." The spaces at
# the end of a line belong to its end, so that each line has one token more than words.
PRETOKENIZED_WORDS = r" *\n| ?\S+|\s"
WORD_PATTERNS = (WORDS, PRETOKENIZED_WORDS)


def char_model(vocab: dict[str, int]) -> models.BPE:
    """Return a model of characters; those that the vocabulary lacks become their bytes."""
    return models.BPE(  # without merges, BPE splits into characters
        vocab=vocab, merges=[], byte_fallback=True, unk_token=SPECIAL_TOKENS[UNK]
    )


def word_model(vocab: dict[str, int]) -> models.WordLevel:
    """Return a model of whole words."""
    return models.WordLevel(vocab, unk_token=SPECIAL_TOKENS[UNK])


def build_backend(
    model: models.Model, level: Level, fold: bool, word_pattern: str = WORDS
) -> Backend:
    """Build the tokenizer of a level around a vocabulary; older models depend on each part."""
    backend = Backend(model)
    match level:
        case "char":
            # The library would cache an unsplit text as a whole.
            backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"(?m:.{1,64})"), "isolated")
            backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
        case "word":
            backend.pre_tokenizer = word_splitter(word_pattern, fold)
            backend.decoder = decoders.Fuse()
        case "subword":
            backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=fold)
            backend.decoder = decoders.ByteLevel()
    if fold:
        backend.normalizer = normalizers.Lowercase()
    return backend


def word_splitter(pattern: str, fold: bool) -> pre_tokenizers.Sequence:
    """Return a splitter of texts into words; with ``fold``, without the spaces between them."""
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated")]
    if fold:
        splits.insert(0, pre_tokenizers.Split(Regex(r"\s+"), "removed"))
    return pre_tokenizers.Sequence(splits)


# --- Vocabularies --------------------------------------------------------------------------------


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


def batch_texts(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield texts in batches for the library."""
    return batched(texts, max_items=BATCH_TEXTS, max_size=BATCH_CHARACTERS)


def require_memory(texts: Iterable[str]) -> None:
    """Check that a batch can be encoded: where memory ends in the library, it ends the process.

    Raises:
        MemoryError: there is too little.
    """
    np.empty(BYTES_A_CHARACTER * sum(map(len, texts)), np.uint8)


def _training_batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield texts in batches for the library, long ones in pieces.

    Raises:
        MemoryError: there is too little.
    """
    pieces = (piece for text in texts for piece in split_between_words(text, MAX_PIECE))
    for batch in batch_texts(pieces):
        require_memory(batch)
        yield batch


def _train_char(texts: Iterable[str], vocab_size: int, fold: bool, min_count: int) -> Backend:
    lower = normalizers.Lowercase().normalize_str if fold else str
    limit = max(vocab_size - len(SPECIAL_TOKENS) - len(BYTE_TOKENS), 0)
    counts = Counter(chain.from_iterable(map(lower, texts)))
    frequent = _most_common(counts, limit, min_count)
    return build_backend(char_model(_vocab([*BYTE_TOKENS, *frequent])), "char", fold)


def _train_word(texts: Iterable[str], vocab_size: int, fold: bool, min_count: int) -> Backend:
    texts = iter(texts)
    sample = list(islice(texts, _SAMPLE_TEXTS))
    pattern = PRETOKENIZED_WORDS if not fold and is_pretokenized(sample) else WORDS
    splitter = word_splitter(pattern, fold)
    lower = normalizers.Lowercase().normalize_str if fold else str

    def words(text: str) -> list[str]:
        return [word for word, _ in splitter.pre_tokenize_str(lower(text))]

    texts = chain(sample, texts)
    counts = _count_parts(texts, words) if fold else Counter(chain.from_iterable(map(words, texts)))
    frequent = _most_common(counts, max(vocab_size - len(SPECIAL_TOKENS), 0), min_count)
    return build_backend(word_model(_vocab(frequent)), "word", fold, pattern)


def _count_parts(texts: Iterable[str], words: Callable[[str], list[str]]) -> Counter[str]:
    """Count words that have no spaces in them: what is between spaces is split once, if it can be.

    That is so much faster as it occurs again.
    """
    counts, parts = Counter[str](), Counter[str]()

    def count() -> None:
        for part, number in parts.items():
            for word in words(part):
                counts[word] += number
        parts.clear()

    for text in texts:
        parts.update(text.split(" "))
        if len(parts) > MAX_KNOWN_WORDS:
            count()
    count()
    return counts


def is_pretokenized(texts: Iterable[str]) -> bool:
    """Return whether texts have spaces around punctuation, as pre-tokenized corpora do."""
    before = [match[1] for text in texts for match in _PUNCTUATION.finditer(text)]
    spaced = sum(character in (None, " ", "\n") for character in before)
    return len(before) >= _MIN_PUNCTUATION and spaced >= _MIN_SPACED_SHARE * len(before)


def _train_subword(texts: Iterable[str], vocab_size: int, fold: bool, min_count: int) -> Backend:
    backend = build_backend(models.BPE(), "subword", fold)
    trainer = trainers.BpeTrainer(
        vocab_size=max(vocab_size, len(SPECIAL_TOKENS) + 256),
        min_frequency=min_count,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(_training_batches(texts), trainer=trainer)
    # The trainer registers special tokens as text to recognise; they must only be entries.
    description = json.loads(backend.to_str())
    description["added_tokens"] = []
    return Backend.from_str(json.dumps(description))


def _most_common(counts: Counter[str], limit: int, min_count: int) -> list[str]:
    # Ties in a fixed order, so that the same texts give the same vocabulary.
    frequent = (token for token in counts if counts[token] >= min_count)
    ranked = sorted(frequent, key=lambda token: (-counts[token], token))
    return [token for token in ranked if token not in SPECIAL_TOKENS][:limit]


def _vocab(tokens: Iterable[str]) -> dict[str, int]:
    return {token: id for id, token in enumerate([*SPECIAL_TOKENS, *tokens])}
