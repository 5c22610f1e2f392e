"""Figures of units that know a property, and of what a model does with clamped units."""

from collections.abc import Iterator, Sequence

from rnncli.cli.views.figure import Figure
from rnncli.cli.views.table import Table
from rnncli.cli.views.tokens import token_label
from rnncli.tasks.clamping import ClampedAnswers, Effect
from rnncli.tasks.unit_search import EXAMPLE_CHARACTERS, Example, UnitResult, UnitSearch

MAX_ANSWER = 400  # characters of an answer


def unit_search_figures(search: UnitSearch, *, with_examples: bool) -> Iterator[Figure]:
    """Yield the table of the units and, where asked for, where each is largest and smallest."""
    measure = next((unit.effect.measure for unit in search.units if unit.effect), None)
    header = ["unit", "correlation", "95 % interval", "mean"]
    if measure is not None:
        header.append(f"{measure} if clamped")
    found = sum(unit.is_significant for unit in search.units)
    follow = "follow" if found > 1 else "follows"
    verdict = f"{found or 'None'} of these units {follow} the property beyond chance."
    yield Figure(
        f"units that know {search.property}: {search.searched:,} searched, "
        f"{search.tokens:,} tokens of {search.texts:,} texts",
        Table(header, [_row(unit) for unit in search.units]),
        f"{verdict} Half of the texts chose the units, the other half gave the correlations; the "
        "intervals hold for all five together. A unit is clamped to its mean.",
        "Karpathy et al. 2015, section 4.2; Radford et al. 2017",
    )
    if with_examples:
        for unit in search.units:
            yield Figure(
                f"where {unit.unit} is largest and smallest",
                Table(
                    ["text before", "token", "value"],
                    [*map(_example, unit.highest), *map(_example, unit.lowest)],
                    text_columns=2,
                ),
            )


def clamping_figures(answers: ClampedAnswers) -> Iterator[Figure]:
    """Yield the answers of a model without and with clamped units."""
    edits = ", ".join(answers.edits)
    before, after = answers.probabilities_before, answers.probabilities_after
    if before is not None and after is not None:
        rows = [[token_label(name), f"{p:.3f}", f"{after[name]:.3f}"] for name, p in before.items()]
        table = Table(["label", "as trained", edits], rows)
    else:
        rows = [
            ["as trained", token_label(answers.before, MAX_ANSWER)],
            [edits, token_label(answers.after, MAX_ANSWER)],
        ]
        table = Table(["", "answer"], rows, text_columns=2)
    yield Figure(
        f"with {edits}",
        table,
        "What changes is what the unit was for; the same random seed drew both.",
    )


def effect_figure(edits: Sequence[str], effect: Effect, texts: int) -> Figure:
    """Return the effect of clamped units on the answers to held-out texts."""
    return Figure(
        f"with {', '.join(edits)}, on {texts:,} texts",
        Table(["measure", "as trained", "clamped"], [[effect.measure, *_values(effect)]]),
        "A unit that the model relies on costs much; most cost nothing, as others know the same.",
    )


def _row(unit: UnitResult) -> list[str]:
    low, high = unit.interval
    cells = [unit.unit, f"{unit.correlation:+.2f}", f"{low:+.2f} to {high:+.2f}"]
    cells.append(f"{unit.mean:+.2f}")
    if unit.effect is not None:
        cells.append(" → ".join(_values(unit.effect)))
    return cells


def _values(effect: Effect) -> tuple[str, str]:
    return f"{effect.before:.3f}", f"{effect.after:.3f}"


def _example(example: Example) -> list[str]:
    before = token_label(example.before, EXAMPLE_CHARACTERS)
    return [before, token_label(example.token), f"{example.value:+.2f}"]
