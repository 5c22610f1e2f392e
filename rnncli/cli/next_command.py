"""The command that is worth typing after a training, or after its interruption."""

import re
import shlex
from typing import TYPE_CHECKING

from rnncli.cli.console import Messenger
from rnncli.cli.hints import retyped
from rnncli.config import MODELS
from rnncli.training.signals import TrainingInterrupted

if TYPE_CHECKING:
    from rnncli.tasks.training_result import KeptState, TrainingResult

PROMPT_WORDS = 2  # of a text that a generator goes on from


def next_command(result: "TrainingResult") -> str:
    """Return a command that tries a trained model on a text of its held-out data."""
    words = ["rnncli", result.task]
    if result.path != MODELS / result.task:
        words += ["-m", str(result.path)]
    if result.controls:
        words += ["--control", result.controls[0]]
    text = result.example
    if result.task == "generate":
        if result.is_list:
            words += ["--lines", "10"]
        elif text is not None and not result.controls:
            words.append(" ".join(re.sub(r"^\W+", "", text).split()[:PROMPT_WORDS]))
    elif text is not None:
        words.append(text)
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    """Quote a word for a shell; one with an apostrophe in double quotes, which read more easily."""
    if "'" in word and not any(sign in word for sign in '"$`\\!'):
        return f'"{word}"'
    return shlex.quote(word)


def announce_interruption(
    interruption: KeyboardInterrupt, kept: "KeptState", messenger: Messenger
) -> None:
    """Announce what is kept of a training that was interrupted, and how to go on."""
    command = retyped()
    if isinstance(interruption, TrainingInterrupted):
        messenger.announce(
            f"interrupted at step {interruption.step:,}; to resume, run the same command:"
        )
    elif kept.can_resume:
        messenger.announce("interrupted; to go on from the last saved state, run the same command:")
    elif kept.model is not None:
        messenger.announce(
            f"interrupted before the end: {kept.model} holds the best model so far, which can be "
            "used; to train anew, run the same command:"
        )
    else:
        messenger.announce("interrupted before training began: nothing is kept; to start again:")
    messenger.announce(f"    {command}")
    if kept.can_resume:
        model = "" if kept.model is None else f", and {kept.model}: the best model so far"
        messenger.announce(f"kept: the state of the training{model}")
    if isinstance(interruption, TrainingInterrupted) and interruption.replaced is not None:
        messenger.announce(
            f"until the training has finished, the previous model is kept: {interruption.replaced}"
        )
