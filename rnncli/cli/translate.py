"""``rnncli translate``: translate texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.output import Output
from rnncli.config import SearchConfig
from rnncli.errors import ConfigError
from rnncli.text.threads import choose_threads

if TYPE_CHECKING:
    from rnncli.tasks.translate.predict import Translation

_DEFAULTS = SearchConfig()
SEARCH = "Search"  # a panel of the help page
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
    beam: Annotated[
        int, typer.Option(help="Beam size; 1 is greedy search.", rich_help_panel=SEARCH)
    ] = _DEFAULTS.beam,
    nbest: Annotated[
        int,
        typer.Option(
            help="Print the N best translations of each text: score, tab, translation.",
            rich_help_panel=SEARCH,
        ),
    ] = _DEFAULTS.nbest,
    length_penalty: Annotated[
        float | None,
        typer.Option(
            help="Larger: longer translations.",
            rich_help_panel=SEARCH,
            show_default="tuned at training",
        ),
    ] = _DEFAULTS.length_penalty,
    no_repeat_ngram: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="No n-gram of N tokens occurs twice; loops are always blocked.",
            rich_help_panel=SEARCH,
            show_default=False,
        ),
    ] = _DEFAULTS.no_repeat_ngram,
    memory: Annotated[
        bool,
        typer.Option(
            "--memory/--no-memory",
            help="Look up similar training pairs, where the model keeps them: better and slower.",
            rich_help_panel=SEARCH,
        ),
    ] = _DEFAULTS.memory,
    prefix: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Begin every translation with this.",
            rich_help_panel=SEARCH,
            show_default=False,
        ),
    ] = "",
    split: Annotated[
        bool,
        typer.Option(
            "--split",
            help="Translate texts sentence by sentence: for models trained on single sentences.",
            rich_help_panel=SEARCH,
        ),
    ] = False,
    attention: Annotated[
        bool,
        typer.Option(
            "--attention",
            help="Draw the attention between words below each translation; with --json, add the "
            "weights.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    attention_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the attention into this SVG file.",
            rich_help_panel=options.OUTPUT,
            show_default=False,
        ),
    ] = None,
    output: options.OutputFile = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    model: options.ModelPath = None,
    batch_size: options.BatchSize = BATCH,
    threads: options.Threads = None,
) -> None:
    """Translate texts, one line out for each line in.

    Examples:
        rnncli translate "the cat sleeps today"
        rnncli translate --beam 1 < texts.txt
        rnncli translate --attention "the cat sleeps today"

    A blank line stays blank.
    """
    from rnncli.cli.pipe import Request, answer_all
    from rnncli.tasks.translate.predict import Translator

    messenger = Messenger(quiet, color)
    if attention or attention_out is not None:
        _require_whole_lines(split, drawn_below=attention and not as_json, column=column)
    request = Request(texts or [], input, output, column, as_json, batch_size, messenger)
    config = SearchConfig(beam, length_penalty, nbest, no_repeat_ngram, memory)
    translator = Translator.load(
        options.model_path(model, "translate"),
        threads=choose_threads(threads),
        announce=messenger.announce,
    )

    def respond(texts: Sequence[str]) -> list[list[Output]]:
        translations = translator.nbest(texts, config, prefix=prefix, split=split)
        return [[_output(best, nbest)] for best in translations]

    names = ("translation", "score")
    if attention or attention_out is not None:
        from rnncli.cli.views.alignment import answer_aligned

        answer_aligned(request, names, translator, respond, shows=attention, svg_file=attention_out)
    else:
        answer_all(request, "source", names, respond)


def _require_whole_lines(split: bool, *, drawn_below: bool, column: str | None) -> None:
    """Check that attention can be drawn.

    Raises:
        ConfigError: texts are translated in pieces, or there is no room below their rows.

    """
    if drawn_below and column is not None:
        raise ConfigError(
            "--attention draws below lines of text, and a row of a table has no room for it",
            "add --json, or leave --column out",
        )
    if split:
        raise ConfigError(
            "attention is drawn for a text as a whole, and --split translates its sentences",
            "leave --split out, and give a sentence a line",
        )


def _output(best: "list[Translation]", nbest: int) -> Output:
    """Return the answer to a text, whose translations are the best first."""
    line = best[0].text
    if nbest > 1:
        lines = [f"{translation.score:.4f}\t{translation.text}" for translation in best]
        lines += ["\t"] * (nbest - len(best))  # so that lines can be counted off
        line = "\n".join(lines)
    return Output(
        line,
        {
            "translation": best[0].text,
            "score": round(best[0].score, 6),
            "nbest": [{"text": t.text, "score": round(t.score, 6)} for t in best],
        },
    )
