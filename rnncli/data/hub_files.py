"""The files of a dataset of the Hugging Face hub, each downloaded when its rows are read."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import datasets
import huggingface_hub

from rnncli.data.arrow import ArrowTable, StreamTable
from rnncli.data.parquet import ParquetTable, Shard
from rnncli.data.scratch import require_space
from rnncli.errors import DataError
from rnncli.messages import first_line, name_list, nearest, stage
from rnncli.text.tables import format_of_name


@dataclass(frozen=True)
class Address:
    """Say which dataset of the hub is meant."""

    hub_id: str
    config: str | None
    revision: str | None

    def __str__(self) -> str:
        return self.hub_id + (f":{self.config}" if self.config else "")

    @property
    def page(self) -> str:
        """The address of its page on the hub."""
        return f"{huggingface_hub.constants.ENDPOINT}/datasets/{self.hub_id}"


class HubFile(NamedTuple):
    """A file on the hub or in its cache, and its bytes."""

    path: str
    size: int


class Repository:
    """The files of a dataset at one commit, on the hub or in its cache on this machine."""

    def __init__(self, address: Address, info: huggingface_hub.DatasetInfo | None) -> None:
        """Find out which files each split has; without ``info``, of those in the cache.

        Raises:
            DataError: this is not possible, and the hint says what is.
        """
        self._address, self._is_offline = address, info is None
        if info is None:
            self._root = str(_cache(address.hub_id) / str(address.revision))
            name, revision = self._root, None
        else:
            self._root = f"hf://datasets/{address.hub_id}@{address.revision}"
            name, revision = address.hub_id, address.revision
        sizes = {file.rfilename: file.size or 0 for file in (info and info.siblings) or ()}
        with self._explained():
            self._builder = datasets.load_dataset_builder(name, address.config, revision=revision)
            self.files = {
                str(split): [HubFile(path, self._size(path, sizes)) for path in paths]
                for split, paths in self._builder.config.data_files.items()
                if paths
            }

    def fingerprint(self, splits: Mapping[str, Sequence[HubFile]]) -> str:
        """Return a sha256 over the commit, the subset, and which files are read."""
        parts = [str(self._address), str(self._address.revision)]
        for split, files in splits.items():
            parts += [split, *(self._name(file.path) for file in files)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def require_space(self, files: Sequence[HubFile]) -> tuple[str, ...]:
        """Check that there is room for those files that are not in the cache; see `require_space`.

        Raises:
            DataError: there is not.
        """
        size = sum(file.size for file in files if not self._is_cached(file))
        folder = Path(huggingface_hub.constants.HF_HUB_CACHE)
        return require_space(str(self._address), size, folder, "the files of the hub", "HF_HOME")

    def table(self, files: Sequence[HubFile]) -> ArrowTable:
        """Return the rows of some files.

        Raises:
            DataError: they cannot be downloaded, or read.
        """
        where, features = str(self._address), self._builder.info.features
        total = sum(file.size for file in files)
        fetches = [
            partial(self._fetch, file, f"file {number:,} of {len(files):,}, {total / 1e6:,.0f} MB")
            for number, file in enumerate(files, start=1)
        ]
        if all(format_of_name(file.path) == "parquet" for file in files):
            shards = [Shard(file.size, fetch) for file, fetch in zip(files, fetches, strict=True)]
            return ParquetTable(shards, where, features)
        paths = [str(fetch()) for fetch in fetches]
        with self._explained():
            self._builder.config.data_files = {"train": paths}
            return StreamTable(self._builder.as_streaming_dataset()["train"], where)

    def _fetch(self, file: HubFile, which: str) -> Path:
        """Download a file, or the rest of it, unless it is in the cache."""
        with stage(f"downloading {self._address}: {which} in all"), self._explained():
            return Path(datasets.DownloadManager(record_checksums=False).download(file.path))

    def _name(self, path: str) -> str:
        return path.removeprefix(f"{self._root}/")

    def _size(self, path: str, sizes: Mapping[str, int]) -> int:
        return Path(path).stat().st_size if self._is_offline else sizes.get(self._name(path), 0)

    def _is_cached(self, file: HubFile) -> bool:
        return (
            _cache(self._address.hub_id) / str(self._address.revision) / self._name(file.path)
        ).exists()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DataError:
            raise
        except Exception as error:  # of several libraries
            raise _load_error(self._address, error, is_offline=self._is_offline) from error


def cached_commit(address: Address) -> str:
    """Return the commit in the cache that is meant, or the newest one.

    Raises:
        DataError: there is none, or only others.
    """
    commits = sorted(_cache(address.hub_id).glob("*"), key=lambda path: path.stat().st_mtime)
    if not commits:
        raise _not_cached(address)
    revision = address.revision or ""
    for path in reversed(commits):
        if not re.fullmatch("[0-9a-f]+", revision) or path.name.startswith(revision):
            return path.name
    newest = commits[-1].name
    raise DataError(
        f"the hub is out of reach, and the cache holds revision {newest} of {address.hub_id},"
        f" not {revision}",
        f"take it as it is: --revision {newest}",
    )


def _cache(hub_id: str) -> Path:
    """Return the folder of the commits of a dataset in the cache of the hub."""
    folder = Path(huggingface_hub.constants.HF_HUB_CACHE).resolve()
    return folder / f"datasets--{hub_id.replace('/', '--')}" / "snapshots"


def _load_error(address: Address, error: Exception, *, is_offline: bool) -> DataError:
    if is_offline:
        return _not_cached(address)
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


def _not_cached(address: Address) -> DataError:
    return DataError(
        f"the hub is out of reach, and {address} is not in the cache",
        "check the connection, or set HF_ENDPOINT to a mirror; local files need no connection",
    )


def _no_subset(address: Address, error: Exception) -> DataError:
    in_brackets = re.search(r"\[(.*?)\]", str(error))
    names = re.findall(r"'([^']+)'", in_brackets[1]) if in_brackets else []
    what = f"has no subset {address.config}" if address.config else "has several subsets"
    example = nearest(address.config or "", names) or "SUBSET"
    return DataError(
        f"{address.hub_id} {what}; its subsets are: {name_list(names)}",
        f"name one: rnncli train {address.hub_id}:{example}",
    )
