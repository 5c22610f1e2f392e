"""Models that travel by way of the hub, of which a stand-in runs on this machine."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest
from hub import Traffic, serve_hub
from huggingface_hub import ModelCard, constants
from models import classifier
from shell import TIMEOUT, Result, call, explained, rnncli, start

import rnncli as python
from rnncli.config import TASKS
from rnncli.storage.bundled import bundled_models
from rnncli.tasks.push import USAGE

TEXT = "the soup was lovely"


def repository(hub: Path, name: str = "org/cheer", model: Callable[[], Path] = classifier) -> Path:
    """Put a model on the hub."""
    return Path(shutil.copytree(model(), hub / name))


def classify(name: str = "hf:org/cheer") -> Result:
    return call("classify", "-m", name, TEXT)


def test_a_model_is_pushed_and_used_wherever_models_are_named(hub: Path, tmp_path: Path) -> None:
    pushed = call("models", "push", classifier(), "org/cheer", "--license", "mit")
    assert pushed.code == 0, pushed.err
    assert pushed.lines[0].endswith("/org/cheer")
    assert "no language" in pushed.err
    assert "no license" not in pushed.err
    files = {path.name for path in (hub / "org/cheer").iterdir()}
    model = {"config.json", "model.safetensors", "ngrams.safetensors", "tokenizer.json"}
    assert files == {*model, "README.md", ".gitattributes"}

    here, there = call("classify", "-m", classifier(), TEXT), classify()
    assert there.code == 0, there.err
    assert (there.code, there.out, there.err) == (0, here.out, "")
    assert python.load("hf:org/cheer")([TEXT]) == python.load(classifier())([TEXT])
    assert call("inspect", "hf:org/cheer", TEXT).code == 0
    (listed,) = [line for line in call("models", tmp_path).lines if line.startswith("hf:")]
    name = listed.split("\t")[0]
    scored = call("evaluate", name, "--no-baselines")
    assert scored.code == 0, scored.err
    assert f"scoring {name} on the held-out part" in scored.err
    assert "the card of the model states the same scores: accuracy" in scored.err

    edit(hub / "org/cheer", scores={"accuracy": 0.123})
    scored = call("evaluate", "hf:org/cheer", "--no-baselines")
    assert "the card of the model states other scores: accuracy 0.1230" in scored.err


def test_the_card_has_what_the_hub_shows_and_what_a_reader_needs(hub: Path) -> None:
    assert call("models", "push", "bundled:en-fr", "org/phrases", "-q").code == 0
    card = ModelCard.load(hub / "org/phrases/README.md")
    front = card.data
    assert (front["library_name"], front["pipeline_tag"]) == ("rnncli", "translation")
    assert front.language == ["en", "fr"]
    scores = json.loads((bundled_models()["bundled:en-fr"] / "config.json").read_text())["scores"]
    stated = {result.metric_type: result.metric_value for result in front.eval_results}
    assert stated == {name: pytest.approx(value, abs=1e-3) for name, value in scores.items()}
    assert set(front.metrics) == set(scores)
    for words in ("## Data", "## Scores", "## Limits", "## Use", "-m hf:org/phrases"):
        assert words in card.text


def test_cards_say_how_models_of_every_task_are_used() -> None:
    assert USAGE.keys() == set(TASKS)
    for task, usage in USAGE.items():
        assert f"rnncli {task} -m hf:org/name" in usage.in_a_pipe.format(name="hf:org/name")


def test_what_a_person_wrote_on_the_card_stays(hub: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(classifier(), tmp_path / "m"))
    mine = "---\nlicense: cc-by-4.0\nlanguage: en\ntags:\n- tickets\n---\n\n# My tickets\n"
    (model / "README.md").write_text(mine)
    for name in ("org/one", "org/two"):  # the second is pushed as it came from the hub
        pushed = call("models", "push", model if name == "org/one" else "hf:org/one", name)
        assert pushed.code == 0, pushed.err
        card = ModelCard.load(hub / name / "README.md")
        assert (card.data.license, card.data.language) == ("cc-by-4.0", "en")
        assert card.data.tags == ["tickets"]
        assert "# My tickets" in card.text
        assert card.text.count("## Use") == 1
        assert f'rnncli.load("hf:{name}")' in card.text


def test_a_push_replaces_a_model_and_nothing_else(hub: Path) -> None:
    push = ("models", "push", classifier())
    assert call(*push, "org/m", "-q").code == 0
    (hub / "org/m/memory.safetensors").write_bytes(b"of another model")
    assert call(*push, "org/m", "-q").code == 0
    assert not (hub / "org/m/memory.safetensors").exists()
    (hub / "org/m/pytorch_model.bin").write_bytes(b"something of value")
    explained(call(*push, "org/m", "-q"), 1, "holds other files", "pytorch_model.bin")
    repository(hub, "org/public")
    explained(call(*push, "org/public", "--private", "-q"), 1, "is there already, and public")


def test_private_repositories_need_a_token(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("models", "push", classifier(), "org/secret", "--private", "-q").code == 0
    assert (hub / "org/secret.private").exists()
    monkeypatch.setattr(huggingface_hub.utils._headers, "get_token", lambda: None)
    assert "hf auth login" in call("classify", "-m", "hf:org/secret", TEXT).err
    explained(call("models", "push", classifier(), "org/more", "-q"), 1, "does not let you write")


def test_a_commit_is_taken_from_the_cache_and_a_branch_from_the_hub(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(hub)
    first = classify()
    assert first.code == 0, first.err
    (old,) = (hub.parent / "cache/models--org--cheer/snapshots").iterdir()
    (hub / "org/cheer/README.md").write_text("# Another commit\n")
    assert classify().code == 0
    assert len(list(old.parent.iterdir())) == 2
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nothing answers there
    for name in (f"hf:org/cheer@{old.name}", f"hf:org/cheer@{old.name[:7]}"):
        assert classify(name) == first
    newest = classify()
    assert newest.out == first.out
    assert "is read from the cache, since the model cannot be downloaded" in newest.err
    assert "go" in explained(classify("hf:org/other"), 1, "not in the cache")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "since HF_HUB_OFFLINE is set" in classify().err
    assert "export HF_HUB_OFFLINE=0" in explained(classify("hf:org/other"), 1, "OFFLINE")


def test_only_what_belongs_to_a_model_is_downloaded(hub: Path) -> None:
    model = repository(hub)
    for name in ("pytorch_model.bin", "run.py", "memory.safetensors", "metrics.jsonl"):
        (model / name).write_bytes(b"cos\nsystem\n")
    (model / "checkpoint").mkdir()
    (model / "checkpoint/state.safetensors").write_bytes(b"?")
    result = classify()
    assert (result.code, result.err) == (0, "")
    names = {path.name for path in (hub.parent / "cache").rglob("snapshots/*/*")}
    layout = {"config.json", "model.safetensors", "ngrams.safetensors", "tokenizer.json"}
    assert names == {*layout, "README.md"}


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "wrong hash": (lambda m: damage(m / "model.safetensors"), "is not the file that config.json"),
    "pickle": (
        lambda m: (m / "model.safetensors").write_bytes(b"\x80\x04."),
        "model.safetensors is damaged",
    ),
    "no config": (lambda m: (m / "config.json").unlink(), "has no config.json"),
    "no weights": (lambda m: (m / "model.safetensors").unlink(), "has no model.safetensors"),
    "other model": (lambda m: (m / "config.json").write_text("{}"), "does not describe a model"),
    "newer": (lambda m: edit(m, format_version=99), "newer than this rnncli"),
    "far too large": (lambda m: os.truncate(m / "config.json", 17 << 20), "is too large"),
    "files elsewhere": (lambda m: edit(m, task_files=["../../x"]), "names unknown files"),
}


def damage(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def edit(model: Path, **values: object) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | values))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_repository_is_refused(name: str, hub: Path) -> None:
    change, reason = HOSTILE[name]
    change(repository(hub))
    explained(classify(), 1, reason)


def test_a_link_in_the_cache_to_another_place_is_refused(hub: Path, tmp_path: Path) -> None:
    repository(hub)
    assert classify().code == 0
    (weights,) = (tmp_path / "cache").rglob("snapshots/*/model.safetensors")
    weights.unlink()
    weights.symlink_to(classifier() / "model.safetensors")
    explained(classify(), 1, "is a link that leads out of the model directory")


@pytest.mark.parametrize("name", ["hf:cheer", "hf:org/a/b", "hf:org/../b", "hf:org/cheer@../../x"])
def test_a_name_that_is_none_is_explained(name: str) -> None:
    assert "hf:org/name" in explained(classify(name), 1, "is no name of a model on the hub")


def test_what_a_model_names_as_its_data_is_not_downloaded(hub: Path) -> None:
    model = repository(hub)
    config = json.loads((model / "config.json").read_text())
    edit(model, data=config["data"] | {"arguments": ["org/films"]})
    hint = explained(call("evaluate", "hf:org/cheer"), 1, "names org/films as its training data")
    assert "--split held-out org/films" in hint


@pytest.mark.slow
def test_a_download_goes_on_after_a_kill_and_beside_another(tmp_path: Path) -> None:
    repository(tmp_path)
    seen = Traffic(held="model.safetensors")
    with serve_hub(tmp_path, seen) as address:
        env = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0"}
        command = ("classify", "-m", "hf:org/cheer", TEXT)
        with start(*command, env=env) as killed:
            assert seen.is_held.wait(TIMEOUT)
            killed.kill()
        assert seen.files.count("config.json") == 1
        offline = rnncli(*command, env=env | {"HF_HUB_OFFLINE": "1"})
        assert "export HF_HUB_OFFLINE=0" in explained(offline, 1, "not in the cache as a whole")
        seen.is_released.set()
        with start(*command, env=env) as one, start(*command, env=env) as other:
            answers = [process.communicate(timeout=TIMEOUT) for process in (one, other)]
        expected = call("classify", "-m", classifier(), TEXT).out
        assert answers == [(expected, b"")] * 2
        assert seen.files.count("config.json") == 1
        assert rnncli(*command, env=env | {"HF_HUB_OFFLINE": "1"}).out == expected
