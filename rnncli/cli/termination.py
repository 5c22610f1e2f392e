"""End a command that is asked to, as by SIGTERM, such that what it holds is cleaned up."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import NoReturn


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end."""

    def __init__(self, signal: int) -> None:
        super().__init__()
        self.signal = signal


@contextmanager
def raise_on_termination() -> Iterator[None]:
    """Raise `Terminated` at SIGTERM and SIGHUP, unless they are ignored, as under ``nohup``."""
    handlers = {}
    if current_thread() is main_thread():  # the only one that receives signals
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                handlers[number] = signal.signal(number, _raise)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def noted_interrupts() -> Iterator[list[int]]:
    """Yield a list that grows by each SIGINT, which raises `KeyboardInterrupt` as it usually does.

    Code in C, as libraries run while they are imported, may drop an exception.
    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> NoReturn:
        del frame
        came.append(number)
        raise KeyboardInterrupt

    usual = signal.default_int_handler
    is_usual = current_thread() is main_thread() and signal.getsignal(signal.SIGINT) is usual
    if is_usual:
        signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        if is_usual:
            signal.signal(signal.SIGINT, usual)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise Terminated(number)
