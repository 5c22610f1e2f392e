"""``rnncli models export``: write a classifier in other formats."""

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.options import OUTPUT, option
from rnncli.cli.output import existing_output, require_output
from rnncli.errors import ConfigError
from rnncli.storage.atomic_files import free_path


def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Model directory, bundled:NAME or hf:org/name.")
    ],
    onnx: Annotated[
        Path | None,
        option(
            "--onnx DIR",
            OUTPUT,
            "Write an ONNX model to this folder, with its tokenizer and a script that uses it; "
            "needs the package onnx.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        option("--html FILE", OUTPUT, "Write a page that labels texts in a browser, offline."),
    ] = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Write a classifier as an ONNX model, or as one HTML page that labels texts offline.

    Examples:
        rnncli models export models/classify --html classify.html
        rnncli models export bundled:sentiment --html sentiment.html
        rnncli models export models/classify --onnx exported

    Both give the same probabilities as rnncli, for texts of up to 10,000 characters. The page holds
    the model and needs nothing else. The folder has model.onnx, its tokenizer, and a script that
    needs onnxruntime, tokenizers and NumPy alone: python exported/classify.py < texts.txt
    """
    from rnncli.tasks.classify.export import export as export_model

    messenger = Messenger(quiet, color)
    if html is None and onnx is None:
        raise ConfigError("neither --html nor --onnx is given", "--html classify.html")
    if html is not None:
        require_output(html, "--html", force=force)
    if onnx is not None and (onnx / "model.onnx").exists() and not force:  # of an earlier export
        raise existing_output(onnx, f"--onnx {quote(str(free_path(onnx)))}")
    for path in export_model(model, onnx=onnx, html=html, announce=messenger.announce):
        messenger.announce(f"written: {path}")
