"""``rnncli translate``: translate texts."""

from collections.abc import Sequence
from typing import Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Screen
from rnncli.config import SearchConfig

_DEFAULTS = SearchConfig()
BATCH = 256  # lines: enough to sort by length, and to see the first of a file soon


def translate(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            help="Texts to translate; else one a line from stdin.",
            show_default=False,
        ),
    ] = None,
    input: options.InputFile = None,
    column: options.KeptColumn = None,
    batch_size: options.BatchSize = BATCH,
    model: options.ModelPath = None,
    device: options.DeviceChoice = "cpu",
    threads: options.Threads = None,
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
    output: options.OutputFile = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Translate texts, one line out for each line in."""
    from rnncli.cli.records import Answer
    from rnncli.cli.streams import Stream, answer_all
    from rnncli.tasks.translate import Translation, Translator

    screen = Screen(quiet, color)
    stream = Stream(texts or [], input, output, column, as_json, batch_size, screen)
    config = SearchConfig(beam, length_penalty, nbest)
    translator = Translator.load(
        options.model_path(model, "translate"),
        device=device,
        threads=options.threads_for(threads),
        announce=screen.say,
    )

    def respond(texts: Sequence[str]) -> list[list[Answer]]:
        return [[answer(found)] for found in translator.nbest(texts, config)]

    def answer(found: list[Translation]) -> Answer:
        line = found[0].text
        if nbest > 1:
            lines = [f"{translation.score:.4f}\t{translation.text}" for translation in found]
            lines += ["\t"] * (nbest - len(found))  # so that lines can be counted off
            line = "\n".join(lines)
        return Answer(
            line,
            {
                "translation": found[0].text,
                "score": round(found[0].score, 6),
                "nbest": [{"text": t.text, "score": round(t.score, 6)} for t in found],
            },
        )

    answer_all(stream, "source", ("translation", "score"), respond)
