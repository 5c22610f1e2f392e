"""``rnncli models push``: upload a model to the Hugging Face hub."""

from typing import Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.options import OUTPUT, option
from rnncli.cli.stages import StageLine


def push(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Model directory, bundled:NAME or hf:org/name.")
    ],
    repository: Annotated[
        str,
        typer.Argument(
            metavar="ORG/NAME",
            help="Repository of the hub; a new one is made. A model that is there is replaced, and "
            "stays in the history.",
        ),
    ],
    private: Annotated[
        bool, option("--private", OUTPUT, "Make a new repository private; else all can read it.")
    ] = False,
    license: Annotated[
        str | None,
        option(
            "--license ID",
            OUTPUT,
            "License on the card, as the hub calls it: mit, apache-2.0, cc-by-4.0.",
            show_default="that of the training data, if it is known",
        ),
    ] = None,
    language: Annotated[
        str | None,
        option(
            "--language CODE",
            OUTPUT,
            "Language on the card: en.",
            show_default="that of pairs or of word vectors, if it is known",
        ),
    ] = None,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Upload a model to the Hugging Face hub, with a card, and print its address.

    Examples:
        rnncli models push models/classify anna/tickets --private
        rnncli models push models/translate anna/en-fr --license cc-by-4.0
        rnncli models push models/generate anna/plays --language en

    Log in before, with a token that may write: hf auth login. The card says what the model was
    trained on, its scores, its limits and how to use it; what stands in the model's README.md, and
    in the front matter there, stays. Then -m hf:org/name names it wherever a model is named.
    """
    from rnncli.tasks.push import push as push_model

    messenger = Messenger(quiet, color)
    with StageLine(messenger):
        address = push_model(
            model,
            repository,
            private=private,
            license=license,
            language=language,
            announce=messenger.announce,
        )
    print(address)
