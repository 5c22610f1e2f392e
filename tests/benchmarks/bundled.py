"""Measure the generators and the translators that come with rnncli.

    python tests/benchmarks/bundled.py [--only translators variants placeholders glossary ...]

Translators are scored on the dev parts of Tatoeba of the folder ``$RNNCLI_CORPORA``: on all
sentences, on the shortest, and on all in lower case without end marks; and on sentences typed in
other ways, ``variants.tsv``; counted is what comes through them unchanged, and the terms of
``glossary.tsv`` that they keep. Generators are scored on what was held out of their training. The
phrasebook's translator is trained, or that of ``--phrasebook MODEL`` scored. BLEU of Japanese is
over MeCab's words, where that is installed: pip install mecab-python3 ipadic.
"""

import argparse
import csv
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import chain, zip_longest
from pathlib import Path

from make_models import RECIPES, place
from report import RNNCLI, Report, peak_memory

import rnncli
from rnncli import Translator
from rnncli.analysis.string_metrics import exact_matches
from rnncli.analysis.translation_metrics import Measurement, measure
from rnncli.config import choose_threads
from rnncli.storage.model_names import model_directory
from rnncli.tasks.translate.external_memory import read_memory
from rnncli.tasks.translate.terms import Terms, read_glossary
from rnncli.text.unicode import plain_signs

VARIANTS = Path(__file__).with_name("variants.tsv")
GLOSSARY = Path(__file__).with_name("glossary.tsv")
SHORTEST = 500  # sentences of a dev part
SEPARATOR = " / "  # between sentences whose plain form is a line each
END_MARKS = ".!?…。！？"
MEMORY_PAIRS = (1_000, 10_000)
RUNS = 7  # of a fresh process
POLL = 0.005  # seconds between looks at its memory
# Sentences, and what is to come through their translation unchanged.
PLACEHOLDERS = {
    "number": (
        "There are {} people in the room.",
        "I have read {} pages of this book.",
        "The train has {} seats, and all of them are taken.",
        ("7", "20", "48", "365", "1,250", "4,799", "100000", "3.14"),
    ),
    "amount": (
        "It costs {}.",
        "I paid {} for the ticket yesterday.",
        "We need {} more than last year.",
        ("$20", "€3.50", "1,000 USD", "20 %", "£1,499.99", "3.5 kg", "250 ml", "12km"),
    ),
    "date": (
        "The meeting is on {}.",
        "She was born on {} in London.",
        ("2024-05-03", "12/05/1998", "03.11.2023", "17/3/24"),
    ),
    "time": (
        "The shop opens at {}.",
        "Can you call me at {} tomorrow?",
        ("10:30", "8:15 am", "11:45 p.m.", "23:59:59"),
    ),
    "telephone": (
        "My number is {}.",
        "Please call {} if you are late.",
        ("+33 6 12 34 56 78", "555-1234", "(020) 7946 0958", "0800 123456"),
    ),
    "address": (
        "You can find more at {}.",
        "Write to {} or wait for my answer.",
        "{} is not here today.",
        (
            "https://example.org/a/b?c=1&d=%20e",
            "www.example.com/x_y",
            "anna.smith+news@mail.example.org",
            "@felix_the_cat",
            "#rainyday",
        ),
    ),
    "program": (
        "Hello {}, how are you?",
        "The file {} does not exist.",
        "{} and {} are late again.",
        ("{name}", "%s", "{{ user.name }}", "${HOME}", "%(count)d", "`main.py`"),
    ),
    "emoji": (
        "I am on the bus {} and I will be late.",
        "{} We won the game.",
        "See you tomorrow {}",
        "The food was good {}, but the room was cold.",
        ("🚌", "❤️", "👨‍👩‍👧", "🇫🇷", ":-)"),
    ),
    "mark-up": (
        "I {} love {} your dog.",
        "{}Click here{} to open the door.",
        "She said that {}this house{} is too small for us.",
        ("<b>", "</b>", "<br/>", '<a href="https://x.org/1">', "&nbsp;"),
    ),
    "several": (
        "{} met {} at {} in {} and paid {}.",
        "Send {} to {}, {} and {} before {}.",
        ("@ann", "{name}", "10:30", "https://x.org", "$20", "a@b.org", "2024-05-03", "#7"),
    ),
}
PROMPTS = {"generate": (), "translate": ("I will call you tomorrow.",)}

Pairs = Sequence[tuple[str, str]]


def read_dev(name: str) -> Pairs:
    """Return the pairs of the dev part of a translator, the shortest sources first."""
    dev = RECIPES[name].dev
    assert dev is not None
    lines = Path(place(dev)).read_text("utf-8").removesuffix("\n").split("\n")
    pairs = [(source, target) for source, target in (line.split("\t") for line in lines)]
    return sorted(pairs, key=lambda pair: len(pair[0]))


def metrics(name: str, outputs: Sequence[str], targets: Sequence[str]) -> dict[str, Measurement]:
    """Measure translations of the model of a name."""
    japanese = "ja-mecab" if find_spec("MeCab") and find_spec("ipadic") else "char"
    (measured,) = measure([outputs], targets, japanese if name.endswith("ja") else "13a")
    return measured


def without_mark(text: str) -> str:
    return text.rstrip().rstrip(END_MARKS).rstrip()


def add_scores(
    report: Report, name: str, what: str, outputs: Sequence[str], targets: Sequence[str]
) -> None:
    measured = metrics(name, outputs, targets)
    report.add(f"{what}: BLEU", measured["bleu"].score, "", measured["bleu"].signature)
    report.add(f"{what}: chrF", measured["chrf"].score, "")
    matches = 100 * float(exact_matches(outputs, targets).mean())
    report.add(f"{what}: exact match", matches, "%")


def translator(report: Report, name: str, model: str | Path, pairs: Pairs) -> None:
    """Score a translator on pairs, the shortest first."""
    translate = Translator.load(model, threads=choose_threads(None))
    sources, targets = ([pair[side] for pair in pairs] for side in (0, 1))
    began = time.perf_counter()
    outputs = [translation.text for translation in translate(sources)]
    seconds = time.perf_counter() - began
    add_scores(report, name, f"all {len(pairs):,}", outputs, targets)
    short = slice(SHORTEST)
    add_scores(report, name, f"the {SHORTEST} shortest", outputs[short], targets[short])
    report.add("speed", len(pairs) / seconds, "lines/s", f"beam 5, {choose_threads(None)} threads")
    bare = [without_mark(source.lower()) for source in sources]
    from_bare = [translation.text for translation in translate(bare)]
    for form, translations in (("as it is", outputs), ("lower case, no end mark", from_bare)):
        # Neither side has marks, or case, that count.
        sides = [list(map(without_mark, texts)) for texts in (translations, targets)]
        score = metrics(name, *sides)["bleu_lower"].score
        report.add(f"{form}: BLEU, lower-cased, without marks", score, "")


def first_answer(report: Report, name: str) -> None:
    """Time fresh processes, and measure the most memory of one."""
    path = model_directory(f"bundled:{name}")
    size = sum(file.stat().st_size for file in path.iterdir())
    report.add("size", size / 1e6, "MB")
    task = "generate" if RECIPES[name].dev is None else "translate"
    words = [RNNCLI, task, "-m", f"bundled:{name}", *PROMPTS[task]]
    seconds, peaks = [], []
    for _ in range(RUNS):
        began, peak = time.perf_counter(), 0.0
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            peak = max(peak, peak_memory(process.pid))
            time.sleep(POLL)
        assert process.returncode == 0
        seconds.append(time.perf_counter() - began)
        peaks.append(peak)
    report.add("first answer", statistics.median(seconds), "s", f"median of {RUNS} processes")
    report.add("peak memory", max(peaks), "MiB")


def translators(report: Report) -> None:
    for name in ("en-fr", "en-ja"):
        report.section(f"bundled:{name}, Tatoeba, dev")
        first_answer(report, name)
        translator(report, name, f"bundled:{name}", read_dev(name))


def normalised(text: str) -> str:
    """Return a text without what variants differ in by design: case, marks and emoji."""
    return " ".join(re.sub(r"[^\w\s'-]", " ", plain_signs(text.lower())).split())


def variants(report: Report) -> None:
    """Score sentences as they are typed beside the same in their plain form."""
    report.section(f"bundled:en-fr, {VARIANTS.name}: chrF without case, marks and emoji")
    with VARIANTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, dialect="excel-tab", quoting=csv.QUOTE_NONE))
    translate = Translator.load("bundled:en-fr")

    def chrf(chosen: Sequence[dict[str, str]], form: str) -> float:
        outputs = [
            " ".join(translation.text for translation in translate(row[form].split(SEPARATOR)))
            for row in chosen
        ]
        sides = outputs, [row["french"] for row in chosen]
        return metrics("en-fr", *(list(map(normalised, side)) for side in sides))["chrf"].score

    for kind in ["all", *dict.fromkeys(row["kind"] for row in rows)]:
        chosen = [row for row in rows if kind in ("all", row["kind"])]
        plain = chrf(chosen, "plain")
        report.add(f"{kind} ({len(chosen)})", chrf(chosen, "variant"), "", f"plain: {plain:.1f}")


def filled(sentences: Sequence[str], values: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return sentences with each value in the first place, the next ones in others, and these."""
    present = [
        (sentence, [values[(i + j) % len(values)] for j in range(sentence.count("{}"))])
        for sentence in sentences
        for i in range(len(values))
    ]
    return [
        ("".join(chain(*zip_longest(sentence.split("{}"), given, fillvalue=""))), given)
        for sentence, given in present
    ]


def placeholders(report: Report) -> None:
    """Count what comes through the translators unchanged."""
    for name in ("en-fr", "en-ja"):
        report.section(f"bundled:{name}: placeholders that come through")
        translate = Translator.load(f"bundled:{name}")
        for kind, (*sentences, values) in PLACEHOLDERS.items():
            texts, present = zip(*filled(sentences, values), strict=True)
            translations = translate(list(texts))
            kept = [
                value in translation.text
                for given, translation in zip(present, translations, strict=True)
                for value in given
            ]
            report.add(kind, 100 * sum(kept) / len(kept), "%", f"of {len(kept)}")


def glossary(report: Report) -> None:
    """Score the sentences of Tatoeba that have a term, with and without a glossary."""
    report.section(f"bundled:en-fr, Tatoeba, dev, sentences with a term of {GLOSSARY.name}")
    terms = read_glossary(GLOSSARY)
    constraints = Terms(glossary=terms).constraints
    pairs = [pair for pair in read_dev("en-fr") if constraints(pair[0])]
    sources, targets = zip(*pairs, strict=True)
    translate = Translator.load("bundled:en-fr", threads=choose_threads(None))
    for what, given in (("without", {}), ("with", terms)):
        began = time.perf_counter()
        outputs = [translation.text for translation in translate(list(sources), glossary=given)]
        seconds = time.perf_counter() - began
        kept = [
            not any(constraint.lacking(output) for constraint in constraints(source))
            for source, output in zip(sources, outputs, strict=True)
        ]
        add_scores(report, "en-fr", f"{what} glossary, {len(pairs):,}", outputs, targets)
        report.add(f"{what} glossary: terms kept", 100 * statistics.mean(kept), "% of sentences")
        report.add(f"{what} glossary: speed", len(pairs) / seconds, "lines/s")


def memory(report: Report) -> None:
    """Score sentences of another domain, without and with pairs of it in the memory."""
    report.section("bundled:en-fr, Multi30k, test 2016, with pairs of its training part as memory")
    folder = Path(os.environ["RNNCLI_CORPORA"], "multi30k")
    sources, targets = (
        (folder / f"test_2016_flickr.{language}").read_text("utf-8").split("\n")[:-1]
        for language in ("en", "fr")
    )
    translate = Translator.load("bundled:en-fr", threads=choose_threads(None))
    known = set(sources)
    pairs = [
        f"{source}\t{target}\n"
        for source, target in zip(
            *((folder / f"train.{x}").read_text("utf-8").split("\n") for x in ("en", "fr")),
            strict=True,
        )
        if source and source not in known
    ]
    for number in (0, *MEMORY_PAIRS, len(pairs)):
        model, note = translate, ""
        if number:
            with tempfile.TemporaryDirectory() as scratch:
                os.environ["XDG_CACHE_HOME"] = scratch
                file = Path(scratch, "pairs.tsv")
                file.write_text("".join(pairs[:number]), "utf-8")
                began = time.perf_counter()
                model = translate.with_memory(read_memory(translate, [file], print))
                note = f"{time.perf_counter() - began:.1f} s to index them"
        outputs = [translation.text for translation in model(sources)]
        scores = metrics("en-fr", outputs, targets)
        report.add(f"{number:,} pairs: BLEU", scores["bleu"].score, "", note)
        report.add(f"{number:,} pairs: chrF", scores["chrf"].score, "")


def generators(report: Report) -> None:
    for name in ("stories", "shakespeare"):
        report.section(f"bundled:{name}, what was held out of its training")
        first_answer(report, name)
        data = place(RECIPES[name].corpus)
        scores = rnncli.evaluate(f"bundled:{name}", data, split="held-out").scores
        for score in ("nats_per_character", "bits_per_character"):
            report.add(score.replace("_", " "), scores[score], "")


def phrasebook(report: Report, model: Path | None) -> None:
    """Score a translator of the bundled phrasebook on the shortest sentences of Tatoeba."""
    report.section("rnncli train phrasebook, Tatoeba, dev")
    with tempfile.TemporaryDirectory() as scratch:
        if model is None:
            model = Path(scratch, "phrasebook")
            words = [RNNCLI, "train", "phrasebook", "-o", str(model), "-q", "--max-time", "2m"]
            subprocess.run(words, check=True)
        sources, targets = zip(*read_dev("en-fr")[:SHORTEST], strict=True)
        outputs = [translation.text for translation in Translator.load(model)(sources)]
    add_scores(report, "en-fr", f"the {SHORTEST} shortest", outputs, targets)


SECTIONS: dict[str, Callable[[Report], None]] = {
    "translators": translators,
    "variants": variants,
    "placeholders": placeholders,
    "glossary": glossary,
    "memory": memory,
    "generators": generators,
}
PHRASEBOOK = "phrasebook"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[*SECTIONS, PHRASEBOOK])
    parser.add_argument("--phrasebook", type=Path, metavar="MODEL")
    parser.add_argument("--out", type=Path, default=Path("bundled.json"))
    given = parser.parse_args()
    report = Report()
    for name, measure_section in SECTIONS.items():
        if name in (given.only or SECTIONS):
            measure_section(report)
    if PHRASEBOOK in (given.only or [PHRASEBOOK]):
        phrasebook(report, given.phrasebook)
    report.write(given.out)


if __name__ == "__main__":
    main()
