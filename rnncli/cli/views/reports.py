"""The scores of a model, as a person reads them."""

from typing import TYPE_CHECKING

from rnncli.cli.views.classifier_report import print_classifier_report
from rnncli.cli.views.generator_report import print_generator_report
from rnncli.cli.views.translator_report import print_translator_report
from rnncli.tasks.classify.evaluate import ClassifierReport
from rnncli.tasks.generate.evaluate import GeneratorReport
from rnncli.tasks.translate.evaluate import TranslatorReport

if TYPE_CHECKING:
    from rich.console import Console

    from rnncli.tasks.scoring import Report


def print_report(report: "Report", console: "Console") -> None:
    """Print the scores of a model of any task."""
    match report:
        case ClassifierReport():
            print_classifier_report(report, console)
        case GeneratorReport():
            print_generator_report(report, console)
        case TranslatorReport():
            print_translator_report(report, console)
