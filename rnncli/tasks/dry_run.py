"""Tell what a training would do, without doing it: data, task, sizes, epochs; imports no PyTorch.

Epochs are an estimate within a factor of about two, by the speed at which NumPy multiplies.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from rnncli.config import DEFAULTS, MAX_VALIDATION_ROWS, Settings, choose_threads
from rnncli.data.held_out import max_held_out
from rnncli.messages import Announce
from rnncli.networks.architecture import (
    Architecture,
    Classes,
    Stack,
    Tokens,
    Vocabulary,
    count_parameters,
)
from rnncli.storage.reading import read_description, require_task
from rnncli.tasks.sizes import (
    CHAR_VOCAB_SIZE,
    CHARACTERS_A_TOKEN,
    GENERATOR_TOKENS_A_WEIGHT,
    GENERATOR_WIDTHS,
    NAME_LENGTH,
    SMALL_CORPUS_EPOCHS,
    SMALL_TEXTS,
    TRANSLATOR_NEGATIVE_SAMPLES,
    TRANSLATOR_SAMPLED_FROM,
    TRANSLATOR_TOKENS_A_WEIGHT,
    TRANSLATOR_WIDTHS,
    VOCAB_SIZES,
    WEIGHTS_A_TOKEN,
)
from rnncli.tasks.speed import weights_a_second

if TYPE_CHECKING:
    from rnncli.data.preview import CorpusPreview
    from rnncli.tasks.trainer import TrainingRequest

# Seconds a token beside those of products: short steps, one after another, are far from the speed
# of long ones. As measured; translators count tokens of the target.
CLASSIFIER_OVERHEAD, GENERATOR_OVERHEAD, TRANSLATOR_OVERHEAD = 17e-6, 3e-6, 50e-6
# The network's part of the time budget: all but the start, in which PyTorch is loaded, and
# evaluation and n-grams; of translators, vocabularies, initial embeddings and memory, too.
START_SECONDS, NETWORK_SHARE, MIN_NETWORK_SHARE = 2.0, 0.8, 0.5
TRANSLATOR_START_SECONDS, TRANSLATOR_NETWORK_SHARE, TRANSLATOR_MIN_SHARE = 6.0, 0.7, 0.35
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
    vectors: str | None  # word vectors of a classifier
    max_time: float | None
    epochs: float
    notices: tuple[str, ...]

    @property
    def is_plain_text(self) -> bool:
        """Return whether rows are lines of a text."""
        return self.columns.keys() == {"text"}

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
        defaults.with_overrides(request.settings)
    preview = preview_corpus(
        request.data, request.task, request.columns or ANY_COLUMNS, request.revision
    )
    if (path := request.init_from) is not None:
        require_task(path, read_description(path).task, preview.task, "leave --init-from out")
    settings, tokens, cost = _choose(preview, request.settings)
    notices: list[str] = []
    if "label" in preview.columns:
        settings = _with_vectors(settings, preview, request, notices.append)
    max_rows = max_held_out(request.settings).get("rows", MAX_VALIDATION_ROWS)
    held_out = min(round(preview.rows * settings.validation), max_rows)
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
        vectors=settings.vectors if "label" in preview.columns else None,
        max_time=settings.max_time,
        epochs=_rounded(_epochs(settings, preview, tokens, cost)),
        notices=(*preview.notices, *notices),
    )


def _with_vectors(
    settings: Settings, preview: "CorpusPreview", request: "TrainingRequest", announce: Announce
) -> Settings:
    """Return settings with the word vectors that a classifier would take.

    Raises:
        DataError: there are no such vectors.
        ConfigError: the tokens are no words.
    """
    from rnncli.data.vector_sources import require_vectors
    from rnncli.tasks.classify.vectors import choose_vectors
    from rnncli.text.unicode import plain_signs

    if settings.vectors is not None:
        require_vectors(settings.vectors)
    texts = map(plain_signs, preview.texts)
    vectors = choose_vectors(texts, settings, bool(request.unlabelled), announce)
    return replace(settings, vectors=vectors)


def _choose(
    preview: "CorpusPreview", overrides: Mapping[str, Any]
) -> tuple[Settings, float, float]:
    """Return the settings, the tokens of an epoch, and the seconds that a token takes."""
    settings = DEFAULTS[preview.task]
    speed = weights_a_second(choose_threads(overrides.get("threads")))
    if "label" in preview.columns:
        return _classifier(preview, settings, overrides, speed)
    if "source" in preview.columns:
        return _translator(preview, settings, overrides, speed)
    return _generator(preview, settings, overrides, speed)


def _classifier(
    preview: "CorpusPreview", settings: Settings, overrides: Mapping[str, Any], speed: float
) -> tuple[Settings, float, float]:
    words = preview.words["text"] / preview.rows  # a text
    if words < NAME_LENGTH and overrides.get("level") in (None, "char"):
        settings = replace(settings, level="char", embedding_dim=64, vocab_size=CHAR_VOCAB_SIZE)
    if preview.rows < SMALL_TEXTS:
        settings = replace(settings, epochs=SMALL_CORPUS_EPOCHS)
    settings = settings.with_overrides(overrides)
    length = TOKENS_A_WORD * words
    if settings.level != "word":
        length = preview.characters["text"] / preview.rows / CHARACTERS_A_TOKEN[settings.level]
    encoder = Stack(settings.cell, settings.num_layers, settings.hidden_size, bidirectional=True)
    head = Classes(max(2, len(preview.labels)))
    weights = count_parameters(Architecture(Tokens(1, settings.embedding_dim), encoder, None, head))
    tokens = preview.rows * min(length, MAX_TEXT_TOKENS)
    return settings, tokens, CLASSIFIER_OVERHEAD + weights / speed


def _translator(
    preview: "CorpusPreview", settings: Settings, overrides: Mapping[str, Any], speed: float
) -> tuple[Settings, float, float]:
    (size,) = next(row[1:] for row in VOCAB_SIZES if preview.rows >= row[0])
    most_words = max(preview.words["source"], preview.words["target"])
    if most_words < NAME_LENGTH * preview.rows and overrides.get("level") in (None, "char"):
        settings, size = replace(settings, level="char"), CHAR_VOCAB_SIZE
    settings = replace(settings, vocab_size=size).with_overrides(overrides)
    tokens = preview.characters["target"] / CHARACTERS_A_TOKEN[settings.level]
    outputs = settings.vocab_size
    if outputs >= TRANSLATOR_SAMPLED_FROM:
        outputs = TRANSLATOR_NEGATIVE_SAMPLES

    def weights(candidate: Settings) -> int:
        units, width = candidate.hidden_size, candidate.embedding_dim
        encoder = Stack(candidate.cell, candidate.num_layers, units // 2 or 1, bidirectional=True)
        decoder = Stack(candidate.cell, candidate.num_layers, units)
        front, head = Tokens(1, width), Vocabulary(outputs)
        return count_parameters(Architecture(front, encoder, decoder, head))

    def cost(candidate: Settings) -> float:
        return TRANSLATOR_OVERHEAD + weights(candidate) / speed

    if not {"hidden_size", "embedding_dim"} & overrides.keys():
        candidates = [
            replace(settings, hidden_size=width, embedding_dim=width) for width in TRANSLATOR_WIDTHS
        ]
        settings = next(
            (
                candidate
                for candidate in candidates
                if _seconds(candidate) / cost(candidate)
                >= TRANSLATOR_TOKENS_A_WEIGHT * weights(candidate)
            ),
            candidates[-1],
        )
    return settings, tokens, cost(settings)


def _generator(
    preview: "CorpusPreview", settings: Settings, overrides: Mapping[str, Any], speed: float
) -> tuple[Settings, float, float]:
    settings = settings.with_overrides(overrides)
    if settings.level == "char":
        settings = replace(settings, vocab_size=CHAR_VOCAB_SIZE)
    tokens = preview.characters["text"] / CHARACTERS_A_TOKEN[settings.level]

    def weights(candidate: Settings) -> int:
        decoder = Stack(candidate.cell, candidate.num_layers, candidate.hidden_size)
        front = Tokens(candidate.vocab_size, candidate.embedding_dim)
        head = Vocabulary(candidate.vocab_size)
        return count_parameters(Architecture(front, None, decoder, head))

    def cost(candidate: Settings) -> float:
        return GENERATOR_OVERHEAD + weights(candidate) / speed

    def is_affordable(candidate: Settings) -> bool:
        number = weights(candidate)
        targets = min((candidate.epochs or 1) * tokens, _seconds(candidate) / cost(candidate))
        return targets >= GENERATOR_TOKENS_A_WEIGHT * number and number <= WEIGHTS_A_TOKEN * tokens

    if "hidden_size" not in overrides:
        candidates = [replace(settings, hidden_size=width) for width in GENERATOR_WIDTHS]
        settings = next(filter(is_affordable, candidates), candidates[-1])
    return settings, tokens, cost(settings)


def _seconds(settings: Settings) -> float:
    """Return the time budget."""
    return float("inf") if settings.max_time is None else settings.max_time


def _epochs(settings: Settings, preview: "CorpusPreview", tokens: float, cost: float) -> float:
    """Return how many epochs fit into the budget, and no more than are asked for."""
    budget = _seconds(settings)
    start, share, least = START_SECONDS, NETWORK_SHARE, MIN_NETWORK_SHARE
    if "source" in preview.columns:
        start, share = TRANSLATOR_START_SECONDS, TRANSLATOR_NETWORK_SHARE
        least = TRANSLATOR_MIN_SHARE
    seconds = max(share * (budget - start), least * budget)
    epochs = seconds / max(1.0, tokens) / cost
    if settings.steps is not None:
        is_text_alone = not {"label", "source"} & preview.columns.keys()
        items, size = (tokens, settings.bptt) if is_text_alone else (preview.rows, 1)
        epochs = min(epochs, settings.steps * settings.batch_size * size / max(1.0, items))
    return min(epochs, settings.epochs or epochs)


def _rounded(epochs: float) -> float:
    """Return an estimate to two digits."""
    return float(f"{epochs:.2g}")
