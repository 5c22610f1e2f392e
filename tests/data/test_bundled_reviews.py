"""The bundled reviews: many kinds of texts, and no template behind them."""

import csv
import re
from collections import Counter

import pytest

from rnncli.data.corpora import bundled_path

Rows = list[dict[str, str]]

FUNCTION_WORDS = """
a an the this that these those my your his her its our their i you he she it we they me him us
them and or but yet so although though because if when while than as of to in on at for with from
by about after before over under into out up down is are was were be been being am do does did
have has had can could will would should must may might not no never nothing nobody very really
too just only still even also there here what who which how why where all any some every each both
more most less least much many few one don't doesn't didn't isn't aren't wasn't weren't can't
couldn't won't wouldn't shouldn't haven't hasn't hadn't i'm it's
"""


@pytest.fixture(scope="module")
def rows() -> Rows:
    with bundled_path("reviews").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_reviews_are_many_of_three_labels_and_of_many_domains(rows: Rows) -> None:
    labels = Counter(row["label"] for row in rows)
    assert len(rows) >= 8_000
    assert set(labels) == {"negative", "neutral", "positive"}
    assert min(labels.values()) > 0.3 * len(rows)
    assert min(Counter(row["domain"] for row in rows).values()) >= 30
    assert len({row["text"].casefold() for row in rows}) == len(rows)


def test_no_five_words_in_a_row_are_common_to_many_reviews(rows: Rows) -> None:
    counts: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        words = re.findall(r"[\w']+", row["text"].lower())
        counts.update({tuple(words[i : i + 5]) for i in range(len(words) - 4)})
    assert counts.most_common(1)[0][1] <= 5


def test_no_sentence_is_another_with_other_nouns(rows: Rows) -> None:
    """Blank out all but function words: a pair or triple of contrasts may be alike, no more."""
    function_words = frozenset(FUNCTION_WORDS.split())
    counts: Counter[str] = Counter()
    for row in rows:
        words = re.findall(r"[\w']+|[.,!?;:]", row["text"].lower().replace("’", "'"))
        if sum(word in function_words for word in words) >= 5:
            kept = (w if w in function_words or not w[0].isalnum() else "_" for w in words)
            counts[" ".join(kept)] += 1
    assert counts.most_common(1)[0][1] <= 4
