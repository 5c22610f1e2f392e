"""Print what was found of a translator."""

from typing import TYPE_CHECKING

from rnncli.cli.views.table import print_table
from rnncli.tasks.scoring import Scores
from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from rich.console import Console

METRICS = {
    "bleu": "BLEU",
    "bleu_lower": "BLEU lower-cased",
    "bleu_char": "BLEU, characters",
    "chrf": "chrF2",
}


def report_translator(scores: Scores, console: "Console") -> None:
    """Print scores beside those of the copied source, and of a second model, if there is one."""
    metrics = {name: title for name, title in METRICS.items() if name in scores}
    judged = {"model": scores}
    if "against" in scores:
        judged["second"] = scores["against"]
    copied = scores["baselines"]["copied_source"]
    header = ["", *(word for name in judged for word in (name, "95 % interval")), "copied"]
    rows = []
    for name, title in metrics.items():
        row = [title]
        for own in judged.values():
            low, high = own[name]["interval"]
            row += [f"{own[name]['score']:.2f}", f"{low:.1f} to {high:.1f}"]
        rows.append([*row, f"{copied[name]['score']:.2f}"])
    for name, title, form in (
        ("empty_outputs", "empty outputs", ",d"),
        ("looping_outputs", "looping outputs", ",d"),
        ("length_ratio", "length ratio", ".3f"),
    ):
        row = [title, *(word for own in judged.values() for word in (format(own[name], form), ""))]
        rows.append([*row, format(copied[name], form)])
    print_table(console, header, rows)
    console.print("copied: the source itself, as if it were its translation")
    console.print("looping: four words in a row stand there more than twice")
    console.print("length ratio: words of the outputs, divided by those of the references")
    console.print(f"sentences: {scores['sentences']:,}\n")
    for name, title in metrics.items():
        console.print(f"{title}|{scores[name]['signature']}")
    if "against" in scores:
        _print_comparison(metrics, scores["against"], console)


def _print_comparison(metrics: dict[str, str], against: Scores, console: "Console") -> None:
    console.print(escape_controls(f"\ncompared with {against['model']} on the same sentences"))
    rows = []
    for name, title in metrics.items():
        own = against[name]
        low, high = own["difference_interval"]
        rows.append(
            [title, f"{own['difference']:+.2f}", f"{low:+.2f} to {high:+.2f}",
             f"{own['p_value']:.2g}"]
        )  # fmt: skip
    print_table(console, ["", "difference", "95 % interval", "p value"], rows)
    console.print("p values are those of a paired bootstrap (Koehn 2004)")
    console.print(escape_controls(against["verdict"]))
