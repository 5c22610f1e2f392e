"""``rnncli classify``: label texts."""

import json
from typing import Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Screen


def classify(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            help="Texts to label; else one a line from stdin.",
            show_default=False,
        ),
    ] = None,
    model: options.ModelPath = None,
    input: options.InputFile = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Label texts, one line out for each line in: label, probability and text, with tabs between.

    A blank line has no label and stays a line.
    """
    from rnncli.cli.streams import flush, texts_in, write_line
    from rnncli.tasks.classify import TextClassifier

    screen = Screen(quiet, color)
    classifier = TextClassifier.load(options.model_path(model, "classify"))
    for batch in texts_in(texts or [], input, screen):
        filled = [text for text in batch if text.strip()]
        results = iter(classifier(filled))
        for text in batch:
            result = next(results) if text.strip() else None
            if as_json:
                fields = {
                    "text": text,
                    "label": result and result.label,
                    "probability": result and round(result.probability, 6),
                    "probabilities": result
                    and {name: round(p, 6) for name, p in result.probabilities.items()},
                }
                write_line(json.dumps(fields, ensure_ascii=False))
            elif result is None:
                write_line(f"\t\t{text}")
            else:
                write_line(f"{result.label}\t{result.probability:.4f}\t{text}")
        flush()
