"""The options of ``rnncli inspect`` that ask for a measurement on other texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnncli.errors import ConfigError


@dataclass(frozen=True)
class MeasurementRequest:
    """The options that ask for a measurement."""

    find: str | None
    match: bool
    edit: Sequence[str]
    lag: bool
    against: Sequence[Path]
    cells: Sequence[str]
    data: str | None

    def __post_init__(self) -> None:
        """Refuse options that go with others.

        Raises:
            ConfigError: --match, --against, --cell or --data stands alone.

        """
        companions = (
            ("--match", self.match, "--find quote", self.find),
            ("--against", self.against, "--lag", self.lag),
            ("--cell", self.cells, "--lag", self.lag),
            ("--data", self.data, "--find quote", self.find or self.edit or self.lag),
        )
        for option, is_given, other, is_other_given in companions:
            if is_given and not is_other_given:
                raise ConfigError(f"{option} goes with {other.split()[0]}", other)

    def __bool__(self) -> bool:
        return self.find is not None or bool(self.edit) or self.lag
