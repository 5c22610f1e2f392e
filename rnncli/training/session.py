"""One training: chosen, taken up where it stopped, carried out, and described."""

import json
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from rnncli.cli import options
from rnncli.cli.console import Screen
from rnncli.cli.progress import Display
from rnncli.config import Settings, format_duration
from rnncli.errors import ModelError
from rnncli.storage.card import card, describe, format_scores, record
from rnncli.training.signals import Interruption

if TYPE_CHECKING:
    from rnncli.data.corpus import Corpus
    from rnncli.storage.reading import SavedModel
    from rnncli.storage.writing import ModelWriter, Snapshot
    from rnncli.tasks.predictor import Training
    from rnncli.tasks.translate.train import Calibration
    from rnncli.training.checkpoint import Phase, SavedRun
    from rnncli.training.loop import Progress, State

SAVE_EVERY = 60.0, 0.01  # seconds, or this share of the time budget, whichever is longer
LARGEST_SHARE = 0.02  # of the time that may go into saving the state at all
SHARE = 0.01  # of the time that may go into saving the state wherever a model is the best so far


@dataclass(frozen=True)
class Run:
    """A training that is about to begin, or to go on."""

    task: "Training"
    settings: Settings
    snapshot: "Snapshot"
    identity: dict[str, Any]  # what another training has otherwise
    # Returns what held-out texts say of how to use the model at a path, where it takes more than
    # the evaluations on the way.
    calibrate: "Callable[[Path], Calibration] | None" = None
    phase: "Phase" = "training"
    pretraining: "Run | None" = None  # that comes before it


def prepare(
    corpus: "Corpus",
    data: list[str],
    given: dict[str, Any],
    before: "SavedRun | None",
    folder: Path,
    screen: Screen,
    unlabelled: Sequence["Corpus"] = (),
    start: "SavedModel | None" = None,
) -> Run:
    """Choose settings, encode the data and build the network, from ``start`` if there is one."""
    from rnncli.data.checks import check
    from rnncli.data.split import hold_out
    from rnncli.storage.writing import Snapshot
    from rnncli.tasks.classify import pretrain as pretraining
    from rnncli.training import warm_start as initialisation
    from rnncli.training.device import choose_device, choose_precision, start_torch

    if corpus.task == "classify":
        for warning in check(corpus):
            screen.say(warning)
    module = import_module(f"rnncli.tasks.{corpus.task}.train")
    if start is not None:
        given = initialisation.settings_of(start) | given
    if unlabelled:
        given = pretraining.WIDER | given
    train_part, validation_part = hold_out(corpus, fraction=given["validation"], seed=given["seed"])
    device = choose_device(given["device"])
    precision = choose_precision(given["precision"], device)
    start_torch(given.get("threads"), given["seed"])
    asked = json.loads(json.dumps(given))
    if before is not None and before.identity.get("options") == asked:
        settings = Settings(**before.info["settings"])  # a measurement would give other ones
    else:
        chosen: Settings = module.choose(
            given | {"device": device, "precision": precision}, train_part, screen.say
        )
        settings = replace(chosen, device=device, precision=precision)
        start_torch(given.get("threads"), given["seed"])  # as if nothing had been tried
    # Texts with labels are read as plain text in any case.
    others = [other for other in unlabelled if other.fingerprint != corpus.fingerprint]
    plain = [rows for other in others for rows in other.splits.values()]
    more: dict[str, Any] = {"unlabelled": plain} if unlabelled else {}
    if start is not None and corpus.task == "classify":
        more["known"] = initialisation.words_of(start)
    task = module.prepare(train_part, validation_part, settings, folder, screen.say, **more)
    task.model.to(device)
    parts = {"train": train_part, "validation": validation_part}
    rows = {name: len(part) for name, part in parts.items()}
    parameters = sum(p.numel() for p in task.model.parameters())
    _announce(screen, task, settings, parameters, rows)
    if start is not None:
        screen.say(f"starting as {start.path}: {initialisation.copy_weights(start, task)}")
    info = describe(corpus, data, task, settings, parameters, parts)
    snapshot = Snapshot(info, "", [], task.tokenizer, task.target_tokenizer)
    identity = {
        "options": asked,
        "data": info["data"]["fingerprint"],
        "columns": info["data"]["columns"],
        "rows": rows,
        **info["settings"],
        **info["model"],
    }
    if start is not None:
        identity["init_from"] = str(start.path)
    if not unlabelled:
        calibrate = None
        if hasattr(module, "calibrate"):
            threads = options.threads_for(given.get("threads"))
            calibrate = partial(
                module.calibrate,
                task=task,
                validation=validation_part,
                threads=threads,
                announce=screen.say,
            )
        return Run(task, settings, snapshot, json.loads(json.dumps(identity)), calibrate)
    info["data"]["unlabelled"] = [more.name for more in unlabelled]
    identity["unlabelled"] = [more.fingerprint for more in unlabelled]
    identity = json.loads(json.dumps(identity))
    first_settings = pretraining.settings_of(task, settings)
    first_task = pretraining.prepare(task, first_settings)
    first_task.model.to(device)
    first = Run(first_task, first_settings, snapshot, identity, phase="pretraining")
    return Run(task, settings, snapshot, identity, pretraining=first)


def carry_out(
    run: Run,
    state: "State | None",
    writer: "ModelWriter",
    screen: Screen,
    began: float,
    every: float | None,
) -> "Snapshot":
    """Train, keep the best model on disk, and return its description."""
    reached = _learn(run, state, writer, screen, began, every)
    snapshot = run.snapshot
    info = snapshot.info
    if run.calibrate is not None:
        found = run.calibrate(writer.path)
        info["calibration"] = found.numbers
        snapshot.task_files |= found.files
    info["training"]["finished"] = True
    snapshot.card = card(snapshot)
    writer.finish(snapshot)
    screen.say(
        f"saved {writer.path}: {format_scores(info['scores'])}; "
        f"{format_duration(reached.seconds)}, {reached.epoch:.1f} epochs"
    )
    screen.say(f"next: {_next_command(info, writer.path)}")
    return snapshot


def _learn(
    run: Run,
    state: "State | None",
    writer: "ModelWriter",
    screen: Screen,
    began: float,
    every: float | None,
) -> "Progress":
    """Train, show and save; return the last progress.

    Raises:
        typer.Exit: a person or the system wanted an end; what is needed to go on is on disk.

    """
    from rnncli.training import loop as training
    from rnncli.training.checkpoint import SavedRun

    task, settings, snapshot = run.task, run.settings, run.snapshot
    makes_model = run.phase == "training"
    saved, cost = time.monotonic(), 0.0  # when, and how many seconds it took

    def is_due(progress: "Progress") -> bool:
        since = time.monotonic() - saved
        usual = max(SAVE_EVERY[0], SAVE_EVERY[1] * (settings.max_time or 0.0), cost / LARGEST_SHARE)
        return since >= (every or usual) or (progress.best and cost < SHARE * since)

    def save(progress: "Progress") -> None:
        nonlocal saved, cost
        start = time.monotonic()
        writer.save_run(
            SavedRun(
                run.identity,
                snapshot.info,
                snapshot.metrics,
                progress.best,
                run.phase,
                progress.state(),
            )
        )
        saved = time.monotonic()
        cost = saved - start

    spent = saved - began
    reached = None
    with Display(screen, task) as display, Interruption() as interruption:
        for progress in training.fit(task, settings, spent, state):
            reached = progress
            display.show(progress)
            if progress.scores is not None and makes_model:
                record(snapshot, progress, task.calibration)
            if not progress.last and is_due(progress):
                save(progress)
            if progress.best and progress.weights is not None and makes_model:
                writer.save(snapshot, progress.weights)
            if interruption.signal and not progress.last:
                save(progress)
                break
    assert reached is not None
    if interruption.signal and not reached.last:
        again = shlex.join(["rnncli", *sys.argv[1:]])
        screen.say(f"interrupted at step {reached.step:,}; to go on, type the same command:")
        screen.say(f"    {again}")
        if writer.replaced.exists():
            screen.say(f"until it has ended, the model that was there is kept: {writer.replaced}")
        raise typer.Exit(128 + interruption.signal)
    return reached


def pretrain(
    run: Run,
    state: "State | None",
    writer: "ModelWriter",
    screen: Screen,
    began: float,
    every: float | None,
) -> float:
    """Let the encoder learn from texts without labels; return when training may say it began."""
    first = run.pretraining
    assert first is not None
    budget = format_duration(first.settings.max_time) if first.settings.max_time else "its steps"
    screen.say(f"pretraining: plain text is read first, up to {budget}")
    reached = _learn(first, state, writer, screen, began, every)
    assert reached.weights is not None
    first.task.model.load_state_dict(reached.weights)
    screen.say("training: now with labels")
    return time.monotonic() - reached.seconds  # those before an interruption, too


def go_on(
    run: Run, before: "SavedRun | None", writer: "ModelWriter", screen: Screen
) -> "State | None":
    """Take up the training that was interrupted here, if there is one, and return its state.

    Raises:
        ModelError: it was another one.

    """
    from rnncli.training.loop import evaluated_weights

    if before is None:
        return None
    differences = [
        f"{name} was {before.identity.get(name)}, is {run.identity.get(name)}"
        for name in run.identity | before.identity
        if name != "options" and before.identity.get(name) != run.identity.get(name)
    ]
    if differences:
        if writer.force:
            screen.say("the unfinished training there was another one: starting anew")
            writer.discard_run()
            return None
        command = before.info["training"]["command"]
        raise ModelError(
            f"{writer.path} holds an unfinished training that differs: {'; '.join(differences)}",
            f"go on with it: {command}; or start anew: --force; or start from its weights: "
            f"--init-from {writer.path} -o DIR",
        )
    if before.phase == "pretraining":
        screen.say(f"going on from step {before.state.numbers['step']:,}, with plain text")
        return before.state
    snapshot = run.snapshot
    snapshot.info |= _found_out(before.info)
    snapshot.info["training"] |= {
        name: value
        for name, value in before.info["training"].items()
        if name in ("steps", "epochs", "seconds")
    }
    snapshot.metrics += before.metrics
    if snapshot.info["scores"]:
        snapshot.card = card(snapshot)
    if before.best:  # what was found last may not have reached the disk
        writer.save(snapshot, evaluated_weights(run.task.model, before.state, run.settings))
    elif run.settings.max_time is not None:  # or the best was found later, and will not be again
        _raise_bar(run, writer, before.state)
    screen.say(f"going on from step {before.state.numbers['step']:,}")
    return before.state


def _raise_bar(run: Run, writer: "ModelWriter", state: "State") -> None:
    """Let the model on disk be the best so far, if it was saved after the state was."""
    from rnncli.storage.reading import read_info

    try:
        info = read_info(writer.path)
    except ModelError:  # there is none yet
        return
    if info["training"]["finished"] or info["training"]["steps"] <= state.numbers["step"]:
        return
    score = info["scores"][run.task.goal]
    watch = state.numbers["watch"]
    watch["best"] = max(watch["best"], score if run.task.maximise else -score)
    run.snapshot.info |= _found_out(info)
    run.snapshot.info["training"] |= {
        name: info["training"][name] for name in ("steps", "epochs", "seconds")
    }


def _found_out(info: dict[str, Any]) -> dict[str, Any]:
    """Return what evaluation has told of a model."""
    return {name: info[name] for name in ("scores", "calibration") if name in info}


def _announce(
    screen: Screen, task: "Training", settings: Settings, parameters: int, rows: dict[str, int]
) -> None:
    """Tell what was chosen: data, model and training, a line each."""
    unit = "lines" if task.config.task == "generate" else "rows"
    screen.say(f"data: {rows['train']:,} {unit} to train on, {rows['validation']:,} held out")
    direction = "bidirectional " if task.config.bidirectional else ""
    units = f"{settings.num_layers} x {settings.hidden_size} units"
    if task.config.encoder_size:
        units += f" (encoder: 2 x {task.config.encoder_size})"
    vocabulary = f"{task.tokenizer.vocab_size:,}"
    if task.target_tokenizer is not None:
        vocabulary += f" and {task.target_tokenizer.vocab_size:,}"
    screen.say(
        f"model: {direction}{settings.cell}, {units}, {vocabulary} {settings.level} tokens, "
        f"{parameters / 1e6:.1f} M parameters"
    )
    limits = [
        format_duration(settings.max_time) if settings.max_time else "",
        f"{settings.epochs:g} epochs" if settings.epochs else "",
        f"{settings.steps:,} steps" if settings.steps else "",
    ]
    screen.say(
        f"training: up to {' or '.join(filter(None, limits))}, batches of {settings.batch_size}, "
        f"dropout {settings.dropout:g}"
    )
    screen.say(
        f"optimizer: AdamW, learning rate {settings.learning_rate:g}, clip {settings.clip:g}, "
        f"{settings.precision} on {settings.device}, seed {settings.seed}"
    )


def _next_command(info: dict[str, Any], path: Path) -> str:
    task = info["task"]
    model = "" if path == options.MODELS / task else f" -m {shlex.quote(str(path))}"
    if controls := info["data"].get("controls"):
        model += f" --control {shlex.quote(next(iter(controls['counts'])))}"
    return {
        "classify": f'echo "a text of yours" | rnncli classify{model}',
        "generate": f"rnncli generate{model}",
        "translate": f'echo "a sentence of yours" | rnncli translate{model}',
    }[task]
