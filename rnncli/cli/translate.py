"""``rnncli translate``: translate texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.config import SearchConfig
from rnncli.errors import ConfigError
from rnncli.text.threads import choose_threads

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
    threads: options.Threads = None,
    beam: Annotated[
        int,
        typer.Option(
            help="Translations kept in mind at each word; 1 is greedy.", rich_help_panel="Search"
        ),
    ] = _DEFAULTS.beam,
    length_penalty: Annotated[
        float | None,
        typer.Option(
            help="The higher, the longer the translations.",
            rich_help_panel="Search",
            show_default="the model's own",
        ),
    ] = _DEFAULTS.length_penalty,
    nbest: Annotated[
        int,
        typer.Option(
            help="Print this many translations of each text: score, tab, translation.",
            rich_help_panel="Search",
        ),
    ] = _DEFAULTS.nbest,
    no_repeat_ngram: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Write no N tokens in a row a second time. Loops are always blocked: no four "
            "tokens (sixteen characters at the level char) occur a third time.",
            rich_help_panel="Search",
            show_default=False,
        ),
    ] = _DEFAULTS.no_repeat_ngram,
    memory: Annotated[
        bool,
        typer.Option(
            "--memory/--no-memory",
            help="Ask the pairs that the model keeps how texts like this one were translated; "
            "without it, translations are worse and come faster.",
            rich_help_panel="Search",
        ),
    ] = _DEFAULTS.memory,
    prefix: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Let every translation begin with this.",
            rich_help_panel="Search",
            show_default=False,
        ),
    ] = "",
    split: Annotated[
        bool,
        typer.Option(
            "--split",
            help="Translate the sentences of a text one by one. Models that learned single "
            "sentences lose their way in longer texts.",
            rich_help_panel="Search",
        ),
    ] = False,
    attention: Annotated[
        bool,
        typer.Option(
            "--attention",
            help="Draw below each translation which words of the text each of its words attended "
            "to; with --json, add the weights. Of several translations, the best.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    attention_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw which words attended to which into this SVG file, which appears when it is "
            "complete.",
            rich_help_panel=options.OUTPUT,
            show_default=False,
        ),
    ] = None,
    output: options.OutputFile = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Translate texts, one line out for each line in."""
    from rnncli.cli.output import Output
    from rnncli.cli.pipe import Request, answer_all
    from rnncli.tasks.translate.predict import Translation, Translator

    messenger = Messenger(quiet, color)
    if attention and column is not None and not as_json:
        raise ConfigError(
            "--attention draws below lines of text, and a row of a table has no room for it",
            "add --json, or leave --column out",
        )
    if split and (attention or attention_out is not None):
        raise ConfigError(
            "attention is drawn for a text as a whole, and --split translates its sentences",
            "leave --split out, and give a sentence a line",
        )
    request = Request(texts or [], input, output, column, as_json, batch_size, messenger)
    config = SearchConfig(beam, length_penalty, nbest, no_repeat_ngram, memory)
    translator = Translator.load(
        options.model_path(model, "translate"),
        threads=choose_threads(threads),
        announce=messenger.announce,
    )

    def respond(texts: Sequence[str]) -> list[list[Output]]:
        translated = translator.nbest(texts, config, prefix=prefix, split=split)
        return [[answer(found)] for found in translated]

    def answer(found: list[Translation]) -> Output:
        line = found[0].text
        if nbest > 1:
            lines = [f"{translation.score:.4f}\t{translation.text}" for translation in found]
            lines += ["\t"] * (nbest - len(found))  # so that lines can be counted off
            line = "\n".join(lines)
        return Output(
            line,
            {
                "translation": found[0].text,
                "score": round(found[0].score, 6),
                "nbest": [{"text": t.text, "score": round(t.score, 6)} for t in found],
            },
        )

    names = ("translation", "score")
    if attention or attention_out is not None:
        from rnncli.cli.views.alignment import answer_aligned

        answer_aligned(request, names, translator, respond, shows=attention, svg_file=attention_out)
    else:
        answer_all(request, "source", names, respond)
