"""Hold what is known of data before its columns have been chosen."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rnncli.data.tables import Table
from rnncli.errors import DataError


@dataclass(frozen=True)
class Origin:
    """Say where data comes from and which tables it has."""

    where: str  # for messages
    tables: dict[str, Table]  # by split: "train", "validation", "test"
    fingerprint: str
    licence: str | None = None
    notices: tuple[str, ...] = ()
    usual: dict[str, str] = field(default_factory=dict)  # canonical -> own, of a known corpus
    languages: tuple[str, str] | None = None  # of a pair, in no order


def no_train_split(where: str, splits: Iterable[str]) -> DataError:
    """Return the error of data that is not to be trained on."""
    return DataError(
        f"{where} has no split called train; its splits are: {', '.join(splits)}",
        "download one of its files, and train on that",
    )
