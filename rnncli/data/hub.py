"""Load a dataset of the Hugging Face hub, or say why that is not possible."""

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import datasets
import huggingface_hub
from datasets import Dataset
from huggingface_hub import errors

from rnncli.data.arrow import DatasetTable
from rnncli.data.corpora import PUBLIC
from rnncli.data.tables import SPLIT_NAMES, DataSource, no_train_split
from rnncli.errors import DataError
from rnncli.messages import first_line, name_list, nearest
from rnncli.text.languages import languages_of

_TIMEOUT = 5.0  # seconds without an answer until the hub counts as out of reach


@dataclass(frozen=True)
class _Address:
    """Say which dataset of the hub is meant."""

    hub_id: str
    config: str | None
    revision: str | None

    def __str__(self) -> str:
        return self.hub_id + (f":{self.config}" if self.config else "")

    @property
    def page(self) -> str:
        return f"{huggingface_hub.constants.ENDPOINT}/datasets/{self.hub_id}"


def from_hub(name: str, revision: str | None) -> DataSource:
    """Load a corpus by its name in ``PUBLIC`` or by its id on the hub.

    Raises:
        DataError: there is none, it is closed, or it is not of a form that can be read.
    """
    base, _, config = name.partition(":")
    known = PUBLIC.get(base)
    address = _Address(
        hub_id=known.hub_id if known else base,
        config=config or (known.config if known else None),
        revision=revision or (known.revision if known else None),
    )
    if Path(address.hub_id).exists():  # `datasets` would read it instead
        raise DataError(
            f"{address.hub_id} is on the hub, and a directory here has the same name",
            "call rnncli in another directory",
        )
    info = _dataset_info(address)
    if info is not None:
        address = replace(address, revision=info.sha)
    loaded = _load(address, offline=info is None)
    splits = _canonical_splits(loaded)
    if not splits:
        raise no_train_split(str(address), loaded)
    left_out = [name for name in loaded if name not in splits.values()]
    sides = (address.config or "").split("-")  # of translations the subset is called en-fr
    return DataSource(
        where=str(address),
        tables={split: DatasetTable(loaded[name], str(address)) for split, name in splits.items()},
        fingerprint=_fingerprint(address, (loaded[name] for name in splits.values())),
        licence=known.licence if known else _stated_licence(info),
        notices=(
            f"revision: {info.sha}" if info else "the hub is out of reach: read from the cache",
            *([f"splits left out: {', '.join(left_out)}"] if left_out else []),
        ),
        known_columns=known.columns if known else {},
        languages=languages_of(dict(zip(("source", "target"), sides, strict=False))),
    )


def _dataset_info(address: _Address) -> huggingface_hub.DatasetInfo | None:
    """Return what the hub knows of a dataset, or None if the hub is out of reach.

    ``load_dataset`` alone would take 23 seconds to find that out, and fill the screen meanwhile.

    Raises:
        DataError: the hub says that there is no such dataset.
    """
    try:
        return huggingface_hub.HfApi().dataset_info(
            address.hub_id, revision=address.revision, timeout=_TIMEOUT
        )
    except errors.RevisionNotFoundError as error:
        raise DataError(
            f"{address.hub_id} has no revision {address.revision}",
            f"its revisions: {address.page}/commits/main",
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        search = f"{huggingface_hub.constants.ENDPOINT}/datasets?search="
        raise DataError(
            f"the hub has no dataset {address.hub_id}, or only for its owners",
            f"look it up: {search}{address.hub_id.rpartition('/')[2]}",
        ) from error
    except Exception:  # whatever the HTTP library of the day raises
        return None


def _load(address: _Address, *, offline: bool) -> datasets.DatasetDict:
    """Load all splits, from the cache if they are there.

    Raises:
        DataError: this is not possible, and the hint says what is.
    """
    try:
        with _download_mode(offline=offline):
            loaded = datasets.load_dataset(
                address.hub_id,
                address.config,
                revision=address.revision,
                verification_mode="no_checks",  # of row counts that the card may state wrongly
            )
    except Exception as error:
        raise _load_error(address, error, offline=offline) from error
    if offline:
        _require_revision(address, loaded)
    return loaded


@contextmanager
def _download_mode(*, offline: bool) -> Iterator[None]:
    """Show progress on a terminal, and spare the network if it is known to be down."""
    was_offline = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = offline or was_offline
    # huggingface_hub does the same by itself; what a person set in the environment has priority.
    shows = sys.stderr.isatty() and datasets.config.HF_DATASETS_DISABLE_PROGRESS_BARS is None
    if shows:
        datasets.enable_progress_bars()
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = was_offline
        if shows:
            datasets.disable_progress_bars()


def _require_revision(address: _Address, cached: datasets.DatasetDict) -> None:
    """Check that the cache holds what was asked for; offline, `datasets` takes the newest.

    Raises:
        DataError: it holds another revision.
    """
    folder = Path(next(iter(cached.values())).cache_files[0]["filename"]).parent.name
    is_commit = re.fullmatch("[0-9a-f]{40}", folder)
    if is_commit and address.revision and not folder.startswith(address.revision):
        raise DataError(
            f"the hub is out of reach, and the cache holds revision {folder} of {address.hub_id},"
            f" not {address.revision}",
            f"take it as it is: --revision {folder}",
        )


def _load_error(address: _Address, error: Exception, *, offline: bool) -> DataError:
    if offline:
        return DataError(
            f"the hub is out of reach, and {address} is not in the cache",
            "check the connection, or set HF_ENDPOINT to a mirror; local files need no connection",
        )
    if "is a gated dataset" in str(error):
        return DataError(
            f"{address.hub_id} is open only to those who have accepted its terms",
            f"accept them at {address.page}, then: hf auth login",
        )
    if isinstance(error, ValueError) and "onfig" in str(error):
        return _no_subset(address, error)
    if isinstance(error, RuntimeError) and "script" in str(error):
        return DataError(
            f"{address} is made by a script, which `datasets` no longer runs",
            "look for a copy in Parquet, or run the script yourself and train on its files",
        )
    return DataError(
        f"{address} cannot be read: {first_line(error)}",
        f"download its files and train on one of them: {address.page}/tree/main",
    )


def _no_subset(address: _Address, error: Exception) -> DataError:
    in_brackets = re.search(r"\[(.*?)\]", str(error))
    names = re.findall(r"'([^']+)'", in_brackets[1]) if in_brackets else []
    what = f"has no subset {address.config}" if address.config else "has several subsets"
    example = nearest(address.config or "", names) or "SUBSET"
    return DataError(
        f"{address.hub_id} {what}; its subsets are: {name_list(names)}",
        f"name one: rnncli train {address.hub_id}:{example}",
    )


def _canonical_splits(loaded: datasets.DatasetDict) -> dict[str, str]:
    """Return the name in the dataset of each canonical split."""
    if len(loaded) == 1:
        return {"train": next(iter(loaded))}
    splits: dict[str, str] = {}
    for split, usual_names in SPLIT_NAMES.items():
        for name in loaded:
            if name.casefold() in usual_names:
                splits.setdefault(split, name)
    return splits


def _fingerprint(address: _Address, splits: Iterable[Dataset]) -> str:
    """Return a sha256 over the id and what `datasets` makes of subset, commit and split.

    That is private: its public parts, such as checksums of files, are not there offline.
    """
    parts = [address.hub_id, *(split._fingerprint for split in splits)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _stated_licence(info: huggingface_hub.DatasetInfo | None) -> str | None:
    licence = info.card_data.license if info and info.card_data else None
    return ", ".join(licence) if isinstance(licence, list) else licence
