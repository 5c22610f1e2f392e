"""The scores of a transcriber, as a table for a terminal."""

from typing import TYPE_CHECKING

from rnncli.cli.views.table import print_table
from rnncli.tasks.transcribe.evaluate import TranscriberReport

if TYPE_CHECKING:
    from rich.console import Console


def print_error_rates(report: TranscriberReport, console: "Console") -> None:
    """Print the word error rate first, as it is the one that is compared."""
    rates = report.rates
    word_low, word_high = rates.word_error_rate_interval
    low, high = rates.exact_match_interval
    console.print(f"recordings  {report.recordings:,}")
    print_table(
        console,
        ["", "%", "95 % interval"],
        [
            ["word error rate", *_cells(rates.word_error_rate, word_low, word_high)],
            ["character error rate", f"{100 * rates.character_error_rate:.2f}", ""],
            ["exact match", *_cells(rates.exact_match, low, high)],
        ],
    )


def _cells(share: float, low: float, high: float) -> list[str]:
    return [f"{100 * share:.2f}", f"{100 * low:.1f} to {100 * high:.1f}"]
