"""Whatever kills a training, at whatever call: the same command ends as if nothing had happened.

The short form samples the calls; ``RNNCLI_KILLS=150`` takes so many of them.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import kills
import pytest
from models import pairs, reviews, story, write_lines
from shell import TIMEOUT, call, environment, explained, start

import rnncli
from rnncli.storage.layout import Layout

KILLS = int(os.environ.get("RNNCLI_KILLS", "0"))
SMALL = (
    *("--hidden-size", 8, "--embedding-dim", 8, "--precision", "float32", "--dropout", 0.2),
    *("--seed", 3, "--steps", 4, "--patience", 100, "--checkpoint-every", "0.001s"),
    *("--workers", 1, "--threads", 1),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished model, to be replaced or started from."""
    model = tmp_path_factory.mktemp("finished") / "m"
    assert call("train", reviews(), "-o", model, *SMALL).code == 0
    return model


def arguments(kind: str, model: Path, finished: Path) -> list[object]:
    words: dict[str, list[object]] = {
        "classify": [reviews()],
        "generate": [story()],
        "translate": [pairs()],
        "force": [reviews(), "--force", "--learning-rate", 0.01],
        "pretrain": [reviews(), "--unlabelled", story()],
        "init": [reviews(), "--init-from", finished],
    }
    return ["train", *words[kind], "-o", model, *SMALL]


def fresh(kind: str, model: Path, finished: Path) -> Path:
    """Empty the place of the model, or put a finished one there that is to be replaced."""
    shutil.rmtree(model, ignore_errors=True)
    if kind == "force":
        shutil.copytree(finished, model)
    return model


def check(kind: str, number: int, finished: Path, folder: Path, sampled: int) -> None:
    kills.import_everything()
    model, log = folder / "m", folder / "log"
    words = arguments(kind, model, finished)
    whole = kills.train(words, log) if fresh(kind, model, finished) else None
    assert whole is not None and whole.code == 0, whole
    weights = (model / "model.safetensors").read_bytes()
    print(f"{kind}: {len([*kills.points(whole.calls, sampled)])} of {whole.calls} calls")
    for point in kills.points(whole.calls, sampled):
        fresh(kind, model, finished)
        killed = kills.train(words, log, point, number)
        # A signal ends a process in three ways; what is complete before it comes, is.
        codes = (128 + number, -number, 0) if number else (kills.KILLED, 0)
        assert killed.code in codes, (point, killed)
        assert "Traceback" not in killed.output, (point, killed)
        if kind == "force":
            assert rnncli.load(model)(["the soup"]), point
        again = kills.train(words, log)
        # What comes after the end of the training finds a finished model.
        is_finished = "holds a model already" in again.output
        assert again.code == 0 or is_finished, (point, again)
        assert (model / "model.safetensors").read_bytes() == weights, point
        assert not Layout(model).checkpoint.exists(), point
        assert rnncli.load(model).description.training.finished, point  # type: ignore[union-attr]


KINDS = ["classify", "generate", "translate", "force", "pretrain", "init"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_training_killed_at_any_call_goes_on(kind: str, finished: Path, tmp_path: Path) -> None:
    check(kind, 0, finished, tmp_path, KILLS or 20)


@pytest.mark.parametrize("kind", ["classify", "force"])
def test_a_training_killed_at_some_calls_goes_on(kind: str, finished: Path, tmp_path: Path) -> None:
    check(kind, 0, finished, tmp_path, KILLS or 3)


def test_two_requests_to_end_at_any_call_lose_nothing(finished: Path, tmp_path: Path) -> None:
    check("force", signal.SIGTERM, finished, tmp_path, KILLS or 2)


def test_a_request_to_end_at_the_last_step_of_pretraining_ends_there(tmp_path: Path) -> None:
    """A pretraining of one step: whenever the signal comes, it comes in the last one."""
    model = tmp_path / "m"
    words = ["train", reviews(), "--unlabelled", story(), "-o", model, *SMALL]
    code = (
        "import os, signal, sys\n"
        "import rnncli.training.session as session\n"
        "from rnncli.cli import app\n"
        "fit = session.fit\n"
        "def stopped(*args):\n"
        "    for progress in fit(*args):\n"
        "        if progress.last: os.kill(os.getpid(), signal.SIGHUP)\n"
        "        yield progress\n"
        "session.fit = stopped\n"
        "app(sys.argv[1:], prog_name='rnncli')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        env=environment(),
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # ignored under nohup
    )
    assert done.returncode == 128 + signal.SIGHUP, done.stderr.decode()
    assert b"to resume, run the same command" in done.stderr
    assert call(*words).code == 0


def test_a_training_started_from_a_model_that_has_changed_does_not_go_on(
    finished: Path, tmp_path: Path
) -> None:
    kills.import_everything()
    model, start = tmp_path / "m", shutil.copytree(finished, tmp_path / "start")
    words = ["train", reviews(), "-o", model, "--init-from", start, *SMALL]
    whole = kills.train(words, tmp_path / "log")
    shutil.rmtree(model)
    kills.train(words, tmp_path / "log", whole.calls * 2 // 3)
    assert Layout(model).state.exists()
    other = ("train", reviews(), "-o", start, "--force", *SMALL, "--learning-rate", 0.01)
    assert call(*other).code == 0
    result = call(*words)
    assert result.code == 1
    assert "differs: init_from_sha256 was" in result.err


def test_a_training_whose_word_vectors_have_changed_does_not_go_on(tmp_path: Path) -> None:
    kills.import_everything()
    words = sorted(set(reviews().read_text().replace(",", " ").split()))
    vectors, model = tmp_path / "v.txt", tmp_path / "m"

    def write(sign: int) -> None:
        rows = (f"{word} {sign * (i % 5)} {i % 7} 1 0" for i, word in enumerate(words))
        write_lines(vectors, *rows)

    write(1)
    arguments = ["train", reviews(), "-o", model, "--vectors", vectors, *SMALL]
    whole = kills.train(arguments, tmp_path / "log")
    assert whole.code == 0, whole
    shutil.rmtree(model)
    kills.train(arguments, tmp_path / "log", whole.calls * 2 // 3)
    assert Layout(model).state.exists()
    write(-1)
    explained(call(*arguments), 1, "differs", f"the content of {vectors} was ")
    write(1)
    assert call(*arguments).code == 0


def test_a_request_to_end_while_data_is_read_leaves_no_temporary_files(tmp_path: Path) -> None:
    with start("train", "-", "-o", tmp_path / "m", env={"TMPDIR": str(tmp_path)}) as process:
        assert process.stdin is not None
        process.stdin.write(b"text,label\na,b\n" * 1_000)
        deadline = time.monotonic() + TIMEOUT
        while not list(tmp_path.glob("rnncli-*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.terminate()
        assert process.wait(TIMEOUT) == 143
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_never_has_a_finite_loss_is_an_error(tmp_path: Path) -> None:
    words = ("train", reviews(), "-o", tmp_path / "m", *SMALL, "--steps", 2)
    result = call(*words, "--learning-rate", 1e8)
    assert "--learning-rate" in explained(result, 1, "diverged")
