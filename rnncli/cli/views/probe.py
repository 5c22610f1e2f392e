"""The table of a probe: the worst failures of each row, then the share of failures."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rnncli.analysis.probe import RowScores
from rnncli.cli.views.table import print_table
from rnncli.tasks.classify.probe import WORST, ProbeReport

if TYPE_CHECKING:
    from rich.console import Console


def print_probe(report: ProbeReport, console: "Console") -> None:
    """Print the worst failures of each row, and then the rows with their shares of failures."""
    lines = [line for row in report.rows if row.failures for line in _worst(row)]
    if lines:
        console.print(f"the worst failures, at most {WORST} of a row")
        print_table(console, ["text", "expected", "answer", "probability"], lines)
    rows = [
        [row.name, str(row.cases), str(len(row.failures)), f"{100 * row.failure:.1f} %"]
        for row in report.rows
    ]
    total = f"{100 * report.mean_failure:.1f} %"
    rows.append(["all; mean of the rows", f"{report.cases:,}", f"{len(report.failures):,}", total])
    print_table(console, ["", "cases", "failures", ""], rows)


def _worst(row: RowScores) -> Iterator[list[str]]:
    """Yield a heading and the failures; a pair takes two lines."""
    yield [f"{row.name}, {len(row.failures):,} of {row.cases:,}:", "", "", ""]
    for each in row.failures[:WORST]:
        yield [each.text, each.expected, each.answer, f"{each.probability:.4f}"]
        if each.probability2 is not None:
            yield [f"  -> {each.text2}", "", each.answer2, f"{each.probability2:.4f}"]
