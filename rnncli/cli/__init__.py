"""The command line: parse, call, print. Nothing heavy is imported before a command needs it."""

import os
import re
import select
import sys
from inspect import cleandoc
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from rnncli import __version__
from rnncli.cli import classify, evaluate, generate, train, translate
from rnncli.cli.console import print_error
from rnncli.errors import RnncliError

# NumPy's matrix products run on one thread each, and batches side by side on several: the threads
# of one product wait for each other by spinning, which on a busy machine takes a hundred times as
# long as the product itself. It is read when NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

INTERRUPTED = 130
BROKEN_PIPE = 141


class CommandGroup(TyperGroup):
    """Turn errors that a person can do something about into messages and exit codes."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program; a reader that has gone, as in `| head`, is no error to talk about."""
        if sys.stdout is None:  # started without one: nobody wants the results
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
        output = _duplicate(sys.stdout)
        try:
            return super().main(*args, **kwargs)
        except SystemExit as end:
            # Typer and rich each end with 1 in their own way when a pipe breaks.
            if end.code == 1 and output is not None and _reader_has_gone(output):
                raise SystemExit(BROKEN_PIPE) from None
            raise

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
        except BrokenPipeError:
            _discard_output()
            raise typer.Exit(BROKEN_PIPE) from None
        except OSError as error:
            if os.environ.get("RNNCLI_DEBUG"):
                raise
            _discard_output()
            where = f"{error.filename}: " if error.filename else ""
            print_error(
                RnncliError(
                    f"{where}{error.strerror or error}",
                    "make room on the disk, or check the place and its permissions",
                )
            )
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


def _duplicate(stream: TextIO) -> int | None:
    """Return a second descriptor of a stream, which stays when the first is turned away."""
    try:
        return os.dup(stream.fileno())
    except (OSError, ValueError):  # no descriptor at all, as in a test
        return None


def _reader_has_gone(descriptor: int) -> bool:
    """Return whether the other end of a pipe is closed."""
    if not hasattr(select, "poll"):  # Windows
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _discard_output() -> None:
    """Send what is left to write nowhere, so that the end of the program is silent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
