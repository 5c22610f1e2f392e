"""Models of the Hugging Face hub: ``hf:org/name[@revision]``, downloaded into its cache.

A repository is a stranger's. Its description is downloaded and checked first, and then only those
files of the layout that belong to the model, if none is far too large; whatever else it holds stays
where it is. What was downloaded is read with the same distrust as any other model.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.errors import ModelError
from rnncli.messages import Announce, first_line
from rnncli.storage.description import ModelDescription
from rnncli.storage.hub_cache import PREFIX, cache_folder, hub_name
from rnncli.storage.layout import DAMAGED, LARGEST, Layout
from rnncli.storage.reading import read_description

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

TIMEOUT = 5.0  # seconds without an answer until the hub counts as out of reach
MAIN = "main"  # the branch of the newest revision
CONFIG = "config.json"
_NAME = re.compile(r"(?!.*\.\.)([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", re.ASCII)
_COMMIT = re.compile("[0-9a-f]{7,40}")


def hub_model(name: str, announce: Announce | None = None) -> Path:
    """Return the directory of a model of the hub in its cache, downloaded if it is not there.

    A commit that is there is taken without asking the hub; of a branch, the newest commit is.

    Raises:
        ModelError: there is no such model, it cannot be downloaded, or a file is too large.

    """
    match = _NAME.fullmatch(name.removeprefix(PREFIX))
    if match is None:
        raise ModelError(
            f"{name!r:.100} is no name of a model on the hub",
            f"write it like {PREFIX}org/name or {PREFIX}org/name@revision",
        )
    repository, revision = match[1], match[2] or MAIN
    folder = _cached(repository, revision) if _COMMIT.fullmatch(revision) else None
    return folder or _from_hub(repository, revision, announce)


def _cached(repository: str, revision: str) -> Path | None:
    """Return the complete model in the cache of a commit, or of the last known one of a branch."""
    folder = cache_folder() / f"models--{repository.replace('/', '--')}"
    if _COMMIT.fullmatch(revision):
        commits = sorted((folder / "snapshots").glob(f"{revision}*"))
    else:
        ref = folder / "refs" / revision
        commit = ref.read_text(encoding="utf-8") if ref.is_file() else ""
        commits = [folder / "snapshots" / commit] if _COMMIT.fullmatch(commit) else []
    return commits[0] if len(commits) == 1 and _is_complete(commits[0]) else None


def _is_complete(folder: Path) -> bool:
    """Return whether all files of a model have been downloaded."""
    try:
        files = _files(read_description(folder))
    except ModelError:
        return False
    return all((folder / name).exists() for name in files)


def _files(description: ModelDescription) -> list[str]:
    """Return the names of the files that a model consists of, beside its description."""
    layout = Layout(Path())
    named = [file.name for file in layout.model_files if file.name in description.files]
    return named or [layout.tokenizer.name, layout.weights.name]  # where it names no checksums


def _from_hub(repository: str, revision: str, announce: Announce | None) -> Path:
    """Return a model as the hub has it now; what is in the cache is not downloaded again."""
    import huggingface_hub

    name = repository if revision == MAIN else f"{repository}@{revision}"
    try:
        info = huggingface_hub.HfApi().model_info(
            repository, revision=revision, timeout=TIMEOUT, files_metadata=True
        )
        folder = _cached(repository, revision)
        if folder is not None and folder.name == info.sha:
            return folder
        return _download(repository, revision, info)
    except ModelError:
        raise
    except Exception as error:  # whatever the HTTP library of the day raises
        from rnncli.data.hub_errors import refusal

        if (reason := refusal(error, name)) is not None:
            raise ModelError(*reason) from error
        return _without_hub(repository, revision, error, announce)


def _without_hub(
    repository: str, revision: str, error: Exception, announce: Announce | None
) -> Path:
    """Return the model in the cache, where the hub is out of reach or is not to be asked.

    Raises:
        ModelError: it is not there.

    """
    from huggingface_hub import errors

    folder = _cached(repository, revision)
    reason = f"the model cannot be downloaded: {first_line(error)[:200]}"
    hint = "check the connection and run the same command again, which goes on where it stopped"
    if isinstance(error, errors.OfflineModeIsEnabled):
        reason, hint = "HF_HUB_OFFLINE is set", "let it be downloaded: export HF_HUB_OFFLINE=0"
    if folder is None:
        raise ModelError(
            f"{PREFIX}{repository} is not in the cache as a whole, and {reason}", hint
        ) from error
    if announce is not None:
        announce(f"{hub_name(folder)} is read from the cache, since {reason}")
    return folder


def _download(repository: str, revision: str, info: "ModelInfo") -> Path:
    """Download the files of a model, its description first, and return their directory.

    Raises:
        ModelError: it is no model of rnncli, is damaged, or has a file that is too large.

    """
    from huggingface_hub import constants, snapshot_download

    sizes = {file.rfilename: file.size for file in info.siblings or ()}
    page = f"look into it: {constants.ENDPOINT}/{repository}/tree/{info.sha}"

    def fetch(revision: str, names: Sequence[str]) -> Path:
        for name in names:
            if (sizes[name] or 0) > LARGEST[name]:
                raise ModelError(
                    f"{name} in {repository} is too large: {sizes[name]:,} bytes", page
                )
        return Path(snapshot_download(repository, revision=revision, allow_patterns=list(names)))

    if CONFIG not in sizes:
        raise ModelError(f"{repository} is no model of rnncli: it has no {CONFIG}", page)
    folder = fetch(revision, [CONFIG])
    if folder.name != info.sha:
        raise ModelError(f"{repository} has just changed", "run the same command again")
    try:
        files = _files(read_description(folder))
    except ModelError as error:
        hint = page if error.hint == DAMAGED else error.hint
        raise ModelError(
            f"{repository} is no model for this rnncli: {error.message}", hint
        ) from None
    if missing := [name for name in files if name not in sizes]:
        raise ModelError(f"{repository} is damaged: it has no {missing[0]}", page)
    card = Layout(folder).card.name
    return fetch(folder.name, [*files, card] if card in sizes else files)
