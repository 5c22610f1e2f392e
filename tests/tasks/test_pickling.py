"""A model is sent to another process as its place and its fingerprint, and loaded there once."""

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from models import classifier, generator, translator
from shell import TIMEOUT, environment

import rnncli
from rnncli.errors import ModelError
from rnncli.tasks.classify.predict import TextClassifier

TEXTS = ["the soup was lovely", "a dreadful map", ""]


@pytest.mark.parametrize("model", [classifier, generator, translator])
def test_a_pickle_is_small_and_loads_once(model) -> None:
    loaded = rnncli.load(model())
    data = pickle.dumps(loaded)
    assert len(data) < 500
    copy = pickle.loads(data)
    assert copy.description == loaded.description
    assert pickle.loads(data) is copy
    assert pickle.dumps(copy) == data


def test_a_copy_answers_alike_from_another_folder(tmp_path, monkeypatch) -> None:
    shutil.copytree(classifier(), tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    model = rnncli.load("model", threads=2)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert pickle.loads(pickle.dumps(model))(TEXTS) == model(TEXTS)


def test_another_model_in_its_place_is_refused(tmp_path) -> None:
    shutil.copytree(classifier(), tmp_path / "model")
    data = pickle.dumps(TextClassifier.load(tmp_path / "model"))
    config = tmp_path / "model/config.json"
    config.write_text(config.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(ModelError, match="not the model that was sent"):
        pickle.loads(data)


def test_a_model_that_is_not_saved_is_pickled_whole() -> None:
    saved = TextClassifier.load(classifier())
    model = TextClassifier.of_weights(
        saved.network.architecture, saved.network.weights, saved.tokenizer, labels=saved.labels
    )
    assert pickle.loads(pickle.dumps(model))(TEXTS) == model(TEXTS)


MAP = """
import sys
from pathlib import Path
from datasets import Dataset
from datasets.fingerprint import Hasher
import rnncli

model = rnncli.load(sys.argv[1])

def label(batch):
    with open(sys.argv[3], "a") as calls:
        calls.write("called\\n")
    return {"label": [result.label for result in model(batch["text"])]}

if __name__ == "__main__":
    texts = Dataset.load_from_disk(sys.argv[2])
    labels = texts.map(label, batched=True, batch_size=8, num_proc=2)["label"]
    print(Hasher.hash(model), *labels)
"""


@pytest.mark.slow
def test_datasets_map_it_in_processes_and_find_the_result_again(tmp_path: Path) -> None:
    from datasets import Dataset

    Dataset.from_dict({"text": TEXTS * 8}).save_to_disk(tmp_path / "texts")
    words = [sys.executable, "-c", MAP, classifier(), tmp_path / "texts", tmp_path / "calls"]

    def run() -> str:
        done = subprocess.run(
            words, capture_output=True, env=environment(), timeout=TIMEOUT, check=False, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    first, calls = run(), (tmp_path / "calls").read_text().count("\n")
    assert first.split()[1:] == [each.label for each in rnncli.load(classifier())(TEXTS * 8)]
    assert calls == 4
    assert run() == first
    assert (tmp_path / "calls").read_text().count("\n") == calls  # nothing was computed again
