"""The command line: parse, call, print. Heavy libraries are imported when a command needs them."""

import atexit
import gc
import os
import re
import select
import sys
from importlib import import_module
from inspect import cleandoc
from io import TextIOWrapper
from typing import Any, TextIO, cast

import typer
from typer.core import TyperGroup

from rnncli import __version__
from rnncli.cli.console import discard, print_error
from rnncli.cli.help_pages import Command, prepare
from rnncli.cli.termination import Terminated, raise_on_termination
from rnncli.cli.usage import USAGE_ERROR, unknown_command, usage_error
from rnncli.errors import ConfigError, RnncliError, is_out_of_memory

# NumPy's matrix products run on one thread each, and batches side by side on several: the threads
# of one product wait for each other by spinning, which on a busy machine takes a hundred times as
# long as the product itself. The variable is read when NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# At its end, Python looks through all objects for garbage: after PyTorch and datasets were loaded,
# in 0.8 s of processor time.
atexit.register(gc.freeze)

INTERRUPTED = 130
BROKEN_PIPE = 141

# The first lines of the commands' help pages. A command is built when it is run: to build all of
# them takes longer than to classify a line.
COMMANDS = {
    "train": "Train a model on your own data, from which its task follows.",
    "generate": "Write text that goes on from a prompt, as the model's training text would.",
    "classify": "Label texts, one line out for each line in: label, probability and text, with "
    "tabs between.",
    "translate": "Translate texts, one line out for each line in.",
    "transcribe": "Write down what is said, one line out for each recording: name, tab, text.",
    "forecast": "Forecast the next values of series: the quantiles 0.1, 0.5 and 0.9 of each step.",
    "evaluate": "Score a model by metrics of its task: accuracy, BLEU, word error rate.",
    "inspect": "Look inside a model: its parts, and what happens in it as it reads a text.",
    "label": "Give texts their labels at the terminal, those worth most first: one text, one key.",
    "models": "List the models on this machine: name, task, score, size, age and data.",
}
# Commands below another one; each has a module of its own.
SUBCOMMANDS: dict[tuple[str, ...], str] = {
    ("models", "push"): "push",
    ("models", "export"): "export",
}
SETTINGS: dict[str, Any] = {
    "rich_markup_mode": "rich",
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


def load_command(name: str) -> Command:
    """Import the module of a command, and build the command."""
    function = getattr(import_module(f"rnncli.cli.{name}"), name)
    single = typer.Typer(add_completion=False, **SETTINGS)
    single.command(name, cls=Command, help=_paragraphs(function.__doc__))(function)
    return cast(Command, typer.main.get_command(single))


def _paragraphs(docstring: str) -> str:
    """Return a docstring with one line a paragraph; examples, which are indented, stay as they are.

    Typer keeps line breaks, and a terminal is as wide as it is.
    """
    return re.sub(r"(?<!\n)\n(?!\n|    )", " ", cleandoc(docstring))


class CommandGroup(TyperGroup):
    """Build a command when it is run, and turn its errors into messages and exit codes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help = _paragraphs(str(main.__doc__))
        self.commands = {name: Command(name, help=text) for name, text in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the name, the command and its arguments.

        Raises:
            ConfigError: there is no such command.
        """
        if (subcommand := SUBCOMMANDS.get(tuple(args[:2]))) is not None:
            return " ".join(args[:2]), load_command(subcommand), args[2:]
        if args and args[0] not in self.commands:
            raise unknown_command(args[0], list(self.commands), SUBCOMMANDS)
        name, cmd, arguments = super().resolve_command(ctx, args)
        return name, cmd and load_command(str(cmd.name)), arguments

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Draw the first help page."""
        prepare()
        super().format_help(ctx, formatter)

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse what stands before the command."""
        try:
            return super().make_context(*args, **kwargs)
        except USAGE_ERROR as error:
            raise _exit_of_usage(error) from None

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program; where the reader closed the pipe, as `head` does, end silently."""
        _open_closed_streams()
        output = _duplicate(sys.stdout)
        try:
            return super().main(*args, **kwargs)
        except SystemExit as exit:
            # Typer and rich each end with 1 in their own way when a pipe breaks.
            if exit.code == 1 and output is not None and _is_broken_pipe(output):
                raise SystemExit(BROKEN_PIPE) from None
            raise
        except OSError as error:  # of a help page that cannot be written
            print_error(_system_error(error))
            raise SystemExit(1) from None
        finally:
            if output is not None:
                os.close(output)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            with raise_on_termination():
                result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except USAGE_ERROR as error:
            raise _exit_of_usage(error) from None
        except RnncliError as error:
            if os.environ.get("RNNCLI_DEBUG"):
                raise
            print_error(error)
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            discard(sys.stdout)
            raise typer.Exit(BROKEN_PIPE) from None
        except OSError as error:
            if os.environ.get("RNNCLI_DEBUG"):
                raise
            print_error(_system_error(error))
            raise typer.Exit(1) from None
        except (MemoryError, RuntimeError) as error:
            if os.environ.get("RNNCLI_DEBUG") or not is_out_of_memory(error):
                raise
            print_error(_memory_error(error))
            raise typer.Exit(1) from None
        except Terminated as termination:
            raise typer.Exit(128 + termination.signal) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


def _exit_of_usage(error: Exception) -> typer.Exit:
    """Print an error of usage, unless it stands for a help page that was printed instead."""
    if type(error).__name__ != "NoArgsIsHelpError":
        print_error(usage_error(error))
    return typer.Exit(ConfigError.exit_code)


def _system_error(error: OSError) -> RnncliError:
    """Return the error of a file or a stream that cannot be read or written."""
    discard(sys.stdout)  # it may be the one
    file = f"{error.filename}: " if error.filename else ""
    return RnncliError(
        f"{file}{error.strerror or error}",
        "free some disk space, or check the path and its permissions: df -h .",
    )


def _memory_error(error: BaseException) -> RnncliError:
    """Return the error of a command that needs more memory than there is."""
    from rnncli.cli.hints import with_less_memory

    reason = f": {error}".partition("\n")[0] if str(error) else ""
    return RnncliError(f"there is not enough memory{reason}", with_less_memory())


def _open_closed_streams() -> None:
    """Let streams that are closed lead nowhere: results and messages are dropped.

    Else the next file that is opened would take the place of one, and `print` take stdout.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the first that is free
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
    if isinstance(sys.stdout, TextIOWrapper):  # tables may have names that its encoding lacks
        sys.stdout.reconfigure(errors="replace")


def _duplicate(stream: TextIO) -> int | None:
    """Return a second descriptor of a stream, which stays open when the first is redirected."""
    try:
        return os.dup(stream.fileno())
    except (OSError, ValueError):  # no descriptor at all, as in a test
        return None


def _is_broken_pipe(descriptor: int) -> bool:
    """Return whether the reader of a pipe has closed it."""
    if not hasattr(select, "poll"):  # Windows
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


app = typer.Typer(
    name="rnncli",
    cls=CommandGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    **SETTINGS,
)


def _print_version(is_set: bool) -> None:
    if is_set:
        typer.echo(f"rnncli {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_print_version, is_eager=True
    ),
) -> None:
    """Train small recurrent networks on your own data, and use them in pipes.

    Examples:
        echo "a warm, funny film" | rnncli classify
        rnncli translate --to fr "Where is the station?"
        rnncli train --dry-run texts.csv

    The first two answer with models that come with rnncli, the third shows what a file of yours is
    taken for, before you train on it. Each command has a page: rnncli train --help.
    """
