"""Tune a trained translator anew: length penalty, confidence, and the profile of its sources.

A model of an older version gets what it lacks, without being trained again:

    python tests/benchmarks/tune_translator.py models/translate train.tsv dev.tsv

The files are TSV without a header: source, tab, target. Held-out pairs must not have been trained
on.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rnncli import Translator
from rnncli.storage.layout import Layout
from rnncli.storage.reading import load, read_description
from rnncli.tasks.translate.confidence import Confidence
from rnncli.tasks.translate.length_penalty import MAX_PAIRS, tune_length_penalty
from rnncli.tasks.translate.source_profile import MAX_TEXTS, SOURCES, SourceProfile
from rnncli.text.sentences import clean

Pair = tuple[str, str]


def tune(model: Path, train: list[Pair], held_out: list[Pair]) -> None:
    """Tune a model on held-out pairs, and describe the sources of its training pairs."""
    tokenizer = load(model).tokenizer
    sources, targets = zip(*_spaced(held_out, MAX_PAIRS), strict=True)
    tuned = tune_length_penalty(Translator.load(model), sources, targets)
    assert tuned is not None, "too few pairs"
    confidence = Confidence.fit(tuned.translations, targets)
    pairs = [(clean(source), clean(target)) for source, target in _spaced(train, MAX_TEXTS)]
    profile = SourceProfile.of(pairs, tokenizer)
    before = read_description(model)
    after = replace(
        before,
        tuned={
            **before.tuned,
            "length_penalty": tuned.length_penalty,
            **confidence.parameters(),
        },
        task_values={**before.task_values, SOURCES: profile.to_json()},
    )
    text = json.dumps(after.to_json(), indent=2, ensure_ascii=False)
    Layout(model).config.write_text(f"{text}\n", encoding="utf-8")
    print(f"{model}: {dict(after.tuned)}, BLEU {tuned.bleu:.2f}, {profile.sentences}")
    print(profile.stand_ins)


def read_pairs(path: Path) -> Iterator[Pair]:
    """Yield the pairs of a TSV file."""
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8") as lines
    ):
        for line in lines:
            source, target, *_ = line.rstrip("\n").split("\t")
            yield source, target


def _spaced(pairs: list[Pair], number: int) -> list[Pair]:
    """Return at most ``number`` pairs, evenly spaced, since a corpus may be sorted."""
    step = max(1.0, len(pairs) / number)
    return [pairs[int(i * step)] for i in range(min(number, len(pairs)))]


if __name__ == "__main__":
    tune(Path(sys.argv[1]), *(list(read_pairs(Path(name))) for name in sys.argv[2:4]))
