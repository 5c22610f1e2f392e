"""``rnncli inspect``: which model and text are meant, and what is shown of them."""

import json
import os
import shlex
import shutil
from pathlib import Path

import pytest
from models import classifier, generator, translator
from shell import call, explained, on_a_terminal

from rnncli.storage.bundled import bundled_models

TEXT = "the soup was lovely"
HOSTILE = "a \x1b[31mred\x1b[0m [bold]soup[/bold] \u202eevil \x07</script><b>"


def shown(*arguments: object, **options: object) -> str:
    """Return what a command prints on stdout."""
    result = call("inspect", *arguments, **options)
    assert result.code == 0, result.err
    return result.out.decode()


def test_a_directory_alone_is_a_model_and_anything_else_a_text(tmp_path: Path) -> None:
    assert "gates at rest" in shown(classifier())
    assert "encoder.layers.0.0" in shown(classifier())
    assert "label so far" in shown("-m", classifier(), TEXT)
    assert "label so far" in shown(TEXT, env={"RNNCLI_MODEL": str(classifier())})
    assert "label so far" in shown(TEXT, cwd=tmp_path)  # of the bundled model
    for name, model in (("old", classifier), ("new", generator)):
        shutil.copytree(model(), tmp_path / "models" / name)
        os.utime(tmp_path / "models" / name / "config.json", (1, 2 if name == "new" else 1))
    result = call("inspect", TEXT, cwd=tmp_path)
    assert "expected next" in result.out.decode()
    assert "model: models/new, the newest in models" in result.err


@pytest.mark.parametrize("command", ["inspect", "evaluate"])
def test_what_would_lie_in_models_is_a_model(command: str, tmp_path: Path) -> None:
    explained(call(command, "models/classify", cwd=tmp_path), 1, "models/classify does not exist")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "classify").symlink_to(classifier())
    result = call(command, "models/clasify", cwd=tmp_path)
    assert explained(result, 1, "does not exist") == "did you mean models/classify?"


def test_each_task_shows_what_it_predicts() -> None:
    page = shown(generator(), TEXT)
    assert "expected next" in page
    table = page[page.index("expected next") :].split("\n")[2 : 2 + len(TEXT)]
    assert all(len(row.split()) >= 2 * 5 for row in table)  # five tokens and their probabilities
    page = shown(classifier(), TEXT)
    assert "good" in page and "bad" in page
    page = shown(translator(), "the cat sleeps today")
    assert "translation: " in page
    assert "the units that react most" in page


def test_words_near_another_are_listed() -> None:
    assert "cosine" in shown(classifier(), "--near", "lovely")
    (first, *_) = json.loads(shown(classifier(), "--near", "lovely", "--json"))["near"]
    assert set(first) == {"token", "cosine"}
    result = call("inspect", classifier(), "--near", "xylophone")
    hint = explained(result, 2, "xylophone").partition(": ")[2]
    assert "cosine" in shown(*shlex.split(hint)[2:])
    hint = explained(call("inspect", generator(), "--near", "xy"), 2, "xy").partition(": ")[2]
    assert "cosine" in shown(*shlex.split(hint)[2:])


def test_json_has_everything_by_name() -> None:
    content = json.loads(shown(generator(), TEXT, "--json"))
    assert content["task"] == "generate"
    assert "decoder.layers.0.forget_gate" in content["arrays"]
    content = json.loads(shown(classifier(), "--json"))
    assert content["description"]["labels"] == ["bad", "good"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["a", "b", "c"], 2, "more than one text"),
        (["--units"], 2, "--units is about a text"),
        (["--layer", "0"], 2, "--layer is about a text"),
        (["--near", "x", "--lag"], 2, "--near has no effect"),
        (["--unit", "0", "--find", "quote"], 2, "--unit has no effect"),
        (["-m", "bundled:stories", "a", "--lag"], 2, "read many texts"),
        (["nowhere", TEXT], 1, "does not exist"),
        (["bundled:nothing"], 1, "bundled:nothing"),
    ],
)
def test_wrong_arguments_are_explained(words: list[str], code: int, said: str) -> None:
    explained(call("inspect", *words), code, said)


def test_hints_repeat_the_command_with_what_was_wrong_changed(tmp_path: Path) -> None:
    hint = explained(call("inspect", "-m", "bundled:stories", "a", "b", "c"), 2, "more than one")
    assert hint.endswith("rnncli inspect -m bundled:stories 'a b c'")
    hint = explained(call("inspect", classifier(), TEXT, "--half", "decoder"), 2, "no layer")
    assert hint.endswith(f"rnncli inspect {classifier()} '{TEXT}'")
    hint = explained(call("inspect", generator(), "a", "--find", "quote"), 2, "many texts")
    assert hint.endswith(f"rnncli inspect {generator()} --find quote")
    copy = shutil.copytree(bundled_models()["bundled:sentiment"], tmp_path / "copy")
    hint = explained(call("inspect", copy, "--find", "quote"), 1, "held out")
    assert hint.endswith(f"rnncli inspect {copy} --find quote --data FILE")
    hint = explained(call("inspect", translator(), "--edit", "decoder.h0=1"), 2, "one text")
    assert hint.endswith("decoder.h0=1 'a text'")
    hint = explained(call("inspect", translator(), "--edit", "h0=1", "x"), 2, "h0 names no layer")
    assert "--edit encoder.forward.h0=1" in hint


@pytest.mark.parametrize("model", [classifier, generator, translator])
def test_hostile_texts_are_shown_and_not_obeyed(model) -> None:
    sent = on_a_terminal("inspect", model(), HOSTILE).decode()
    assert "\x1b[31m" not in sent
    assert "\x07" not in sent
    assert "\u202e" not in sent


def test_a_hostile_model_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    model = shutil.copytree(classifier(), tmp_path / "m")
    config = json.loads((model / "config.json").read_text())
    config["labels"] = ["\x1b[31mred", "[bold]b\x07"]
    config["data"]["name"] = HOSTILE
    config["training"]["command"] = HOSTILE
    (model / "config.json").write_text(json.dumps(config))
    (model / "metrics.jsonl").write_text('{"step": 1e29, "loss": 1, "training_loss": -1e29}\n' * 5)
    for words in ([], [TEXT]):
        sent = on_a_terminal("inspect", model, *words).decode()
        assert "red" in sent
        assert "\x1b[31m" not in sent
        assert "\x07" not in sent
        assert "[bold]b" in sent
