"""The command line: parse, call, print. Nothing heavy is imported before a command needs it."""

import os
import re
import sys
from inspect import cleandoc
from typing import Any

import typer
from typer.core import TyperGroup

from rnncli import __version__
from rnncli.cli import classify, evaluate, generate, train, translate
from rnncli.cli.console import print_error
from rnncli.errors import RnncliError

INTERRUPTED = 130
BROKEN_PIPE = 141


class CommandGroup(TyperGroup):
    """Turn errors that a person can do something about into messages and exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except RnncliError as error:
            if os.environ.get("RNNCLI_DEBUG"):
                raise
            print_error(error)
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:  # the reader has seen enough, as in `| head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(BROKEN_PIPE) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="rnncli",
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rnncli {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_print_version, is_eager=True
    ),
) -> None:
    """Train small recurrent networks on your own text, and use them in pipes."""


for _command in (
    train.train,
    generate.generate,
    classify.classify,
    translate.translate,
    evaluate.evaluate,
):
    # One line a paragraph: typer keeps line breaks, and a terminal is as wide as it is.
    _help = re.sub(r"(?<!\n)\n(?!\n)", " ", cleandoc(_command.__doc__ or ""))
    app.command(_command.__name__, help=_help)(_command)
