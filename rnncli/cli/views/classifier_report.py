"""The scores of a classifier, as a person reads them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rnncli.cli.views.table import print_table
from rnncli.tasks.classify.comparison import Comparison
from rnncli.tasks.classify.evaluate import ClassifierReport
from rnncli.tasks.classify.targets import LabelScores
from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from rich.console import Console

    from rnncli.analysis.metrics import ReliabilityBin

MAX_MATRIX = 20  # classes: a wider confusion matrix fits no terminal
MAX_CONFUSIONS = 20  # pairs of labels that are listed where there is no matrix
BAR = 40  # characters
BASELINES = {"naive_bayes": "naive Bayes", "majority_class": "majority class"}


def print_classifier_report(report: ClassifierReport, console: "Console") -> None:
    """Print the scores as a whole, then by label, by probability and by length."""
    _print_summary(report, console)
    print_table(
        console,
        ["label", "precision", "recall", "F1", "texts"],
        [
            [label, f"{100 * scores.precision:.1f}", f"{100 * scores.recall:.1f}",
             f"{100 * scores.f1:.1f}", f"{scores.support:,}"]
            for label, scores in report.classes.items()
        ],
    )  # fmt: skip
    _print_confusions(report.labels, report.confusion_matrix, console)
    _print_reliability(report.reliability, console)
    console.print("\nby the length of the text")
    print_table(
        console,
        ["", "words", "texts", "accuracy", "95 % interval"],
        [
            [third.name, f"{third.fewest_words:,} to {third.most_words:,}", f"{third.texts:,}",
             _percent(third.accuracy), _range(third.accuracy_interval)]
            for third in report.lengths
        ],
    )  # fmt: skip
    if report.against is not None:
        _print_comparison(report.against, console)


def _print_summary(report: ClassifierReport, console: "Console") -> None:
    rows: dict[str, LabelScores] = {"model": report}
    if report.against is not None:
        rows["second model"] = report.against
    rows |= {BASELINES[name]: scores for name, scores in report.baselines.items()}
    print_table(
        console,
        ["", "accuracy", "95 % interval", "macro F1", "95 % interval"],
        [
            [name, _percent(scores.accuracy), _range(scores.accuracy_interval),
             _percent(scores.macro_f1), _range(scores.macro_f1_interval)]
            for name, scores in rows.items()
        ],
    )  # fmt: skip
    chance = f"true probabilities would have {100 * report.calibration_error_by_chance:.2f} %"
    console.print(f"calibration error  {100 * report.calibration_error:6.2f} %  ({chance})")
    console.print(f"mistakes           {len(report.mistakes):6,}")
    console.print(f"texts              {report.texts:6,}\n")


def _print_confusions(
    labels: Sequence[str], matrix: Sequence[Sequence[int]], console: "Console"
) -> None:
    if len(labels) <= MAX_MATRIX:
        console.print("\nrows: the right label; columns: the answer")
        print_table(
            console,
            ["", *labels],
            [[label, *map(str, row)] for label, row in zip(labels, matrix, strict=True)],
        )
        return
    console.print("\nmost frequent mistakes")
    confusions = [
        (texts, right, answer)
        for right, row in zip(labels, matrix, strict=True)
        for answer, texts in zip(labels, row, strict=True)
        if texts and right != answer
    ]
    confusions.sort(key=lambda confusion: -confusion[0])
    print_table(
        console,
        ["right label", "answer", "texts"],
        [[right, answer, str(texts)] for texts, right, answer in confusions[:MAX_CONFUSIONS]],
    )


def _print_reliability(bins: Iterable["ReliabilityBin"], console: "Console") -> None:
    """Draw how many answers of some probability are right; ideally the bar ends at the mark."""
    bar, mark = ("#", "|") if console.options.ascii_only else ("█", "│")
    console.print(
        f"\n{'probability':12}  {'right':>7}  {'texts':>6}  "
        f"{bar} how many are right  {mark} how probable"
    )
    for part in bins:
        cells = [bar if (i + 0.5) / BAR < part.right else " " for i in range(BAR)]
        cells[min(int(part.probability * BAR), BAR - 1)] = mark
        between = f"{100 * part.low:3.0f} to {100 * part.high:3.0f} %"
        drawn = "".join(cells).rstrip()
        console.print(f"{between}  {100 * part.right:5.1f} %  {part.texts:6,}  {drawn}")


def _print_comparison(comparison: Comparison, console: "Console") -> None:
    low, high = comparison.difference_interval
    console.print(escape_controls(f"\ncompared with {comparison.model} on the same texts"))
    console.print(f"only the first is right   {comparison.only_first_right:6,}")
    console.print(f"only the second is right  {comparison.only_second_right:6,}")
    console.print(
        f"difference                {100 * comparison.difference:+6.2f} points "
        f"(95 % interval {100 * low:+.2f} to {100 * high:+.2f})"
    )
    console.print(f"p value                   {comparison.p_value:6.2g} (McNemar's exact test)")
    console.print(escape_controls(comparison.verdict))


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _range(interval: Sequence[float]) -> str:
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"
