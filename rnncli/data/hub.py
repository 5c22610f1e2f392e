"""Open a dataset of the Hugging Face hub, or say why that is not possible."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import huggingface_hub
from huggingface_hub import errors

from rnncli.data.corpora import PUBLIC
from rnncli.data.hub_files import Address, HubFile, Repository, cached_commit
from rnncli.data.tables import SPLIT_NAMES, DataSource, no_train_split
from rnncli.errors import DataError
from rnncli.messages import plural
from rnncli.text.languages import languages_of

_TIMEOUT = 5.0  # seconds without an answer until the hub counts as out of reach


def from_hub(name: str, revision: str | None, limits: Mapping[str, int]) -> DataSource:
    """Open a corpus by its name in ``PUBLIC`` or by its id on the hub.

    A file is downloaded into the cache of the hub when its rows are read. Where a split has more
    bytes than the "characters" of ``limits``, as many files as hold these are read, spread evenly.

    Raises:
        DataError: there is none, it is closed, or it is not of a form that can be read.
    """
    base, _, config = name.partition(":")
    known = PUBLIC.get(base)
    address = Address(
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
    commit = cached_commit(address) if info is None else str(info.sha)
    repository = Repository(replace(address, revision=commit), info)
    splits = _canonical_splits(repository.files)
    if not splits:
        raise no_train_split(str(address), repository.files)
    left_out = [name for name in repository.files if name not in splits.values()]
    whole = {split: repository.files[name] for split, name in splits.items()}
    files = {split: _within(each, limits) for split, each in whole.items()}
    space = repository.require_space([file for each in files.values() for file in each])
    sides = (address.config or "").split("-")  # of translations the subset is called en-fr
    return DataSource(
        where=str(address),
        tables={split: repository.table(each) for split, each in files.items()},
        fingerprint=repository.fingerprint(files),
        licence=known.licence if known else _stated_licence(info),
        notices=(
            f"revision: {commit}" if info else "the hub is out of reach: read from the cache",
            *([f"splits left out: {', '.join(left_out)}"] if left_out else []),
            *_part_notices(whole, files),
            *space,
        ),
        known_columns=known.columns if known else {},
        languages=languages_of(dict(zip(("source", "target"), sides, strict=False))),
    )


def _dataset_info(address: Address) -> huggingface_hub.DatasetInfo | None:
    """Return what the hub knows of a dataset, or None if the hub is out of reach.

    `datasets` alone would take 23 seconds to find that out, and fill the screen meanwhile.

    Raises:
        DataError: the hub says that there is no such dataset.
    """
    try:
        return huggingface_hub.HfApi().dataset_info(
            address.hub_id, revision=address.revision, timeout=_TIMEOUT, files_metadata=True
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


def _canonical_splits(names: Iterable[str]) -> dict[str, str]:
    """Return the name in the dataset of each canonical split."""
    names = list(names)
    if len(names) == 1:
        return {"train": names[0]}
    splits: dict[str, str] = {}
    for split, usual_names in SPLIT_NAMES.items():
        for name in names:
            if name.casefold() in usual_names:
                splits.setdefault(split, name)
    return splits


def _within(files: Sequence[HubFile], limits: Mapping[str, int]) -> list[HubFile]:
    """Return the files of a split, or of many bytes some, spread evenly, one at least.

    Texts take fewer bytes there than they have characters, since files are compressed.
    """
    size = sum(file.size for file in files)
    limit = limits.get("characters", size)
    if size <= limit:
        return list(files)
    number = max(1, len(files) * limit // size)
    return [files[(2 * i + 1) * len(files) // (2 * number)] for i in range(number)]


def _part_notices(
    whole: Mapping[str, Sequence[HubFile]], files: Mapping[str, Sequence[HubFile]]
) -> Iterator[str]:
    for split, each in files.items():
        if len(each) < len(whole[split]):
            yield (
                f"files: {len(each):,} of the {plural(len(whole[split]), 'file')} of the split "
                f"{split}, spread evenly, as many as there is time for"
            )


def _stated_licence(info: huggingface_hub.DatasetInfo | None) -> str | None:
    licence = info.card_data.license if info and info.card_data else None
    return ", ".join(licence) if isinstance(licence, list) else licence
