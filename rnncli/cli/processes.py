"""Processes that work on items side by side, and send what they have done to the one above them.

They are spawned, not forked: a fork copies the locks of threads that it does not copy, such as
those of the tokenizers, and exists on some systems only. Each loads what it needs once.
"""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from rnncli.cli.termination import raise_on_termination
from rnncli.errors import RnncliError

GRACE = 10.0  # seconds for a process to remove what is incomplete, before it is killed

Item = TypeVar("Item")
Result = TypeVar("Result")
Tell: TypeAlias = Callable[[Any], None]  # sends a message that is no result
# Begins to work: yields a function of an item. It is pickled.
Opener: TypeAlias = Callable[[Tell], AbstractContextManager[Callable[[Item], Result]]]


class Message(NamedTuple, Generic[Item]):
    """What a process sent while it worked on an item."""

    item: Item
    content: Any  # None: the process has ended before its work
    is_result: bool


class _Running(NamedTuple, Generic[Item]):
    process: BaseProcess
    item: Item


class Processes(Generic[Item, Result]):
    """A number of processes."""

    def __init__(self, opener: Opener[Item, Result], count: int) -> None:
        self._opener = opener
        self._count = count
        self._context = get_context("spawn")
        self._running: dict[Connection, _Running[Item]] = {}

    def run(self, items: Iterable[Item]) -> Iterator[Message[Item]]:
        """Work on all items, and yield messages as they come, the last of an item with its result.

        Where a process ends before its work, as when it is killed, another takes its place for the
        next item. An error, also one that is raised where a message is used, ends all processes.

        Raises:
            RnncliError: a process cannot begin.
        """
        waiting = iter(items)
        try:
            for item in islice(waiting, self._count):
                self._start(item)
            while self._running:
                ready = wait(list(self._running))
                for connection in [each for each in self._running if each in ready]:
                    yield (message := self._receive(connection))
                    if message.is_result:
                        self._continue(connection, waiting, ended=message.content is None)
        finally:
            self._end()

    def _start(self, item: Item) -> None:
        """Start a process, and hand it an item."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._opener), daemon=True)
        with _blocked_interrupts():  # which a terminal sends to all; this process ends the others
            process.start()
        theirs.close()
        self._running[ours] = _Running(process, item)
        with suppress(ConnectionError):  # it has ended already, which is noticed soon
            ours.send(item)

    def _receive(self, connection: Connection) -> Message[Item]:
        item = self._running[connection].item
        try:
            content, is_result = connection.recv()
        except (EOFError, ConnectionError):
            return Message(item, None, is_result=True)
        if isinstance(content, RnncliError):
            raise content
        return Message(item, content, is_result)

    def _continue(self, connection: Connection, waiting: Iterator[Item], *, ended: bool) -> None:
        """Hand the next item to a process that is ready, or let it end."""
        process, _ = self._running.pop(connection)
        items = list(islice(waiting, 1))
        if items and not ended:
            self._running[connection] = _Running(process, items[0])
            with suppress(ConnectionError):
                connection.send(items[0])
            return
        connection.close()
        process.join()
        if items:
            self._start(items[0])

    def _end(self) -> None:
        """End the processes that still work, such that they leave nothing incomplete."""
        for connection, (process, _) in self._running.items():
            process.terminate()
            connection.close()
        for process, _ in self._running.values():
            process.join(GRACE)
            process.kill()
            process.join()
        self._running.clear()


def _serve(connection: Connection, opener: Opener[Item, Result]) -> None:
    """Work on items until there are no more, or the process that sends them has ended."""

    def tell(content: object) -> None:
        connection.send((content, False))

    try:
        with raise_on_termination(), opener(tell) as work:
            while True:
                connection.send((work(connection.recv()), True))
    except RnncliError as error:
        with suppress(ConnectionError):
            connection.send((error, True))
    except BaseException as error:
        if not _is_end(error):
            raise


def _is_end(error: BaseException | None) -> bool:
    """Return whether a process ends as it should: there are no more items, or it was asked to end.

    What was interrupted may raise an error of its own, such as a lock that is not held any more.
    """
    while error is not None:
        if isinstance(error, EOFError | ConnectionError | KeyboardInterrupt):
            return True
        error = error.__context__
    return False


@contextmanager
def _blocked_interrupts() -> Iterator[None]:
    """Block SIGINT; processes that are started meanwhile never receive it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
