"""Stop a training on SIGINT, SIGTERM or SIGHUP, such that it can be resumed."""

import signal
from contextlib import AbstractContextManager
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType

from rnncli.storage.atomic_files import ENDING_SIGNALS
from rnncli.training.torchrun import world_size


class TrainingInterrupted(KeyboardInterrupt):
    """A training was asked to end; its state is saved, and the same call goes on with it."""

    def __init__(self, signal: int, step: int, replaced: Path | None) -> None:
        super().__init__(f"interrupted at step {step:,}")
        self.signal = signal
        self.step = step
        self.replaced = replaced  # where the model that was there is kept, if there was one


class TrainingAborted(KeyboardInterrupt):
    """A training was asked to end a second time, before its state was saved."""

    def __init__(self, signal: int) -> None:
        super().__init__()
        self.signal = signal


_listening: "list[Interruption]" = []


class Interruption(AbstractContextManager["Interruption"]):
    """Note the first signal, so that a step can be finished and saved; the second ends at once."""

    def __init__(self) -> None:
        self.signal = 0  # that came
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Interruption":
        """Listen."""
        _listening.append(self)
        if current_thread() is main_thread():  # which alone hears of signals
            for number in ENDING_SIGNALS:
                if signal.getsignal(number) != signal.SIG_IGN:  # as of SIGHUP under nohup
                    self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(self, *error: object) -> None:
        """Leave signals as they were."""
        _listening.remove(self)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _came(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.signal and world_size() == 1:  # torchrun sends signals of its own after the first
            raise TrainingAborted(number)
        self.signal = self.signal or number


def note_signal(number: int) -> None:
    """Take a signal that came to another process of this training for one to this process."""
    if _listening:
        _listening[-1].signal = _listening[-1].signal or number
