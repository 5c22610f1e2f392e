"""Find the units of a model that know a property of the text: ``rnncli inspect --find``."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.hidden_states import read_states, reading_layers
from rnncli.analysis.text_properties import PROPERTIES, TextProperty, at_ends, last_word_in
from rnncli.analysis.unit_search import FoundUnit, Moments, find_units
from rnncli.analysis.units import Edit, Unit, layer_names, units_of
from rnncli.errors import ConfigError, DataError
from rnncli.messages import did_you_mean
from rnncli.networks.model_numpy import CausalLM
from rnncli.networks.numerics import Floats
from rnncli.tasks.clamping import Effect, effect_on
from rnncli.tasks.inspection import TextModel
from rnncli.tasks.sentence_sentiment import SENTIMENT, sentence_sentiment
from rnncli.text.files import File, read_text
from rnncli.text.special_tokens import EOS
from rnncli.text.unicode import plain_signs

MAX_CHARACTERS = 40_000  # of the texts: intervals of +-0.1, in some seconds
MAX_STATES = 1 << 25  # of all units and tokens: bounds memory to 128 MB
BATCH_TEXTS = 64  # read side by side
EXAMPLES = 3  # where a unit is largest and smallest
EXAMPLE_CHARACTERS = 40  # of the text before a place
MAX_WORD_BYTES = 1 << 20  # of a file of words


@dataclass(frozen=True)
class Example:
    """A place in a text, and the value of a unit after it."""

    before: str
    token: str
    value: float


@dataclass(frozen=True)
class UnitResult:
    """A unit that knows a property, or may."""

    unit: str
    correlation: float  # in texts that did not select it
    interval: tuple[float, float]  # 95 % for all units of the result together
    is_significant: bool
    mean: float
    effect: Effect | None  # of being clamped to its mean; None of a translator
    highest: tuple[Example, ...]
    lowest: tuple[Example, ...]


@dataclass(frozen=True)
class UnitSearch:
    """The units that correlate most with a property."""

    model: str
    property: str
    texts: int
    tokens: int
    searched: int  # units
    units: tuple[UnitResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as lists and dictionaries, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Reading:
    """A text that a model read, and its states (T, U) after each token."""

    text: str
    ends: Sequence[int]
    states: Floats


def property_of(name: str) -> TextProperty:
    """Return the property of a name, or that of some words: ``no,not``, or those in a file.

    Raises:
        ConfigError: there is neither a property nor a file of this name.
        DataError: the file cannot be read, or is empty.

    """
    if name == SENTIMENT:
        return sentence_sentiment()
    if name in PROPERTIES:
        return PROPERTIES[name]
    if "," in name and (listed := name.replace(",", " ").split()):
        return last_word_in(listed)
    names = [*PROPERTIES, SENTIMENT]
    if not Path(name).is_file():
        raise ConfigError(
            f"there is no property {name!r} and no file of words of this name",
            did_you_mean(name, names) or f"choose from {', '.join(names)}",
        )
    words = read_text(File(Path(name), name), limit=MAX_WORD_BYTES).split()
    if not words:
        raise DataError(f"{name} has no words", "write a word on each line of it")
    return last_word_in(words)


def search_units(
    model: TextModel, name: str, values_of: TextProperty, texts: Sequence[str]
) -> UnitSearch:
    """Find the units that know the property of a name, in texts that the model did not learn from.

    Raises:
        DataError: there are too few texts, or the property does not vary in them.

    """
    units = _units(model)
    readings = list(_read(model, texts, len(units)))
    values = [at_ends(values_of(reading.text), reading.ends) for reading in readings]
    try:
        found = find_units([Moments.of(r.states, v) for r, v in zip(readings, values, strict=True)])
    except ValueError as error:
        raise DataError(f"{name}: {error}", "read other texts: --data FILE") from None
    results = _results(model, [(units[each.index], each) for each in found], readings[1::2])
    tokens = sum(len(reading.ends) for reading in readings)
    return UnitSearch(model.name, name, len(readings), tokens, len(units), tuple(results))


def _units(model: TextModel) -> list[Unit]:
    """Return the units of the layers that read texts."""
    reading = reading_layers(model.network)
    names = layer_names(model.network.layers)
    return units_of({name: layer for name, layer in names.items() if layer in reading})


def _read(model: TextModel, texts: Sequence[str], units: int) -> Iterator[_Reading]:
    """Yield the readings of texts in their order, as many as fit into memory."""
    network, tokenizer = model.network, model.tokenizer
    before, after = tokenizer.encode("\n"), list[int]()
    if not isinstance(network, CausalLM):
        texts, before, after = list(map(plain_signs, texts)), [], [EOS]
    encoded = list(map(tokenizer.encode_with_ends, texts))
    fits = np.cumsum([len(ids) for ids, _ in encoded]) * units <= MAX_STATES
    encoded = encoded[: int(fits.sum())]
    for start in range(0, len(encoded), BATCH_TEXTS):
        batch = encoded[start : start + BATCH_TEXTS]
        states = read_states(network, [[*before, *ids, *after] for ids, _ in batch])
        for text, (ids, ends), values in zip(texts[start:], batch, states, strict=False):
            yield _Reading(text, ends, values[len(before) : len(before) + len(ids)])


def _results(
    model: TextModel, found: Sequence[tuple[Unit, FoundUnit]], readings: Sequence[_Reading]
) -> Iterator[UnitResult]:
    """Yield what is known of each unit from the texts that did not select it."""
    effect_of = effect_on(model, [reading.text for reading in readings])
    for unit, each in found:
        values = np.concatenate([reading.states[:, each.index] for reading in readings])
        mean = float(values.mean())
        order = np.argsort(values, kind="stable")
        yield UnitResult(
            str(unit),
            each.correlation,
            each.interval,
            each.is_significant,
            mean,
            effect_of([Edit(unit, mean)]),
            tuple(_examples(readings, values, order[::-1])),
            tuple(_examples(readings, values, order)),
        )


def _examples(
    readings: Sequence[_Reading], values: Floats, order: NDArray[np.int64]
) -> Iterator[Example]:
    """Yield the first places in an order of all tokens, one of a text."""
    first = np.cumsum([0, *(len(reading.ends) for reading in readings)])  # tokens of each text
    shown: set[int] = set()
    for place in order.tolist():
        row = int(np.searchsorted(first, place, side="right")) - 1
        if row in shown:
            continue
        shown.add(row)
        reading, step = readings[row], place - int(first[row])
        start = reading.ends[step - 1] if step else 0
        end = reading.ends[step]
        before = reading.text[max(start - EXAMPLE_CHARACTERS, 0) : start]
        yield Example(before, reading.text[start:end], float(values[place]))
        if len(shown) == EXAMPLES:
            return
