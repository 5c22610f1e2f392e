"""A training session: its phases in turn, the best model kept on disk, the state saved for later.

It draws nothing: whoever runs it shows the progress that it yields.
"""

import math
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from shlex import quote
from typing import Any, TypeAlias

from torch import Tensor

from rnncli.errors import ModelError, RnncliError
from rnncli.messages import Announce, format_duration
from rnncli.storage.card import format_card
from rnncli.storage.description import ModelDescription
from rnncli.storage.reading import read_description
from rnncli.storage.writing import ModelWriter, Snapshot
from rnncli.training.checkpoint import UNFIT, SavedRun, UnfitStateError, evaluated_weights, unfit
from rnncli.training.contract import Phase, Prepared, Progress, Recipe, TrainingData, TrainingState
from rnncli.training.initial_model import INHERITED
from rnncli.training.loop import fit
from rnncli.training.metrics import Metrics
from rnncli.training.parallel import other_count
from rnncli.training.signals import Interruption, TrainingInterrupted

SAVE_INTERVAL = 60.0  # seconds between two saved states, at least
SAVE_INTERVAL_SHARE = 0.01  # the same as a share of the time budget
MAX_SAVING_SHARE = 0.02  # of the time that may go into saving the state at all
BEST_SAVING_SHARE = 0.01  # of the time: where saving takes less, every best model is saved at once

ENOUGH_EPOCHS, MAX_FACTOR = 3.0, 20.0  # that a longer budget should have; times the present one

Steps: TypeAlias = Iterator[tuple[Phase, Progress]]


@dataclass(frozen=True)
class Session:
    """A training that is about to begin, or to go on."""

    recipe: Recipe[Any]
    prepared: Prepared[Any]
    data: TrainingData
    snapshot: Snapshot
    identity: dict[str, Any]  # settings and data; another training differs in something
    saved: SavedRun | None  # that was interrupted where the model is to be written
    writer: ModelWriter
    announce: Announce
    threads: int  # to tune the trained model with
    began: float  # when the time budget began, as ``time.monotonic`` tells it
    save_interval: float | None  # seconds; None: by the time budget
    metrics: Metrics

    def run(self) -> Steps:
        """Train, or go on from the saved run, and yield the progress of each step.

        Afterwards the finished model is on disk, and ``snapshot`` describes it.

        Raises:
            TrainingInterrupted: a signal came; what is needed to go on is on disk.
            ModelError: the saved run is of another training, or the model cannot be written.
            RnncliError: training diverged, or memory ran out.

        """
        try:
            yield from self._run()
        except UnfitStateError as error:
            path = quote(str(self.writer.state))
            raise ModelError(error.message, f"rm {path}") from error

    def _run(self) -> Steps:
        saved = self.saved
        if saved is not None and not self._resume(saved):
            saved = None
        spent = time.monotonic() - self.began
        first, *others = self.prepared.phases
        with Interruption() as interruption:  # one that ends no phase ends the next
            if others:
                if saved is None or saved.phase == first.name:
                    spent = yield from self._pretrain(first, saved, spent, interruption)
                    saved = None
                (last,) = others
            else:
                last = first
            progress = yield from self._train(last, saved, spent, interruption)
        self._finish(progress)

    def preview(self, weights: Mapping[str, Tensor], text: str | None = None) -> str | None:
        """Return what these weights make of a text, or write without one; see `Recipe.preview`."""
        return self.recipe.preview(self.prepared, weights, text)

    def _pretrain(
        self, phase: Phase, saved: SavedRun | None, spent: float, interruption: Interruption
    ) -> Generator[tuple[Phase, Progress], None, float]:
        """Train the network on plain text; return the seconds that are spent."""
        seconds = phase.settings.max_time
        budget = format_duration(seconds) if seconds else "its steps"
        self.announce(f"pretraining: on plain text, up to {budget}")
        progress = yield from self._train(phase, saved, spent, interruption)
        assert progress.weights is not None  # the last step is always evaluated
        phase.trainable.model.load_state_dict(progress.weights)
        self.announce("training: on labelled texts")
        return progress.seconds

    def _train(
        self, phase: Phase, saved: SavedRun | None, spent: float, interruption: Interruption
    ) -> Generator[tuple[Phase, Progress], None, Progress]:
        """Train a phase, save what it reaches, and return its last progress."""
        is_last = phase.trainable is self.prepared.trainable
        state = None if saved is None else saved.state
        reserve = self.recipe.finish_share * (phase.settings.max_time or 0.0) if is_last else 0.0
        saver = _StateSaver(self, phase)
        for progress in fit(
            phase.trainable, phase.settings, spent, state, reserve, phase.is_fitted
        ):
            if is_last:
                self._record(progress)
            if not progress.last and saver.is_due(progress):
                saver.save(progress)
            if progress.best and progress.weights is not None and is_last:
                self.writer.save(self.snapshot, progress.weights)
            yield phase, progress
            if interruption.signal and not progress.last:
                saver.save(progress)
                raise TrainingInterrupted(interruption.signal, progress.step, self.writer.replaced)
        return progress

    def _finish(self, progress: Progress) -> None:
        """Tune the best model and write its description."""
        snapshot, path = self.snapshot, self.writer.path
        if not snapshot.description.scores:  # no evaluation was the best
            raise RnncliError(
                "training diverged: the held-out loss was never a finite number",
                f"--learning-rate {self.prepared.settings.learning_rate / 10:g}",
            )
        max_time = self.prepared.settings.max_time
        if max_time is not None and progress.epoch < 1 and not self.prepared.is_fitted:
            self.announce(
                f"the network has read {100 * progress.epoch:.0f} % of the training data once: "
                f"more time would help, such as --max-time {_longer(max_time, progress.epoch)}"
            )
        tuned = self.recipe.finish(
            self.prepared.trainable,
            self.data,
            path,
            self.threads,
            math.inf if max_time is None else max_time - progress.seconds,
            self.announce,
        )
        before = snapshot.description
        assert before.training is not None
        snapshot.task_files |= tuned.files
        self._describe(
            replace(
                before,
                tuned={**before.tuned, **tuned.parameters},
                task_files=tuple(snapshot.task_files),
                training=replace(before.training, finished=True, doubling_gain=tuned.doubling_gain),
            )
        )
        self.writer.finish(snapshot, tuned.files)

    def _describe(self, description: ModelDescription) -> None:
        """Let the model be described, and its card written, like this."""
        self.snapshot.description = description
        self.snapshot.card = format_card(description, self.recipe.summary(description))

    def _resume(self, saved: SavedRun) -> bool:
        """Resume the interrupted training; return False if a different one starts over instead.

        Raises:
            ModelError: the interrupted training differs from this one.

        """
        if differences := saved.differences(self.identity):
            if self.writer.force:
                self.announce("the unfinished training there differs from this one: starting over")
                self.writer.discard_state()
                return False
            path, training = self.writer.path, saved.description.training
            command = "the same command" if training is None else training.command
            hint = f"resume it: {command}\nor start over: --force"
            if not differences.keys() & set(INHERITED):
                from_weights = f"--init-from {quote(str(path))} -o {quote(f'{path}-2')}"
                hint += f"\nor start from its weights: {from_weights}"
            texts = "; ".join(differences.values())
            raise ModelError(f"{path} holds an unfinished training that differs: {texts}", hint)
        if saved.phase == "pretraining":
            self.announce(f"resuming at step {saved.state.step:,} of pretraining")
            return True
        snapshot, settings = self.snapshot, self.prepared.settings
        self._take_results(saved.description)
        snapshot.metrics += saved.metrics
        if saved.best:  # the latest model may not have reached the disk
            model = self.prepared.trainable.model
            self.writer.save(snapshot, evaluated_weights(model, saved.state, settings))
        elif settings.max_time is not None:  # or a better one did, and will not be found again
            self._keep_better_model(saved.state)
        number = other_count(saved.state, settings)
        self.announce(f"resuming at step {saved.state.step:,}{f', {number}' if number else ''}")
        return True

    def _keep_better_model(self, state: TrainingState) -> None:
        """Let the model on disk be the best so far, if it was saved after the state was."""
        try:
            description = read_description(self.writer.path)
        except ModelError:  # there is none yet
            return
        training = description.training
        if training is None or training.finished or (training.steps or 0) <= state.step:
            return
        try:
            state.numbers[BEST_LOSS] = min(state.numbers[BEST_LOSS], description.scores["loss"])
        except UNFIT as error:
            raise unfit(error) from error
        self._take_results(description)

    def _record(self, progress: Progress) -> None:
        """Note a step and its evaluation and, where it is the best, make it the model's."""
        self.metrics.observe(progress)
        evaluation, before = progress.evaluation, self.snapshot.description
        if evaluation is None:
            return
        assert before.training is not None
        self.snapshot.metrics.append(self.metrics.line(progress))
        if progress.best:
            scores = {name: round(value, 5) for name, value in evaluation.scores.items()}
            seconds, epochs = round(progress.seconds, 1), round(progress.epoch, 3)
            training = replace(before.training, steps=progress.step, epochs=epochs, seconds=seconds)
            tuned = evaluation.tuned
            self._describe(replace(before, scores=scores, tuned=tuned, training=training))

    def _take_results(self, other: ModelDescription) -> None:
        """Take over the scores of a description, and when in training they were reached."""
        description, reached = self.snapshot.description, other.training
        assert description.training is not None
        training = description.training
        if reached is not None:
            training = replace(
                training, steps=reached.steps, epochs=reached.epochs, seconds=reached.seconds
            )
        self._describe(
            replace(description, scores=other.scores, tuned=other.tuned, training=training)
        )


def _longer(max_time: float, epochs: float) -> str:
    """Return a time budget with which the data would be read a few times, as an option."""
    minutes = math.ceil(max_time * min(ENOUGH_EPOCHS / max(epochs, 0.01), MAX_FACTOR) / 60)
    return f"{minutes}m" if minutes < 120 else f"{math.ceil(minutes / 60)}h"


BEST_LOSS = "early_stopping.best"


class _StateSaver:
    """Save the state of a run from time to time, such that it takes little of the time."""

    def __init__(self, session: Session, phase: Phase) -> None:
        self._session = session
        self._phase = phase
        budget = phase.settings.max_time or 0.0
        self._interval = max(SAVE_INTERVAL, SAVE_INTERVAL_SHARE * budget)
        self._saved = time.monotonic()
        self._seconds = 0.0  # that saving took

    def is_due(self, progress: Progress) -> bool:
        """Return whether it is time to save the state."""
        since = time.monotonic() - self._saved
        interval = max(self._interval, self._seconds / MAX_SAVING_SHARE)
        if since >= (self._session.save_interval or interval):
            return True
        return progress.best and self._seconds < BEST_SAVING_SHARE * since

    def save(self, progress: Progress) -> None:
        """Save the state after a step."""
        session, began = self._session, time.monotonic()
        run = SavedRun(
            session.identity,
            session.snapshot.description,
            session.snapshot.metrics,
            progress.best,
            self._phase.name,
            progress.state(),
        )
        session.writer.save_state(run.write)
        self._saved = time.monotonic()
        self._seconds = self._saved - began
