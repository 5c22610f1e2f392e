"""The commands: their output on stdout and stderr, and the files that they write."""

import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import typer
from models import (
    QUICK,
    SMALL,
    STORY,
    classifier,
    generator,
    pairs,
    reviews,
    story,
    train,
    translator,
    write_lines,
    write_reviews,
)
from shell import TIMEOUT, Result, call, environment, explained, read_line, rnncli, start, tree

from rnncli import TextClassifier, TextGenerator, Translator, __version__
from rnncli.cli import app

ESCAPE = "\x1b"
MODEL_FILES = ["README.md", "config.json", "metrics.jsonl", "model.safetensors", "tokenizer.json"]
CLASSIFIER_FILES = sorted([*MODEL_FILES, "curve.svg", "ngrams.safetensors"])


def names(folder: Path) -> list[str]:
    """Return the names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def info(model: Path) -> dict[str, Any]:
    """Read config.json."""
    read: dict[str, Any] = json.loads((model / "config.json").read_text())
    return read


def left_behind(scratch: Path) -> list[str]:
    """Return the temporary files left by a run, without the cache of PyTorch."""
    return [name for name in names(scratch) if not name.startswith("torchinductor_")]


# train


@dataclass(frozen=True)
class Run:
    """A training in a fresh process, in a folder with the data alone."""

    result: Result
    folder: Path
    scratch: Path

    @property
    def model(self) -> Path:
        return self.folder / "models" / "classify"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder, scratch = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("scratch")
    write_reviews(folder / "reviews.csv")
    env = {"TMPDIR": str(scratch)}
    return Run(rnncli("train", "reviews.csv", *SMALL, *QUICK, cwd=folder, env=env), folder, scratch)


def test_train_ends_well_and_writes_to_stderr_alone(run: Run) -> None:
    assert run.result.code == 0, run.result.err
    assert run.result.out == b""


def test_train_announces_what_it_chose(run: Run) -> None:
    said = run.result.err
    assert "classify" in said
    assert "text and label" in said
    assert "72 rows to train on, 8 held out" in said
    assert "bidirectional lstm, 1 x 8 units" in said
    assert "word tokens" in said
    assert "up to 60 steps, batches of 32, dropout 0" in said
    assert "learning rate 0.03" in said
    assert "float32" in said
    assert "seed 0" in said
    assert "accuracy" in said
    assert "saved models/classify" in said


def test_train_draws_no_bar_and_no_colour_into_a_pipe(run: Run) -> None:
    assert ESCAPE not in run.result.err
    assert "\r" not in run.result.err


def test_train_leaves_the_files_of_a_model_and_nothing_else(run: Run) -> None:
    assert names(run.folder) == ["models", "reviews.csv"]
    assert names(run.folder / "models") == ["classify"]
    assert names(run.model) == CLASSIFIER_FILES


def test_train_cleans_up_after_itself(run: Run) -> None:
    assert left_behind(run.scratch) == []


def test_the_description_of_a_model_has_its_data_and_command(run: Run) -> None:
    described = info(run.model)
    assert described["format_version"] == 2
    assert described["task"] == "classify"
    assert described["labels"] == ["bad", "good"]
    assert described["settings"]["steps"] == 60
    assert described["data"]["arguments"] == ["reviews.csv"]
    assert re.fullmatch(r"[0-9a-f]{64}", described["data"]["fingerprint"])
    assert described["training"]["finished"] is True
    assert 0 <= described["scores"]["accuracy"] <= 1


def test_the_model_card_names_data_and_scores(run: Run) -> None:
    card = (run.model / "README.md").read_text()
    assert "reviews.csv" in card
    assert f"| accuracy | {info(run.model)['scores']['accuracy']:.4f} |" in card
    assert "limits" in card.casefold()


def test_metrics_are_one_line_an_evaluation(run: Run) -> None:
    lines = [json.loads(line) for line in (run.model / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) >= 2
    assert [line["step"] for line in lines] == sorted({line["step"] for line in lines})
    assert all({"loss", "accuracy", "macro_f1", "learning_rate"} <= line.keys() for line in lines)
    scores = info(run.model)["scores"]
    assert scores in [{name: line[name] for name in scores} for line in lines]


def test_the_command_that_train_proposes_works(run: Run) -> None:
    script = Path(sys.executable).with_name("rnncli")
    if not script.exists():
        pytest.skip("the command is not installed beside Python")
    proposed = run.result.err.rstrip().rpartition("\n")[2].removeprefix("next: ")
    done = subprocess.run(
        ["sh", "-c", proposed],
        capture_output=True,
        cwd=run.folder,
        env=environment({"PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}"}),
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert re.fullmatch(rb"(good|bad)\t\d\.\d{4}\tthe [\w ]+\n", done.stdout)


def test_quiet_training_with_json_prints_one_object_and_nothing_else(tmp_path: Path) -> None:
    options = ("-o", "m", "--steps", 2, *SMALL, "-q", "--json")
    result = call("train", "-", *options, stdin=reviews().read_bytes(), cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    (line,) = result.lines
    printed = json.loads(line)
    assert printed.pop("model") == "m"
    assert printed == info(tmp_path / "m")["scores"]
    assert names(tmp_path) == ["m"]


def test_quiet_training_is_silent(tmp_path: Path) -> None:
    result = call("train", reviews(), "-o", tmp_path / "m", "--steps", 2, *SMALL, "-q")
    assert (result.code, result.out, result.err) == (0, b"", "")


@pytest.mark.slow
def test_without_data_the_bundled_reviews_are_learned(tmp_path: Path) -> None:
    result = call("train", "--steps", 1, *SMALL, cwd=tmp_path)
    assert result.code == 0
    assert "bundled reviews" in result.err
    assert info(tmp_path / "models" / "classify")["labels"] == ["negative", "neutral", "positive"]


@pytest.mark.parametrize(
    ("task", "data"), [("generate", story), ("translate", pairs)], ids=["generate", "translate"]
)
def test_each_task_has_its_own_folder(task: str, data: Any, tmp_path: Path) -> None:
    result = call("train", data(), "--steps", 1, *SMALL, cwd=tmp_path)
    assert result.code == 0
    assert f"task: {task}" in result.err
    assert names(tmp_path / "models") == [task]
    assert info(tmp_path / "models" / task)["task"] == task


def test_the_same_steps_and_seed_give_the_same_model(tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        train(reviews(), tmp_path / name, "--steps", 5, "--seed", seed)
    one, two, three = (
        (tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two", "three")
    )
    assert one == two
    assert one != three


def test_the_time_of_a_training_begins_with_its_command(tmp_path: Path) -> None:
    """However long this process has worked before: with the budget of the training it has not."""
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
    began = time.monotonic()
    model = train(reviews(), tmp_path / "m", "--steps", 1, "--no-ngrams")
    taken = time.monotonic() - began
    (line,) = map(json.loads, (model / "metrics.jsonl").read_text().splitlines())
    assert line["seconds"] <= taken + 0.1  # it is rounded


def test_force_replaces_a_model(tmp_path: Path) -> None:
    model = train(reviews(), tmp_path / "m", "--steps", 2)
    train(story(), model, "--steps", 2, "--force")
    assert info(model)["task"] == "generate"
    assert names(model) == MODEL_FILES
    assert names(tmp_path) == ["m"]


def test_a_path_with_a_space_is_quoted_for_the_shell(tmp_path: Path) -> None:
    model = tmp_path / "my model's place"
    result = call("train", story(), "-o", model, "--steps", 1, *SMALL)
    proposed = result.err.rstrip().rpartition("\n")[2].removeprefix("next: ")
    assert shlex.split(proposed)[:4] == ["rnncli", "generate", "-m", str(model)]


# So many steps that no machine is through before Ctrl-C; the first score comes after 100.
LONG = ("--steps", 2_000, "--patience", 10_000)


def is_score(line: bytes) -> bool:
    return re.match(rb" *\d+s  epoch .*accuracy", line) is not None


def names_the_command_to_resume(err: bytes) -> bool:
    lines = err.decode().rstrip().split("\n")
    if "the previous model is kept" in lines[-1]:
        lines.pop()
    *_, notice, again, kept = lines
    assert kept.startswith("kept: the state of the training")
    return re.fullmatch(
        r"interrupted at step [\d,]+; to resume, run the same command:", notice
    ) is not None and again.startswith("    rnncli train ")


@pytest.mark.slow
def test_ctrl_c_during_training_keeps_the_best_model_so_far(tmp_path: Path) -> None:
    scratch, model = tmp_path / "scratch", tmp_path / "m"
    scratch.mkdir()
    with start(
        "train", reviews(), "-o", model, *SMALL, *LONG, env={"TMPDIR": str(scratch)}
    ) as process:
        for _ in range(2):  # scores, the first of them the best so far
            while not is_score(read_line(process, "stderr")):
                pass
        time.sleep(0.2)  # into the steps that follow
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out) == (130, b"")
    assert names_the_command_to_resume(err)
    assert names(model) == sorted([*MODEL_FILES, "ngrams.safetensors", "checkpoint"])
    assert names(tmp_path) == ["m", "scratch"]
    assert left_behind(scratch) == []
    assert info(model)["training"]["finished"] is False
    (result,) = TextClassifier.load(model)(["the soup was lovely"])
    assert result.label in ("good", "bad")


@pytest.mark.slow
def test_ctrl_c_at_the_first_score_announces_the_model_on_disk(tmp_path: Path) -> None:
    """The old model or the new one: which of them depends on the moment."""
    model = tmp_path / "m"
    shutil.copytree(classifier(), model)
    before = tree(tmp_path)
    with start("train", reviews(), "-o", model, "--force", *SMALL, *LONG) as process:
        while not is_score(read_line(process, "stderr")):
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out) == (130, b"")
    assert names(tmp_path) == ["m"]
    assert names_the_command_to_resume(err)
    shutil.rmtree(model / "checkpoint")
    assert tree(tmp_path) == before or info(model)["training"]["finished"] is False
    TextClassifier.load(model)


def test_ctrl_c_before_the_first_score_leaves_the_old_model(tmp_path: Path) -> None:
    model = tmp_path / "m"
    shutil.copytree(classifier(), model)
    before = tree(tmp_path)
    ctrl_c = Timer(0.7, os.kill, (os.getpid(), signal.SIGINT))
    ctrl_c.start()
    result = call("train", reviews(), "-o", model, "--force", *SMALL, "--steps", 10**9)
    ctrl_c.join()
    assert (result.code, result.out) == (130, b"")
    shutil.rmtree(model / "checkpoint", ignore_errors=True)  # that of the new training
    assert tree(tmp_path) == before


# classify


def test_classify_prints_label_probability_and_text() -> None:
    texts = ["the soup was lovely", "the soup was dreadful"]
    first, second = call("classify", "-m", classifier(), *texts).lines
    assert re.fullmatch(r"good\t(0\.[5-9]\d{3}|1\.0000)\tthe soup was lovely", first)
    assert re.fullmatch(r"bad\t(0\.[5-9]\d{3}|1\.0000)\tthe soup was dreadful", second)


def test_classify_as_json_gives_the_probability_of_every_label() -> None:
    texts = ["the soup was lovely", "the lamp broke on the first day", "æøå \N{SNOWMAN}"]
    plain = call("classify", "-m", classifier(), *texts).lines
    for line, text, row in zip(
        call("classify", "-m", classifier(), "--json", *texts).lines, texts, plain, strict=True
    ):
        answer = json.loads(line)
        assert answer.keys() == {"text", "label", "probability", "probabilities"}
        assert answer["text"] == text
        assert answer["probabilities"].keys() == {"good", "bad"}
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert answer["probabilities"][answer["label"]] == answer["probability"]
        assert answer["probability"] == max(answer["probabilities"].values())
        label, probability, _ = row.split("\t")
        assert label == answer["label"]
        assert float(probability) == pytest.approx(answer["probability"], abs=6e-5)


def test_a_blank_text_has_no_label() -> None:
    texts = ["", "  "]
    assert call("classify", "-m", classifier(), *texts).lines == ["\t\t", "\t\t  "]
    for line in call("classify", "-m", classifier(), "--json", *texts).lines:
        assert json.loads(line)["label"] is None


def test_the_command_and_the_library_agree() -> None:
    (result,) = TextClassifier.load(classifier())(["a garden"])
    (line,) = call("classify", "-m", classifier(), "a garden").lines
    assert line == f"{result.label}\t{result.probability:.4f}\ta garden"


# generate


def write(*options: object) -> bytes:
    result = call("generate", "-m", generator(), *options)
    assert result.code == 0
    return result.out


def test_the_same_seed_gives_the_same_text() -> None:
    one = write("The ferry", "--seed", 1)
    assert one == write("The ferry", "--seed", 1)
    assert one != write("The ferry", "--seed", 2)
    assert one.startswith(b"The ferry")


def test_without_a_seed_texts_differ() -> None:
    assert write("The ferry") != write("The ferry")


def samples(*options: object) -> list[str]:
    return [json.loads(line)["text"] for line in write(*options, "--json").splitlines()]


def test_n_samples_are_printed() -> None:
    texts = samples("The ferry", "-n", 4, "--seed", 1)
    assert len(texts) == 4
    assert len(set(texts)) == 4
    assert write("The ferry", "-n", 4, "--seed", 1).decode() == "".join(
        f"The ferry{text}\n" for text in texts
    )


def test_length_counts_tokens() -> None:
    (text,) = samples("The ferry", "--temperature", 0, "--length", 17)
    assert len(text) == 17


def test_a_sample_ends_before_the_stop_text() -> None:
    (whole,) = samples("The ferry", "--seed", 1, "--length", 200)
    stop = whole[60:62]
    (stopped,) = samples("The ferry", "--seed", 1, "--length", 200, "--stop", stop)
    assert stopped == whole.partition(stop)[0]
    assert stop in whole


def test_temperature_0_always_takes_the_likeliest() -> None:
    text = write("The ferry", "--temperature", 0)
    assert text == write("The ferry", "--temperature", 0, "--seed", 9)
    assert text == write("The ferry", "--top-k", 1, "--seed", 9)


def test_a_generator_needs_no_prompt() -> None:
    result = call("generate", "-m", generator(), "--length", 5, stdin=b"\n")
    assert result.code == 0
    assert len(result.out) > 1


# translate


def test_translate_prints_the_translation_alone() -> None:
    result = call("translate", "-m", translator(), "the cat sleeps today", "", "a gull waits here")
    assert (result.code, result.err) == (0, "")
    found = Translator.load(translator())(["the cat sleeps today", "", "a gull waits here"])
    assert result.lines == [translation.text for translation in found]
    assert result.lines[0] == "le chat dort aujourd'hui"
    assert result.lines[1] == ""


def test_nbest_prints_scores_and_translations_from_the_best_down() -> None:
    text = "the cat sleeps today"
    lines = call("translate", "-m", translator(), "--nbest", 3, text).lines
    found = [line.split("\t") for line in lines]
    scores = [float(score) for score, _ in found]
    assert len(lines) == 3
    assert scores == sorted(scores, reverse=True)
    assert len({translation for _, translation in found}) == 3
    assert [found[0][1]] == call("translate", "-m", translator(), text).lines


def test_translate_as_json_gives_source_translation_and_score() -> None:
    text = "my brother laughs again"
    (line,) = call("translate", "-m", translator(), "--nbest", 2, "--json", text).lines
    answer = json.loads(line)
    assert answer["source"] == text
    assert [answer["translation"]] == call("translate", "-m", translator(), text).lines
    assert len(answer["nbest"]) == 2
    assert answer["nbest"][0] == {"text": answer["translation"], "score": answer["score"]}
    assert answer["nbest"][0]["score"] >= answer["nbest"][1]["score"]


def test_a_beam_of_1_is_greedy_and_a_wider_one_finds_no_worse() -> None:
    text = "the captain eats here"
    options = ("translate", "-m", translator(), "--json", "--length-penalty", 0)
    narrow, wide = (json.loads(call(*options, "--beam", beam, text).lines[0]) for beam in (1, 5))
    assert wide["score"] >= narrow["score"]


# evaluate


def score(*arguments: object) -> dict[str, Any]:
    result = call("evaluate", *arguments, "--json")
    assert result.code == 0, result.err
    (line,) = result.lines
    scores: dict[str, Any] = json.loads(line)
    return scores


def test_a_classifier_scores_on_its_held_out_part_as_training_said() -> None:
    scores, reported = score(classifier()), info(classifier())["scores"]
    assert scores["texts"] == 8
    assert scores["accuracy"] == pytest.approx(reported["accuracy"], abs=1e-5)
    assert scores["macro_f1"] == pytest.approx(reported["macro_f1"], abs=1e-5)


def test_a_classifier_is_scored_on_labelled_data() -> None:
    scores = score(classifier(), reviews())
    assert scores["texts"] == 80
    assert sum(map(sum, scores["confusion_matrix"])) == 80
    rows = [line.split(",") for line in reviews().read_text().splitlines()[1:]]
    answers = call("classify", "-m", classifier(), *(text for text, _ in rows)).lines
    right = sum(a.split("\t")[0] == label for a, (_, label) in zip(answers, rows, strict=True))
    assert scores["accuracy"] == pytest.approx(right / 80)
    assert scores["accuracy"] > 0.9
    assert set(scores["classes"]) == {"good", "bad"}
    assert scores["classes"]["good"]["support"] == 40


def test_a_label_that_training_has_not_seen_counts_as_a_mistake(tmp_path: Path) -> None:
    data = write_lines(
        tmp_path / "new.csv", "text,label", "the soup was lovely,good", "the soup was lovely,so-so"
    )
    scores = score(classifier(), data)
    assert scores["accuracy"] == 0.5
    assert scores["labels"] == ["bad", "good", "so-so"]


def test_a_generator_scores_on_its_held_out_part_as_training_said() -> None:
    scores, reported = score(generator()), info(generator())["scores"]
    assert scores["nats_per_token"] == pytest.approx(reported["loss"], abs=1e-4)
    assert scores["bits_per_character"] == pytest.approx(reported["bits_per_character"], abs=1e-4)


def test_a_generator_is_scored_on_text_in_bits_and_nats_that_agree(tmp_path: Path) -> None:
    scores = score(generator(), write_lines(tmp_path / "new.txt", *STORY.splitlines()))
    assert scores["characters"] == len(STORY)
    nats, bits = scores["nats_per_character"], scores["bits_per_character"]
    assert nats == pytest.approx(bits * math.log(2))
    assert scores["perplexity_per_token"] == pytest.approx(math.exp(scores["nats_per_token"]))
    nats = scores["nats_per_character"] * scores["characters"]
    assert scores["perplexity_per_word"] == pytest.approx(math.exp(nats / scores["words"]))
    assert 0 < bits < math.log2(256)
    found = TextGenerator.load(generator()).score([STORY])
    assert scores["nats_per_token"] == pytest.approx(found, rel=1e-6)
    assert scores["tokens"] == len(STORY)  # a token is a character


def test_each_window_is_scored_from_an_empty_state(tmp_path: Path) -> None:
    window, model = 7, TextGenerator.load(generator())  # a token is a character
    expected = 0.0
    for begin in range(0, len(STORY) - 1, window):
        piece = STORY[begin : begin + window + 1]
        expected += model.score([piece]) * (len(piece) - 1)
    data = write_lines(tmp_path / "new.txt", *STORY.splitlines())
    scores = score(generator(), data, "--window", window)
    assert scores["nats_per_token"] == pytest.approx(expected / (len(STORY) - 1), rel=1e-5)
    assert scores["nats_per_token"] > score(generator(), data)["nats_per_token"]


def test_a_translator_is_scored_on_its_held_out_part() -> None:
    scores = score(translator())
    assert scores["sentences"] == info(translator())["data"]["rows"]["validation"] == 9


def test_a_translator_is_scored_by_bleu_and_chrf_with_their_signatures() -> None:
    scores = score(translator(), pairs())
    assert scores["sentences"] == 90
    assert 20 < scores["bleu"]["score"] <= 100
    assert re.fullmatch(r"nrefs:1\|case:mixed\|.*\|tok:13a\|.*\|version:.+",
                        scores["bleu"]["signature"])  # fmt: skip
    assert "case:lc" in scores["bleu_lower"]["signature"]
    assert 20 < scores["chrf"]["score"] <= 100
    assert score(translator(), pairs(), "--tokenize", "char")["bleu"]["signature"].count("tok:char")


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (classifier, ["accuracy", "macro F1", "precision", "good", "bad"]),
        (generator, ["bits per character", "perplexity"]),
        (translator, ["BLEU", "chrF2", "nrefs:1"]),
    ],
    ids=["classify", "generate", "translate"],
)
def test_scores_are_printed_as_tables_without_json(model: Any, shown: list[str]) -> None:
    result = call("evaluate", model(), "-q")
    assert (result.code, result.err) == (0, "")
    for words in shown:
        assert words in result.out.decode()


# which model


def test_the_model_of_the_task_is_the_default(tmp_path: Path) -> None:
    shutil.copytree(classifier(), tmp_path / "models" / "classify")
    result = call("classify", "the soup was lovely", cwd=tmp_path)
    assert result == call("classify", "-m", classifier(), "the soup was lovely")


def test_the_environment_names_a_model_and_the_option_goes_before_it(tmp_path: Path) -> None:
    env = {"RNNCLI_MODEL": str(classifier())}
    result = call("classify", "the soup was lovely", cwd=tmp_path, env=env)
    assert result.lines[0].startswith("good\t")
    env = {"RNNCLI_MODEL": str(tmp_path / "nothing")}
    assert call("classify", "-m", classifier(), "the soup was lovely", env=env) == result


@pytest.mark.parametrize("command", ["classify", "evaluate"])
def test_the_environment_may_name_a_bundled_model(command: str, tmp_path: Path) -> None:
    result = call(command, cwd=tmp_path, env={"RNNCLI_MODEL": "bundled:nothing"})
    explained(result, 1, "bundled:nothing does not come with rnncli")


def test_a_model_directory_can_be_copied(tmp_path: Path) -> None:
    copy = shutil.copytree(translator(), tmp_path / "elsewhere")
    text = "the cat sleeps today"
    assert call("translate", "-m", copy, text) == call("translate", "-m", translator(), text)


# help, version, colours


def test_the_version_is_printed() -> None:
    result = rnncli("--version")
    assert (result.code, result.out, result.err) == (0, f"rnncli {__version__}\n".encode(), "")


def test_every_command_and_every_option_is_explained() -> None:
    group: Any = typer.main.get_command(app)
    assert {"train", "generate", "classify", "translate", "evaluate"} <= set(group.commands)
    for name, command in group.commands.items():
        assert command.help, name
        assert [p.name for p in command.params if not p.help and p.name != "prompt"] == [], name
        shown = call(name, "--help").out.decode()
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert max(parameter.opts, key=len) in shown, (name, parameter.name)


def test_options_of_the_same_name_mean_the_same_everywhere() -> None:
    group: Any = typer.main.get_command(app)
    meanings: dict[str, set[tuple[str, ...]]] = {}
    for command in group.commands.values():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                for word in parameter.opts:
                    meanings.setdefault(word, set()).add((parameter.name, *sorted(parameter.opts)))
    assert {word: found for word, found in meanings.items() if len(found) > 1} == {}


# FORCE_COLOR makes a pipe count as a terminal: what is asked for still goes before it.


def test_color_always_colours_a_pipe() -> None:
    assert ESCAPE in call("evaluate", classifier(), "--color", "always").out.decode()


@pytest.mark.parametrize("env", [{}, {"FORCE_COLOR": "1"}], ids=["pipe", "forced"])
def test_color_never_leaves_no_escape_codes_in_scores(env: dict[str, str]) -> None:
    result = call("evaluate", classifier(), "--color", "never", env=env)
    assert ESCAPE not in result.out.decode() + result.err


def test_no_color_leaves_no_escape_codes_in_scores() -> None:
    result = call("evaluate", classifier(), env={"NO_COLOR": "1", "FORCE_COLOR": "1"})
    assert ESCAPE not in result.out.decode() + result.err


def test_color_never_leaves_no_escape_codes_in_training(tmp_path: Path) -> None:
    options = ("-o", tmp_path / "m", *SMALL, "--steps", 2, "--color", "never")
    assert ESCAPE not in call("train", reviews(), *options, env={"FORCE_COLOR": "1"}).err


def test_no_color_leaves_no_colours_in_help() -> None:
    shown = call("--help", env={"NO_COLOR": "1", "FORCE_COLOR": "1"}).out.decode()
    codes = re.findall(r"\x1b\[([\d;]*)m", shown)
    coloured = [code for code in codes if any(30 <= int(n or 0) <= 107 for n in code.split(";"))]
    assert coloured == []
