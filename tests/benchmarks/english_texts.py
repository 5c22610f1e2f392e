"""Write the texts that the generator of everyday English learns from, in random order.

    python tests/benchmarks/english_texts.py english.txt

They are the English sentences of Tatoeba and the openly licensed texts, both below
``$RNNCLI_CORPORA``, and the bundled reviews: one a line.
"""

import csv
import gzip
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

CORPORA = Path(os.environ["RNNCLI_CORPORA"])
REVIEWS = Path(__file__).parents[2] / "data" / "reviews.csv"


def sentences() -> list[str]:
    """Return the English sentences of Tatoeba, each once."""
    found = set()
    for name in ("tatoeba_en_fr", "tatoeba_en_ja"):
        with gzip.open(CORPORA / name / "train.tsv.gz", "rt", encoding="utf-8") as file:
            found |= {line.split("\t")[0].strip() for line in file}
    return sorted(found)


def texts() -> Iterator[str]:
    """Yield all texts."""
    yield from sentences()
    with gzip.open(CORPORA / "open_sentiment/train.csv.gz", "rt", encoding="utf-8") as file:
        yield from (" ".join(row["text"].split()) for row in csv.DictReader(file))
    with REVIEWS.open(encoding="utf-8", newline="") as file:
        yield from (" ".join(row["text"].split()) for row in csv.DictReader(file))


def main() -> None:
    lines = list(texts())
    random.Random(0).shuffle(lines)
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
