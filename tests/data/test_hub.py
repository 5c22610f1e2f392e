"""Datasets of the hub, of which a stand-in runs on this machine."""

import contextlib
import json
import os
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from corpora import Question, as_jsonl, ask
from datasets import ClassLabel, Dataset, Features, Translation, Value
from hub import Traffic, serve_hub
from models import SMALL
from shell import TIMEOUT, rnncli, start

from rnncli.data.preview import COUNTED_ROWS


def publish(repository: Path, card: str, **splits: Dataset) -> None:
    """Put a dataset where the stand-in serves it from."""
    (repository / "data").mkdir(parents=True)
    (repository / "README.md").write_text(f"---\n{card}\n---\n# A dataset\n")
    for name, split in splits.items():
        split.to_parquet(repository / "data" / f"{name}-00000-of-00001.parquet")


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repositories")
    features = Features(
        {
            "sentence": Value("string"),
            "label": ClassLabel(names=["bad", "good"]),
            "id": Value("int32"),
        }
    )
    train, dev, test = (
        Dataset.from_dict({"sentence": texts, "label": labels, "id": [7, 8]}, features=features)
        for texts, labels in [(["a", "b"], [0, 1]), (["c", " "], [1, 1]), (["d", "e"], [-1, -1])]
    )
    publish(folder / "org/films", "license: mit", train=train, dev=dev, test=test, extra=dev)
    publish(folder / "org/heldout", "license: [mit, cc0-1.0]", test=dev, validation=dev)
    pairs = Dataset.from_dict(
        {"id": ["1", "2"], "translation": [{"en": "a", "fr": "b"}, {"en": "c", "fr": "d"}]},
        features=Features(
            {"id": Value("string"), "translation": Translation(languages=["en", "fr"])}
        ),
    )
    publish(folder / "Helsinki-NLP/opus_books", "license: other", train=pairs)
    parts = "".join(
        f"- config_name: {name}\n  data_files: data/{name}-*\n" for name in ("plain", "other")
    )
    publish(folder / "org/parts", f"configs:\n{parts}", plain=train, other=dev)
    publish(folder / "org/closed", "extra_gated_prompt: please", train=train)
    publish(folder / "org/nothing", "license: mit")
    publish(folder / "org/script", "license: mit")
    (folder / "org/script/script.py").write_text("# builds the dataset\n")
    english = Dataset.from_dict({"english": ["a", "b"], "non_english": ["c", "d"]})
    publish(
        folder / "sentence-transformers/parallel-sentences-tatoeba",
        "configs:\n- config_name: en-ja\n  data_files: data/train-*\n",
        train=english,
    )
    (folder / "org/lines").mkdir()
    (folder / "org/lines/train.jsonl").write_text(as_jsonl(["text"], [["one"], ["two\n"]]))
    return folder


QUESTIONS: dict[str, Question] = {
    "films": (["org/films"], {}),
    "text": (["org/films"], {"task": "generate"}),
    "heldout": (["org/heldout"], {}),
    "scored": (["org/heldout"], {"for_training": False}),
    "books": (["Helsinki-NLP/opus_books"], {}),
    "turned": (["Helsinki-NLP/opus_books"], {"columns": {"source": "fr"}}),
    "tatoeba": (["tatoeba:en-ja"], {}),
    "part": (["org/parts:plain"], {}),
    "no part": (["org/parts"], {}),
    "wrong part": (["org/parts:plane"], {}),
    "lines": (["org/lines"], {}),
    "missing": (["org/missing"], {}),
    "closed": (["org/closed"], {}),
    "script": (["org/script"], {}),
    "nothing": (["org/nothing"], {}),
    "revision": (["org/films"], {"revision": "0" * 40}),
    "pinned": (["opus_books"], {}),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the place of the cache that the hub's datasets are loaded into."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def online(hub_folder: Path, cache: Path) -> dict[str, dict[str, Any]]:
    """Ask everything of the hub in one process."""
    with serve_hub(hub_folder) as address:
        environment = {"HF_ENDPOINT": address, "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
        answers = ask(cache, list(QUESTIONS.values()), environment)
    return dict(zip(QUESTIONS, answers, strict=True))


@pytest.fixture(scope="module")
def offline(online: dict[str, dict[str, Any]], cache: Path) -> dict[str, dict[str, Any]]:
    """Ask again when the hub is gone and the cache is filled."""
    names = [name for name in online if name in ("films", "books", "missing", "revision")]
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9"}  # nobody listens at this port
    answers = ask(cache, [QUESTIONS[name] for name in names], environment)
    return dict(zip(names, answers, strict=True))


Answers = dict[str, dict[str, Any]]


def test_a_dataset_of_the_hub_has_class_names_and_splits(online: Answers) -> None:
    assert online["films"]["task"] == "classify"
    assert online["films"]["splits"] == {
        "train": [["a", "bad"], ["b", "good"]],
        "validation": [["c", "good"]],
    }
    assert online["films"]["columns"] == {"text": "sentence", "label": "label"}
    assert online["films"]["licence"] == "mit"
    assert re.fullmatch("revision: [0-9a-f]{40}", online["films"]["notices"][0])
    assert online["films"]["notices"][1:] == [
        "splits left out: extra",
        "task: classify, from the columns sentence and label",
        "split test left out: it is empty",
        "1 empty text left out",
    ]
    assert online["text"]["splits"]["test"] == [["d\n"], ["e\n"]]


def test_translations_of_the_hub_are_pairs(online: Answers) -> None:
    assert online["books"]["task"] == "translate"
    assert online["books"]["splits"] == {"train": [["a", "b"], ["c", "d"]]}
    assert online["books"]["languages"] == ["en", "fr"]
    assert online["turned"]["splits"] == {"train": [["b", "a"], ["d", "c"]]}
    assert online["tatoeba"]["languages"] == ["en", "ja"]
    assert online["tatoeba"]["licence"] == "CC BY 2.0 FR"


def test_a_subset_is_chosen_by_name(online: Answers) -> None:
    assert online["part"]["splits"] == {"train": [["a", "bad"], ["b", "good"]]}
    for answer in (online["no part"], online["wrong part"]):
        assert "its subsets are: plain, other" in answer["message"]
        assert answer["hint"] == "name one: rnncli train org/parts:plain"


def test_documents_of_the_hub_end_in_a_newline(online: Answers) -> None:
    assert online["lines"]["task"] == "generate"
    assert online["lines"]["splits"] == {"train": [["one\n"], ["two\n"]]}
    assert online["lines"]["licence"] is None


def test_a_dataset_without_a_train_split_can_only_be_scored_on(online: Answers) -> None:
    assert online["heldout"]["message"].startswith("org/heldout has no split called train")
    assert online["scored"]["splits"].keys() == {"validation", "test"}
    assert online["scored"]["licence"] == "mit, cc0-1.0"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        (
            "missing",
            "the hub has no dataset org/missing, or only for its owners",
            "?search=missing",
        ),
        ("closed", "org/closed is open only to those who have accepted its terms", "hf auth login"),
        ("script", "org/script is made by a script", "Parquet"),
        ("nothing", "org/nothing cannot be read: ", "/datasets/org/nothing/tree/main"),
        ("revision", "org/films has no revision 0000", "/datasets/org/films/commits/main"),
        ("pinned", "Helsinki-NLP/opus_books has no revision 1f9f", "/commits/main"),
    ],
)
def test_what_the_hub_refuses_is_explained(
    online: Answers, name: str, message: str, hint: str
) -> None:
    assert online[name]["message"].startswith(message)
    assert hint in online[name]["hint"]


def test_without_the_hub_the_cache_gives_the_same(online: Answers, offline: Answers) -> None:
    for name in ("films", "books"):
        assert offline[name]["splits"] == online[name]["splits"]
        assert offline[name]["fingerprint"] == online[name]["fingerprint"]
        assert offline[name]["notices"][0] == "the hub is out of reach: read from the cache"


def test_without_the_hub_and_the_cache_the_error_says_what_works(offline: Answers) -> None:
    assert (
        offline["missing"]["message"]
        == "the hub is out of reach, and org/missing is not in the cache"
    )
    assert "HF_ENDPOINT" in offline["missing"]["hint"]
    assert "local files need no connection" in offline["missing"]["hint"]
    assert "and the cache holds revision" in offline["revision"]["message"]


@pytest.mark.parametrize("quiet", [True, False])
def test_downloads_show_bars_on_a_terminal_unless_quiet(
    hub_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    for library in ("HUB", "DATASETS"):
        monkeypatch.delenv(f"HF_{library}_DISABLE_PROGRESS_BARS", raising=False)
    shown = b""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    with serve_hub(hub_folder) as address:
        env = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
        options = ["--quiet"] if quiet else []
        process = start("train", "org/heldout", *options, cwd=tmp_path, env=env, stderr=theirs)
        os.close(theirs)
        with process, contextlib.suppress(OSError):  # a terminal without users cannot be read
            while piece := os.read(ours, 65_536):
                shown += piece
    os.close(ours)
    assert b"error: org/heldout has no split called train" in shown
    assert shown.startswith(b"error: ") == quiet
    assert (b"100%" not in shown) == quiet


def publish_shards(repository: Path, number: int, rows: int = 50, suffix: str = "parquet") -> int:
    """Publish one split in so many files of about the same size, and return that of one."""
    (repository / "data").mkdir(parents=True)
    (repository / "README.md").write_text("---\nlicense: mit\n---\n")
    for shard in range(number):
        texts = [f"row {place} of the shard {shard}" for place in range(rows)]
        split = Dataset.from_dict({"text": texts, "label": ["a", "b"] * (rows // 2)})
        path = repository / f"data/train-{shard:05}-of-{number:05}.{suffix}"
        (split.to_parquet if suffix == "parquet" else split.to_json)(path)
    return path.stat().st_size


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_as_many_files_are_downloaded_as_there_is_time_for(tmp_path: Path, suffix: str) -> None:
    size, seen = publish_shards(tmp_path / "hub/org/many", 10, suffix=suffix), Traffic()
    part: Question = (["org/many"], {"limits": {"rows": 60, "characters": int(3.5 * size)}})
    with serve_hub(tmp_path / "hub", seen) as address:
        environment = {"HF_ENDPOINT": address, "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
        first, second = ask(tmp_path, [part, part], environment)
        (offline,) = ask(tmp_path, [part], {"HF_ENDPOINT": "http://127.0.0.1:9"})
        (whole,) = ask(tmp_path, [(["org/many"], {})], environment)
    assert first == second
    assert offline["splits"] == first["splits"]
    assert offline["fingerprint"] == first["fingerprint"] != whole["fingerprint"]
    texts = [text for text, _ in first["splits"]["train"]]
    assert {text.split()[-1] for text in texts} == {"1", "5", "8"}
    assert 30 < len(texts) < 90
    files = "files: 3 of the 10 files of the split train, spread evenly, as many as there is time "
    assert any(notice.startswith(files) for notice in first["notices"])
    assert len(whole["splits"]["train"]) == 500
    downloaded = [name for name in seen.files if name.startswith("data/train")]
    assert [int(name[11:16]) for name in downloaded] == [1, 5, 8, 0, 2, 3, 4, 6, 7, 9]


def test_a_plan_downloads_no_more_files_than_it_counts_rows_of(tmp_path: Path) -> None:
    publish_shards(tmp_path / "hub/org/many", 3, rows=COUNTED_ROWS + 2)
    seen = Traffic()
    with serve_hub(tmp_path / "hub", seen) as address:
        env = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
        planned = rnncli("train", "org/many", "--dry-run", "--json", cwd=tmp_path, env=env)
    assert planned.code == 0, planned.err
    assert 0.99 < json.loads(planned.out)["rows"] / (3 * COUNTED_ROWS) < 1.01
    assert [name for name in seen.files if "train" in name] == ["data/train-00000-of-00003.parquet"]


def test_a_download_that_is_killed_goes_on(tmp_path: Path) -> None:
    publish_shards(tmp_path / "hub/org/many", 3)
    files = [f"data/train-0000{shard}-of-00003.parquet" for shard in range(3)]
    seen = Traffic(held=files[1])
    command = ("train", "org/many", "-o", tmp_path / "m", *SMALL, "--steps", 1)
    with serve_hub(tmp_path / "hub", seen) as address:
        env = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
        with start(*command, cwd=tmp_path, env=env) as killed:
            assert seen.is_held.wait(TIMEOUT)
            killed.kill()
        seen.is_released.set()
        trained = rnncli(*command, cwd=tmp_path, env=env)
    assert trained.code == 0, trained.err
    assert [seen.files.count(name) for name in files] == [1, 2, 1]
    assert "data: 135 rows to train on, 15 held out" in trained.err
