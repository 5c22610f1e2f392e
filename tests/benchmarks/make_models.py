"""Make the generators and the translators that come with rnncli, by the tool's own training.

    python tests/benchmarks/make_models.py [--output data/models] NAME [NAME ...]
    python tests/benchmarks/make_models.py en-fr --trained models/en-fr [--measure]

Names: english, of texts that ``english_texts.py`` writes; stories and shakespeare, which start
from it; en-fr and en-ja. The corpora are those of ``$RNNCLI_CORPORA``, and the bundled stories
and reviews. With ``--trained``, a model that `RECIPES` made is published without training it once
more; with ``--measure``, after its version of rnncli was replaced by a newer one. How the
classifier of sentiment is made stands in ``sentiment/make_model.py``.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from report import RNNCLI, ROOT

import rnncli
from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.layout import Layout
from rnncli.storage.publication import Publication, publish
from rnncli.storage.quantization import quantize


@dataclass(frozen=True)
class Recipe:
    """What a model is trained on, and how."""

    corpus: str  # a file of `$RNNCLI_CORPORA`, or a bundled corpus
    runs: tuple[tuple[str, ...], ...]  # options of `rnncli train`; each goes on from the one before
    data: str  # what a person is told that it was trained on
    licence: str
    summary: str  # ends the sentence "A recurrent network that ..."
    dev: str | None = None  # pairs to score on, a generator on the sources; None: the held-out part
    languages: tuple[str, str] | None = None


TATOEBA = "CC BY 2.0 FR, tatoeba.org, by way of manythings.org/anki"
ONCE = ("--threads", "1", "--seed", "0")
TRANSLATOR = ("--no-memory", *ONCE)
SIZES = ("--hidden-size", "320", "--embedding-dim", "256")
ALL_ROWS = ("--max-rows", "1000000")
FINAL = ("--learning-rate", "0.002")
DECAY = ("--weight-decay", "0.3")
EN_JA = (*TRANSLATOR, "--dropout", "0.2", "--word-dropout", "0.1")

ENGLISH = ("--init-from", "bundled:english")
MEASURED = ("tuned", "task_values", "profile")  # parts of a description that come from the data

OPEN_TEXTS = (
    "sentences of Tatoeba (CC BY 2.0 FR); texts of Hutto and Gilbert 2014 (MIT), Kotzias et al. "
    "2015 (CC BY 4.0), Calefato et al. 2018 (MIT) and zeroshot/twitter-financial-news-sentiment "
    "(MIT); the bundled reviews (MIT)"
)

RECIPES = {
    "english": Recipe(
        corpus="english.txt",
        runs=(
            ("--hidden-size", "512", "--max-time", "42m", *ALL_ROWS, *ONCE),
            ("--max-time", "18m", *ALL_ROWS, *FINAL, "--threads", "1", "--seed", "1"),
        ),
        data="everyday English sentences, posts, opinions and reviews",
        licence=OPEN_TEXTS,
        dev="tatoeba_en_fr/dev.tsv",
        summary="writes everyday English, and is what generators of English texts start from",
    ),
    "stories": Recipe(
        corpus="stories",
        runs=((*ENGLISH, "--max-time", "9m", "--learning-rate", "0.001", *ONCE),),
        data="the bundled stories",
        licence="MIT, written for rnncli",
        summary="writes scenes of the Saltmarsh Plays",
    ),
    "shakespeare": Recipe(
        corpus="tinyshakespeare/input.txt",
        runs=(("--max-time", "10m", "--seed", "0"),),
        data="tiny shakespeare",
        licence="public domain, collected in karpathy/char-rnn",
        summary="writes verse and prose like Shakespeare's plays",
    ),
    "en-fr": Recipe(
        corpus="tatoeba_en_fr/train.tsv.gz",
        runs=(
            (*TRANSLATOR, *SIZES, "--steps", "1940"),
            (*TRANSLATOR, "--dropout", "0.1", "--word-dropout", "0.02", "--max-time", "50m"),
            (
                *TRANSLATOR,
                "--dropout",
                "0.12",
                "--word-dropout",
                "0.02",
                "--max-time",
                "32m",
                *FINAL,
            ),
            (
                *TRANSLATOR,
                "--dropout",
                "0.12",
                "--word-dropout",
                "0.02",
                "--max-time",
                "60m",
                *FINAL,
                *DECAY,
            ),
        ),
        data="English-French sentence pairs of Tatoeba",
        licence=TATOEBA,
        summary="translates everyday English sentences into French",
        dev="tatoeba_en_fr/dev.tsv",
        languages=("en", "fr"),
    ),
    "en-ja": Recipe(
        corpus="tatoeba_en_ja/train.tsv.gz",
        runs=(
            (*EN_JA, *SIZES, "--vocab-size", "6000", "--steps", "2416"),
            (*EN_JA, "--steps", "2545"),
            (*EN_JA, "--max-time", "40m"),
            (*EN_JA, "--max-time", "36m", *FINAL),
            (*EN_JA, "--max-time", "60m", *FINAL, *DECAY),
        ),
        data="English-Japanese sentence pairs of Tatoeba",
        licence=TATOEBA,
        summary="translates everyday English sentences into Japanese",
        dev="tatoeba_en_ja/dev.tsv",
        languages=("en", "ja"),
    ),
}


def place(name: str) -> str:
    """Return the path of a file of a corpus; a bundled corpus is its name."""
    path = Path(os.environ.get("RNNCLI_CORPORA", ""), name)
    return str(path) if path.exists() else name


def commands(recipe: Recipe, model: Path, corpus: str) -> list[list[str]]:
    """Return the commands that train a model, each from the weights of the one before."""
    stages = [model.with_name(f"{model.name}-{i}") for i in range(1, len(recipe.runs))]
    return [
        [
            *("train", corpus, "-o", str(output)),
            *([] if start is None else ["--init-from", str(start)]),
            *options,
        ]
        for output, start, options in zip(
            [*stages, model], [None, *stages], recipe.runs, strict=True
        )
    ]


def train(recipe: Recipe, model: Path) -> None:
    """Train a model, and remove those that it started from."""
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch, model.name)
        for words in commands(recipe, result, place(recipe.corpus)):
            subprocess.run([RNNCLI, *words], check=True)
        copy(result, model)


def copy(trained: Path, model: Path) -> None:
    """Copy what a model consists of, without the curves of its training."""
    model.mkdir(parents=True)
    layout = Layout(trained)
    for file in filter(Path.exists, (*layout.model_files, layout.config)):
        shutil.copy(file, model)


def measure_again(recipe: Recipe, model: Path) -> None:
    """Take over what this version of rnncli measures of the data, with the weights as they are.

    The step that it takes for that is too small to change a weight.
    """
    config = Layout(model).config
    description = json.loads(config.read_text("utf-8"))
    sizes = ("--vocab-size", str(description["settings"]["vocab_size"]))
    memory = () if description["settings"]["memory"] else ("--no-memory",)
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch, model.name)
        words = ["train", place(recipe.corpus), "-o", str(output), "--init-from", str(model)]
        words += [*sizes, *memory, "--steps", "1", "--learning-rate", "1e-12"]
        subprocess.run([RNNCLI, *words], check=True)
        measured = json.loads(Layout(output).config.read_text("utf-8"))
    description |= {name: measured[name] for name in MEASURED}
    write_bytes(config, (json.dumps(description, indent=2) + "\n").encode())


def score(recipe: Recipe, model: Path) -> dict[str, float]:
    """Score a model as it is published."""
    if recipe.dev is None:
        scores = rnncli.evaluate(model, place(recipe.corpus), split="held-out").scores
        return {name: float(scores[name]) for name in ("bits_per_character", "nats_per_character")}
    generator = rnncli.load(model)
    if isinstance(generator, rnncli.TextGenerator):
        pairs = Path(place(recipe.dev)).read_text("utf-8").splitlines()
        lines = generator.surprisal(pair.partition("\t")[0] for pair in pairs[::5])
        characters = sum(len(line.text) + 1 for line in lines)
        return {"bits_per_character": float(sum(line.bits.sum() for line in lines)) / characters}
    scores = rnncli.evaluate(model, place(recipe.dev)).scores
    return {name: scores[name]["score"] for name in ("bleu", "bleu_lower", "chrf")}


def describe(name: str, recipe: Recipe, model: Path) -> None:
    words = [shlex.join(["rnncli", *run]) for run in commands(recipe, Path(name), recipe.corpus)]
    publication = Publication(
        data=recipe.data,
        licence=recipe.licence,
        arguments=(recipe.corpus,),
        command=" && ".join(words),
        summary=recipe.summary,
        scores=score(recipe, model),
        scored_on=None if recipe.dev is None else f"other sentences of Tatoeba ({recipe.dev})",
        languages=recipe.languages,
    )
    publish(model, publication)
    size = sum(file.stat().st_size for file in model.iterdir())
    print(f"bundled:{name}: {size / 1e6:.2f} MB, {publication.scores}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=RECIPES, metavar="NAME")
    parser.add_argument("--trained", type=Path, help="a model that was trained before")
    parser.add_argument(
        "--measure", action="store_true", help="what an older version has not measured of the data"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "data" / "models")
    given = parser.parse_args()
    if given.trained is not None and len(given.names) > 1:
        parser.error("--trained is one model")
    for name in given.names:
        recipe, model = RECIPES[name], given.output / name
        shutil.rmtree(model, ignore_errors=True)
        if given.trained is None:
            train(recipe, model)
        else:
            copy(given.trained, model)
        if given.measure:
            measure_again(recipe, model)
        quantize(model)
        describe(name, recipe, model)


if __name__ == "__main__":
    main()
