"""Prepare the environment before other libraries are imported."""

import os
import sys
from types import ModuleType


def prepare() -> None:
    """Bound NumPy's threads, and spare help pages a library that they do not use."""
    # NumPy's matrix products run on one thread each, and batches side by side on several: the
    # threads of one product wait for each other by spinning, which on a busy machine takes a
    # hundred times as long as the product itself. It is read when NumPy is first imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # typer's help pages import Markdown, with its parsers, and use it only for help that is written
    # in it, which ours is not: without it a page takes 0.29 s of processor time, with it 0.36 s.
    markdown = ModuleType("rich.markdown")
    setattr(markdown, "Markdown", None)  # noqa: B010 - a module has no such attribute to be typed
    sys.modules.setdefault("rich.markdown", markdown)


def hide_progress_bars() -> None:
    """Keep the libraries of the hub from drawing; to be called before they are imported."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
