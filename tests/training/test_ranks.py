"""Training by several processes that ``torchrun`` starts."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import SMALL, reviews, story
from safetensors.numpy import load_file
from shell import TIMEOUT, call, environment
from small_tasks import TINY

from rnncli.config import DEFAULTS
from rnncli.errors import ConfigError
from rnncli.training.parallel import Parallelism
from rnncli.training.torchrun import name_interface

INTERFACE = "GLOO_SOCKET_IFNAME"
DROPOUT = (*SMALL, "--dropout", 0.2, "--learning-rate", 0.01, "--steps")


def torchrun(*arguments: object) -> "subprocess.Popen[str]":
    """Start a script or a module twice by torchrun."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    return subprocess.Popen(
        [*launcher, "2", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        text=True,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, it is left to gloo")
def test_processes_talk_by_the_interface_from_which_the_first_is_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name of a machine is often the address of itself alone, which others do not reach."""
    monkeypatch.setenv(INTERFACE, "another")
    for host, named in (("127.0.0.1", "another"), ("127.0.0.1", "lo"), ("no such host", None)):
        monkeypatch.setenv("MASTER_ADDR", host)
        name_interface()
        assert os.environ.get(INTERFACE) == named
        os.environ.pop(INTERFACE, None)


def finish(process: "subprocess.Popen[str]") -> str:
    """Return what all processes printed; a launcher must not wait for ever."""
    try:
        output, _ = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
    return output


def written(state: Path) -> int:
    return state.stat().st_mtime_ns if state.exists() else 0


def rank_of(pid: int) -> int:
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next((int(v.removeprefix(b"RANK=")) for v in variables if v.startswith(b"RANK=")), -1)


def send(
    process: "subprocess.Popen[str]", number: int, rank: int, state: Path, states: int = 1
) -> None:
    """Send a signal to a rank as soon as it has written so many states."""
    end = time.monotonic() + TIMEOUT
    for _ in range(states):
        before = written(state)
        while written(state) == before:
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not (pids := [p for p in map(int, children.read_text().split()) if rank_of(p) == rank]):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    os.kill(pids[0], number)


def assert_equal(first: Path, second: Path) -> None:
    weights = [load_file(path / "model.safetensors") for path in (first, second)]
    assert weights[0].keys() == weights[1].keys()
    for name, values in weights[0].items():
        np.testing.assert_allclose(values, weights[1][name], rtol=0, atol=1e-6)


SCRIPT = """
import sys
import rnncli
from rnncli.cli import app

options = dict(hidden_size=8, embedding_dim=8, precision="float32", dropout=0.2, learning_rate=0.01)
result = rnncli.train(sys.argv[2], output="python", steps=50, **options)
print(f"loss {result.scores['loss']}\\n", end="")
app(prog_name="rnncli")
"""


@pytest.mark.slow  # three imports of PyTorch
def test_two_processes_learn_what_two_workers_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("script.py").write_text(SCRIPT)
    process = torchrun("script.py", "train", story(), "-o", "command", *DROPOUT, 50)
    output = finish(process)
    assert process.returncode == 0, output
    assert output.count("saved ") == 1
    losses = [line for line in output.splitlines() if line.startswith("loss ")]
    assert len(losses) == 2
    assert len(set(losses)) == 1
    options = (*DROPOUT, 50, "--workers", 2)
    assert call("train", story(), "-o", "workers", *options).code == 0
    assert_equal(Path("python"), Path("workers"))
    assert_equal(Path("command"), Path("workers"))


@pytest.mark.slow
def test_a_lost_process_and_a_signal_end_all_and_the_same_command_goes_on(tmp_path: Path) -> None:
    model = tmp_path / "ranks"
    state = model / "checkpoint/state.safetensors"
    options = ("--checkpoint-every", "0.001s", *DROPOUT, 40)
    words = ("-m", "rnncli", "train", reviews(), "-o", model, *options)
    process = torchrun(*words)
    send(process, signal.SIGKILL, 1, state)
    output = finish(process)
    assert process.returncode != 0
    assert output.count("error: a process of this training is lost") == 1
    process = torchrun(*words)
    send(process, signal.SIGTERM, 1, state)
    output = finish(process)
    assert process.returncode != 0
    assert "resuming at step" in output
    assert "interrupted at step" in output
    shutil.copytree(model, tmp_path / "one")
    one = call("train", reviews(), "-o", tmp_path / "one", *options)
    assert (one.code, "by 1 at once in place of 2" in one.err) == (0, True)
    process = torchrun(*words)
    output = finish(process)
    assert process.returncode == 0, output
    workers = (*options, "--workers", 2)
    assert call("train", reviews(), "-o", tmp_path / "workers", *workers).code == 0
    assert_equal(model, tmp_path / "workers")


@pytest.mark.slow  # eleven trainings by two processes
def test_ranks_killed_at_ten_random_moments_change_nothing(tmp_path: Path) -> None:
    model, rng = tmp_path / "ranks", random.Random(0)
    options = ("--checkpoint-every", "0.001s", *DROPOUT, 80)
    words = ("-m", "rnncli", "train", reviews(), "-o", model, *options)
    for states in (0, 1, *(rng.randrange(8) for _ in range(8))):  # 0: while PyTorch is imported
        process = torchrun(*words)
        state = model / "checkpoint/state.safetensors"
        send(process, signal.SIGKILL, rng.randrange(2), state, states)
        output = finish(process)
        assert process.returncode != 0, output
    process = torchrun(*words)
    output = finish(process)
    assert process.returncode == 0, output
    assert "resuming at step" in output
    assert call("train", reviews(), "-o", tmp_path / "workers", *options, "--workers", 2).code == 0
    assert_equal(model, tmp_path / "workers")


@pytest.mark.parametrize("given", [{"workers": 2}, {"device": "cuda"}])
def test_what_does_not_go_with_several_processes_is_refused(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("RANK", 0), ("WORLD_SIZE", 2), ("MASTER_ADDR", ""), ("MASTER_PORT", "")):
        monkeypatch.setenv(name, str(value))
    settings = DEFAULTS["generate"].with_overrides(TINY | given)
    with pytest.raises(ConfigError, match="torchrun"):
        Parallelism(settings)
