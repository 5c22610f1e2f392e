"""The numbers of each evaluation: in metrics.jsonl, and in other loggers."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from architectures import in_numpy, small_architecture
from models import QUICK, SMALL, generator, story, train
from shell import call, explained

from rnncli.analysis.gradients import load_network
from rnncli.training.metrics import gate_saturation


def lines(model: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]


def test_metrics_carry_gradient_norms_the_learning_rate_and_gates() -> None:
    metrics = lines(generator())
    for line in metrics:
        assert 0 < line["clipped_gradient_norm"] <= line["gradient_norm"]
        assert line["gradient_norm"] <= line["largest_gradient_norm"]
        for gate in ("input", "forget", "output"):
            assert 0 <= line[f"{gate}_gate_closed"] + line[f"{gate}_gate_open"] <= 1
    assert metrics[-1]["learning_rate"] < max(line["learning_rate"] for line in metrics)


def test_gradients_are_clipped_at_the_norm_that_is_set(tmp_path: Path) -> None:
    options = (*QUICK, "--steps", 4, "--clip", 0.01, "--cell", "rnn")
    (line, *_) = lines(train(story(), tmp_path / "clipped", *options))
    assert line["clipped_gradient_norm"] == 0.01 < line["gradient_norm"]
    assert 0 <= line["hidden_state_saturated"] <= 1  # a plain network has no gates


@pytest.mark.parametrize(
    ("cell", "names"),
    [("gru", ["reset", "update"]), ("mingru", ["update"]), ("lstm", ["input", "forget", "output"])],
)
@pytest.mark.parametrize("kind", ["classify", "generate", "translate"])
def test_the_gates_of_each_cell_are_counted(kind: str, cell: str, names: list[str]) -> None:
    network = in_numpy(load_network(small_architecture(kind, cell), None))
    shares = gate_saturation(network, [4, 5, 6])
    assert list(shares) == [f"{n}_gate_{state}" for n in names for state in ("closed", "open")]
    assert all(layer.forward_pre_hook is None for layer in network.layers)


@pytest.mark.parametrize("logger", ["tensorboard", "trackio"])
def test_a_logger_that_is_missing_is_named_with_the_command_that_brings_it(
    logger: str, tmp_path: Path
) -> None:
    if find_spec(logger) is not None:
        pytest.skip(f"{logger} is installed")
    result = call("train", story(), "-o", tmp_path / "m", *SMALL, "--steps", 2, "--log", logger)
    assert explained(result, 2, f"--log {logger}") == f"pip install 'rnncli[{logger}]'"
    assert not (tmp_path / "m").exists()


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_gets_the_lines_of_metrics(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    words = ("train", story(), "-o", tmp_path / "m", *SMALL, "--steps", 4, "--log", "tensorboard")
    result = call(*words, cwd=tmp_path)
    assert result.code == 0 and result.out == b"", result.err
    events = EventAccumulator(str(tmp_path / "runs" / "m"))
    events.Reload()
    for line in lines(tmp_path / "m"):
        logged = {event.step: event.value for event in events.Scalars("loss")}
        assert logged[int(line["step"])] == pytest.approx(line["loss"], rel=1e-5)


def test_trackio_gets_the_lines_of_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of the name is found, imported and closed, as the real one is."""
    package = tmp_path / "trackio.py"
    package.write_text(
        "import json, pathlib\n"
        "class Run:\n"
        "    def log(self, values, step):\n"
        "        with open(OUT, 'a') as file:\n"
        "            file.write(json.dumps([step, values['loss']]) + '\\n')\n"
        "    def finish(self):\n"
        "        print('closed')\n"
        f"OUT = {str(tmp_path / 'out.jsonl')!r}\n"
        "def init(project, name, resume):\n"
        "    assert (project, name, resume) == ('rnncli', 'm', 'allow')\n"
        "    return Run()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "trackio", raising=False)
    words = ("train", story(), "-o", tmp_path / "m", *SMALL, "--steps", 4, "--log", "trackio")
    result = call(*words)
    monkeypatch.delitem(sys.modules, "trackio", raising=False)
    assert result.code == 0 and result.out == b"", result.err
    assert "closed" in result.err
    logged = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert logged == [[line["step"], line["loss"]] for line in lines(tmp_path / "m")]
