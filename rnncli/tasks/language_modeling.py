"""Language modelling by truncated backpropagation through time, on one running text.

It trains generators and pretrains the encoders of classifiers.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from rnncli.config import Settings
from rnncli.data.batches import Window, bptt_windows
from rnncli.data.encoded import TokenArray
from rnncli.errors import DataError
from rnncli.networks.cells_torch import LayerState
from rnncli.networks.losses import SampledSoftmax, cross_entropy
from rnncli.networks.on_device_torch import OnDevice
from rnncli.training.contract import Carry, Evaluation
from rnncli.training.parallel import Workers

STATE_RESET_PROBABILITY = 0.03  # of a stream, before each window
MIN_WINDOWS = 4  # of a stream: the carried state matters only after the first
SAMPLED_FROM = 10_000  # tokens of a vocabulary, from which on the softmax is sampled
MAX_LOGITS = 1 << 24  # of a window in evaluation: bounds memory
MAX_STREAMS, MAX_STEPS = 64, 256  # in evaluation: more are not faster
MIN_STREAM = 2_000  # tokens of a stream in evaluation, each of which starts from an empty state


class Predictor(Protocol):
    """The part of a network that predicts next tokens."""

    @property
    def output(self) -> nn.Linear:
        """The output layer."""
        ...

    def features(
        self, tokens: Tensor, states: Sequence[LayerState | None]
    ) -> tuple[Tensor, list[LayerState]]:
        """Return the features after each token, and the states after the last."""
        ...

    def init_output_bias(self, counts: NDArray[np.int64]) -> None:
        """Initialise the output bias to the log-frequencies of tokens, from counts (V,)."""
        ...


@dataclass(frozen=True)
class LanguageModel:
    """A network that predicts next tokens, and how it is trained."""

    network: OnDevice
    predictor: Predictor  # a part of the network, or all of it
    num_states: int  # of layers or directions, carried from window to window
    negative_samples: int  # a step, where the softmax is sampled
    # Splits a text into windows: (tokens, streams, steps a window, tokens to skip).
    windows: Callable[[TokenArray, int, int, int], Iterator[Window]] = bptt_windows


@dataclass(frozen=True)
class RunningText:
    """A text for training, and one that is held out."""

    train: TokenArray
    validation: TokenArray
    counts: NDArray[np.int64]  # (V,) of each token in ``train``

    def __post_init__(self) -> None:
        """Refuse a text that is too short.

        Raises:
            DataError: there is nothing to predict.

        """
        if len(self.train) < 3 or len(self.validation) < 2:
            raise DataError("the text is too short to learn from", "give a longer text")


class LanguageModelTraining:
    """Train a language model; ``scores`` converts the held-out loss, in nats a token."""

    def __init__(
        self,
        model: LanguageModel,
        text: RunningText,
        settings: Settings,
        scores: Callable[[float], dict[str, float]],
    ) -> None:
        self.model = model.network
        self._model = model
        self._text = text
        self._settings = settings
        self._scores = scores
        windows = len(text.train) // settings.bptt
        self._streams = max(1, min(settings.batch_size, windows // MIN_WINDOWS))
        self.steps_per_epoch = math.ceil((len(text.train) - 1) // self._streams / settings.bptt)
        model.predictor.init_output_bias(text.counts)
        self._sampled: SampledSoftmax | None = None
        if len(text.counts) >= SAMPLED_FROM:
            targets = self._streams * settings.bptt  # a step
            self._sampled = SampledSoftmax(text.counts, targets, model.negative_samples)

    def __getstate__(self) -> dict[str, Any]:
        """Return what the loss needs, for another process."""
        return {name: getattr(self, name) for name in ("model", "_model", "_settings", "_sampled")}

    def batches(self, epoch: int) -> Iterator[Window]:
        """Yield the windows of the text in order; each epoch splits it at other positions.

        Some streams restart from an empty state at random, as every text at inference does.
        """
        tokens, streams, steps = self._text.train, self._streams, self._settings.bptt
        rng = np.random.default_rng([self._settings.seed, epoch])
        slack = (len(tokens) - 1) % streams + steps
        skip = int(rng.integers(slack)) if epoch and slack * 4 < len(tokens) else 0
        for window in self._model.windows(tokens, streams, steps, skip):
            reset = rng.random(streams) < STATE_RESET_PROBABILITY
            yield replace(window, keep_state=window.keep_state & ~reset)

    def loss(self, batch: Window, carry: Carry) -> tuple[Tensor, int, Carry]:
        """Return the summed loss of a window, the number of its targets, and the state after it."""
        keep = self.model.tensor(batch.keep_state).unsqueeze(1)  # (N, 1)
        states = [tuple(x.where(keep, 0.0) for x in layer) for layer in carry]
        targets = self.model.tensor(batch.targets)
        x, next_carry = self._features(batch, states or self._empty_states())  # (N, T, E)
        output, smoothing = self._model.predictor.output, self._settings.label_smoothing
        if self._sampled is not None:
            loss, n = self._sampled.loss(x, output, targets, smoothing)
        else:
            loss, n = cross_entropy(output(x), targets, smoothing)
        return loss, n, next_carry

    def evaluate(self, workers: Workers) -> Evaluation:
        """Score the held-out text, in parallel streams."""
        tokens, vocab_size = self._text.validation, len(self._text.counts)
        streams = max(1, min(MAX_STREAMS, len(tokens) // MIN_STREAM))
        steps = max(1, min(MAX_STEPS, MAX_LOGITS // (streams * vocab_size)))

        parts = min(len(workers), streams)

        def score(part: int) -> tuple[float, int]:
            """Return the summed loss of the streams of one worker, and their targets."""
            rows = slice(part * streams // parts, (part + 1) * streams // parts)
            states: Sequence[LayerState | None] = self._empty_states()
            total, count = 0.0, 0
            for window in self._model.windows(tokens, streams, steps, 0):
                x, states = self._features(window.part(rows), states)
                targets = self.model.tensor(window.targets[rows])
                loss, n = cross_entropy(self._model.predictor.output(x), targets)
                total, count = total + loss.item(), count + n
            return total, count

        losses, counts = zip(*workers.map(score, range(parts)), strict=True)
        return Evaluation(self._scores(sum(losses) / sum(counts)))

    def _features(
        self, window: Window, states: Sequence[LayerState | None]
    ) -> tuple[Tensor, Carry]:
        """Return the features, and the detached states after the window."""
        x, after = self._model.predictor.features(self.model.tensor(window.inputs), states)
        return x, tuple(tuple(part.detach() for part in layer) for layer in after)

    def _empty_states(self) -> list[LayerState | None]:
        return [None] * self._model.num_states
