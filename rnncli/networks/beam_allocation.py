"""Dynamic beam allocation: a beam search for translations that have given phrases.

Hypotheses that lack equally many tokens of the phrases are a bank, and the banks share the beam
(Post and Vilar 2018, section 3).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from rnncli.networks.numerics import Floats, log_sums
from rnncli.text.special_tokens import EOS


class Extension(NamedTuple):
    """The extension of a hypothesis by a token."""

    log_p: float
    row: int  # of the hypothesis, among those of its source
    token: int


class Constraints(Protocol):
    """The phrases that each translation of a source must have."""

    def missing(self, tokens: tuple[int, ...]) -> int:
        """Return how many tokens of phrases a hypothesis lacks; 0 if it has all phrases."""
        ...

    def next_tokens(self, tokens: tuple[int, ...]) -> Iterable[int]:
        """Return the tokens that begin or continue a phrase that a hypothesis lacks."""
        ...

    def bias(self, logits: Floats, tokens: tuple[int, ...]) -> None:
        """Raise the logits (V,) after a hypothesis, in place, where a phrase is to stand."""
        ...


class ConstrainedSearch(Protocol):
    """The hypotheses of a source, and their constraints."""

    prefixes: list[tuple[int, ...]]
    log_p: list[float]
    constraints: Constraints | None


def bias(logits: Floats, searches: Sequence[ConstrainedSearch]) -> None:
    """Raise logits (R, V), in place, where phrases are to stand."""
    for row, (search, prefix, _) in enumerate(_hypotheses(searches)):
        if search.constraints is not None:
            search.constraints.bias(logits[row], prefix)


def allocate(
    likeliest: Sequence[Sequence[Extension]],
    logits: Floats,
    searches: Sequence[ConstrainedSearch],
    renormalise: bool,
) -> list[list[Extension]]:
    """Order the extensions of the hypotheses of each source: those first that the beam is for.

    These are the likeliest of each bank, then the second ones, and so on. To the ``likeliest``
    come the best one of each hypothesis, and those by which phrases begin and go on, or it ends;
    those that end without all phrases are left out.
    """
    normalisers = log_sums(logits) if renormalise else np.zeros(len(logits))
    extensions = [{(e.row, e.token): e for e in found} for found in likeliest]
    numbers = (i for i, search in enumerate(searches) for _ in search.prefixes)
    rows = (row for search in searches for row in range(len(search.prefixes)))
    for r, ((search, prefix, log_p), number, row) in enumerate(
        zip(_hypotheses(searches), numbers, rows, strict=True)
    ):
        if search.constraints is not None and log_p > -np.inf:
            best = int(logits[r].argmax())
            for token in {best, EOS, *search.constraints.next_tokens(prefix)}:
                total = log_p + float(logits[r, token] - normalisers[r])
                if total > -np.inf:
                    extensions[number].setdefault((row, token), Extension(total, row, token))
    return [
        _by_bank(found.values(), search) for found, search in zip(extensions, searches, strict=True)
    ]


def _hypotheses(
    searches: Iterable[ConstrainedSearch],
) -> Iterator[tuple[ConstrainedSearch, tuple[int, ...], float]]:
    """Yield each hypothesis with its search and its log-probability."""
    for search in searches:
        for prefix, log_p in zip(search.prefixes, search.log_p, strict=True):
            yield search, prefix, log_p


def _by_bank(extensions: Iterable[Extension], search: ConstrainedSearch) -> list[Extension]:
    """Order extensions: the likeliest of each bank, then the second ones, and so on."""
    if search.constraints is None:
        return list(extensions)
    banks: dict[int, list[Extension]] = {}
    for extension in sorted(extensions, key=lambda e: (-e.log_p, e.row, e.token)):
        has_ended = extension.token == EOS
        tokens = (*search.prefixes[extension.row], *(() if has_ended else (extension.token,)))
        missing = search.constraints.missing(tokens)
        if not (has_ended and missing):
            banks.setdefault(missing, []).append(extension)
    ranked = [
        (rank, missing, extension)
        for missing, bank in banks.items()
        for rank, extension in enumerate(bank)
    ]
    return [extension for *_, extension in sorted(ranked, key=lambda item: item[:2])]
