"""Tell what a training would do: data, task, sizes, epochs; do not do it, nor import PyTorch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.config import DEFAULTS, MAX_HELD_OUT, choose_threads
from rnncli.data.time_limits import max_held_out, max_read
from rnncli.messages import Announce
from rnncli.networks.architecture import Tokens
from rnncli.storage.model_names import model_directory, model_name
from rnncli.storage.reading import read_description, require_task
from rnncli.tasks.size_estimate import estimate_sizes, settings_of_classifier
from rnncli.tasks.speed import weights_a_second
from rnncli.tasks.training_settings import require_settings_of
from rnncli.training.initial_model import FROM_NOTHING, settings_of

if TYPE_CHECKING:
    from rnncli.data.preview import CorpusPreview
    from rnncli.storage.description import ModelDescription
    from rnncli.storage.reading import SavedModel
    from rnncli.tasks.trainer import TrainingRequest


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
    init_from: str | None  # the model whose sizes these are
    freeze: bool  # whether its encoder stays, so that there are no epochs
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
        ModelError: the model to start from is missing, damaged, or of another task.
    """
    from rnncli.data.columns import ANY_COLUMNS
    from rnncli.data.preview import preview_corpus

    for defaults in DEFAULTS.values():
        defaults.with_overrides(request.settings)
    where = request.data, request.task, request.columns or ANY_COLUMNS, request.revision
    preview = preview_corpus(*where, limits=max_read(request.settings))
    require_settings_of(preview.task, {**request.settings, "unlabelled": request.unlabelled})
    if "time" in preview.columns:
        return _series_plan(preview, request)
    notices, vectors_dim, freeze = list[str](), 0, False
    request = _with_initial_model(request, preview, notices.append)
    model, overrides = _settings(request, preview)
    if "label" in preview.columns:
        overrides, vectors_dim = _with_vectors(overrides, preview, model, request, notices.append)
        freeze = _keeps_encoder(preview, request)
    speed = weights_a_second(choose_threads(overrides.get("threads")))
    sizes = estimate_sizes(preview, overrides, speed, vectors_dim)
    settings, vocab_size = sizes.settings, sizes.settings.vocab_size
    if model is not None and "label" in preview.columns:
        vocab_size = _tokens(model).vocab_size
    return Plan(
        data=preview.name,
        task=preview.task,
        columns=preview.columns,
        rows=preview.rows,
        held_out=_held_out(preview, request),
        is_estimate=not preview.is_whole,
        parts=preview.parts,
        labels=dict(preview.labels.most_common()),
        sample=preview.sample,
        level=settings.level,
        hidden_size=settings.hidden_size,
        num_layers=settings.num_layers,
        vocab_size=vocab_size,
        vectors=settings.vectors if "label" in preview.columns else None,
        init_from=None if request.init_from is None else str(request.init_from),
        freeze=freeze,
        max_time=settings.max_time,
        epochs=0.0 if freeze else _rounded(sizes.epochs(preview)),
        notices=(*preview.notices, *notices),
    )


def _series_plan(preview: "CorpusPreview", request: "TrainingRequest") -> Plan:
    """Return the plan of a forecaster, whose sizes follow when the look-back is chosen."""
    settings = DEFAULTS[preview.task].with_overrides(request.settings)
    start = request.init_from
    return Plan(
        data=preview.name,
        task=preview.task,
        columns=preview.columns,
        rows=preview.rows,
        held_out=round(preview.rows * settings.validation),
        is_estimate=False,
        parts={},
        labels={},
        sample=preview.sample,
        level="",
        hidden_size=settings.hidden_size,
        num_layers=settings.num_layers,
        vocab_size=0,
        vectors=None,
        init_from=None if start is None else str(start),
        freeze=False,
        max_time=settings.max_time,
        epochs=settings.epochs or 0.0,
        notices=preview.notices,
    )


def _with_initial_model(
    request: "TrainingRequest", preview: "CorpusPreview", announce: Announce
) -> "TrainingRequest":
    """Return the request with the model that it would start from."""
    if request.init_from == FROM_NOTHING:
        return replace(request, init_from=None)
    if request.init_from is not None or request.unlabelled:
        return request
    model = _initial_model(request, preview, announce)
    return request if model is None else replace(request, init_from=Path(model_name(model.path)))


def _initial_model(
    request: "TrainingRequest", preview: "CorpusPreview", announce: Announce
) -> "SavedModel | None":
    """Return the bundled model that suits the rows that were drawn."""
    names = list(preview.columns)
    if names == ["text"]:
        from rnncli.tasks.generate.english_start import english_model

        texts, size = (text for (text,) in preview.drawn), preview.characters["text"]
        return english_model(texts, size, request.settings, announce)
    if "label" not in names:
        return None
    from rnncli.tasks.classify.sentiment_start import draw, sentiment_model

    rows = [preview.drawn[i] for i in draw(len(preview.drawn))]
    samples, labels = ([row[names.index(name)] for row in rows] for name in ("text", "label"))
    return sentiment_model(request.data, samples, labels, request.settings, announce)


def _settings(
    request: "TrainingRequest", preview: "CorpusPreview"
) -> "tuple[ModelDescription | None, dict[str, Any]]":
    """Return the model to start from, if there is one, and the settings given by it and a person.

    Raises:
        ModelError: it is missing, damaged, or of another task.
        ConfigError: other sizes are asked for.
    """
    overrides = dict(request.settings)
    if request.init_from is None:
        return None, overrides
    path = model_directory(request.init_from)
    model = read_description(path)
    require_task(path, model.task, preview.task, "leave --init-from out")
    return model, overrides | settings_of(model, request.init_from, overrides)


def _held_out(preview: "CorpusPreview", request: "TrainingRequest") -> int:
    """Return how many rows are held out: those of a split of their own, else a share.

    Of running text it is a share of the characters.
    """
    if preview.columns.keys() == {"text"}:
        return 0
    if "validation" in preview.parts:
        return preview.parts["validation"]
    share: float = request.settings.get("validation", DEFAULTS[preview.task].validation)
    limits = MAX_HELD_OUT | max_held_out(request.settings)
    return min(round(preview.rows * share), limits["rows"])


def _keeps_encoder(preview: "CorpusPreview", request: "TrainingRequest") -> bool:
    """Return whether a classifier would be adapted instead of trained.

    Raises:
        ConfigError: it is asked for where it cannot be.
    """
    from rnncli.tasks.classify.freezing import keeps_encoder

    held_out = 0 if "validation" in preview.parts else _held_out(preview, request)
    return keeps_encoder(
        preview.rows - held_out,
        request.settings,
        has_model=request.init_from is not None,
        pretrains=bool(request.unlabelled),
    )


def _with_vectors(
    overrides: Mapping[str, Any],
    preview: "CorpusPreview",
    model: "ModelDescription | None",
    request: "TrainingRequest",
    announce: Announce,
) -> tuple[dict[str, Any], int]:
    """Return settings with the word vectors that a classifier would take, and their size.

    Raises:
        DataError: there are no such vectors.
        ConfigError: the tokens are no words.
    """
    from rnncli.data.vector_sources import NONE, require_vectors
    from rnncli.tasks.classify.vectors import SETTINGS, choose_vectors
    from rnncli.text.unicode import plain_signs
    from rnncli.text.vectors import MAX_DIM

    if model is not None:
        return dict(overrides), _tokens(model).vectors_dim
    if (name := overrides.get("vectors")) is not None:
        require_vectors(name)
    settings = settings_of_classifier(preview, overrides)
    texts = (plain_signs(row[0]) for row in preview.drawn)
    vectors = choose_vectors(texts, settings, bool(request.unlabelled), announce)
    if vectors == NONE:
        return {**overrides, "vectors": vectors}, 0
    return {**SETTINGS, **overrides, "vectors": vectors}, MAX_DIM  # more values are cut to these


def _tokens(model: "ModelDescription") -> Tokens:
    front = model.architecture.front
    assert isinstance(front, Tokens)
    return front


def _rounded(epochs: float) -> float:
    """Return an estimate to two digits."""
    return float(f"{epochs:.2g}")
