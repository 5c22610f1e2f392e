"""What scores must reach: ``--require 'macro_f1>=0.85'``."""

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rnncli.errors import ConfigError, RequirementError
from rnncli.tasks.scoring import Scores

_HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_FORM = re.compile(r"\s*(.*\S)\s*(>=|<=|>|<)\s*([^\s<>=]+)\s*")  # a label may hold signs, too
_MOST_NAMES = 20  # told of the scores that there are


@dataclass(frozen=True)
class Requirement:
    """A score and a limit, with the sign that stands between them."""

    name: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.limit:.10g}"

    def is_met(self, value: float) -> bool:
        """Return whether a score keeps to the limit."""
        return _HOLDS[self.sign](value, self.limit)

    def failure(self, value: float) -> str:
        """Return for a person by how much a score misses the limit."""
        missing, how = abs(value - self.limit), "low" if ">" in self.sign else "high"
        return f"{self} is required, but it is {value:.6g}: {missing:.2g} too {how}"


def parse(text: str) -> Requirement:
    """Read a requirement.

    Raises:
        ConfigError: it is none.

    """
    match = _FORM.fullmatch(text)
    try:
        limit = float(match[3]) if match else math.nan
    except ValueError:
        limit = math.nan
    if match is None or not math.isfinite(limit):
        raise ConfigError(
            f"--require {text!r} is no requirement",
            "give a score, one of >= <= > < and a number: --require 'accuracy>=0.8'",
        )
    return Requirement(match[1], match[2], limit)


def resolve(requirement: Requirement, names: Sequence[str]) -> Requirement:
    """Return a requirement with the name of its score as it is written, if not in the same case.

    Raises:
        ConfigError: there is no such score.

    """
    asked = requirement.name
    same = [name for name in names if name.casefold() == asked.casefold()]
    if not same:
        listed = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
        raise ConfigError(
            f"--require {requirement}: there is no score {asked!r}", f"the scores are {listed}"
        )
    return requirement if asked in names else replace(requirement, name=same[0])


def check(requirements: Sequence[Requirement], scores: Scores) -> list[str]:
    """Return, for a person, how the requirements are met.

    Raises:
        RequirementError: some are not.
        ConfigError: the texts have no such score.

    """
    values = _flat(scores)
    for own in requirements:  # what is scored can depend on the texts
        resolve(own, list(values))
    failed = [own for own in requirements if not own.is_met(values[own.name])]
    if failed:
        raise RequirementError(
            "; ".join(own.failure(values[own.name]) for own in failed),
            "train longer, with --max-time, or on more data; or require less",
        )
    return [f"required: {own}; it is {values[own.name]:.6g}" for own in requirements]


def _flat(scores: Scores, prefix: str = "") -> dict[str, float]:
    """Return all numbers by their names; where there is a signature, too, that of the score."""
    found: dict[str, float] = {}
    for name, value in scores.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            found[prefix.removesuffix(".") if name == "score" else prefix + name] = value
    return found
