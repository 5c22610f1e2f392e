"""What all tests share: few threads, repeatable examples, and their order."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from models import FOLDER

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=2_000)
settings.load_profile("quick")


def pytest_configure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="rnncli-tests-")
    # Before NumPy and PyTorch start theirs: on tiny matrices a second thread only costs time.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


# Folders whose files take longest: a worker that begins with one of them at the end would keep the
# others waiting.
FIRST = ("training", "cli", "journeys", "tasks", "data", "storage")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run long files first."""
    order = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.parent.name, len(order)))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a folder of repositories to this process, whose cache is empty and has a token."""
    import huggingface_hub
    from hub import serve_hub
    from huggingface_hub import constants

    folder, cache = tmp_path / "hub", tmp_path / "cache"
    huggingface_hub.utils.disable_progress_bars()  # as rnncli does where stderr is no terminal
    (folder / "org").mkdir(parents=True)
    with serve_hub(folder) as address:
        file = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", file)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_HUB_CACHE", str(cache))
        monkeypatch.setenv("HF_TOKEN", "hf_token")
        yield folder


@pytest.fixture(autouse=True)
def _processor_as_it_was() -> Iterator[None]:
    """Undo what training sets for the whole process: it flushes denormal numbers to zero."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)
