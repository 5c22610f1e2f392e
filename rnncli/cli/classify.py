"""``rnncli classify``: label texts."""

import re
from collections.abc import Sequence
from typing import Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Screen
from rnncli.errors import ConfigError

BATCH = 1_024  # lines: enough to sort by length


def classify(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            help="Texts to label; else one a line from stdin.",
            show_default=False,
        ),
    ] = None,
    input: options.InputFile = None,
    column: options.KeptColumn = None,
    batch_size: options.BatchSize = BATCH,
    model: options.ModelPath = None,
    device: options.DeviceChoice = "cpu",
    threads: options.Threads = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL",
            help="Print only texts with this label; may be given again.",
            rich_help_panel=options.OUTPUT,
            show_default=False,
        ),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            "--not",
            metavar="LABEL",
            help="Print no texts with this label; may be given again.",
            rich_help_panel=options.OUTPUT,
            show_default=False,
        ),
    ] = None,
    output: options.OutputFile = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Label texts, one line out for each line in: label, probability and text, with tabs between.

    A blank line has no label and stays a line.
    """
    from rnncli.cli.records import Answer
    from rnncli.cli.streams import Stream, answer_all
    from rnncli.tasks.classify import Classification, TextClassifier

    screen = Screen(quiet, color)
    stream = Stream(texts or [], input, output, column, as_json, batch_size, screen)
    classifier = TextClassifier.load(
        options.model_path(model, "classify"),
        device=device,
        threads=options.threads_for(threads),
        announce=screen.say,
    )
    printed = _printed_labels(classifier.labels, only or [], leave_out or [])

    def respond(texts: Sequence[str]) -> list[list[Answer]]:
        found = iter(classifier([text for text in texts if text.strip()]))
        results = [next(found) if text.strip() else None for text in texts]
        return [
            [answer(text, result)] if (result and result.label) in printed else []
            for text, result in zip(texts, results, strict=True)
        ]

    def answer(text: str, result: Classification | None) -> Answer:
        if result is None:
            nothing = {"label": None, "probability": None, "probabilities": None}
            return Answer(f"\t\t{text}", nothing)
        label = re.sub(r"[\t\n\r]", " ", result.label)  # which would look like another field
        line = f"{label}\t{result.probability:.4f}\t{text}"
        probabilities = {label: round(p, 6) for label, p in result.probabilities.items()}
        return Answer(
            line,
            {
                "label": result.label,
                "probability": round(result.probability, 6),
                "probabilities": probabilities,
            },
        )

    answer_all(stream, "text", ("label", "probability"), respond)


def _printed_labels(
    labels: Sequence[str], only: Sequence[str], leave_out: Sequence[str]
) -> set[str | None]:
    """Return the labels that are printed; None is that of blank lines."""
    for label in (*only, *leave_out):
        if label not in labels:
            raise ConfigError(f"there is no label {label!r}", f"choose from {', '.join(labels)}")
    printed: set[str | None] = set(only) if only else {*labels, None}
    return printed - set(leave_out)
