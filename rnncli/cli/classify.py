"""``rnncli classify``: label texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.output import Fragment, Output
from rnncli.errors import ConfigError
from rnncli.tasks.classify.abstention import ABSTAIN_LABEL, Abstention
from rnncli.text.threads import choose_threads
from rnncli.text.unicode import as_field

if TYPE_CHECKING:
    from rnncli.analysis.occlusion import Span
    from rnncli.tasks.classify.predict import Classification, TextClassifier

BATCH = 1_024  # lines: enough to sort by length
EXPLAINED = 64  # lines: each is asked about once a word


def classify(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT", help="Texts to label; else one a line from stdin.", show_default=False
        ),
    ] = None,
    input: options.InputFile = None,
    column: options.KeptColumn = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL",
            help="Print only texts with this label. Repeatable.",
            rich_help_panel=options.OUTPUT,
            show_default=False,
        ),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            "--not",
            metavar="LABEL",
            help="Print no texts with this label. Repeatable.",
            rich_help_panel=options.OUTPUT,
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="P|auto",
            help="Abstain below this probability; auto: where the label would be wrong more than "
            "once in three.",
            rich_help_panel=options.OUTPUT,
            show_default=False,
        ),
    ] = None,
    abstain_label: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Label of texts below the --threshold.",
            rich_help_panel=options.OUTPUT,
            show_default=ABSTAIN_LABEL,
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Show the words for the label and against it: in colours on a terminal, else "
            "behind the text (+great -not).",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    output: options.OutputFile = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    model: options.ModelPath = None,
    batch_size: options.BatchSize = BATCH,
    threads: options.Threads = None,
) -> None:
    """Label texts, one line out for each line in: label, probability and text, with tabs between.

    Examples:
        rnncli classify "a warm, funny film"
        rnncli classify --only bad < texts.txt
        rnncli classify --column text -i texts.csv -o labels.csv

    A blank line has no label and stays a line.
    """
    from rnncli.analysis.drift import DriftMonitor
    from rnncli.cli.pipe import Request, answer_all
    from rnncli.cli.views import explanation
    from rnncli.cli.views.highlight import announce_legend
    from rnncli.tasks.classify.predict import TextClassifier

    messenger = Messenger(quiet, color)
    abstention = _abstention(threshold, abstain_label, messenger)
    size = EXPLAINED if explain and batch_size == BATCH else batch_size
    request = Request(texts or [], input, output, column, as_json, size, messenger)
    classifier = TextClassifier.load(
        options.model_path(model, "classify"),
        threads=choose_threads(threads),
        announce=messenger.announce,
    )
    labels = list(classifier.labels)
    if abstention is not None and abstention.label not in labels:
        labels.append(abstention.label)
    elif abstention is not None and abstain_label is None:
        messenger.announce(
            f"{abstention.label} is also a label of the model: answers below the threshold join "
            "it; --abstain-label names another"
        )
    printed = _printed_labels(labels, only or [], leave_out or [])
    drift = DriftMonitor(classifier.description.profile, classifier.tokenizer, messenger.announce)

    coloured = explain and request.is_coloured  # to ask for colours loads rich
    respond = _Responder(classifier, abstention, printed, drift.update, explain, coloured)
    if coloured:
        announce_legend(messenger, explanation.LEGEND)
    names = ("label", "probability", "explanation")
    answer_all(request, "text", names if explain else names[:2], respond)
    drift.finish()


def _abstention(
    threshold: str | None, label: str | None, messenger: Messenger
) -> Abstention | None:
    """Return what ``--threshold`` and ``--abstain-label`` ask for.

    Raises:
        ConfigError: the threshold is no probability, or there is a label and no threshold.

    """
    if threshold is None:
        if label is None:
            return None
        raise ConfigError(
            "--abstain-label needs --threshold", "say below which probability: --threshold auto"
        )
    abstention = Abstention.of(threshold, label)
    if threshold == "auto":
        messenger.announce(
            f"threshold: {abstention.threshold:.4f}, below which the answer is {abstention.label}"
        )
    return abstention


def _printed_labels(
    labels: Sequence[str], only: Sequence[str], leave_out: Sequence[str]
) -> set[str | None]:
    """Return the labels that are printed; None is that of blank lines."""
    for label in (*only, *leave_out):
        if label not in labels:
            raise ConfigError(f"there is no label {label!r}", f"choose from {', '.join(labels)}")
    printed: set[str | None] = set(only) if only else {*labels, None}
    return printed - set(leave_out)


@dataclass(frozen=True)
class _Responder:
    """Label texts, and leave out those whose label is not to be printed."""

    classifier: "TextClassifier"
    abstention: Abstention | None
    printed: set[str | None]  # labels; None is that of blank lines
    observe: Callable[[Sequence[str]], None]  # is shown all texts but blank ones
    explain: bool
    in_colour: bool

    def __call__(self, texts: Sequence[str]) -> list[list[Output]]:
        filled = [text for text in texts if text.strip()]
        self.observe(filled)
        classified = iter(self._classify(filled))
        results = [next(classified) if text.strip() else None for text in texts]
        is_printed = [(result and result.label) in self.printed for result in results]
        explained = [text if shown else "" for text, shown in zip(texts, is_printed, strict=True)]
        spans = self.classifier.explain(explained) if self.explain else [None] * len(texts)
        return [
            [self._output(text, result, words)] if shown else []
            for text, result, words, shown in zip(texts, results, spans, is_printed, strict=True)
        ]

    def _classify(self, texts: Sequence[str]) -> "list[Classification]":
        if self.abstention is None:
            return self.classifier(texts)
        return self.classifier(
            texts, threshold=self.abstention.threshold, abstain_label=self.abstention.label
        )

    def _output(
        self, text: str, result: "Classification | None", spans: "Sequence[Span] | None"
    ) -> Output:
        output = _output(text, result, abstains=self.abstention is not None)
        if spans is None:
            return output
        return _with_explanation(output, text, spans, in_colour=self.in_colour)


def _output(text: str, result: "Classification | None", *, abstains: bool) -> Output:
    """Return the answer to a text; a blank one has no result."""
    fields: dict[str, Any] = {"label": None, "probability": None, "probabilities": None}
    head = "\t\t"
    if result is not None:
        probabilities = {name: round(p, 6) for name, p in result.probabilities.items()}
        fields = {
            "label": result.label,
            "probability": round(result.probability, 6),
            "probabilities": probabilities,
        }
        label = as_field(result.label)  # a tab would look like another field
        head = f"{label}\t{result.probability:.4f}\t"
    if abstains:
        fields["abstained"] = result is not None and result.abstained
    return Output(head + text, fields)


def _with_explanation(
    output: Output, text: str, spans: "Sequence[Span]", *, in_colour: bool
) -> Output:
    """Return an answer with the words that speak for the label and against it."""
    from rnncli.cli.views import explanation

    assert isinstance(output.line, str)
    fields = {**output.fields, "explanation": explanation.as_object(text, spans)}
    highlight = explanation.highlight(text, spans)
    if in_colour:
        head = Fragment(output.line.removesuffix(text))
        return Output([head, *highlight.fragments()], fields)
    words = highlight.strongest()
    return Output(f"{output.line}\t{words}", fields, cells={"explanation": words})
