"""``rnncli classify``: label texts."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.options import OUTPUT, option
from rnncli.cli.output import Fragment, Output
from rnncli.errors import ConfigError
from rnncli.messages import name_list, nearest
from rnncli.tasks.classify.abstention import ABSTAIN_LABEL, Abstention
from rnncli.text.unicode import as_field

if TYPE_CHECKING:
    from rnncli.analysis.occlusion import Span
    from rnncli.tasks.classify.predict import Classification, TextClassifier

BATCH_SIZE = 1_024  # lines: enough to sort by length
EXPLAIN_BATCH_SIZE = 64  # lines: an explanation takes an answer for each word


def classify(
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", help="Texts to label; else one a line from stdin."),
    ] = None,
    input: options.InputFiles = None,
    column: options.Column = None,
    jobs: options.Jobs = None,
    shard: options.ShardOption = None,
    estimate: options.Estimate = False,
    whole: options.Whole = False,
    only: Annotated[
        list[str] | None,
        option("--only LABEL", OUTPUT, "Print only texts with this label. Repeatable."),
    ] = None,
    excluded: Annotated[
        list[str] | None,
        option("--not LABEL", OUTPUT, "Print no texts with this label. Repeatable."),
    ] = None,
    threshold: Annotated[
        str | None,
        option(
            "--threshold P|auto",
            OUTPUT,
            "Abstain below this probability; auto: where the label would be wrong more than once "
            "in three.",
        ),
    ] = None,
    abstain_label: Annotated[
        str | None,
        option(
            "--abstain-label LABEL",
            OUTPUT,
            "Label of texts below the --threshold.",
            show_default=ABSTAIN_LABEL,
        ),
    ] = None,
    explain: Annotated[
        bool,
        option(
            "--explain",
            OUTPUT,
            "Show the words for the label and against it: in colours on a terminal, else after "
            "the text (+great -not).",
        ),
    ] = False,
    output: options.OutputPlace = None,
    force: options.Force = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    model: options.ModelPath = None,
    batch_size: options.BatchSize = BATCH_SIZE,
    threads: options.Threads = None,
) -> None:
    """Label texts, one line out for each line in: label, probability and text, with tabs between.

    Examples:
        rnncli classify "a warm, funny film"
        rnncli classify --only negative --column text -i texts.csv -o bad.csv
        rnncli classify -i "*.txt" -o labels --jobs 2

    A blank line has no label and stays a line.
    """
    from rnncli.cli.job import Files, run

    messenger = Messenger(quiet, color)
    abstention = _abstention(threshold, abstain_label, messenger)
    if explain and batch_size == BATCH_SIZE:
        batch_size = EXPLAIN_BATCH_SIZE
    files = Files(input or [], output, jobs, shard, estimate, whole=whole)
    request = files.request(
        texts, column, force=force, as_json=as_json, batch_size=batch_size, messenger=messenger
    )
    labelling = Labelling(
        options.model_path(model, "classify", messenger.announce),
        tuple(only or ()),
        tuple(excluded or ()),
        abstention,
        abstain_label is None,
        explain,
        explain and not whole and request.is_coloured,  # to ask for colours loads rich
    )
    run(labelling, request, files, threads)


@dataclass(frozen=True)
class Labelling:
    """The job of this command, in one process or several."""

    model: Path = field(repr=False)
    only: tuple[str, ...]  # labels that are printed; all where there are none
    excluded: tuple[str, ...]  # labels that are not printed
    abstention: Abstention | None
    has_usual_abstain_label: bool = field(repr=False)
    explain: bool
    in_colour: bool = field(repr=False)
    key: ClassVar = "text"

    @property
    def columns(self) -> list[str]:
        """Return the names of the results in tables."""
        return ["label", "probability", *(["explanation"] if self.explain else [])]

    @contextmanager
    def open(self, messenger: Messenger, threads: int) -> "Iterator[_Responder]":
        """Load the model, check the labels, and at the end warn of texts that it does not know.

        Raises:
            ModelError: there is no such model, or it is damaged.
            ConfigError: the model has no such label.
        """
        from rnncli.analysis.drift import DriftMonitor
        from rnncli.tasks.classify.predict import TextClassifier

        classifier = TextClassifier.load(self.model, threads=threads, announce=messenger.announce)
        labels = list(classifier.labels)
        if self.abstention is not None and self.abstention.label not in labels:
            labels.append(self.abstention.label)
        elif self.abstention is not None and self.has_usual_abstain_label:
            messenger.announce(
                f"{self.abstention.label} is also a label of the model: answers below the "
                "threshold join it; --abstain-label names another"
            )
        printed = _printed_labels(labels, self.only, self.excluded)
        profile = classifier.description.profile
        drift = DriftMonitor(profile, classifier.tokenizer, messenger.announce)
        if self.in_colour:
            from rnncli.cli.views import explanation
            from rnncli.cli.views.highlight import announce_legend

            announce_legend(messenger, explanation.LEGEND)
        yield _Responder(
            classifier, self.abstention, printed, drift.update, self.explain, self.in_colour
        )
        drift.finish()


def _abstention(
    threshold: str | None, label: str | None, messenger: Messenger
) -> Abstention | None:
    """Return the abstention that ``--threshold`` and ``--abstain-label`` set, if any."""
    if threshold is None:
        if label is None:
            return None
        raise ConfigError("--abstain-label needs --threshold", "--threshold auto")
    abstention = Abstention.of(threshold, label)
    if threshold == "auto":
        messenger.announce(
            f"threshold: {abstention.threshold:.4f}, below which the answer is {abstention.label}"
        )
    return abstention


def _printed_labels(
    labels: Sequence[str], only: Sequence[str], excluded: Sequence[str]
) -> set[str | None]:
    """Return the labels that are printed; None is that of blank lines."""
    for name, option_labels in (("--only", only), ("--not", excluded)):
        for label in option_labels:
            if label not in labels:
                raise ConfigError(
                    f"there is no label {label!r}; the labels are: {name_list(labels)}",
                    f"{name} {shlex.quote(nearest(label, labels) or labels[0])}",
                )
    printed: set[str | None] = set(only) if only else {*labels, None}
    return printed - set(excluded)


@dataclass(frozen=True)
class _Responder:
    """Label texts, and leave out those whose label is not printed."""

    predictor: "TextClassifier"
    abstention: Abstention | None
    printed: set[str | None]  # labels; None is that of blank lines
    observe: Callable[[Sequence[str]], None]  # gets all texts but blank ones
    explain: bool
    in_colour: bool

    def __call__(self, texts: Sequence[str]) -> list[list[Output]]:
        filled = [text for text in texts if text.strip()]
        self.observe(filled)
        classified = iter(self._classify(filled))
        results = [next(classified) if text.strip() else None for text in texts]
        is_printed = [(result and result.label) in self.printed for result in results]
        spans: Sequence[Sequence[Span] | None] = [None] * len(texts)
        if self.explain:
            printed_texts = [t if show else "" for t, show in zip(texts, is_printed, strict=True)]
            spans = self.predictor.explain(printed_texts)
        return [
            [self._output(text, result, text_spans)] if show else []
            for text, result, text_spans, show in zip(
                texts, results, spans, is_printed, strict=True
            )
        ]

    def _classify(self, texts: Sequence[str]) -> "list[Classification]":
        if self.abstention is None:
            return self.predictor(texts)
        return self.predictor(
            texts, threshold=self.abstention.threshold, abstain_label=self.abstention.label
        )

    def _output(
        self, text: str, result: "Classification | None", spans: "Sequence[Span] | None"
    ) -> Output:
        """Return the answer to a text, with its explanation if there are spans."""
        fields: dict[str, Any] = {"label": None, "probability": None, "probabilities": None}
        head = "\t\t"
        if result is not None:
            fields = {
                "label": result.label,
                "probability": round(result.probability, 6),
                "probabilities": {name: round(p, 6) for name, p in result.probabilities.items()},
            }
            label = as_field(result.label)  # a tab would look like another field
            head = f"{label}\t{result.probability:.4f}\t"
        if self.abstention is not None:
            fields["abstained"] = result is not None and result.abstained
        if spans is None:
            return Output(head + text, fields)
        from rnncli.cli.views import explanation

        fields["explanation"] = explanation.as_object(text, spans)
        highlight = explanation.highlight(text, spans)
        if self.in_colour:
            return Output([Fragment(head), *highlight.fragments()], fields)
        words = highlight.strongest()
        return Output(f"{head}{text}\t{words}", fields, cells={"explanation": words})
