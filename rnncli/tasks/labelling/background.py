"""Work that goes on in a thread while a person types."""

import ctypes
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """Run one function at a time beside the main thread, until it is closed."""

    def __init__(self) -> None:
        self.is_running = False
        self._functions: SimpleQueue[Callable[[], T] | None] = SimpleQueue()
        self._results: SimpleQueue[T | BaseException] = SimpleQueue()
        # A thread for each function would let the main one wait until it runs.
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def start(self, function: Callable[[], T]) -> None:
        """Start a function; the one before must have ended, and its result be taken."""
        self.is_running = True
        self._functions.put(function)

    def take(self, timeout: float = 0.0) -> T | None:
        """Return the result, if there is one within ``timeout`` seconds, and raise its error."""
        try:
            result = self._results.get(timeout > 0, timeout or None)
        except Empty:
            return None
        self.is_running = False
        if isinstance(result, BaseException):
            raise result
        return result

    def close(self) -> None:
        """End the thread, in the middle of a function at its next line of Python.

        A thread that comes back from PyTorch's code while the process ends would abort it.
        """
        self._functions.put(None)
        identifier, error = ctypes.c_ulong(self._thread.ident or 0), ctypes.py_object(SystemExit)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(identifier, error)
        self._thread.join()

    def _run(self) -> None:
        while (function := self._functions.get()) is not None:
            try:
                self._results.put(function())
            except BaseException as error:
                self._results.put(error)
            del function
