"""Writing a model directory: it is always complete, and each weight is stored once."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
import torch
from architectures import KINDS, small_architecture
from models import SMALL, classifier, reviews
from safetensors.numpy import load_file
from shell import call, tree

import rnncli
from rnncli.config import FORMAT_VERSION, Task
from rnncli.errors import ModelError
from rnncli.networks.architecture import Architecture
from rnncli.networks.heads import Classes
from rnncli.networks.model_torch import build
from rnncli.networks.on_device_torch import OnDevice
from rnncli.storage.description import ModelDescription, TrainingRecord
from rnncli.storage.layout import MEMORY, NGRAMS, Layout
from rnncli.storage.reading import load
from rnncli.storage.writing import ModelWriter, Snapshot
from rnncli.text.tokenizer import Tokenizer

WORDS = ["a gull", "a cat", "the gull sings", "the cat sleeps", "the girl waits"]
TARGET_WORDS = ("un chat", "la mouette")
FILES = {"README.md", "config.json", "metrics.jsonl", "model.safetensors", "tokenizer.json"}


def tokenizer(*texts: str) -> Tokenizer:
    return Tokenizer.train(texts or WORDS, "word", 100)


def description(architecture: Architecture, **fields: Any) -> ModelDescription:
    head, encoder = architecture.head, architecture.encoder
    labels = tuple(f"label {i}" for i in range(head.count)) if isinstance(head, Classes) else ()
    task: Task = "classify" if labels else "generate" if encoder is None else "translate"
    record = TrainingRecord("rnncli train", "3.11", "2.6", finished=True)
    return ModelDescription(
        task, "word", architecture, labels=labels, **{"training": record, **fields}
    )


def snapshot(architecture: Architecture, **fields: Any) -> Snapshot:
    translates = architecture.encoder is not None and architecture.decoder is not None
    target_tokenizer = tokenizer(*TARGET_WORDS) if translates else None
    model = description(architecture, **fields)
    return Snapshot(model, "# A card\n", [{"step": 1}], tokenizer(), target_tokenizer)


def architecture_of(kind: str, **sizes: Any) -> Architecture:
    """Describe a small network whose vocabularies are those of the tokenizers here."""
    vocab_size, target_size = tokenizer().vocab_size, tokenizer(*TARGET_WORDS).vocab_size
    return small_architecture(kind, "gru", vocab_size=vocab_size, target_size=target_size, **sizes)


def network(architecture: Architecture, seed: int = 0) -> OnDevice:
    torch.manual_seed(seed)
    return build(architecture)


def weights(model: OnDevice) -> Mapping[str, torch.Tensor]:
    return model.state_dict(keep_vars=True)


def assert_stored(model: OnDevice, place: Path) -> None:
    """Check that every weight is on disk, rounded to half precision, under one of its names."""
    on_disk = load_file(place / "model.safetensors")
    state = model.state_dict(keep_vars=True)
    for name, array in on_disk.items():
        np.testing.assert_array_equal(array, state[name].detach().half().numpy())
    stored = {id(state[name]) for name in on_disk}
    assert [name for name, tensor in state.items() if id(tensor) not in stored] == []


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let the system refuse to write more than this to a file, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


every_task = pytest.mark.parametrize("task", KINDS)


@every_task
def test_a_loaded_model_equals_the_saved_one(task: str, tmp_path: Path) -> None:
    config = architecture_of(task)
    model, place = network(config), tmp_path / "models" / "m"
    ModelWriter(place, force=False).save(
        snapshot(config, settings={"note": "Ünïcode"}), weights(model)
    )
    saved = load(place)
    assert saved.description.architecture == config
    assert saved.description.settings["note"] == "Ünïcode"
    assert saved.tokenizer.encode("the cat") == tokenizer().encode("the cat")
    assert_stored(model, place)
    extra = {"target_tokenizer.json"} if task == "translate" else set()
    assert {path.name for path in place.iterdir()} == FILES | extra
    assert [path.name for path in place.parent.iterdir()] == ["m"]


@every_task
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_a_tied_weight_is_stored_once(task: str, tied: bool, tmp_path: Path) -> None:
    config = architecture_of(task, tied=tied)
    model, place = network(config), tmp_path / "m"
    ModelWriter(place, force=False).save(snapshot(config), weights(model))
    on_disk = load_file(place / "model.safetensors")
    # parameters() counts a shared tensor once
    assert sum(array.size for array in on_disk.values()) == sum(
        tensor.numel() for tensor in model.parameters()
    )
    if tied and task != "classify":
        assert len(on_disk) < len(model.state_dict())
    load(place)


def test_each_save_replaces_the_previous_model(tmp_path: Path) -> None:
    config, place = architecture_of("classify"), tmp_path / "m"
    writer = ModelWriter(place, force=False)
    for seed in (1, 2, 3):
        model = network(config, seed)
        writer.save(snapshot(config, scores={"accuracy": seed / 10}), weights(model))
        assert_stored(model, place)
        assert load(place).description.scores == {"accuracy": seed / 10}
        assert {path.name for path in place.iterdir()} == FILES


def test_finishing_changes_the_description_alone(tmp_path: Path) -> None:
    config, place = architecture_of("classify"), tmp_path / "m"
    writer, model = ModelWriter(place, force=False), snapshot(config)
    writer.save(model, weights(network(config)))
    before = tree(place)
    model.description = replace(model.description, scores={"loss": 0.25})
    writer.finish(model)
    after = tree(place)
    assert load(place).description.scores == {"loss": 0.25}
    assert {name for name in after if after[name] != before[name]} == {"config.json"}


def test_a_training_that_goes_on_after_its_best_evaluation_keeps_the_weights(
    tmp_path: Path,
) -> None:
    config, place = architecture_of("classify"), tmp_path / "m"
    ModelWriter(place, force=False).save(snapshot(config), weights(network(config)))
    before = tree(place)["model.safetensors"]
    ModelWriter(place, force=True).finish(snapshot(config, scores={"loss": 0.5}))
    assert tree(place)["model.safetensors"] == before
    assert load(place).description.scores == {"loss": 0.5}


def test_each_task_file_is_written_once(tmp_path: Path) -> None:
    config, place = architecture_of("classify"), tmp_path / "m"
    written: list[str] = []

    def write(path: Path) -> None:
        written.append(path.name)
        path.write_bytes(b"tensors")

    writer, model = ModelWriter(place, force=False), snapshot(config)
    model.task_files = {NGRAMS: write}
    for _ in range(2):
        writer.save(model, weights(network(config)))
    model.task_files[MEMORY] = write
    writer.finish(model)
    assert written == [NGRAMS, MEMORY]
    assert load(place).description.task_files == (NGRAMS, MEMORY)
    assert (place / NGRAMS).exists() and (place / MEMORY).exists()


def test_the_permissions_of_a_model_follow_the_umask(tmp_path: Path) -> None:
    config = architecture_of("classify")
    (tmp_path / "usual").mkdir()
    ModelWriter(tmp_path / "m", force=False).save(snapshot(config), weights(network(config)))
    assert (tmp_path / "m").stat().st_mode == (tmp_path / "usual").stat().st_mode


# Saves that fail


def test_a_first_save_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    config = architecture_of("classify")
    writer = ModelWriter(tmp_path / "m", force=False)
    with files_no_larger_than(100), pytest.raises((OSError, ModelError)):
        writer.save(snapshot(config), weights(network(config)))
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("size", [100, 2_000], ids=["tokenizer", "weights"])
def test_a_save_that_fails_leaves_the_old_model(size: int, tmp_path: Path) -> None:
    config = architecture_of("classify", hidden_size=32)
    ModelWriter(tmp_path / "m", force=False).save(snapshot(config), weights(network(config)))
    before = tree(tmp_path)
    writer = ModelWriter(tmp_path / "m", force=True)
    with files_no_larger_than(size), pytest.raises((OSError, ModelError)), writer.locked():
        writer.save(snapshot(config), weights(network(config, seed=1)))
    assert tree(tmp_path) == before


def test_a_save_whose_description_fails_leaves_the_old_model(tmp_path: Path) -> None:
    config = architecture_of("classify")
    ModelWriter(tmp_path / "m", force=False).save(snapshot(config), weights(network(config)))
    before = tree(tmp_path)
    writer = ModelWriter(tmp_path / "m", force=True)
    with pytest.raises(TypeError), writer.locked():
        writer.save(snapshot(config, settings={"odd": object()}), weights(network(config, seed=1)))
    assert tree(tmp_path) == before


def test_a_later_save_that_fails_leaves_the_best_model_so_far(tmp_path: Path) -> None:
    config = architecture_of("classify", hidden_size=32)
    writer = ModelWriter(tmp_path / "m", force=False)
    writer.save(snapshot(config), weights(network(config)))
    before = tree(tmp_path)
    with files_no_larger_than(2_000), pytest.raises((OSError, ModelError)):
        writer.save(snapshot(config), weights(network(config, seed=1)))
    load(tmp_path / "m")
    assert tree(tmp_path) == before


def test_a_full_disk_during_training_is_an_error(tmp_path: Path) -> None:
    with files_no_larger_than(20_000):
        result = call("train", reviews(), "-o", tmp_path / "m", *SMALL, "--hidden-size", 64,
                      "--steps", 2)  # fmt: skip
    assert (result.code, result.out) == (1, b"")
    assert "\nerror: " in result.err
    assert tree(tmp_path) == {}


# --force


def test_force_changes_nothing_until_the_new_model_is_complete(tmp_path: Path) -> None:
    old, new = architecture_of("generate"), architecture_of("classify")
    ModelWriter(tmp_path / "m", force=False).save(snapshot(old), weights(network(old)))
    before = tree(tmp_path)
    writer = ModelWriter(tmp_path / "m", force=True)
    assert tree(tmp_path) == before
    with writer.locked():
        writer.save(snapshot(new), weights(network(new)))
    assert load(tmp_path / "m").description.task == "classify"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_force_leaves_no_file_of_the_old_model(tmp_path: Path) -> None:
    old, new = architecture_of("translate"), architecture_of("generate")
    ModelWriter(tmp_path / "m", force=False).save(snapshot(old), weights(network(old)))
    assert (tmp_path / "m" / "target_tokenizer.json").exists()
    writer = ModelWriter(tmp_path / "m", force=True)
    with writer.locked():
        writer.save(snapshot(new), weights(network(new)))
    assert {path.name for path in (tmp_path / "m").iterdir()} == FILES


def test_a_failed_training_leaves_the_model_that_it_would_replace(tmp_path: Path) -> None:
    model = shutil.copytree(classifier(), tmp_path / "m")
    before = tree(tmp_path)
    options = ("-o", model, "--force", *SMALL, "--steps", 100, "--learning-rate", 1e38)
    result = call("train", reviews(), *options)
    assert result.code == 1
    assert "error: training diverged" in result.err
    assert tree(tmp_path) == before


def test_force_through_a_link_replaces_the_model_and_leaves_nothing_else(tmp_path: Path) -> None:
    """The link may stay or become the model itself."""
    shutil.copytree(classifier(), tmp_path / "real")
    (tmp_path / "m").symlink_to("real")
    result = call("train", reviews(), "-o", tmp_path / "m", "--force", *SMALL, "--steps", 1)
    assert result.code == 0
    info = json.loads((tmp_path / "m" / "config.json").read_text())
    assert info["settings"]["steps"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "real"]


def test_a_model_is_written_into_an_empty_directory(tmp_path: Path) -> None:
    config = architecture_of("classify")
    (tmp_path / "m").mkdir()
    ModelWriter(tmp_path / "m", force=False).save(snapshot(config), weights(network(config)))
    assert load(tmp_path / "m").description.architecture == config
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_training_that_fails_late_keeps_the_model_before_it(tmp_path: Path) -> None:
    config, place = architecture_of("classify"), tmp_path / "m"
    ModelWriter(place, force=False).save(snapshot(config), weights(network(config)))
    before = (place / "model.safetensors").read_bytes()
    record = replace(description(config).training, finished=False)  # type: ignore[type-var]
    writer = ModelWriter(place, force=True)
    with pytest.raises(TypeError), writer.locked():  # noqa: PT012
        writer.save(snapshot(config, training=record), weights(network(config, seed=1)))
        writer.save(snapshot(config, settings={"odd": object()}), weights(network(config)))
    assert (Layout(place).replaced / "model.safetensors").read_bytes() == before
    with pytest.raises(ModelError, match=r"the model before it is kept: .*replaced"):
        ModelWriter(place, force=False)


SWAPS = int(os.environ.get("RNNCLI_SWAPS", "60"))  # of two models


def test_whoever_reads_beside_replacements_gets_one_of_the_models(tmp_path: Path) -> None:
    """A reader in a process of its own; two models of different sizes replace each other."""
    place, code = (
        tmp_path / "m",
        "import sys, collections\n"
        + dedent(
            """
        from pathlib import Path
        from rnncli.storage.reading import load, read_whole
        models, place = collections.Counter(), Path(sys.argv[1])
        print(flush=True)
        while not Path(sys.argv[2]).exists():
            model = read_whole(place, lambda: load(place))
            seed = model.description.settings["seed"]
            models[f"{seed} {model.weights['head.output.bias'][0]:.0f}"] += 1
        print(*models, sep=",")
        print(f"{models.total():,} models read", file=sys.stderr)
        """
        ),
    )
    networks = []
    for seed, size in enumerate((8, 16)):
        config = architecture_of("classify", hidden_size=size)
        model = network(config)
        torch.nn.init.constant_(weights(model)["head.output.bias"], seed)
        networks.append((config, model))

    def save(seed: int) -> None:
        config, model = networks[seed]
        writer = ModelWriter(place, force=True)
        with writer.locked():
            writer.save(snapshot(config, settings={"seed": seed}), weights(model))

    save(0)
    command = [sys.executable, "-c", code, str(place), str(tmp_path / "end")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        for swap in range(SWAPS):
            save(swap % 2)
        (tmp_path / "end").touch()
        models = reader.stdout.read().strip().split(",")
    assert reader.returncode == 0
    assert set(models) <= {"0 0", "1 1"} and len(models) == 2


def test_files_of_two_models_are_not_taken_for_one(tmp_path: Path) -> None:
    config = architecture_of("classify")
    for seed, name in enumerate("ab"):
        writer = ModelWriter(tmp_path / name, force=False)
        writer.save(snapshot(config), weights(network(config, seed)))
    shutil.copy(tmp_path / "b" / "model.safetensors", tmp_path / "a")
    with pytest.raises(ModelError, match=r"model\.safetensors is not the file"):
        load(tmp_path / "a")


# Two trainings


def test_a_model_that_another_training_has_finished_meanwhile_is_not_replaced(
    tmp_path: Path,
) -> None:
    config = architecture_of("classify")
    first, second = (ModelWriter(tmp_path / "m", force=False) for _ in range(2))
    with first.locked():
        first.save(snapshot(config), weights(network(config)))
    before = tree(tmp_path)
    with pytest.raises(ModelError, match="holds a model already"), second.locked():
        pass
    assert tree(tmp_path) == before


def test_a_model_of_an_interrupted_training_is_replaced_without_force(tmp_path: Path) -> None:
    config = architecture_of("classify")
    interrupted = snapshot(config)
    record = TrainingRecord("rnncli train", "3.11", "2.6")
    interrupted.description = replace(interrupted.description, training=record)
    first = ModelWriter(tmp_path / "m", force=False)
    with first.locked():
        first.save(interrupted, weights(network(config)))
    with ModelWriter(tmp_path / "m", force=False).locked():
        pass
    interrupted.description = replace(
        interrupted.description, training=replace(record, finished=True)
    )
    with first.locked():
        first.finish(interrupted)
    with pytest.raises(ModelError, match="holds a model already"):
        ModelWriter(tmp_path / "m", force=False)


def test_only_one_training_writes_to_a_directory(tmp_path: Path) -> None:
    first, second = (ModelWriter(tmp_path / "m", force=False) for _ in range(2))
    with first.locked(), pytest.raises(ModelError, match="another training"), second.locked():
        pass
    with second.locked():
        assert Layout(tmp_path / "m").lock.exists()
    assert tree(tmp_path) == {}


def test_a_killed_training_releases_its_lock(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from rnncli.storage.writing import ModelWriter\n"
        "with ModelWriter(Path(sys.argv[1]), force=False).locked(): os._exit(9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "m")], check=False)
    assert killed.returncode == 9
    assert Layout(tmp_path / "m").lock.exists()
    with ModelWriter(tmp_path / "m", force=False).locked():
        pass
    assert not Layout(tmp_path / "m").lock.exists()


# Models of every format that is read


OLDEST = 2
OLD = sorted((Path(__file__).parent / "old_models").iterdir())


def test_there_is_a_model_of_every_format():
    assert [int(folder.name) for folder in OLD] == list(range(OLDEST, FORMAT_VERSION + 1))


@pytest.mark.parametrize("folder", OLD, ids=lambda folder: f"format {folder.name}")
def test_models_of_every_format_predict_as_before(folder):
    answers = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    labelled = rnncli.load(folder / "classify")(
        ["the soup was lovely", "the lamp broke on the first day"]
    )
    assert [result.label for result in labelled] == [label for label, _ in answers["classify"]]
    assert [result.probability for result in labelled] == pytest.approx(
        [probability for _, probability in answers["classify"]], abs=1e-4
    )
    translated = rnncli.load(folder / "translate")(
        ["the cat sleeps today", "my brother sings here"]
    )
    assert [result.text for result in translated] == answers["translate"]
    scored = rnncli.load(folder / "generate").score(["The ferry goes home in the evening."])
    assert scored == pytest.approx(answers["generate"], abs=1e-4)
