"""Print what was found of a classifier."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rnncli.cli.views.table import print_table
from rnncli.tasks.scoring import Scores
from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from rich.console import Console

WIDEST_MATRIX = 20  # classes: a wider confusion matrix fits no terminal
MOST_FREQUENT = 20  # mistakes that are told where there is no matrix
BAR = 40  # characters
BASELINES = {"naive_bayes": "naive Bayes", "majority_class": "majority class"}


def report_classifier(scores: Scores, console: "Console") -> None:
    """Print scores, and beside what and in which parts they hold."""
    _print_summary(scores, console)
    print_table(
        console,
        ["label", "precision", "recall", "F1", "texts"],
        [
            [label, *(f"{100 * own[x]:.1f}" for x in ("precision", "recall", "f1")),
             f"{own['support']:,}"]
            for label, own in scores["classes"].items()
        ],
    )  # fmt: skip
    _print_confusions(scores, console)
    _print_reliability(scores["reliability"], console)
    console.print("\nby the length of the text")
    print_table(
        console,
        ["", "words", "texts", "accuracy", "95 % interval"],
        [
            [own["name"], f"{own['fewest_words']:,} to {own['most_words']:,}",
             f"{own['texts']:,}", _percent(own["accuracy"]), _range(own["accuracy_interval"])]
            for own in scores["lengths"]
        ],
    )  # fmt: skip
    if "against" in scores:
        _print_comparison(scores["against"], console)


def _print_summary(scores: Scores, console: "Console") -> None:
    judged = {"model": scores}
    if "against" in scores:
        judged["second model"] = scores["against"]
    judged |= {BASELINES[name]: own for name, own in scores["baselines"].items()}
    print_table(
        console,
        ["", "accuracy", "95 % interval", "macro F1", "95 % interval"],
        [
            [name, _percent(own["accuracy"]), _range(own["accuracy_interval"]),
             _percent(own["macro_f1"]), _range(own["macro_f1_interval"])]
            for name, own in judged.items()
        ],
    )  # fmt: skip
    chance = f"true probabilities would have {100 * scores['calibration_error_by_chance']:.2f} %"
    console.print(f"calibration error  {100 * scores['calibration_error']:6.2f} %  ({chance})")
    console.print(f"mistakes           {scores['mistakes']:6,}")
    console.print(f"texts              {scores['texts']:6,}\n")


def _print_confusions(scores: Scores, console: "Console") -> None:
    labels, matrix = scores["labels"], np.array(scores["confusion_matrix"])
    if len(labels) <= WIDEST_MATRIX:
        console.print("\nrows: the right label; columns: the answer")
        print_table(
            console,
            ["", *labels],
            [[label, *map(str, row)] for label, row in zip(labels, matrix, strict=True)],
        )
        return
    console.print("\nmost frequent mistakes")
    wrong = matrix - np.diag(matrix.diagonal())
    pairs = np.argsort(-wrong, axis=None)[:MOST_FREQUENT]
    print_table(
        console,
        ["right label", "answer", "texts"],
        [
            [labels[i // len(labels)], labels[i % len(labels)], str(wrong.flat[i])]
            for i in map(int, pairs)
            if wrong.flat[i]
        ],
    )


def _print_reliability(bins: Iterable[Scores], console: "Console") -> None:
    """Draw how many answers of some probability are right; ideally the bar ends at the mark."""
    bar, mark = ("#", "|") if console.options.ascii_only else ("█", "│")
    console.print(
        f"\n{'probability':12}  {'right':>7}  {'texts':>6}  "
        f"{bar} how many are right  {mark} how probable"
    )
    for own in bins:
        cells = [bar if (i + 0.5) / BAR < own["right"] else " " for i in range(BAR)]
        cells[min(int(own["probability"] * BAR), BAR - 1)] = mark
        drawn = "".join(cells).rstrip()
        between = f"{100 * own['low']:3.0f} to {100 * own['high']:3.0f} %"
        console.print(f"{between}  {100 * own['right']:5.1f} %  {own['texts']:6,}  {drawn}")


def _print_comparison(against: Scores, console: "Console") -> None:
    low, high = against["difference_interval"]
    console.print(escape_controls(f"\ncompared with {against['model']} on the same texts"))
    console.print(f"only the first is right   {against['only_first_right']:6,}")
    console.print(f"only the second is right  {against['only_second_right']:6,}")
    console.print(
        f"difference                {100 * against['difference']:+6.2f} points "
        f"(95 % interval {100 * low:+.2f} to {100 * high:+.2f})"
    )
    console.print(f"p value                   {against['p_value']:6.2g} (McNemar's exact test)")
    console.print(escape_controls(against["verdict"]))


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _range(interval: Sequence[float]) -> str:
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"
