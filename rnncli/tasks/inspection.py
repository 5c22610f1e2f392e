"""Look inside a model: what it is made of, and what happens in it as it reads a text."""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.neighbours import nearest
from rnncli.analysis.saturation import resting_gates
from rnncli.analysis.traces import Reading, Trace
from rnncli.analysis.weights import Part, parts
from rnncli.config import Level, Task
from rnncli.errors import ConfigError, DataError
from rnncli.messages import nearest as most_similar_name
from rnncli.networks.numerics import Floats
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import Layout
from rnncli.storage.metrics import read_metrics
from rnncli.tasks import load
from rnncli.tasks.next_tokens import NextTokens, token_text
from rnncli.tasks.predictions import (
    ClassProbabilities,
    Prediction,
    SeriesForecast,
    TokenProbabilities,
    WrittenTranslation,
)
from rnncli.text.arguments import as_texts
from rnncli.text.special_tokens import UNK
from rnncli.text.tokenizer import Tokenizer

if TYPE_CHECKING:  # one of them is needed, and each takes a moment to import
    from rnncli.tasks.classify.predict import TextClassifier
    from rnncli.tasks.forecast.predict import Forecaster
    from rnncli.tasks.generate.predict import TextGenerator
    from rnncli.tasks.transcribe.predict import Transcriber
    from rnncli.tasks.translate.predict import Translator

TextModel: TypeAlias = "TextClassifier | TextGenerator | Translator"
Model: TypeAlias = "TextClassifier | TextGenerator | Translator | Transcriber | Forecaster"


def load_model(path: str | Path) -> Model:
    """Load a model of any task.

    Raises:
        ModelError: there is no such model, or it is damaged.

    """
    return load(path)


def require_text_model(model: Model, option: str) -> TextModel:
    """Return a model that reads texts, as an option needs.

    Raises:
        ConfigError: it reads sound, or series.

    """
    if model.task in ("transcribe", "forecast"):
        is_sound = model.task == "transcribe"
        file = "recording.wav" if is_sound else "series.csv"
        raise ConfigError(
            f"{option} is about texts, and this model reads {'sound' if is_sound else 'series'}",
            f"rnncli inspect {quote(str(model.path))} {file} --units",
        )
    return cast("TextModel", model)


MAX_CHARACTERS = 2_000  # of a text: a picture can show as many, and a classifier reads each prefix
NEIGHBOURS = 10


@dataclass(frozen=True)
class Array:
    """An array, and the names of its axes."""

    axes: tuple[str, ...]
    values: NDArray[Any]


@dataclass(frozen=True)
class TextInspection:
    """What happened in a model as it read a text."""

    model: str
    task: Task
    level: Level
    text: str  # or the name of a recording, or of a table of series
    readings: tuple[Reading, ...]  # of the encoder, of the decoder, or of both
    prediction: Prediction

    @cached_property
    def traces(self) -> dict[str, Trace]:
        """The trace of each layer, by its name: "encoder.layers.0.1"."""
        return {trace.layer: trace for reading in self.readings for trace in reading.traces}

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """All arrays by their names, such as "encoder.layers.0.1.h" or "probabilities"."""
        return dict(self._arrays())

    def _arrays(self) -> Iterator[tuple[str, Array]]:
        for name, trace in self.traces.items():
            for state, values in trace.states.items():
                yield f"{name}.{state}", Array(("token", "unit"), values)
            for gate, values in trace.gates.items():
                yield f"{name}.{gate}_gate", Array(("token", "unit"), values)
        match self.prediction:
            case NextTokens(bits):
                yield "surprisal", Array(("token",), bits)
            case ClassProbabilities(_, _, probabilities):
                yield "probabilities", Array(("token", "class"), probabilities)
            case TokenProbabilities(probabilities=probabilities):
                yield "probabilities", Array(("step", "token"), probabilities)
            case SeriesForecast(_, series, quantiles):
                yield "values", Array(("step",), series)
                yield "quantiles", Array(("step", "quantile"), quantiles)
            case WrittenTranslation(_, alignment, expected):
                yield "surprisal", Array(("token",), expected.bits)
                yield "attention", Array(("target word", "source word"), alignment.weights)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as lists and dictionaries, for JSON."""
        values: dict[str, Any] = {"model": self.model, "task": self.task, "text": self.text}
        values["tokens"] = {reading.half: list(reading.tokens) for reading in self.readings}
        match self.prediction:
            case NextTokens():
                values["next_tokens"] = _candidates(self.prediction)
            case ClassProbabilities(labels) | TokenProbabilities(labels=labels):
                values["labels"] = list(labels)
            case WrittenTranslation(text, alignment, expected):
                values["translation"] = text
                values["source_words"] = list(alignment.source)
                values["target_words"] = list(alignment.target)
                values["next_tokens"] = _candidates(expected)
        arrays = {n: {"axes": a.axes, "values": _rounded(a.values)} for n, a in self.arrays.items()}
        return values | {"arrays": arrays}


@dataclass(frozen=True)
class ModelInspection:
    """What a model is made of, and how it was trained."""

    model: str
    description: ModelDescription
    parts: tuple[Part, ...]
    resting_gates: Mapping[str, Mapping[str, Floats]]  # (H,) of each layer and gate
    metrics: Sequence[Mapping[str, float]]  # of each evaluation in training

    def to_dict(self) -> dict[str, Any]:
        """Return everything as lists and dictionaries, for JSON."""
        gates = {
            f"{layer}.{gate}_gate": {"axes": ["unit"], "values": _rounded(values)}
            for layer, gates in self.resting_gates.items()
            for gate, values in gates.items()
        }
        return {
            "model": self.model,
            "description": self.description.to_json(),
            "parts": [asdict(part) for part in self.parts],
            "metrics": list(self.metrics),
            "resting_gates": gates,
        }


@dataclass(frozen=True)
class Similarity:
    """A token whose embedding is near that of another one."""

    token: str
    cosine: float


def inspect_model(model: Model) -> ModelInspection:
    """Describe the parts of a model, its weights and its training."""
    gates = {
        layer.name: {name: values[0] for name, values in resting_gates(layer).items()}
        for layer in model.network.layers
    }
    return ModelInspection(
        model.name,
        model.description,
        tuple(parts(model.network.weights)),
        {name: values for name, values in gates.items() if values},
        read_metrics(Layout(model.path)),
    )


def inspect_text(model: Model, text: str, control: str | None = None) -> TextInspection:
    """Read a text with a model, and keep the states, gates and predictions of each step.

    Of a model that reads sound, the text is the name of a WAV file; of series, that of a table.

    Raises:
        InputError: the text is no string.
        DataError: it is too long or, for a translator, blank; the file cannot be read.
        ConfigError: the model has no such control code, or needs one.

    """
    (text,) = as_texts([text])
    if len(text) > MAX_CHARACTERS:
        raise DataError(
            f"the text has {len(text):,} characters, more than can be shown",
            f"give at most {MAX_CHARACTERS:,} of them",
        )
    if control is not None and model.task != "generate":
        raise ConfigError("only generators have control codes", "leave --control out")
    readings, prediction = _read(model, text, control)
    level = model.description.level or "word"
    return TextInspection(model.name, model.task, level, text, readings, prediction)


def _read(model: Any, text: str, control: str | None) -> tuple[tuple[Reading, ...], Prediction]:
    """Read a text, a recording or a table with a model, whose task decides what is imported."""
    match model.task:
        case "classify":
            from rnncli.tasks.classify.inspect import inspect_classifier

            return inspect_classifier(model, text)
        case "generate":
            from rnncli.tasks.generate.inspect import inspect_generator

            return inspect_generator(model, text, control)
        case "translate":
            from rnncli.tasks.translate.inspect import inspect_translator

            return inspect_translator(model, text)
        case "transcribe":
            from rnncli.tasks.transcribe.inspect import inspect_transcriber

            return inspect_transcriber(model, Path(text))
        case _:
            from rnncli.tasks.forecast.inspect import inspect_forecaster

            return inspect_forecaster(model, text)


def similar_tokens(model: TextModel, word: str) -> list[Similarity]:
    """Return the tokens whose embeddings are most similar to that of a word, the nearest first.

    Raises:
        ConfigError: the word is not one token of the model.

    """
    tokenizer = model.tokenizer
    if (token := _token_of(tokenizer, word)) is not None:
        neighbours = nearest(model.network.embedding, token, NEIGHBOURS)
        return [Similarity(token_text(tokenizer, n.token), n.cosine) for n in neighbours]
    level = "character" if tokenizer.level == "char" else "word"
    # Beginning with those of middle frequency, after the bytes of which others are made.
    middle = tokenizer.vocab_size // 2
    tokens = chain(range(middle, tokenizer.vocab_size), range(middle))
    words = (token_text(tokenizer, i).strip() for i in tokens)
    examples = (each for each in words if each.isalpha() and _token_of(tokenizer, each))
    meant = most_similar_name(word, list(examples)) or "e"
    raise ConfigError(
        f"{reprlib.repr(word)} is not one token of this model, but several or none",
        f"name another {level}: --near {quote(meant)}",
    )


def _token_of(tokenizer: Tokenizer, word: str) -> int | None:
    """Return the token that a word is; None where it is several, or unknown."""
    for text in (word, f" {word}"):  # a vocabulary for writing has words with the space before them
        ids = tokenizer.encode(text)
        if len(ids) == 1 and ids[0] != UNK:
            return ids[0]
    return None


def _candidates(expected: NextTokens) -> list[list[dict[str, Any]]]:
    return [[asdict(each) for each in step] for step in expected.candidates]


def _rounded(values: NDArray[Any]) -> list[Any]:
    """Return nested lists of numbers of four digits; None for what is not a number."""
    rounded = np.round(values.astype(np.float64), 4)
    numbers: list[Any] = np.where(np.isfinite(rounded), rounded, None).tolist()  # type: ignore[call-overload]
    return numbers
