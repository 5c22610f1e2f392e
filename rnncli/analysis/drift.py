"""Detection of dataset shift: texts that differ from the training texts of a classifier.

Two signs need no labels: scripts that are rare in the training texts, and unknown words. Both are
measured on a sample, in milliseconds.
"""

import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from rnncli.storage.description import TextProfile
from rnncli.text.special_tokens import UNK
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import OTHER, SCRIPTS, script_of, script_shares

MIN_TEXTS = 20  # of a stream, before a warning; fewer at its end
MAX_TEXTS = 200  # of a stream: shares have a 95 % interval of +-7 %
MAX_CHARACTERS = 1_000  # of a text: its beginning is enough
MIN_TOKENS = 50  # shares of fewer are too noisy
MIN_SCRIPT_SHARE = 0.01  # of the training texts: rarer scripts count as unknown
MIN_FOREIGN_SHARE = 0.05  # of the texts in unknown scripts, for a warning
MAX_UNKNOWN_SHARE = 0.2  # of the words, without a warning
MAX_UNKNOWN_RATIO = 2  # of the unknown share to that of the held-out texts, without a warning


def profile(train: Iterable[str], validation: Iterable[str], tokenizer: Tokenizer) -> TextProfile:
    """Measure the share of each script in the training texts, and that of unknown words."""
    return TextProfile(
        script_shares(_beginnings(train)),
        round(_unknown_share(*_count(_beginnings(validation), tokenizer)), 4),
    )


def drift_warnings(
    texts: Iterable[str], reference: TextProfile | None, tokenizer: Tokenizer
) -> Iterator[str]:
    """Yield a warning for each difference of texts to the training texts.

    ``reference`` is the profile of these; without it, only unknown words are detected.
    """
    reference = reference or TextProfile()
    beginnings = list(_beginnings(texts))
    shares = reference.scripts
    known_scripts = [name for name in SCRIPTS if shares.get(name, 0.0) >= MIN_SCRIPT_SHARE]
    yield from _script_warning(beginnings, known_scripts)
    yield from _word_warning(beginnings, reference.unknown_words, tokenizer)


class DriftMonitor:
    """Announce once how the first texts of a stream differ from the training texts."""

    def __init__(
        self, reference: TextProfile | None, tokenizer: Tokenizer, announce: Callable[[str], None]
    ) -> None:
        self._reference = reference
        self._tokenizer = tokenizer
        self._announce = announce
        self._texts: list[str] = []
        self._is_finished = False

    def update(self, texts: Sequence[str]) -> None:
        """Add texts, but for blank ones, to the sample."""
        if self._is_finished:
            return
        nonblank = (text for text in texts if text.strip())
        self._texts += islice(_beginnings(nonblank), MAX_TEXTS)
        if len(self._texts) >= MIN_TEXTS:
            self.finish()

    def finish(self) -> None:
        """Announce the warnings, unless this has been done."""
        if self._is_finished:
            return
        self._is_finished = True
        for message in drift_warnings(self._texts, self._reference, self._tokenizer):
            self._announce(message)


def _beginnings(texts: Iterable[str]) -> Iterator[str]:
    return (text[:MAX_CHARACTERS] for text in texts)


def _script_warning(texts: Sequence[str], known_scripts: Sequence[str]) -> Iterator[str]:
    scripts = [script_of(text) for text in texts]
    foreign = Counter(script for script in scripts if script and script not in known_scripts)
    count = foreign.total()
    if not known_scripts or not count or count < MIN_FOREIGN_SHARE * len(texts):
        return
    example = next(text for text, script in zip(texts, scripts, strict=True) if script in foreign)
    yield (
        f"script: {count:,} of {len(texts):,} texts in {_listed(foreign)}, such as "
        f"{reprlib.repr(example)}; the model was trained on {_listed(known_scripts)} "
        "and can only guess here: train it on such texts too"
    )


def _listed(scripts: Iterable[str]) -> str:
    return " and ".join("another script" if name == OTHER else name for name in scripts)


def _word_warning(
    texts: Sequence[str], reference: float | None, tokenizer: Tokenizer
) -> Iterator[str]:
    tokens, unknown = _count(texts, tokenizer)
    share = _unknown_share(tokens, unknown)
    if (
        tokens < MIN_TOKENS
        or share <= MAX_UNKNOWN_SHARE
        or share <= MAX_UNKNOWN_RATIO * (reference or 0.0)
    ):
        return
    example = next(word for text in texts for word in _unknown_words(text, tokenizer))
    compared = (
        "" if reference is None else f" ({100 * reference:.0f} % in the texts it was scored on)"
    )
    yield (
        f"words: the model does not know {100 * share:.0f} %{compared}, such as "
        f"{reprlib.repr(example)}: expect worse answers than its scores say; train it on such "
        "texts too"
    )


def _count(texts: Iterable[str], tokenizer: Tokenizer) -> tuple[int, int]:
    """Count the tokens of texts, and the unknown ones."""
    tokens = unknown = 0
    for ids in tokenizer.encode_all(texts):
        tokens += len(ids)
        unknown += ids.count(UNK)
    return tokens, unknown


def _unknown_share(tokens: int, unknown: int) -> float:
    return unknown / max(tokens, 1)


def _unknown_words(text: str, tokenizer: Tokenizer) -> Iterator[str]:
    ids, ends = tokenizer.encode_with_ends(text)
    for id, start, end in zip(ids, [0, *ends], ends, strict=False):
        if id == UNK:
            yield text[start:end].strip()
