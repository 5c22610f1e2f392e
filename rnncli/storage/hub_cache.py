"""The cache of the Hugging Face hub on this machine, and the names of the models in it."""

import os
from pathlib import Path

PREFIX = "hf:"


def cache_folder() -> Path:
    """Return the cache of the hub, as `huggingface_hub` finds it, whose import takes long."""
    home = os.environ.get("HF_HOME") or Path(
        os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface"
    )
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub")).expanduser().resolve()


def hub_name(path: Path) -> str | None:
    """Return the name ``hf:org/name@commit`` of a directory in the cache; None of others."""
    repository = path.parent.parent
    if path.parent.name != "snapshots" or repository.parent != cache_folder():
        return None
    hub_id = repository.name.removeprefix("models--").replace("--", "/")
    return f"{PREFIX}{hub_id}@{path.name[:7]}"
