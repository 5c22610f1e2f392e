"""Whether texts are unlike those that a classifier was trained on: dataset shift.

Two signs of it need no labels: scripts that the training texts hardly have, and words that the
vocabulary lacks. Both are shares of a few texts, so that looking takes milliseconds.
"""

import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from rnncli.storage.description import TextProfile
from rnncli.text.special_tokens import UNK
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import OTHER, SCRIPTS, script_of, script_shares

FEWEST_TEXTS = 20  # of a stream: before there are so many, nothing is told unless it ends
MOST_TEXTS = 200  # of a stream: a share of them is off by 7 % at most, in 19 cases of 20
MOST_CHARACTERS = 1_000  # of a text: its beginning tells script and words
FEWEST_TOKENS = 50  # a share of fewer may be chance
LEARNED = 0.01  # of the training texts: a script that fewer are in has not been learned
FOREIGN = 0.05  # of the texts: fewer in other scripts are strays
UNKNOWN = 0.2  # of the words: with fewer unknown, most of a text can still be read
USUAL = 2  # times the share of unknown words in the held-out texts, which the scores are of


def profile(train: Iterable[str], validation: Iterable[str], tokenizer: Tokenizer) -> TextProfile:
    """Return what a model's texts are like: their scripts, and how many words are unknown."""
    return TextProfile(
        script_shares(_beginnings(train)),
        round(_unknown_share(*_count(_beginnings(validation), tokenizer)), 4),
    )


def shifts(texts: Iterable[str], usual: TextProfile | None, tokenizer: Tokenizer) -> Iterator[str]:
    """Yield what to tell of texts that are unlike those of a model; ``usual`` describes these.

    Where the model does not say what its texts were like, less can be told.
    """
    usual = usual or TextProfile()
    beginnings = list(_beginnings(texts))
    yield from _script_shift(beginnings, _learned_scripts(usual.scripts))
    yield from _word_shift(beginnings, usual.unknown_words, tokenizer)


class Watch:
    """Look at the first texts of a stream, and tell once how they are unlike the model's."""

    def __init__(
        self, usual: TextProfile | None, tokenizer: Tokenizer, say: Callable[[str], None]
    ) -> None:
        self._usual = usual
        self._tokenizer = tokenizer
        self._say = say
        self._texts: list[str] = []
        self._has_told = False

    def see(self, texts: Sequence[str]) -> None:
        """Take texts as they come; blank ones do not count."""
        if self._has_told:
            return
        filled = (text for text in texts if text.strip())
        self._texts += islice(_beginnings(filled), MOST_TEXTS)
        if len(self._texts) >= FEWEST_TEXTS:
            self.finish()

    def finish(self) -> None:
        """Tell what there is to tell, if it has not been told."""
        if self._has_told:
            return
        self._has_told = True
        for message in shifts(self._texts, self._usual, self._tokenizer):
            self._say(message)


def _beginnings(texts: Iterable[str]) -> Iterator[str]:
    return (text[:MOST_CHARACTERS] for text in texts)


def _learned_scripts(shares: Mapping[str, float]) -> list[str]:
    return [script for script in SCRIPTS if shares.get(script, 0.0) >= LEARNED]


def _script_shift(texts: Sequence[str], learned: Sequence[str]) -> Iterator[str]:
    scripts = [script_of(text) for text in texts]
    foreign = Counter(script for script in scripts if script and script not in learned)
    number = foreign.total()
    if not learned or not number or number < FOREIGN * len(texts):
        return
    example = next(text for text, script in zip(texts, scripts, strict=True) if script in foreign)
    yield (
        f"script: {number:,} of {len(texts):,} texts in {_listed(foreign)}, such as "
        f"{reprlib.repr(example)}; the model learned from {_listed(learned)} and can only guess "
        "here: train it on such texts too"
    )


def _listed(scripts: Iterable[str]) -> str:
    return " and ".join("another script" if name == OTHER else name for name in scripts)


def _word_shift(texts: Sequence[str], usual: float | None, tokenizer: Tokenizer) -> Iterator[str]:
    tokens, unknown = _count(texts, tokenizer)
    share = _unknown_share(tokens, unknown)
    if tokens < FEWEST_TOKENS or share <= UNKNOWN or share <= USUAL * (usual or 0.0):
        return
    example = next(word for text in texts for word in _unknown_words(text, tokenizer))
    compared = "" if usual is None else f" ({100 * usual:.0f} % in the texts it was scored on)"
    yield (
        f"words: the model does not know {100 * share:.0f} %{compared}, such as "
        f"{reprlib.repr(example)}: expect worse answers than its scores say; train it on such "
        "texts too"
    )


def _count(texts: Iterable[str], tokenizer: Tokenizer) -> tuple[int, int]:
    """Return how many tokens texts have, and how many of these are unknown."""
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
