"""Small models for the end-to-end tests, each trained once, when a test first asks for it."""

import atexit
import os
import tempfile
from collections.abc import Callable
from functools import cache, wraps
from itertools import product
from pathlib import Path

from filelock import FileLock
from shell import call

# float32, so that the scores of training are those of the NumPy network to the last digit.
SMALL = ("--hidden-size", 8, "--embedding-dim", 8, "--precision", "float32", "--vectors", "none")
QUICK = ("--steps", 60, "--learning-rate", 0.03, "--dropout", 0)

SUBJECTS = ("soup", "bread", "garden", "ferry", "choir", "novel", "lamp", "teapot", "bakery", "map")
VERDICTS = {
    "good": ("was lovely", "pleased us all", "is my favourite", "was warm and bright"),
    "bad": ("was dreadful", "let us all down", "broke on the first day", "was cold and dull"),
}
STORY = """The baker wakes before the gulls. She lights the oven and sings to the dough.
The baker's son carries loaves to the ferry; the ferry carries loaves to the island.
On the island an old woman keeps a lamp, and the lamp keeps the ferry from the rocks.
"Is the bread warm?" asks the old woman. "It was," says the boy, "when I left."
In the evening the ferry comes home, the oven grows cold, and the gulls go to sleep.
"""
WHO = {
    "the baker": "le boulanger",
    "the girl": "la fille",
    "the cat": "le chat",
    "my brother": "mon frère",
    "a gull": "une mouette",
    "the captain": "le capitaine",
}
DOES = {"sings": "chante", "sleeps": "dort", "waits": "attend", "laughs": "rit", "eats": "mange"}
WHEN = {"today": "aujourd'hui", "here": "ici", "again": "encore"}


def write_reviews(path: Path) -> Path:
    """Write eighty reviews with the columns text and label."""
    rows = [
        f"the {subject} {verdict},{label}"
        for label, verdicts in VERDICTS.items()
        for subject, verdict in product(SUBJECTS, verdicts)
    ]
    return write_lines(path, "text,label", *rows)


def write_pairs(path: Path) -> Path:
    """Write ninety English sentences with their translations into French."""
    rows = [
        f"{who} {does} {when}\t{qui} {fait} {quand}"
        for (who, qui), (does, fait), (when, quand) in product(
            WHO.items(), DOES.items(), WHEN.items()
        )
    ]
    return write_lines(path, "english\tfrench", *rows)


def write_sentences(path: Path) -> Path:
    """Write statements and questions with capitals and end marks, and their translations."""
    statements = [
        f"{who} {does} {when}.\t{qui} {fait} {quand}."
        for (who, qui), (does, fait), (when, quand) in product(
            WHO.items(), DOES.items(), WHEN.items()
        )
    ]
    questions = [
        f"is {who} {when}?\test-ce que {qui} est {quand} ?"
        for (who, qui), (when, quand) in product(WHO.items(), WHEN.items())
    ]
    rows = [
        "\t".join(text[0].upper() + text[1:] for text in row.split("\t"))
        for row in statements + questions
    ]
    return write_lines(path, "english\tfrench", *rows)


def write_story(path: Path) -> Path:
    """Write a short text, some times over."""
    path.write_bytes(6 * STORY.encode())
    return path


def write_lines(path: Path, *lines: str) -> Path:
    """Write lines of text."""
    path.write_bytes("".join(line + "\n" for line in lines).encode())
    return path


def train(data: Path, model: Path, *options: object) -> Path:
    """Train a small model in this process."""
    result = call("train", data, "-o", model, *SMALL, *options)
    assert result.code == 0, result.err
    return model


FOLDER = "RNNCLI_TESTS"  # the variable that names a folder for all processes of a test run


@cache
def _folder() -> Path:
    """Return the folder of files that tests share: that of the test run, else one of its own."""
    if name := os.environ.get(FOLDER):
        return Path(name)
    folder = tempfile.TemporaryDirectory(prefix="rnncli-tests-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def shared(make: Callable[[], Path]) -> Callable[[], Path]:
    """Let a function be called once in a test run; other processes wait for its result."""

    @cache
    @wraps(make)
    def result() -> Path:
        done = _folder() / f"{make.__name__}.done"
        with FileLock(done.with_suffix(".lock")):
            if not done.exists():
                done.write_text(str(make()))
            return Path(done.read_text())

    return result


@shared
def reviews() -> Path:
    """Return the reviews that all tests share and none changes."""
    return write_reviews(_folder() / "reviews.csv")


@shared
def story() -> Path:
    """Return the text that all tests share."""
    return write_story(_folder() / "story.txt")


@shared
def pairs() -> Path:
    """Return the translated sentences that all tests share."""
    return write_pairs(_folder() / "pairs.tsv")


@shared
def classifier() -> Path:
    """Return the classifier that all tests share and none changes."""
    return train(reviews(), _folder() / "classifier", *QUICK)


@shared
def generator() -> Path:
    """Return the generator that all tests share."""
    return train(story(), _folder() / "generator", *QUICK)


@shared
def translator() -> Path:
    """Return the translator that all tests share."""
    learn = ("--level", "word", "--word-dropout", 0, "--label-smoothing", 0, "--batch-size", 16)
    return train(
        pairs(), _folder() / "translator", *QUICK, *learn, "--hidden-size", 24, "--steps", 150
    )


@shared
def sentence_translator() -> Path:
    """Return a translator of sentences with capitals and end marks that all tests share."""
    learn = ("--level", "word", "--word-dropout", 0, "--label-smoothing", 0, "--batch-size", 16)
    data = write_sentences(_folder() / "sentences.tsv")
    size = ("--hidden-size", 24, "--steps", 200)
    return train(data, _folder() / "sentence-translator", *QUICK, *learn, *size)
