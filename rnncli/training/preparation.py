"""Prepare a training: its settings, its network, and its description."""

import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rnncli import __version__
from rnncli.analysis import drift
from rnncli.config import DEFAULT_SEED, DEFAULT_VALIDATION, Settings
from rnncli.data.checks import sample
from rnncli.data.corpus import Corpus
from rnncli.data.split import hold_out
from rnncli.data.time_limits import max_held_out, max_read
from rnncli.data.values import column_values
from rnncli.messages import Announce, format_duration
from rnncli.storage.description import DataDescription, ModelDescription, TrainingRecord
from rnncli.storage.model_names import model_name
from rnncli.storage.reading import SavedModel
from rnncli.storage.writing import ModelWriter, Snapshot
from rnncli.text.pipes import without_pipes
from rnncli.training.checkpoint import SavedRun
from rnncli.training.contract import Prepared, Recipe, TrainingData
from rnncli.training.device import choose_device, choose_precision, start_torch
from rnncli.training.initial_model import settings_of
from rnncli.training.metrics import Metrics
from rnncli.training.session import Session
from rnncli.training.warm_start import copy_weights

# Settings that no recipe chooses.
USUAL: dict[str, Any] = {
    "validation": DEFAULT_VALIDATION,
    "seed": DEFAULT_SEED,
    "precision": "auto",
    "device": "auto",
}


@dataclass(frozen=True)
class SessionRequest:
    """The request for a training session."""

    corpus: Corpus
    arguments: Sequence[str]  # that name the corpus
    command: str  # with which the same is asked for again
    overrides: Mapping[str, Any]  # settings that are not left to the recipe
    unlabelled: Sequence[Corpus]  # texts to pretrain on
    init_from: SavedModel | None  # a model of the same task, to start from its weights
    threads: int  # to tune the trained model with
    began: float  # when the time budget began, as ``time.monotonic`` tells it
    save_interval: float | None  # seconds
    log: Callable[[Mapping[str, float]], None]  # gets the numbers of each evaluation


def open_session(
    recipe: Recipe[Any],
    request: SessionRequest,
    writer: ModelWriter,
    scratch: Path,
    announce: Announce,
) -> Session:
    """Choose settings, encode the data into files below ``scratch``, and build the network.

    A run that was interrupted, if it was asked for in the same way, goes on with its settings.

    Raises:
        ModelError: the state of the interrupted run is damaged.
        ConfigError: there is no such device, or settings do not go together.

    """
    saved = None if writer.state is None else SavedRun.read(writer.state)
    overrides = USUAL | dict(request.overrides)
    if (model := request.init_from) is not None:
        overrides |= settings_of(model.description, model.path, request.overrides)
    limits = max_held_out(overrides)
    data = _training_data(request, overrides, limits)
    options = json.loads(json.dumps(overrides))
    settings = _choose_settings(recipe, data, overrides, options, saved, announce)
    data = _limit_rows(data, settings, request.corpus)
    prepared = recipe.prepare(data, settings, scratch, announce)
    for phase in prepared.phases:
        phase.trainable.model.to(prepared.settings.device)
    parameters = sum(p.numel() for p in prepared.trainable.model.parameters())
    _announce(announce, prepared, parameters, data)
    if model is not None and not prepared.is_fitted:
        announce(f"initialised from {model_name(model.path)}: {copy_weights(model, prepared)}")
    description = _describe(request, prepared, data, limits)
    snapshot = Snapshot(
        description, "", [], prepared.tokenizer, prepared.target_tokenizer, dict(prepared.files)
    )
    return Session(
        recipe=recipe,
        prepared=prepared,
        data=data,
        snapshot=snapshot,
        identity=_identity(request, options, description, prepared),
        saved=saved,
        writer=writer,
        announce=announce,
        threads=request.threads,
        began=request.began,
        save_interval=request.save_interval,
        metrics=Metrics(prepared, _inputs(data), request.log),
    )


def _choose_settings(
    recipe: Recipe[Any],
    data: TrainingData,
    overrides: dict[str, Any],
    options: dict[str, Any],
    saved: SavedRun | None,
    announce: Announce,
) -> Settings:
    """Return the settings of the saved run, if it is of the same options, or choose anew."""
    device = choose_device(overrides["device"])
    precision = choose_precision(overrides["precision"], device)
    start_torch(overrides["seed"])
    if saved is not None and saved.identity.get("options") == options:
        # Measuring the machine again would give other ones.
        return Settings(**saved.description.settings)
    overrides = {**overrides, "device": device, "precision": precision}
    settings = recipe.choose(data, overrides, announce)
    start_torch(overrides["seed"])  # as if nothing had been measured
    return settings


def _describe(
    request: SessionRequest,
    prepared: Prepared[Any],
    data: TrainingData,
    limits: Mapping[str, int],
) -> ModelDescription:
    """Return the description of the model that is to be trained."""
    corpus, settings = request.corpus, prepared.settings
    profile = None
    if (
        prepared.labels and prepared.tokenizer is not None
    ):  # texts of a stream to label may be unlike those of the training
        train, validation = sample(data.train), sample(data.validation)
        profile = drift.profile(train, validation, prepared.tokenizer)
    return ModelDescription(
        task=corpus.task,
        level=None if prepared.tokenizer is None else settings.level,
        architecture=prepared.architecture,
        labels=prepared.labels,
        task_values=prepared.task_values
        | ({} if corpus.controls is None else {"controls": asdict(corpus.controls)}),
        settings=asdict(settings),
        data=DataDescription(
            name=corpus.name,
            arguments=tuple(without_pipes(name, "-") for name in request.arguments),
            columns=corpus.columns,
            fingerprint=corpus.fingerprint,
            validation=settings.validation,
            seed=settings.seed,
            languages=corpus.languages,
            licence=corpus.licence,
            rows={"train": len(data.train), "validation": len(data.validation)},
            unlabelled=tuple(other.name for other in request.unlabelled),
            max_held_out=limits,
            max_read=max_read(request.overrides),
            vectors=prepared.vectors,
            init_from=None if request.init_from is None else _source(request.init_from),
        ),
        profile=profile,
        training=TrainingRecord(request.command, platform.python_version(), torch.__version__),
        rnncli_version=__version__,
    )


def _source(model: SavedModel) -> str:
    """Return the name of a model and the licence of the data that it has learned from."""
    data = model.description.data
    licence = None if data is None else data.licence
    return f"{model_name(model.path)}, licence: {licence or 'not stated'}"


def _identity(
    request: SessionRequest,
    options: dict[str, Any],
    description: ModelDescription,
    prepared: Prepared[Any],
) -> dict[str, Any]:
    """Return the values that identify a training, as JSON stores them."""
    assert description.data is not None
    identity = {
        "options": options,
        "data": description.data.fingerprint,
        "columns": description.data.columns,
        "rows": description.data.rows,
        **description.settings,
        "architecture": asdict(description.architecture),
    }
    if request.init_from is not None:
        identity["init_from"] = str(request.init_from.path)
        identity["init_from_sha256"] = request.init_from.digest
    if prepared.vectors_digest is not None:
        identity[f"the content of {prepared.settings.vectors}"] = prepared.vectors_digest
    if request.unlabelled:
        identity["unlabelled"] = [other.fingerprint for other in request.unlabelled]
    stored: dict[str, Any] = json.loads(json.dumps(identity))
    return stored


def _training_data(
    request: SessionRequest, overrides: Mapping[str, Any], limits: Mapping[str, int]
) -> TrainingData:
    """Hold out a part of the labelled data; the texts to pretrain on are held out of later."""
    corpus = request.corpus
    train, validation = hold_out(
        corpus, fraction=overrides["validation"], seed=overrides["seed"], limits=limits
    )
    if not request.unlabelled:
        return TrainingData(train, validation)
    # The labelled texts are read as plain text in any case.
    others = [other for other in request.unlabelled if other.fingerprint != corpus.fingerprint]
    plain = [rows for other in others for rows in other.splits.values()]
    return TrainingData(train, validation, tuple(plain))


def _inputs(data: TrainingData) -> Iterator[str]:
    """Yield the held-out texts that the network reads: of pairs, the sources."""
    columns = data.validation.column_names
    column = next((name for name in ("source", "text") if name in columns), None)
    return iter(()) if column is None else column_values(data.validation, column)


def _limit_rows(data: TrainingData, settings: Settings, corpus: Corpus) -> TrainingData:
    """Train on as many rows as settings allow: of running text the first, else rows drawn."""
    rows, number = data.train, settings.max_rows
    if number is None or len(rows) <= number:
        return data
    if corpus.columns.keys() == {"text"}:
        return replace(data, train=rows.select(range(number)))
    rng = np.random.default_rng(settings.seed)
    return replace(data, train=rows.select(np.sort(rng.permutation(len(rows))[:number])))


def _announce(
    announce: Announce, prepared: Prepared[Any], parameters: int, data: TrainingData
) -> None:
    """Tell what was chosen: data, model, training and optimizer, a line each."""
    encoder, decoder = prepared.architecture.encoder, prepared.architecture.decoder
    settings = prepared.settings
    announce(f"data: {len(data.train):,} rows to train on, {len(data.validation):,} held out")
    direction = "bidirectional " if encoder is not None and encoder.bidirectional else ""
    units = f"{settings.num_layers} x {settings.hidden_size} units"
    if encoder is not None and decoder is not None:
        units += f" (encoder: {encoder.directions} x {encoder.hidden_size})"
    vocabulary = ""
    if prepared.tokenizer is not None:
        vocabulary = f"{prepared.tokenizer.vocab_size:,}"
        if prepared.target_tokenizer is not None:
            vocabulary += f" and {prepared.target_tokenizer.vocab_size:,}"
        vocabulary += f" {settings.level} tokens, "
    number = f"{parameters:,}" if parameters < 100_000 else f"{parameters / 1e6:.1f} M"
    announce(f"model: {direction}{settings.cell}, {units}, {vocabulary}{number} parameters")
    if prepared.is_fitted:
        return
    limits = [
        format_duration(settings.max_time) if settings.max_time else "",
        f"{settings.epochs:g} epochs" if settings.epochs else "",
        f"{settings.steps:,} steps" if settings.steps else "",
    ]
    announce(
        f"training: up to {' or '.join(filter(None, limits))}, batches of {settings.batch_size}, "
        f"dropout {settings.dropout:g}"
    )
    announce(
        f"optimizer: AdamW, learning rate {settings.learning_rate:g}, "
        f"weight decay {settings.weight_decay:.2g}, clip {settings.clip:g}, "
        f"{settings.precision} on {settings.device}, seed {settings.seed}"
    )
