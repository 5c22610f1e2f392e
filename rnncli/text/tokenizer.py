"""Character, word and subword tokenizers on the `tokenizers` library, one JSON file each.

All three give the same four special tokens the ids 0 to 3. Special tokens are entries of the
vocabulary and nothing more: the text ``<pad>`` is never encoded as one.

===========  =====================================================  ==========================
level        a token is                                             unknown text becomes
===========  =====================================================  ==========================
``char``     a character                                            its UTF-8 bytes
``word``     a word with the space before it, or a symbol; in        ``<unk>``
             pre-tokenized text, the characters between spaces
``subword``  a piece of a word (byte-level BPE, Sennrich et al.     smaller pieces, to bytes
             2016, section 3.2; bytes as in GPT-2)
===========  =====================================================  ==========================
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers

from rnncli.config import MAX_VOCAB, Level
from rnncli.errors import ModelError
from rnncli.messages import stage
from rnncli.text.batching import split_between_words
from rnncli.text.levels import (
    BYTE_TOKENS,
    MAX_KNOWN_WORDS,
    MAX_PIECE,
    WORD_PATTERNS,
    WORDS,
    batch_texts,
    build_backend,
    char_model,
    require_memory,
    train_backend,
    word_model,
)
from rnncli.text.special_tokens import BOS, EOS, PAD, SPECIAL_TOKENS, UNK
from rnncli.text.unicode import replace_surrogates

_MAX_TOKEN = 100_000  # characters; a model may write hundreds of tokens
_DAMAGED_HINT = "copy the model again, or train it again"


class Tokenizer:
    """Encode texts as token ids, and decode them."""

    def __init__(self, backend: Backend, level: Level) -> None:
        self._backend = backend
        self.level = level
        self.vocab_size: int = backend.get_vocab_size(with_added_tokens=False)
        self._texts: dict[int, str] = {}  # cache of `decode_token`

    @classmethod
    @stage("building the vocabulary")
    def train(
        cls,
        texts: Iterable[str],
        level: Level,
        vocab_size: int,
        *,
        fold: bool = False,
        min_count: int = 1,
    ) -> "Tokenizer":
        """Learn a vocabulary from texts, most frequent tokens first.

        ``vocab_size`` is a soft limit: the special tokens and, at the levels ``char`` and
        ``subword``, the 256 bytes that can spell any text are never left out. ``fold`` lower-cases
        and drops the spaces between words, which suits reading (a classifier) but not writing.
        Tokens that occur less often than ``min_count`` are left out.
        """
        return cls(train_backend(texts, level, vocab_size, fold, min_count), level)

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text."""
        return next(self.encode_all([text]))

    def encode_all(self, texts: Iterable[str]) -> Iterator[list[int]]:
        """Yield the token ids of each text; many are encoded at a time.

        Lone surrogates, which ``str`` can hold and UTF-8 cannot, are read as U+FFFD.

        Raises:
            MemoryError: there is too little memory for some texts.
        """
        for chunk in batch_texts(map(replace_surrogates, texts)):
            pieces = [split_between_words(text, MAX_PIECE) for text in chunk]
            encoded = self._encode_pieces(chain.from_iterable(pieces))
            for parts in pieces:
                ids = next(encoded)
                for more in islice(encoded, len(parts) - 1):
                    ids += more
                yield ids

    def encode_corpus(self, texts: Iterable[str]) -> Iterator[list[int]]:
        """Yield the same as `encode_all`, faster where texts are many: most words occur again."""
        if self.level != "word" or self._backend.normalizer is None:
            yield from self.encode_all(texts)
            return
        known: dict[str, list[int]] = {}  # of what is between spaces, which are in no token
        for batch in batch_texts(map(replace_surrogates, texts)):
            words = [text.split(" ") for text in batch]
            if len(known) > MAX_KNOWN_WORDS:
                known.clear()
            new = {word: None for each in words for word in each if word not in known}
            known.update(zip(new, self.encode_all(new), strict=True))
            for each in words:
                yield [id for word in each for id in known[word]]

    def _encode_pieces(self, pieces: Iterable[str]) -> Iterator[list[int]]:
        for batch in batch_texts(pieces):
            require_memory(batch)
            for encoding in self._backend.encode_batch_fast(batch, add_special_tokens=False):
                yield encoding.ids

    def encode_with_ends(self, text: str) -> tuple[list[int], list[int]]:
        """Return the token ids of a text, and the end of each token in it.

        Parts of one character all end where it does.
        """
        ids: list[int] = []
        ends: list[int] = []
        start = 0
        for piece in split_between_words(replace_surrogates(text), MAX_PIECE):
            require_memory([piece])
            encoding = self._backend.encode(piece, add_special_tokens=False)
            ids += encoding.ids
            ends += [start + end for _, end in encoding.offsets]
            start += len(piece)
        return ids, ends

    def encode_with_pieces(self, text: str) -> tuple[list[int], list[str]]:
        """Return the token ids of a text, and the part of the text that each token stands for.

        A part begins where the last one ends. Of several tokens of one character, the first has it.
        """
        ids, ends = self.encode_with_ends(text)
        return ids, [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """Return the text of token ids, without special tokens but ``<unk>``."""
        text_ids = [int(i) for i in ids if i == UNK or i >= len(SPECIAL_TOKENS)]
        text: str = self._backend.decode(text_ids, skip_special_tokens=False)
        return text

    def decode_token(self, id: int) -> str:
        """Return the text of one token: U+FFFD if it is part of a character."""
        text = self._texts.get(id)
        if text is None:
            text = self._texts[id] = self.decode([id])
        return text

    def token(self, id: int) -> str:
        """Return the entry of the vocabulary for a token id."""
        return self._backend.id_to_token(id) or SPECIAL_TOKENS[UNK]

    def words(self, text: str) -> list[str]:
        """Return the words of a text as the vocabulary has them, whether it does or not."""
        if self._backend.normalizer is not None:
            text = self._backend.normalizer.normalize_str(text)
        return [word for word, _ in self._backend.pre_tokenizer.pre_tokenize_str(text)]

    def with_words(self, words: Iterable[str]) -> "Tokenizer":
        """Return a tokenizer of words with more words in its vocabulary."""
        description = json.loads(self._backend.to_str())
        vocab = description["model"]["vocab"]
        vocab |= {word: id for id, word in enumerate(words, len(vocab))}
        return Tokenizer(Backend.from_str(json.dumps(description)), self.level)

    def save(self, path: Path) -> None:
        """Write the tokenizer as one JSON file."""
        path.write_text(self.to_json(pretty=True), encoding="utf-8", newline="\n")

    def to_json(self, *, pretty: bool = False) -> str:
        """Return the content of its JSON file."""
        content: str = self._backend.to_str(pretty=pretty)
        return content

    @classmethod
    def load(cls, path: Path, level: Level) -> "Tokenizer":
        """Read a tokenizer from its JSON file.

        Only its vocabulary and merges are used. The rest is built again and must agree with the
        file, since a pattern of unknown origin could take forever to match.

        Raises:
            ModelError: the file is missing or no tokenizer of this level.
        """
        try:
            text = path.read_text(encoding="utf-8")
            # A list of JSON may take 30 times its text in memory. Merges need the most lists.
            if sum(map(text.count, ",[{")) > 4 * MAX_VOCAB + 1_000:
                raise ModelError(f"{path} has more parts than a vocabulary needs", _DAMAGED_HINT)
            description = json.loads(text)
            backend = _rebuild(description, level)
        except ModelError:
            raise
        except FileNotFoundError:
            raise ModelError(f"{path} is missing", "copy the whole model directory") from None
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{path} cannot be read: {str(error)[:200]}", _DAMAGED_HINT) from None
        if backend is None:
            raise ModelError(
                f"{path} is not a tokenizer of rnncli for the level {level}", _DAMAGED_HINT
            )
        return cls(backend, level)


def _rebuild(description: Any, level: Level) -> Backend | None:
    """Build the tokenizer that a file describes; None if rnncli writes no such file."""
    match description:
        case {"model": {"vocab": dict(vocab)}} if _is_valid_vocab(vocab, level):
            pass
        case _:
            return None
    model: models.Model
    if level == "word":
        model = word_model(vocab)
    elif level == "char":
        model = char_model(vocab)
    else:
        merges = [(first, second) for first, second in description["model"]["merges"]]
        if any(part not in vocab for a, b in merges for part in (a, b, a + b)):
            return None  # the library would not return either
        model = models.BPE(vocab=vocab, merges=merges)
    fold = description.get("normalizer") is not None
    for pattern in WORD_PATTERNS if level == "word" else (WORDS,):
        expected = json.loads(build_backend(type(model)(), level, fold, pattern).to_str())
        expected["model"] = {"type": expected["model"]["type"]}
        if _agree(description, expected):
            return build_backend(model, level, fold, pattern)
    return None


def _is_valid_vocab(vocab: dict[str, Any], level: Level) -> bool:
    """Return whether the ids have no gaps, and the tokens of the level are complete."""
    ids = vocab.values()
    needed = {"char": BYTE_TOKENS, "word": (), "subword": pre_tokenizers.ByteLevel.alphabet()}
    return (
        all(type(id) is int for id in ids)
        and sorted(ids) == list(range(len(vocab)))
        and tuple(map(vocab.get, SPECIAL_TOKENS)) == (PAD, UNK, BOS, EOS)
        and all(token in vocab for token in needed[level])
        and max(map(len, vocab)) <= _MAX_TOKEN
    )


def _agree(actual: Any, expected: Any) -> bool:
    """Compare the members that both have: those of other versions of the library differ."""
    if isinstance(actual, dict) and isinstance(expected, dict):
        return all(_agree(actual[name], expected[name]) for name in actual.keys() & expected.keys())
    if isinstance(actual, list) and isinstance(expected, list):
        return len(actual) == len(expected) and all(map(_agree, actual, expected))
    return bool(actual == expected)
