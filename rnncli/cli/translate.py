"""``rnncli translate``: translate texts."""

import json
from typing import Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Screen
from rnncli.config import SearchConfig

_DEFAULTS = SearchConfig()


def translate(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            help="Texts to translate; else one a line from stdin.",
            show_default=False,
        ),
    ] = None,
    model: options.ModelPath = None,
    input: options.InputFile = None,
    beam: Annotated[
        int,
        typer.Option(
            help="Translations kept in mind at each word; 1 is greedy.", rich_help_panel="Search"
        ),
    ] = _DEFAULTS.beam,
    length_penalty: Annotated[
        float, typer.Option(help="Above 1 favours longer translations.", rich_help_panel="Search")
    ] = _DEFAULTS.length_penalty,
    nbest: Annotated[
        int,
        typer.Option(
            help="Print this many translations of each text: score, tab, translation.",
            rich_help_panel="Search",
        ),
    ] = _DEFAULTS.nbest,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Translate texts, one line out for each line in."""
    from rnncli.cli.streams import flush, texts_in, write_line
    from rnncli.tasks.translate import Translator

    screen = Screen(quiet, color)
    config = SearchConfig(beam, length_penalty, nbest)
    translator = Translator.load(options.model_path(model, "translate"))
    for batch in texts_in(texts or [], input, screen):
        for text, found in zip(batch, translator.nbest(batch, config), strict=True):
            if as_json:
                fields = {
                    "source": text,
                    "translation": found[0].text,
                    "score": round(found[0].score, 6),
                    "nbest": [{"text": t.text, "score": round(t.score, 6)} for t in found],
                }
                write_line(json.dumps(fields, ensure_ascii=False))
            elif nbest > 1:
                for translation in found:
                    write_line(f"{translation.score:.4f}\t{translation.text}")
                for _ in range(nbest - len(found)):  # so that lines can be counted off
                    write_line("\t")
            else:
                write_line(found[0].text)
        flush()
