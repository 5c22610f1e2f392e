"""The scores of a generator, as a person reads them."""

from typing import TYPE_CHECKING

from rnncli.cli.views.table import print_table
from rnncli.tasks.generate.evaluate import GeneratorReport

if TYPE_CHECKING:
    from rich.console import Console


# The scores and the digits behind the point.
SCORES = {
    "bits_per_character": 4,
    "nats_per_character": 4,
    "nats_per_token": 4,
    "perplexity_per_token": 2,
    "perplexity_per_word": 2,
}


def print_generator_report(report: GeneratorReport, console: "Console") -> None:
    """Print the scores of the network and, beside them, those with a continuous cache."""
    systems = {"network": report.network}
    if report.with_cache is not None:
        systems["with continuous cache"] = report.with_cache
    rows = []
    for name, digits in SCORES.items():
        cells = [f"{getattr(scores, name):.{digits}f}" for scores in systems.values()]
        rows.append([name.replace("_", " "), *cells])
    print_table(console, ["", *systems], rows)
    console.print(f"characters           {report.characters:10,}")
    console.print(f"tokens               {report.tokens:10,}")
    console.print(f"words and line ends  {report.words:10,}")
