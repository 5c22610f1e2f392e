"""Requirements on scores: ``--require 'macro_f1>=0.85'``."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rnncli.errors import ConfigError, RequirementError
from rnncli.messages import name_list

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_PATTERN = re.compile(r"\s*(.*\S)\s*(>=|<=|>|<)\s*([^\s<>=]+)\s*")  # labels may contain signs


@dataclass(frozen=True)
class Requirement:
    """The name of a score, a comparison sign and a limit."""

    name: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.limit:.10g}"

    def is_met(self, value: float) -> bool:
        """Return whether a score meets the requirement."""
        return _COMPARISONS[self.sign](value, self.limit)

    def failure(self, value: float) -> str:
        """Format by how much a score misses the limit."""
        gap, direction = abs(value - self.limit), "low" if ">" in self.sign else "high"
        return f"{self} is required, but it is {value:.6g}: {gap:.2g} too {direction}"


def parse(text: str) -> Requirement:
    """Parse a requirement such as ``accuracy>=0.8``.

    Raises:
        ConfigError: it is malformed.

    """
    match = _PATTERN.fullmatch(text)
    try:
        limit = float(match[3]) if match else math.nan
    except ValueError:
        limit = math.nan
    if match is None or not math.isfinite(limit):
        raise ConfigError(
            f"--require {text!r} is not a score, one of >= <= > < and a number",
            "--require 'accuracy>=0.8'",
        )
    return Requirement(match[1], match[2], limit)


def resolve(requirement: Requirement, names: Sequence[str]) -> Requirement:
    """Find the score that a requirement names, exactly or in another case.

    Raises:
        ConfigError: there is no such score.

    """
    if requirement.name in names:
        return requirement
    for name in names:
        if name.casefold() == requirement.name.casefold():
            return replace(requirement, name=name)
    raise ConfigError(
        f"--require {requirement}: there is no score {requirement.name!r}",
        f"the scores are {name_list(names)}",
    )


def check(requirements: Sequence[Requirement], scores: Mapping[str, Any]) -> list[str]:
    """Check requirements, and return a sentence about each.

    Raises:
        RequirementError: a requirement is not met.
        ConfigError: there is no such score of the texts.

    """
    values = flatten(scores)
    # some scores depend on the texts
    requirements = [resolve(requirement, list(values)) for requirement in requirements]
    failures = [
        requirement.failure(values[requirement.name])
        for requirement in requirements
        if not requirement.is_met(values[requirement.name])
    ]
    if failures:
        raise RequirementError(
            "; ".join(failures),
            "train longer, with --max-time, or on more data; or require less",
        )
    return [
        f"required: {requirement}; it is {values[requirement.name]:.6g}"
        for requirement in requirements
    ]


def flatten(scores: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Flatten nested scores to dotted names; ``bleu`` is short for ``bleu.score``."""
    values: dict[str, float] = {}
    for name, value in scores.items():
        if isinstance(value, Mapping):
            values |= flatten(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            values[prefix.removesuffix(".") if name == "score" else prefix + name] = value
    return values
