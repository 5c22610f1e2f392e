"""``rnncli classify``: label texts."""

from collections.abc import Sequence
from typing import Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.errors import ConfigError
from rnncli.tasks.classify.abstention import ABSTAIN_LABEL, abstention_of
from rnncli.text.unicode import as_field

BATCH = 1_024  # lines: enough to sort by length
EXPLAINED = 64  # lines: each is asked about once a word


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
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="P|auto",
            help="Where the best label is less probable than this, give the abstain label instead; "
            "auto: where it would be wrong more than once in three.",
            rich_help_panel=options.OUTPUT,
            show_default=False,
        ),
    ] = None,
    abstain_label: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What is said below the --threshold.",
            rich_help_panel=options.OUTPUT,
            show_default=ABSTAIN_LABEL,
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Show which words speak for the best label and which against it: coloured on a "
            "terminal, else named behind the text, as in +great -not.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    output: options.OutputFile = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Label texts, one line out for each line in: label, probability and text, with tabs between.

    A blank line has no label and stays a line.
    """
    from rnncli.analysis.drift import Watch
    from rnncli.cli.output import Output
    from rnncli.cli.pipe import Request, answer_all
    from rnncli.tasks.classify.predict import Classification, TextClassifier

    messenger = Messenger(quiet, color)
    abstention = abstention_of(threshold, abstain_label, messenger.announce)
    size = EXPLAINED if explain and batch_size == BATCH else batch_size
    request = Request(texts or [], input, output, column, as_json, size, messenger)
    classifier = TextClassifier.load(
        options.model_path(model, "classify"),
        threads=options.threads_for(threads),
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
    watch = Watch(classifier.info, classifier.tokenizer, messenger.announce)

    def respond(texts: Sequence[str]) -> list[list[Output]]:
        watch.see(texts)
        found = iter(classifier([text for text in texts if text.strip()]))
        answers = [answer(text, next(found) if text.strip() else None) for text in texts]
        return [[answer] if answer.fields["label"] in printed else [] for answer in answers]

    def answer(text: str, result: Classification | None) -> Output:
        abstained = {} if abstention is None else {"abstained": False}
        if result is None:
            nothing = {"label": None, "probability": None, "probabilities": None}
            return Output(f"\t\t{text}", {**nothing, **abstained})
        label = result.label
        if abstention is not None and abstention.applies_to(result):
            label, abstained = abstention.label, {"abstained": True}
        field = as_field(label)  # which would look like another field
        line = f"{field}\t{result.probability:.4f}\t{text}"
        return Output(
            line,
            {
                "label": label,
                "probability": round(result.probability, 6),
                "probabilities": {own: round(p, 6) for own, p in result.probabilities.items()},
                **abstained,
            },
        )

    names = ("label", "probability")
    if explain:
        from rnncli.cli.views.highlight import answer_explained

        answer_explained(request, names, classifier, respond)
    else:
        answer_all(request, "text", names, respond)
    watch.finish()


def _printed_labels(
    labels: Sequence[str], only: Sequence[str], leave_out: Sequence[str]
) -> set[str | None]:
    """Return the labels that are printed; None is that of blank lines."""
    for label in (*only, *leave_out):
        if label not in labels:
            raise ConfigError(f"there is no label {label!r}", f"choose from {', '.join(labels)}")
    printed: set[str | None] = set(only) if only else {*labels, None}
    return printed - set(leave_out)
