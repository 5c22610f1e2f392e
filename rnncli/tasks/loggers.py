"""Loggers of other tools, which get the numbers of each evaluation: ``--log tensorboard``."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

from rnncli.errors import ConfigError
from rnncli.messages import Announce

RUNS = Path("runs")  # where TensorBoard looks for runs, unless it is told another folder
PROJECT = "rnncli"  # of Trackio

LoggerName = Literal["tensorboard", "trackio"]
Log: TypeAlias = Callable[[Mapping[str, float]], None]  # takes a line of metrics.jsonl


def require_logger(name: LoggerName | None) -> None:
    """Check that a logger is installed, before time is spent on training.

    Raises:
        ConfigError: it is not.

    """
    if name is not None and find_spec(name) is None:
        raise ConfigError(
            f"--log {name} needs a package that is not installed", f"pip install 'rnncli[{name}]'"
        )


def discard(line: Mapping[str, float]) -> None:
    """Log nothing."""
    del line


@contextmanager
def open_logger(name: LoggerName | None, model: Path, announce: Announce) -> Iterator[Log]:
    """Log within a ``with`` under the name of the model's directory; without a name, nowhere."""
    if name is None:
        yield discard
        return
    # What the loggers print is no result.
    with redirect_stdout(sys.stderr):
        log, close = (_tensorboard if name == "tensorboard" else _trackio)(model.name)
    command = f"tensorboard --logdir {RUNS}" if name == "tensorboard" else "trackio show"
    announce(f"log: each evaluation; to look at it: {command}")
    try:
        yield log
    finally:
        with redirect_stdout(sys.stderr):
            close()


def _tensorboard(run: str) -> tuple[Log, Callable[[], None]]:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(RUNS / run))

    def log(line: Mapping[str, float]) -> None:
        for name, value in line.items():
            if name != "step":
                writer.add_scalar(name, value, int(line["step"]))
        writer.flush()

    return log, writer.close


def _trackio(run: str) -> tuple[Log, Callable[[], None]]:
    import trackio

    # An interrupted training goes on in the same run.
    opened = trackio.init(project=PROJECT, name=run, resume="allow")

    def log(line: Mapping[str, float]) -> None:
        values = {name: value for name, value in line.items() if name != "step"}
        opened.log(values, step=int(line["step"]))

    return log, opened.finish
