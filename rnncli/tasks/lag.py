"""How far back a model remembers: ``rnncli inspect --lag``.

Seen from inside, by the gradient of the last step; from outside, by the loss without what lies
further back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.context import (
    CONTEXTS,
    ContextLoss,
    Losses,
    PositionLoss,
    context_losses,
    position_losses,
)
from rnncli.analysis.spectrum import spectral_radii
from rnncli.config import Cell
from rnncli.data.wav import open_wav
from rnncli.errors import DataError
from rnncli.networks.architecture import Architecture, Stack
from rnncli.networks.numerics import Floats, log_softmax
from rnncli.storage.layout import Layout
from rnncli.storage.metrics import read_metrics
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.forecast.inspect import forecast_contexts, window_frames
from rnncli.tasks.forecast.predict import Forecaster
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.tasks.inspection import Model
from rnncli.tasks.transcribe.predict import Transcriber
from rnncli.text.batching import pad
from rnncli.text.special_tokens import EOS
from rnncli.text.unicode import plain_signs

MAX_LAG = 256  # steps: further back, no gradient of a plain network can be told from 0
SEQUENCES = 16  # over which gradients are averaged
MIN_LAG = 8  # steps that a text must have
WHOLE = 512  # tokens that count as the whole context of a generator
PREDICTIONS = 150  # of a generator with each context, each of another token
BATCH_TEXTS = 32  # read side by side


@dataclass(frozen=True)
class Reach:
    """How far back the gradient of the last step of a network reaches."""

    network: str  # the model, or the cell of an untrained network
    cell: Cell
    is_trained: bool
    gradient: Floats  # (T,) by lag, relative to that of the last input
    spectral_radii: Mapping[str, float]  # of the recurrent weights of each layer


@dataclass(frozen=True)
class GradientNorms:
    """The norms of the gradients of a step of training, before and after clipping."""

    step: int
    before: float
    after: float
    largest: float  # before clipping, of the steps since the evaluation before


@dataclass(frozen=True)
class LagInspection:
    """How far back a model and other networks remember."""

    model: str
    reaches: tuple[Reach, ...]
    measure: str | None  # of the losses below
    contexts: tuple[ContextLoss, ...]  # with so many tokens visible
    positions: tuple[PositionLoss, ...]  # of the tokens in texts read from an empty state
    training: tuple[GradientNorms, ...]  # at each evaluation
    unit: str = "tokens"  # what is visible

    def to_dict(self) -> dict[str, Any]:
        """Return everything as lists and dictionaries, for JSON."""
        values = asdict(self)
        for reach in values["reaches"]:
            reach["gradient"] = [float(f"{value:.4g}") for value in reach["gradient"].tolist()]
        return values


def inspect_lag(
    model: Model, others: Sequence[Model], cells: Sequence[Cell], texts: Sequence[str]
) -> LagInspection:
    """Measure how far back a model remembers, beside other models and untrained networks.

    These have other cells and the model's sizes. ``texts`` are read by all of them; of
    transcribers, they are names of recordings; of forecasters, of tables of series.

    Raises:
        DataError: the texts are too short.

    """
    reaches = [_reach(each, None, texts) for each in (model, *others)]
    reaches += [_reach(model, cell, texts) for cell in cells]
    contexts: Sequence[ContextLoss] = ()
    positions: Sequence[PositionLoss] = ()
    measure, unit = None, "tokens"
    if isinstance(model, TextGenerator):
        measure = "nats per token"
        contexts, positions = _generator_contexts(model, texts), _generator_positions(model, texts)
    elif isinstance(model, TextClassifier):
        measure = "nats of the label"
        contexts = _classifier_contexts(model, texts)
    elif isinstance(model, Forecaster):
        measure, unit = "MASE", "values"
        contexts = forecast_contexts(model, texts)
    training = _gradient_norms(model)
    return LagInspection(
        model.name, tuple(reaches), measure, tuple(contexts), tuple(positions), training, unit
    )


def _reach(model: Model, cell: Cell | None, texts: Sequence[str]) -> Reach:
    """Compute the gradients of a model or, with a cell, of an untrained network of its sizes."""
    from rnncli.analysis.gradients import load_network, network_gradient_by_lag

    architecture, weights = model.network.architecture, model.network.weights
    network = load_network(
        architecture if cell is None else _with_cell(architecture, cell),
        weights if cell is None else None,
    )
    if cell is not None:
        weights = {name: tensor.detach().numpy() for name, tensor in network.named_parameters()}
    stack = architecture.encoder or architecture.decoder
    assert stack is not None
    gradient = network_gradient_by_lag(network, _sequences(model, texts))
    name = model.name if cell is None else f"{cell}, untrained"
    radii = spectral_radii(cell or stack.cell, weights)
    return Reach(name, cell or stack.cell, cell is None, gradient, radii)


def _with_cell(architecture: Architecture, cell: Cell) -> Architecture:
    def changed(stack: Stack | None) -> Stack | None:
        return None if stack is None else replace(stack, cell=cell)

    return replace(
        architecture, encoder=changed(architecture.encoder), decoder=changed(architecture.decoder)
    )


def _sequences(model: Model, texts: Sequence[str]) -> NDArray[Any]:
    """Return sequences (N, T + 1) of the tokens, or (N, T + 1, F) of the frames, of all texts."""
    if isinstance(model, Forecaster):
        return window_frames(model, texts)
    parts: list[NDArray[Any]] = []
    for part in _steps(model, texts):
        parts.append(part)
        if sum(map(len, parts)) >= SEQUENCES * (MAX_LAG + 2):
            break
    steps = np.concatenate(parts)
    length = min(MAX_LAG + 2, len(steps))  # lags from 0, and the token that is predicted
    if length < MIN_LAG + 2:
        raise DataError("the texts are too short to look back", "read longer ones: --data FILE")
    rows = min(SEQUENCES, len(steps) // length)
    return steps[: rows * length].reshape(rows, length, *steps.shape[1:])


def _steps(model: Model, texts: Sequence[str]) -> Iterator[NDArray[Any]]:
    """Yield the tokens (T,) of each text, or the frames (T, F) of each recording."""
    if isinstance(model, Transcriber):
        for name in texts:
            with open_wav(Path(name)) as sound:
                yield model.frames(sound.read(), sound.rate)
        return
    if not isinstance(model, TextGenerator):
        texts = list(map(plain_signs, texts))
    for ids in model.tokenizer.encode_all(texts):
        yield np.array(ids, np.int64)


def _generator_contexts(model: TextGenerator, texts: Sequence[str]) -> list[ContextLoss]:
    """Compare predictions of the same tokens from contexts of several lengths."""
    ids = np.array(model.tokenizer.encode("".join(texts)), np.int64)
    whole = min(WHOLE, len(ids) // 2)
    targets = np.unique(np.linspace(whole, len(ids) - 1, PREDICTIONS).astype(np.int64))

    def losses(tokens: int) -> Losses:
        contexts = [ids[max(end - tokens, 0) : end] for end in targets]
        logits = np.concatenate(
            [
                model.network.read(*pad(contexts[start : start + BATCH_TEXTS]))[0]
                for start in range(0, len(contexts), BATCH_TEXTS)
            ]
        )
        log_p = log_softmax(logits.astype(np.float64))
        nats: Losses = -log_p[np.arange(len(targets)), ids[targets]]
        return nats

    shorter = [tokens for tokens in CONTEXTS if tokens < whole]
    return context_losses(losses, losses(whole), shorter)


def _generator_positions(model: TextGenerator, texts: Sequence[str]) -> list[PositionLoss]:
    context = model.tokenizer.encode("\n")
    encoded = [context + ids for ids in model.tokenizer.encode_all(texts)]
    return position_losses([bits * np.log(2) for bits in model.token_bits(encoded)])


def _classifier_contexts(model: TextClassifier, texts: Sequence[str]) -> list[ContextLoss]:
    """Compare the probability of each text's label from its last tokens with that from all."""
    encoded = list(model.tokenizer.encode_all(map(plain_signs, texts)))

    def log_p(tokens: int | None) -> NDArray[np.float64]:
        rows = [[*(ids if tokens is None else ids[-tokens:]), EOS] for ids in encoded]
        logits = [
            model.network.classify(*pad(rows[start : start + BATCH_TEXTS]))
            for start in range(0, len(rows), BATCH_TEXTS)
        ]
        log_p: NDArray[np.float64] = log_softmax(np.concatenate(logits).astype(np.float64))
        return log_p

    whole = log_p(None)
    places = np.arange(len(whole)), whole.argmax(1)
    return context_losses(lambda tokens: -log_p(tokens)[places], -whole[places])


def _gradient_norms(model: Model) -> tuple[GradientNorms, ...]:
    """Return the gradient norms in metrics.jsonl, where they are there."""
    names = ("step", "gradient_norm", "clipped_gradient_norm", "largest_gradient_norm")
    lines = [
        [line[name] for name in names]
        for line in read_metrics(Layout(model.path))
        if line.keys() >= set(names)
    ]
    return tuple(GradientNorms(int(step), *norms) for step, *norms in lines)
