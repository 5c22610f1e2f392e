"""Training that is killed, interrupted or starved goes on where it was, and ends the same.

The short form kills each task's training once; ``RNNCLI_KILLS=50`` asks for more.
"""

import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from models import pairs, reviews, story, write_lines
from shell import TIMEOUT, Result, call, command, environment, rnncli, start

import rnncli as package
from rnncli.errors import ModelError
from rnncli.storage.layout import Layout
from rnncli.storage.writing import ModelWriter
from rnncli.training.checkpoint import SavedRun

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("RNNCLI_KILLS", "1"))

# Dropout, weight averaging and a carried state: all that could be lost is there.
SMALL = ("--hidden-size", 8, "--embedding-dim", 8, "--precision", "float32", "--dropout", 0.2)
DATA: dict[str, Callable[[], Path]] = {
    "classify": reviews,
    "generate": story,
    "translate": pairs,
    "pretrain": reviews,
}
every_task = pytest.mark.parametrize("task", DATA)


def arguments(task: str, model: Path, *more: object) -> list[object]:
    plain = ("--unlabelled", story()) if task == "pretrain" else ()
    return ["train", DATA[task](), *plain, "-o", model, *SMALL, "--seed", 3, *more]


def weights(model: Path) -> bytes:
    return (model / "model.safetensors").read_bytes()


def loads_or_is_not_there(model: Path) -> bool:
    """Return whether there is a model; one that is there must be whole."""
    if not (model / "config.json").exists():
        return False
    assert package.load(model)(["the soup"])
    return True


@every_task
def test_a_training_that_is_killed_again_and_again_ends_as_if_it_had_not(
    task: str, tmp_path: Path
) -> None:
    steps = ("--steps", 60 * KILLS, "--patience", 1_000, "--checkpoint-every", "0.001s")
    whole = call(*arguments(task, tmp_path / "whole", *steps))
    assert whole.code == 0, whole.err
    model = tmp_path / "killed"
    rng = random.Random(f"{task} {KILLS}")
    resumed = 0
    for kill in range(KILLS):
        resumable = kill > 0
        with start(*arguments(task, model, *steps)) as process:
            err = b""
            while b"optimizer:" not in err:  # the last line before training begins
                err += os.read(process.stderr.fileno(), 4_096)  # type: ignore[union-attr]
            while process.poll() is None and not Layout(model).state.exists():
                time.sleep(0.01)  # the first step loads much
            time.sleep(rng.uniform(0, 3) if resumable else rng.uniform(0, 0.3))
            process.kill()
            _, rest = process.communicate(timeout=TIMEOUT)
        resumed += b"resuming at step" in err + rest
        loads_or_is_not_there(model)
        if process.returncode == 0:  # it was through already
            break
    if process.returncode:
        last = rnncli(*arguments(task, model, *steps[:-2]))  # saving less often changes nothing
        assert last.code == 0, last.err
        resumed += "resuming at step" in last.err
    assert resumed >= max(1, KILLS // 2)  # the rest came before the first step
    assert weights(model) == weights(tmp_path / "whole")
    assert {entry.name for entry in model.iterdir()} == {
        entry.name for entry in (tmp_path / "whole").iterdir()
    }
    assert len((model / "metrics.jsonl").read_text().splitlines()) == len(
        (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    )


def interrupted(model: Path, *more: object, task: str = "classify") -> Result:
    """Train until the first score is there, then press Ctrl-C."""
    with start(*arguments(task, model, "--steps", 4_000, "--patience", 4_000, *more)) as process:
        err = b""
        while b"best" not in err:
            err += os.read(process.stderr.fileno(), 4_096)  # type: ignore[union-attr]
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=TIMEOUT)
    return Result(process.returncode, out, (err + rest).decode())


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a training that was interrupted; tests work on copies of it."""
    model = tmp_path_factory.mktemp("unfinished") / "m"
    result = interrupted(model)
    assert result.code == 130
    assert "to resume, run the same command" in result.err
    assert loads_or_is_not_there(model)
    return model


def changed(model: Path, *more: object) -> Result:
    return call(*arguments("classify", model, "--steps", 4_000, "--patience", 4_000, *more))


def test_a_changed_setting_is_an_error_that_shows_the_difference(unfinished: Path) -> None:
    result = changed(unfinished, "--learning-rate", 0.5, "--clip", 3)
    assert result.code == 1
    assert "learning_rate was 0.001, is 0.5; clip was 1.0, is 3.0" in result.err
    assert "--force" in result.err and "--init-from" in result.err
    assert Layout(unfinished).state.exists()


def test_changed_data_is_an_error_too(unfinished: Path, tmp_path: Path) -> None:
    lines = reviews().read_text().splitlines()
    other = write_lines(tmp_path / "reviews.csv", *lines, "the well was deep,good")
    result = call("train", other, "-o", unfinished, *SMALL, "--seed", 3, "--steps", 4_000)
    assert result.code == 1
    assert "holds an unfinished training that differs: data was" in result.err


def test_another_training_into_the_same_place_is_refused(unfinished: Path) -> None:
    with ModelWriter(unfinished, force=False).locked():
        result = changed(unfinished)
    assert result.code == 1
    assert f"error: another training writes to {unfinished}" in result.err


def test_force_starts_anew_where_settings_differ(unfinished: Path, tmp_path: Path) -> None:
    model = tmp_path / "m"
    shutil.copytree(unfinished, model)
    result = call(*arguments("classify", model, "--steps", 5, "--force"))
    assert result.code == 0, result.err
    assert "starting over" in result.err
    assert json.loads((model / "config.json").read_text())["training"]["steps"] <= 5
    assert not Layout(model).checkpoint.exists()


@pytest.mark.parametrize("damage", [b"", b"\x10\0\0\0\0\0\0\0{", b"\xff" * 40])
def test_a_damaged_checkpoint_is_explained(unfinished: Path, tmp_path: Path, damage: bytes) -> None:
    model = tmp_path / "m"
    shutil.copytree(unfinished, model)
    Layout(model).state.write_bytes(damage)
    result = changed(model)
    assert result.code == 1
    assert "error:" in result.err and "hint: rm " in result.err
    assert loads_or_is_not_there(model)


def test_a_request_to_end_saves_too(tmp_path: Path) -> None:
    model = tmp_path / "m"
    with start(*arguments("generate", model, "--steps", 10**6)) as process:
        err = b""
        while b"optimizer:" not in err:
            err += os.read(process.stderr.fileno(), 4_096)  # type: ignore[union-attr]
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 143, rest.decode()
    assert "to resume, run the same command" in rest.decode()
    assert Layout(model).state.exists()
    with pytest.raises(ModelError, match="no model"):
        package.load(model)


def test_a_time_budget_goes_on_with_what_is_left_of_it(tmp_path: Path) -> None:
    model = tmp_path / "m"
    # A generator measures how fast this machine is, and is not to choose again.
    words = ["train", story(), "-o", model, "--max-time", "300s", "--epochs", 10**6]
    seconds, settings = [0.0], []
    for _ in range(2):
        began = time.monotonic()
        with start(*words) as process:
            err = b""
            while b"optimizer:" not in err:  # the last line before training begins
                err += os.read(process.stderr.fileno(), 4_096)  # type: ignore[union-attr]
            time.sleep(1)
            process.send_signal(signal.SIGINT)
            _, rest = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 130, err + rest
        state = ModelWriter(model, force=False).state
        assert state is not None
        run = SavedRun.read(state)
        # What was used before, and most of what this process has taken, is counted.
        spent = run.state.seconds - seconds[-1]
        assert 1 < spent < time.monotonic() - began
        seconds.append(run.state.seconds)
        settings.append(run.description.settings)
    assert b"resuming at step" in err + rest
    assert settings[0] == settings[1]


def test_a_model_that_is_being_replaced_is_kept_until_the_new_one_is_finished(
    tmp_path: Path,
) -> None:
    model = tmp_path / "m"
    assert call(*arguments("classify", model, "--steps", 3)).code == 0
    old = weights(model)
    result = interrupted(model, "--force")
    assert result.code == 130
    kept = Layout(model).replaced
    assert f"the previous model is kept: {kept}" in result.err
    assert weights(kept) == old
    package.load(kept)
    assert weights(model) != old
    assert call(*arguments("classify", model, "--steps", 5, "--force")).code == 0
    assert not kept.exists()
    package.load(model)


def test_a_finished_training_leaves_no_checkpoint(tmp_path: Path) -> None:
    model = tmp_path / "m"
    result = call(*arguments("classify", model, "--steps", 6, "--checkpoint-every", "0.001s"))
    assert result.code == 0, result.err
    assert not Layout(model).checkpoint.exists()
    again = call(*arguments("classify", model, "--steps", 6))
    assert (again.code, "holds a model already" in again.err) == (1, True)


# A disk that fills up


def test_a_full_disk_is_explained_and_the_last_checkpoint_stays(
    unfinished: Path, tmp_path: Path
) -> None:
    model = tmp_path / "m"
    shutil.copytree(unfinished, model)
    before = Layout(model).state.read_bytes()
    words = arguments("classify", model, "--steps", 4_000, "--patience", 4_000)
    line = shlex.join(str(word) for word in command(*words, "--checkpoint-every", "0.001s"))
    blocks = len(before) // 1_024 - 1  # of 1024 bytes: no file may grow larger
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f {blocks}; {line}"],
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
        check=False,
    )
    err = done.stderr.decode()
    assert done.returncode == 1, err
    assert f"error: {model} cannot be written: File too large" in err
    assert "hint: make room there and run the same command again" in err
    assert "Traceback" not in err
    assert Layout(model).state.read_bytes() == before
    assert loads_or_is_not_there(model)
    assert not list(model.glob(".*")) and not list(Layout(model).checkpoint.glob(".*"))
