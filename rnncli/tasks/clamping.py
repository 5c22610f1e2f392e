"""What a model does with some of its units clamped: ``rnncli inspect --edit``."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rnncli.analysis.units import Edit, clamped
from rnncli.config import SamplingConfig
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.tasks.inspection import TextModel

# One seed, so that what differs is due to the units.
CONTINUATION = SamplingConfig(temperature=0.7, length=200, seed=0)


@dataclass(frozen=True)
class Effect:
    """A measure of a model's answers to texts, without and with clamped units."""

    measure: str
    before: float
    after: float


@dataclass(frozen=True)
class ClampedAnswers:
    """The answers of a model to a text, without and with clamped units."""

    model: str
    edits: tuple[str, ...]
    text: str
    before: str
    after: str
    probabilities_before: dict[str, float] | None = None  # of a classifier's labels
    probabilities_after: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as a dictionary, for JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def clamped_answers(
    model: TextModel, edits: Sequence[Edit], text: str, control: str | None = None
) -> ClampedAnswers:
    """Continue, label or translate a text without and with clamped units.

    A generator with control codes writes under ``control``, else under the first of them.

    Raises:
        ConfigError: the model has no such control code.

    """
    before, p_before = _answer(model, text, control)
    with clamped(model.network.layers, edits):
        after, p_after = _answer(model, text, control)
    names = tuple(f"{edit.unit}={edit.value:g}" for edit in edits)
    return ClampedAnswers(model.name, names, text, before, after, p_before, p_after)


def _answer(
    model: TextModel, text: str, control: str | None
) -> tuple[str, dict[str, float] | None]:
    """Return the answer to a text and, of a classifier, the probabilities of its labels."""
    if isinstance(model, TextGenerator):
        if control is None and model.controls is not None:
            control = next(iter(model.controls.counts))
        return model([text], CONTINUATION, control)[0].text, None
    if isinstance(model, TextClassifier):
        result = model([text])[0]
        return result.label, result.probabilities
    return model([text])[0].text, None


def effect_on(model: TextModel, texts: Sequence[str]) -> Callable[[Sequence[Edit]], Effect | None]:
    """Return a function that measures the effect of edits on the answers to these texts.

    For a generator that is its loss, in bits a character; for a classifier the share of the texts
    that get another label. For a translator there is none.
    """
    layers = model.network.layers
    if isinstance(model, TextGenerator):
        loss = _bits_per_character(model, texts)

        def effect_on_loss(edits: Sequence[Edit]) -> Effect:
            with clamped(layers, edits):
                return Effect("bits per character", loss, _bits_per_character(model, texts))

        return effect_on_loss
    if isinstance(model, TextClassifier):
        classes = model.logits(texts).argmax(1)

        def effect_on_labels(edits: Sequence[Edit]) -> Effect:
            with clamped(layers, edits):
                share = (model.logits(texts).argmax(1) != classes).mean()
            return Effect("share of other labels", 0.0, float(share))

        return effect_on_labels
    return lambda _: None


def _bits_per_character(generator: TextGenerator, texts: Sequence[str]) -> float:
    """Return the loss on texts, each of which follows a newline."""
    encode = generator.tokenizer.encode
    bits = generator.token_bits([encode("\n") + encode(text) for text in texts])
    return sum(float(each.sum()) for each in bits) / sum(map(len, texts))
