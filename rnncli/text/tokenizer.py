"""Character, word and subword tokenizers on the `tokenizers` library, one JSON file each.

All three give the same four special tokens the ids 0 to 3. Special tokens are entries of the
vocabulary and nothing more: text that happens to read ``<pad>`` is never taken for one.

===========  =====================================================  ==========================
level        a token is                                             unknown text becomes
===========  =====================================================  ==========================
``char``     a character                                            its UTF-8 bytes
``word``     a word with the space before it, or a sign; in text     ``<unk>``
             that was split before, whatever stands between spaces
``subword``  a piece of a word (byte-level BPE, Sennrich et al.     smaller pieces, to bytes
             2016, section 3.2; bytes as in GPT-2)
===========  =====================================================  ==========================
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend

from rnncli.config import MAX_VOCAB, Level
from rnncli.errors import ModelError
from rnncli.text.batching import batched
from rnncli.text.special_tokens import BOS, EOS, PAD, SPECIAL_TOKENS, UNK
from rnncli.text.unicode import replace_surrogates

# A word keeps the space before it, so that joining tokens gives the text back. Scripts written
# without spaces are split at every character. An apostrophe belongs to the word before it when
# one or two letters follow (don't, we'll), else it stands alone (l'eau).
_CJK = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]"
_LETTER = r"[\p{L}\p{M}\p{N}_&&[^\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]]"
_WORD = rf"{_LETTER}+(?:['’]{_LETTER}{{1,2}}(?!{_LETTER}))?"
_SIGN = r"[^\s\p{L}\p{M}\p{N}_]"
_PATTERN = rf" ?(?:{_CJK}|{_WORD}|{_SIGN})|\s"

# Text that was split before has spaces around its signs, too: "it 's late , <unk> said ." The
# spaces at the end of a line belong to its end, so that each line has one token more than words.
_SPLIT_PATTERN = r" *\n| ?\S+|\s"
_SIGN_IN_TEXT = re.compile(r"(?:^|(?<=(.)))[.,!?](?=\s|$)", re.MULTILINE)
_LOOKED_AT = 1_000  # texts, to tell whether they were split before
_FEWEST_SIGNS = 20  # from which that can be told
_SPLIT = 0.95  # share of signs with a space before them

_LONGEST_TOKEN = 100_000  # characters; a model may write some hundred of them
_DAMAGED = "copy the model again, or train it again"

_CHUNK_CHARACTERS = 1 << 20  # of all of them, unless a single one has more
_CHUNK = 1_000  # texts handed to the library at once: keeps both its threads busy, memory flat


class Tokenizer:
    """Turn text into token ids and back."""

    def __init__(self, backend: Backend, level: Level) -> None:
        self._backend = backend
        self.level = level
        self.vocab_size: int = backend.get_vocab_size(with_added_tokens=False)
        self.folds = backend.normalizer is not None  # case, and spaces between words
        self._texts: dict[int, str] = {}  # of tokens, as they were asked for

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        level: Level,
        vocab_size: int,
        *,
        fold: bool = False,
        min_count: int = 1,
        known: Iterable[str] = (),
    ) -> "Tokenizer":
        """Learn a vocabulary from texts, most frequent tokens first.

        ``vocab_size`` is a soft limit: the special tokens and, at the levels ``char`` and
        ``subword``, the 256 bytes that can spell any text are never left out. ``fold`` lower-cases
        and drops the spaces between words, which suits reading (a classifier) but not writing.
        Tokens that occur less often than ``min_count`` are left out, but for ``known`` words or
        characters; pieces of words are learned from the texts alone.
        """
        match level:
            case "char":
                backend = _train_char(texts, vocab_size, fold, min_count, known)
            case "word":
                backend = _train_word(texts, vocab_size, fold, min_count, known)
            case "subword":
                backend = _train_subword(texts, vocab_size, fold, min_count)
        return cls(backend, level)

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text."""
        return next(self.encode_all([text]))

    def encode_all(self, texts: Iterable[str]) -> Iterator[list[int]]:
        """Yield the token ids of each text, encoding many at a time.

        Lone surrogates, which ``str`` can hold and UTF-8 cannot, are read as U+FFFD.
        """
        for chunk in _batches(map(replace_surrogates, texts)):
            for encoding in self._backend.encode_batch_fast(chunk, add_special_tokens=False):
                yield encoding.ids

    def encode_with_ends(self, text: str) -> tuple[list[int], list[int]]:
        """Return the token ids of a text, and where in it each token ends.

        Tokens that are parts of one character end where it does.
        """
        encoding = self._backend.encode(replace_surrogates(text), add_special_tokens=False)
        return encoding.ids, [end for _, end in encoding.offsets]

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """Return the text that token ids spell; special tokens but ``<unk>`` are left out."""
        kept = [int(i) for i in ids if i == UNK or i >= len(SPECIAL_TOKENS)]
        text: str = self._backend.decode(kept, skip_special_tokens=False)
        return text

    def decode_token(self, id: int) -> str:
        """Return the text that one token spells; U+FFFD where it is part of a character."""
        text = self._texts.get(id)
        if text is None:
            text = self._texts[id] = self.decode([id])
        return text

    def token(self, id: int) -> str:
        """Return how the vocabulary spells one token."""
        return self._backend.id_to_token(id) or SPECIAL_TOKENS[UNK]

    def save(self, path: Path) -> None:
        """Write the tokenizer as one JSON file."""
        path.write_text(self._backend.to_str(pretty=True), encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: Path, level: Level) -> "Tokenizer":
        """Read a tokenizer from its JSON file.

        Of the file, only the vocabulary and the merges are used: the rest is made anew, and has to
        be the same. A pattern that someone else wrote could take forever to match.

        Raises:
            ModelError: the file is missing or no tokenizer of this level.

        """
        try:
            text = path.read_text(encoding="utf-8")
            # A list in JSON may take 30 times its text in memory. Merges need the most parts.
            if sum(map(text.count, ",[{")) > 4 * MAX_VOCAB + 1_000:
                raise ModelError(f"{path} has more parts than a vocabulary needs", _DAMAGED)
            description = json.loads(text)
            backend = _rebuilt(description, level)
        except ModelError:
            raise
        except FileNotFoundError:
            raise ModelError(f"{path} is missing", "copy the whole model directory") from None
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{path} cannot be read: {str(error)[:200]}", _DAMAGED) from None
        if backend is None:
            raise ModelError(f"{path} is no tokenizer of rnncli for the level {level}", _DAMAGED)
        return cls(backend, level)


def _rebuilt(description: Any, level: Level) -> Backend | None:
    """Return a tokenizer with the vocabulary of a file, None if rnncli writes no such file."""
    match description:
        case {"model": {"vocab": dict(vocab)}} if _is_sound(vocab, level):
            pass
        case _:
            return None
    model: models.Model
    if level == "word":
        model = _word_model(vocab)
    elif level == "char":
        model = _char_model(vocab)
    else:
        merges = [(first, second) for first, second in description["model"]["merges"]]
        if any(part not in vocab for a, b in merges for part in (a, b, a + b)):
            return None  # the library would not return either
        model = models.BPE(vocab=vocab, merges=merges)
    fold = description.get("normalizer") is not None
    for split in (False, True) if level == "word" else (False,):
        own = json.loads(_backend(type(model)(), level, fold, split).to_str())
        own["model"] = {"type": own["model"]["type"]}
        if _agree(description, own):
            return _backend(model, level, fold, split)
    return None


def _is_sound(vocab: dict[str, Any], level: Level) -> bool:
    """Return whether ids have no gaps and every text can be spelled."""
    ids = vocab.values()
    needed = {"char": _BYTE_TOKENS, "word": (), "subword": pre_tokenizers.ByteLevel.alphabet()}
    return (
        all(type(id) is int for id in ids)
        and sorted(ids) == list(range(len(vocab)))
        and tuple(map(vocab.get, SPECIAL_TOKENS)) == (PAD, UNK, BOS, EOS)
        and all(token in vocab for token in needed[level])
        and max(map(len, vocab)) <= _LONGEST_TOKEN
    )


def _agree(given: Any, own: Any) -> bool:
    """Compare descriptions; another version of the library may have written more, or less."""
    if isinstance(given, dict) and isinstance(own, dict):
        return all(_agree(given[name], own[name]) for name in given.keys() & own.keys())
    if isinstance(given, list) and isinstance(own, list):
        return len(given) == len(own) and all(map(_agree, given, own))
    return bool(given == own)


_BYTE_TOKENS = tuple(f"<0x{byte:02X}>" for byte in range(256))


def _char_model(vocab: dict[str, int]) -> models.BPE:
    return models.BPE(  # without merges, BPE splits into characters
        vocab=vocab, merges=[], byte_fallback=True, unk_token=SPECIAL_TOKENS[UNK]
    )


def _word_model(vocab: dict[str, int]) -> models.WordLevel:
    return models.WordLevel(vocab, unk_token=SPECIAL_TOKENS[UNK])


def _backend(model: models.Model, level: Level, fold: bool, split: bool = False) -> Backend:
    """Put around a vocabulary what the level needs. Old models are read with it: keep it so."""
    backend = Backend(model)
    match level:
        case "char":
            # In one piece a long text would be kept whole in the library's cache.
            backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"(?m:.{1,64})"), "isolated")
            backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
        case "word":
            backend.pre_tokenizer = _word_splitter(fold, split)
            backend.decoder = decoders.Fuse()
        case "subword":
            backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=fold)
            backend.decoder = decoders.ByteLevel()
    if fold:
        backend.normalizer = normalizers.Lowercase()
    return backend


def _word_splitter(fold: bool, split: bool) -> pre_tokenizers.Sequence:
    pattern = _SPLIT_PATTERN if split else _PATTERN
    pieces = [pre_tokenizers.Split(Regex(pattern), "isolated")]
    if fold:
        pieces.insert(0, pre_tokenizers.Split(Regex(r"\s+"), "removed"))
    return pre_tokenizers.Sequence(pieces)


def _train_char(
    texts: Iterable[str], vocab_size: int, fold: bool, min_count: int, known: Iterable[str]
) -> Backend:
    lower = normalizers.Lowercase().normalize_str if fold else str
    room = max(vocab_size - len(SPECIAL_TOKENS) - len(_BYTE_TOKENS), 0)
    frequent = _most_common(map(lower, texts), map(lower, known), room, min_count)
    return _backend(_char_model(_vocab([*_BYTE_TOKENS, *frequent])), "char", fold)


def _train_word(
    texts: Iterable[str], vocab_size: int, fold: bool, min_count: int, known: Iterable[str]
) -> Backend:
    texts = iter(texts)
    first = list(islice(texts, _LOOKED_AT))
    split = not fold and was_split(first)
    splitter = _word_splitter(fold, split)
    lower = normalizers.Lowercase().normalize_str if fold else str

    def words(text: str) -> list[str]:
        return [word for word, _ in splitter.pre_tokenize_str(lower(text))]

    room = max(vocab_size - len(SPECIAL_TOKENS), 0)
    frequent = _most_common(map(words, chain(first, texts)), map(words, known), room, min_count)
    return _backend(_word_model(_vocab(frequent)), "word", fold, split)


def was_split(texts: Iterable[str]) -> bool:
    """Return whether texts have spaces around their signs, as corpora that were split have."""
    before = [found[1] for text in texts for found in _SIGN_IN_TEXT.finditer(text)]
    apart = sum(character in (None, " ", "\n") for character in before)
    return len(before) >= _FEWEST_SIGNS and apart >= _SPLIT * len(before)


def _train_subword(texts: Iterable[str], vocab_size: int, fold: bool, min_count: int) -> Backend:
    backend = _backend(models.BPE(), "subword", fold)
    trainer = trainers.BpeTrainer(
        vocab_size=max(vocab_size, len(SPECIAL_TOKENS) + 256),
        min_frequency=min_count,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(_batches(texts), trainer=trainer)
    # The trainer registers special tokens as text to look out for; they must only be entries.
    description = json.loads(backend.to_str())
    description["added_tokens"] = []
    return Backend.from_str(json.dumps(description))


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    return batched(texts, max_items=_CHUNK, max_size=_CHUNK_CHARACTERS)


def _most_common(
    texts: Iterable[Iterable[str]], known: Iterable[Iterable[str]], room: int, min_count: int
) -> list[str]:
    counts: Counter[str] = Counter()
    for tokens in texts:
        counts.update(tokens)
    for token in chain.from_iterable(known):
        counts[token] = max(counts[token], min_count)
    # Ties in a fixed order, so that the same texts give the same vocabulary.
    frequent = (token for token in counts if counts[token] >= min_count)
    ranked = sorted(frequent, key=lambda token: (-counts[token], token))
    return [token for token in ranked if token not in SPECIAL_TOKENS][:room]


def _vocab(tokens: Iterable[str]) -> dict[str, int]:
    return {token: id for id, token in enumerate([*SPECIAL_TOKENS, *tokens])}
