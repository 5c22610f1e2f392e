"""The scores of a model, as tables for a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rnncli.cli.views.confusions import print_confusions
from rnncli.cli.views.error_rates import print_error_rates
from rnncli.cli.views.forecast_report import print_forecasts
from rnncli.cli.views.probe import print_probe
from rnncli.cli.views.table import print_table
from rnncli.tasks.classify.evaluate import ClassifierReport
from rnncli.tasks.classify.evaluate import Comparison as ClassifierComparison
from rnncli.tasks.classify.probe import ProbeReport
from rnncli.tasks.classify.targets import LabelScores
from rnncli.tasks.forecast.evaluate import ForecastReport
from rnncli.tasks.generate.evaluate import GeneratorReport
from rnncli.tasks.transcribe.evaluate import TranscriberReport
from rnncli.tasks.translate.evaluate import Comparison as TranslatorComparison
from rnncli.tasks.translate.evaluate import Translations, TranslatorReport
from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from rich.console import Console

    from rnncli.analysis.metrics import ReliabilityBin
    from rnncli.tasks.evaluation import Report

BAR_WIDTH = 40  # characters
HUGE = 1e6  # a perplexity of which digits tell nothing
BASELINES = {"naive_bayes": "naive Bayes", "majority_class": "majority class"}
GENERATOR_DIGITS = {  # after the decimal point of each score
    "bits_per_character": 4,
    "nats_per_character": 4,
    "nats_per_token": 4,
    "perplexity_per_token": 2,
    "perplexity_per_word": 2,
}
TRANSLATION_METRICS = {
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


def print_report(report: "Report", console: "Console", forecast_command: str) -> None:
    """Print the scores of a model of any task; ``forecast_command`` is one for the same data."""
    match report:
        case ClassifierReport():
            _print_classifier(report, console)
        case ProbeReport():
            print_probe(report, console)
        case GeneratorReport():
            _print_generator(report, console)
        case TranslatorReport():
            _print_translator(report, console)
        case TranscriberReport():
            print_error_rates(report, console)
        case ForecastReport():
            print_forecasts(report, console, forecast_command)


def _print_classifier(report: ClassifierReport, console: "Console") -> None:
    print_table(
        console,
        ["label", "precision", "recall", "F1", "texts"],
        [
            [label, f"{100 * scores.precision:.1f}", f"{100 * scores.recall:.1f}",
             f"{100 * scores.f1:.1f}", f"{scores.support:,}"]
            for label, scores in report.classes.items()
        ],
    )  # fmt: skip
    print_confusions(report.labels, report.confusion_matrix, console)
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
        _print_classifier_comparison(report.against, console)
    _print_summary(report, console)


def _print_summary(report: ClassifierReport, console: "Console") -> None:
    rows: dict[str, LabelScores] = {"model": report}
    if report.against is not None:
        rows["second model"] = report.against
    rows |= {BASELINES[name]: scores for name, scores in report.baselines.items()}
    _print_ordinal_scores(rows, console)
    chance = f"true probabilities would have {100 * report.calibration_error_by_chance:.2f} %"
    console.print(f"texts              {report.texts:6,}")
    console.print(f"mistakes           {len(report.mistakes):6,}")
    console.print(f"calibration error  {100 * report.calibration_error:6.2f} %  ({chance})")
    print_table(
        console,
        ["", "accuracy", "95 % interval", "macro F1", "95 % interval"],
        [
            [name, _percent(scores.accuracy), _range(scores.accuracy_interval),
             _percent(scores.macro_f1), _range(scores.macro_f1_interval)]
            for name, scores in rows.items()
        ],
    )  # fmt: skip


def _print_ordinal_scores(rows: Mapping[str, LabelScores], console: "Console") -> None:
    """Print how far answers are from the right label, where labels have an order."""
    cells = []
    for name, scores in rows.items():
        if (ordinal := scores.ordinal) is not None:
            low, high = ordinal.mean_absolute_error_interval
            cells.append(
                [name, f"{ordinal.mean_absolute_error:.3f}", f"{low:.2f} to {high:.2f}",
                 _percent(ordinal.within_one), _range(ordinal.within_one_interval)]
            )  # fmt: skip
    if cells:
        console.print("labels as a scale: mean absolute error (MAE) in steps, share within one")
        header = ["", "MAE", "95 % interval", "within one", "95 % interval"]
        print_table(console, header, cells)


def _print_reliability(bins: Iterable["ReliabilityBin"], console: "Console") -> None:
    """Draw the accuracy by probability: where calibrated, a bar ends at its mark."""
    bar, mark = ("#", "|") if console.options.ascii_only else ("█", "│")
    console.print(
        f"{'probability':12}  {'right':>7}  {'texts':>6}  "
        f"{bar} how many are right  {mark} how probable"
    )
    for part in bins:
        cells = [bar if (i + 0.5) / BAR_WIDTH < part.right else " " for i in range(BAR_WIDTH)]
        cells[min(int(part.probability * BAR_WIDTH), BAR_WIDTH - 1)] = mark
        between = f"{100 * part.low:3.0f} to {100 * part.high:3.0f} %"
        drawn = "".join(cells).rstrip()
        console.print(f"{between}  {100 * part.right:5.1f} %  {part.texts:6,}  {drawn}")


def _print_classifier_comparison(comparison: ClassifierComparison, console: "Console") -> None:
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


def _print_generator(report: GeneratorReport, console: "Console") -> None:
    systems = {"network": report.network}
    if report.with_cache is not None:
        systems["with continuous cache"] = report.with_cache
    rows = []
    for name, digits in GENERATOR_DIGITS.items():
        values = [getattr(scores, name) for scores in systems.values()]
        cells = [f"{v:.{digits}f}" if v < HUGE else f"{v:.1e}" for v in values]
        rows.append([name.replace("_", " "), *cells])
    console.print(f"characters           {report.characters:10,}")
    console.print(f"tokens               {report.tokens:10,}")
    console.print(f"words and line ends  {report.words:10,}")
    console.print("bits per character: how surprising each next one is; the lower the better")
    print_table(console, ["", *systems], rows)


def _print_translator(report: TranslatorReport, console: "Console") -> None:
    titles = {
        n: title for n, title in TRANSLATION_METRICS.items() if n in report.translations.metrics
    }
    console.print("copied: the source itself as the translation")
    console.print("looping: four words in a row occur more than twice")
    console.print("length ratio: words of the outputs, divided by those of the references")
    console.print(f"sentences: {report.sentences:,}\n")
    if report.translations.strings is not None:
        titles = {"chrf": TRANSLATION_METRICS["chrf"]}  # BLEU does not apply
    for name, title in titles.items():
        console.print(f"{title}|{report.translations.metrics[name].signature}")
    if report.against is not None:
        _print_translator_comparison(report.against, titles, console)
    _print_translator_scores(report, titles, console)


def _print_translator_scores(
    report: TranslatorReport, titles: Mapping[str, str], console: "Console"
) -> None:
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
    rows[:0] = _string_rows([*systems.values(), report.copied_source])
    for name, title, form in FAULTS:
        row = [title]
        for system in systems.values():
            row += [format(getattr(system.faults, name), form), ""]
        rows.append([*row, format(getattr(report.copied_source.faults, name), form)])
    print_table(console, [*header, "copied"], rows)


def _string_rows(systems: Sequence[Translations]) -> list[list[str]]:
    """Return the rows of exact match and character accuracy; none where sentences are long.

    The last system has no intervals.
    """
    scores = [system.strings for system in systems if system.strings is not None]
    if not scores:
        return []
    exact, characters = ["exact match, %"], ["character accuracy, %"]
    for system in scores:
        for row, share, (low, high) in (
            (exact, system.exact_match, system.exact_match_interval),
            (characters, system.character_accuracy, system.character_accuracy_interval),
        ):
            row += [f"{100 * share:.2f}", f"{100 * low:.1f} to {100 * high:.1f}"]
    return [exact[:-1], characters[:-1]]


def _print_translator_comparison(
    comparison: TranslatorComparison, titles: Mapping[str, str], console: "Console"
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
