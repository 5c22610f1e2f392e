"""The scores of a translator, as a person reads them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnncli.cli.views.table import print_table
from rnncli.tasks.translate.evaluate import Comparison, Translations, TranslatorReport
from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from rich.console import Console

METRICS = {
    "bleu": "BLEU",
    "bleu_lower": "BLEU lower-cased",
    "bleu_char": "BLEU, characters",
    "chrf": "chrF2",
}
FAULTS = (
    ("empty_outputs", "empty outputs", ",d"),
    ("looping_outputs", "looping outputs", ",d"),
    ("length_ratio", "length ratio", ".3f"),
)


def print_translator_report(report: TranslatorReport, console: "Console") -> None:
    """Print the scores beside those of copying the source, and of a second model."""
    titles = {n: title for n, title in METRICS.items() if n in report.translations.metrics}
    _print_scores(report, titles, console)
    console.print("copied: the source itself, as if it were its translation")
    console.print("looping: four words in a row stand there more than twice")
    console.print("length ratio: words of the outputs, divided by those of the references")
    console.print(f"sentences: {report.sentences:,}\n")
    for name, title in titles.items():
        console.print(f"{title}|{report.translations.metrics[name].signature}")
    if report.against is not None:
        _print_comparison(report.against, titles, console)


def _print_scores(report: TranslatorReport, titles: Mapping[str, str], console: "Console") -> None:
    systems: dict[str, Translations] = {"model": report.translations}
    if report.against is not None:
        systems["second"] = report.against.translations
    header = [""]
    for name in systems:
        header += [name, "95 % interval"]
    rows = []
    for name, title in titles.items():
        row = [title]
        for system in systems.values():
            low, high = system.metrics[name].interval
            row += [f"{system.metrics[name].score:.2f}", f"{low:.1f} to {high:.1f}"]
        rows.append([*row, f"{report.copied_source.metrics[name].score:.2f}"])
    for name, title, form in FAULTS:
        row = [title]
        for system in systems.values():
            row += [format(getattr(system.faults, name), form), ""]
        rows.append([*row, format(getattr(report.copied_source.faults, name), form)])
    print_table(console, [*header, "copied"], rows)


def _print_comparison(
    comparison: Comparison, titles: Mapping[str, str], console: "Console"
) -> None:
    console.print(escape_controls(f"\ncompared with {comparison.model} on the same sentences"))
    rows = []
    for name, title in titles.items():
        difference = comparison.differences[name]
        low, high = difference.difference_interval
        interval = f"{low:+.2f} to {high:+.2f}"
        rows.append([title, f"{difference.difference:+.2f}", interval, f"{difference.p_value:.2g}"])
    print_table(console, ["", "difference", "95 % interval", "p value"], rows)
    console.print("p values are those of a paired bootstrap (Koehn 2004)")
    console.print(escape_controls(comparison.verdict))
