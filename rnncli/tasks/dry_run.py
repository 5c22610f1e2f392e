"""Tell what a training would do, without doing it: data, task, sizes, epochs; imports no PyTorch.

The speed of this machine is not measured but assumed, so epochs are an estimate within a factor of
about three.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from rnncli.config import DEFAULTS, MAX_VALIDATION_ROWS, Settings, choose_threads
from rnncli.networks.architecture import (
    Architecture,
    Classes,
    Stack,
    Tokens,
    Vocabulary,
    count_parameters,
)
from rnncli.tasks.sizes import (
    CHAR_VOCAB_SIZE,
    CHARACTERS_A_TOKEN,
    GENERATOR_TOKENS_A_WEIGHT,
    GENERATOR_WIDTHS,
    NAME_LENGTH,
    SMALL_CORPUS_EPOCHS,
    SMALL_TEXTS,
    TRANSLATOR_TOKENS_A_WEIGHT,
    TRANSLATOR_WIDTHS,
    VOCAB_SIZES,
    WEIGHTS_A_TOKEN,
)

if TYPE_CHECKING:
    from rnncli.data.preview import CorpusPreview
    from rnncli.tasks.trainer import TrainingRequest

# Weights that a core learns with in a second at 128 units; wide networks use it better.
WEIGHTS_A_SECOND, MAX_SPEED_UP = 5e9, 4.0
NETWORK_SHARE = 0.7  # of the time budget that is left for the network
TOKENS_A_WORD = 1.2  # with the signs between words
MAX_TEXT_TOKENS = 400  # of a text that a classifier reads


@dataclass(frozen=True)
class Plan:
    """What a training would do; the fields have the names that ``--json`` prints."""

    data: str
    task: str
    columns: dict[str, str]  # canonical name -> name in the data
    rows: int
    held_out: int
    is_estimate: bool  # whether the number of rows is one
    parts: dict[str, int]  # rows of other splits
    labels: dict[str, int]
    sample: list[dict[str, str]]
    level: str
    hidden_size: int
    num_layers: int
    vocab_size: int
    max_time: float | None
    epochs: float
    notices: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by their names."""
        return asdict(self)


def plan(request: "TrainingRequest") -> Plan:
    """Read the head of the data and return what a training would do.

    Raises:
        DataError: the data is missing, malformed, or does not suit the task.
        ConfigError: a setting cannot work.
    """
    from rnncli.data.columns import ANY_COLUMNS
    from rnncli.data.preview import preview_corpus

    for defaults in DEFAULTS.values():
        defaults.with_given(request.settings)
    preview = preview_corpus(
        request.data, request.task, request.columns or ANY_COLUMNS, request.revision
    )
    settings, tokens, weights = _choose(preview, request.settings)
    held_out = min(round(preview.rows * settings.validation), MAX_VALIDATION_ROWS)
    is_running_text = preview.columns.keys() == {"text"}
    return Plan(
        data=preview.name,
        task=preview.task,
        columns=preview.columns,
        rows=preview.rows,
        held_out=0 if is_running_text else preview.parts.get("validation", held_out),
        is_estimate=not preview.is_whole,
        parts=preview.parts,
        labels=dict(preview.labels.most_common()),
        sample=preview.sample,
        level=settings.level,
        hidden_size=settings.hidden_size,
        num_layers=settings.num_layers,
        vocab_size=settings.vocab_size,
        max_time=settings.max_time,
        epochs=round(_epochs(settings, preview, tokens, weights), 1),
        notices=preview.notices,
    )


def _choose(preview: "CorpusPreview", overrides: Mapping[str, Any]) -> tuple[Settings, float, int]:
    """Return the settings, the tokens of an epoch, and the weights that a token passes."""
    settings = DEFAULTS[preview.task]
    if "label" in preview.columns:
        return _classifier(preview, settings, overrides)
    if "source" in preview.columns:
        return _translator(preview, settings, overrides)
    return _generator(preview, settings, overrides)


def _classifier(
    preview: "CorpusPreview", settings: Settings, overrides: Mapping[str, Any]
) -> tuple[Settings, float, int]:
    words = preview.words["text"] / preview.rows  # a text
    if words < NAME_LENGTH and overrides.get("level") in (None, "char"):
        settings = replace(settings, level="char", embedding_dim=64, vocab_size=CHAR_VOCAB_SIZE)
    if preview.rows < SMALL_TEXTS:
        settings = replace(settings, epochs=SMALL_CORPUS_EPOCHS)
    settings = settings.with_given(overrides)
    length = TOKENS_A_WORD * words
    if settings.level != "word":
        length = preview.characters["text"] / preview.rows / CHARACTERS_A_TOKEN[settings.level]
    encoder = Stack(settings.cell, settings.num_layers, settings.hidden_size, bidirectional=True)
    head = Classes(max(2, len(preview.labels)))
    weights = count_parameters(Architecture(Tokens(1, settings.embedding_dim), encoder, None, head))
    return settings, preview.rows * min(length, MAX_TEXT_TOKENS), weights


def _translator(
    preview: "CorpusPreview", settings: Settings, overrides: Mapping[str, Any]
) -> tuple[Settings, float, int]:
    (size,) = next(row[1:] for row in VOCAB_SIZES if preview.rows >= row[0])
    settings = replace(settings, vocab_size=size).with_given(overrides)
    tokens = preview.characters["target"] / CHARACTERS_A_TOKEN[settings.level]

    def weights(candidate: Settings) -> int:
        units, width = candidate.hidden_size, candidate.embedding_dim
        encoder = Stack(candidate.cell, candidate.num_layers, units // 2 or 1, bidirectional=True)
        decoder = Stack(candidate.cell, candidate.num_layers, units)
        front, head = Tokens(1, width), Vocabulary(candidate.vocab_size)
        return count_parameters(Architecture(front, encoder, decoder, head))

    if not {"hidden_size", "embedding_dim"} & overrides.keys():
        candidates = [
            replace(settings, hidden_size=width, embedding_dim=width) for width in TRANSLATOR_WIDTHS
        ]
        settings = next(
            (c for c in candidates if _work(c) >= TRANSLATOR_TOKENS_A_WEIGHT * weights(c) ** 2),
            candidates[-1],
        )
    return settings, tokens, weights(settings)


def _generator(
    preview: "CorpusPreview", settings: Settings, overrides: Mapping[str, Any]
) -> tuple[Settings, float, int]:
    settings = settings.with_given(overrides)
    if settings.level == "char":
        settings = replace(settings, vocab_size=CHAR_VOCAB_SIZE)
    tokens = preview.characters["text"] / CHARACTERS_A_TOKEN[settings.level]

    def weights(candidate: Settings) -> int:
        decoder = Stack(candidate.cell, candidate.num_layers, candidate.hidden_size)
        front = Tokens(candidate.vocab_size, candidate.embedding_dim)
        head = Vocabulary(candidate.vocab_size)
        return count_parameters(Architecture(front, None, decoder, head))

    def is_affordable(candidate: Settings) -> bool:
        cost = weights(candidate)
        targets = min((candidate.epochs or 1) * tokens, _work(candidate) / cost)
        return targets >= GENERATOR_TOKENS_A_WEIGHT * cost and cost <= WEIGHTS_A_TOKEN * tokens

    if "hidden_size" not in overrides:
        candidates = [replace(settings, hidden_size=width) for width in GENERATOR_WIDTHS]
        settings = next(filter(is_affordable, candidates), candidates[-1])
    return settings, tokens, weights(settings)


def _work(settings: Settings) -> float:
    """Return how many weights this machine multiplies within the budget."""
    seconds = float("inf") if settings.max_time is None else NETWORK_SHARE * settings.max_time
    speed = WEIGHTS_A_SECOND * min(settings.hidden_size / 128, MAX_SPEED_UP)
    return seconds * speed * choose_threads(settings.threads)


def _epochs(settings: Settings, preview: "CorpusPreview", tokens: float, weights: int) -> float:
    """Return how many epochs fit into the budget, and no more than are asked for."""
    epochs = _work(settings) / max(1.0, tokens * weights)
    if settings.steps is not None:
        is_text_alone = not {"label", "source"} & preview.columns.keys()
        items, size = (tokens, settings.bptt) if is_text_alone else (preview.rows, 1)
        epochs = min(epochs, settings.steps * settings.batch_size * size / max(1.0, items))
    return min(epochs, settings.epochs or epochs)
