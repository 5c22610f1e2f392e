"""``rnncli translate``: translate texts."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.options import MODEL, OUTPUT, SEARCH, option
from rnncli.cli.output import Fragment, Line, Output
from rnncli.config import SearchConfig, choose_threads
from rnncli.errors import ConfigError
from rnncli.storage.bundled import bundled_translators

if TYPE_CHECKING:
    from rnncli.tasks.translate.translation import Translation

UNSURE = 0.5  # confidence below which a translation is more often bad than good
UNSURE_MARK = "(unsure)"
BATCH_SIZE = 256  # lines: enough to sort by length, and few enough to see the first ones soon


def translate(
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="Texts to translate; else one a line from stdin."),
    ] = None,
    input: options.InputFile = None,
    column: options.Column = None,
    beam: options.Beam = SearchConfig.beam,
    nbest: Annotated[
        int,
        option(
            "--nbest N",
            SEARCH,
            "Print the N best translations of each text: score, tab, translation.",
        ),
    ] = SearchConfig.nbest,
    length_penalty: Annotated[
        float | None,
        option(
            "--length-penalty NUMBER",
            SEARCH,
            "Larger: longer translations.",
            show_default="tuned at training",
        ),
    ] = SearchConfig.length_penalty,
    no_repeat_ngram: Annotated[
        int | None,
        option(
            "--no-repeat-ngram N", SEARCH, "Repeat no n-gram of N tokens; loops are always blocked."
        ),
    ] = SearchConfig.no_repeat_ngram,
    memory: options.Memory = SearchConfig.memory,
    prefix: Annotated[
        str, option("--prefix TEXT", SEARCH, "Begin every translation with this.")
    ] = "",
    split: Annotated[
        bool | None,
        option(
            "--split/--no-split",
            SEARCH,
            "Translate texts sentence by sentence.",
            show_default="as the training texts are",
        ),
    ] = None,
    attention: Annotated[
        bool,
        option(
            "--attention",
            OUTPUT,
            "Draw the attention between words below each translation; with --json, add the "
            "weights.",
        ),
    ] = False,
    attention_out: Annotated[
        Path | None,
        option("--attention-out FILE", OUTPUT, "Draw the attention into this SVG file."),
    ] = None,
    output: options.OutputFile = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    to: Annotated[
        str | None,
        option(
            "--to LANGUAGE",
            MODEL,
            "Use the bundled translator from English into this language: "
            f"{', '.join(bundled_translators())}; else that into the language of the locale.",
            show_default=False,
        ),
    ] = None,
    model: options.ModelPath = None,
    batch_size: options.BatchSize = BATCH_SIZE,
    threads: options.Threads = None,
) -> None:
    """Translate texts, one line out for each line in.

    Examples:
        rnncli translate --to fr "I am looking for my keys."
        rnncli translate -m models/translate < texts.txt
        rnncli translate --to fr --attention "I am looking for my keys."

    A blank line stays blank.
    """
    from rnncli.cli.pipe import Request, answer_all
    from rnncli.tasks.translate.predict import Translator

    messenger = Messenger(quiet, color)
    if attention or attention_out is not None:
        _require_whole_lines(split, drawn_below=attention and not as_json, column=column)
        split = False
    request = Request(texts or [], input, output, column, as_json, batch_size, messenger)
    config = SearchConfig(beam, length_penalty, nbest, no_repeat_ngram, memory)
    translator = Translator.load(
        options.model_path(model, "translate", messenger.announce, to),
        threads=choose_threads(threads),
        announce=messenger.announce,
    )

    is_drawn = attention or attention_out is not None
    is_marked = request.is_read and nbest == 1 and not is_drawn
    announce_once = cache(messenger.announce)

    def respond(texts: Sequence[str]) -> list[list[Output]]:
        translations = translator.nbest(texts, config, prefix=prefix, split=split)
        if is_marked and any(map(_is_unsure, translations)):
            announce_once(
                f"{UNSURE_MARK}: of held-out translations as improbable, fewer than half were good,"
                " or a name or number is lost"
            )
        return [
            [_output(best, nbest, translator.has_confidence, is_marked)] for best in translations
        ]

    columns = ("translation", "score")
    if is_drawn:
        from rnncli.cli.views.alignment import answer_aligned

        answer_aligned(
            request, columns, translator, respond, draws_below=attention, svg_file=attention_out
        )
    else:
        answer_all(request, "source", columns, respond)


def _require_whole_lines(split: bool | None, *, drawn_below: bool, column: str | None) -> None:
    """Check that attention can be drawn."""
    if drawn_below and column is not None:
        raise ConfigError(
            "--attention draws below lines of text, and a row of a table has no room for it",
            "--json",
        )
    if split:
        raise ConfigError(
            "attention is drawn for a text as a whole, and --split translates its sentences",
            "leave --split out",
        )


def _is_unsure(best: "list[Translation]") -> bool:
    confidence = best[0].confidence
    return confidence is not None and confidence < UNSURE


def _output(best: "list[Translation]", nbest: int, has_confidence: bool, is_marked: bool) -> Output:
    """Return the answer to a text, whose best translation is the first.

    With ``is_marked``, a mark for readers follows a translation that is more often bad than good.
    """
    line: Line = best[0].text
    if nbest > 1:
        lines = [f"{translation.score:.4f}\t{translation.text}" for translation in best]
        lines += ["\t"] * (nbest - len(best))  # so that each text has N lines
        line = "\n".join(lines)
    elif is_marked and _is_unsure(best):
        line = [Fragment(best[0].text), Fragment(f"  {UNSURE_MARK}", "dim")]
    fields: dict[str, Any] = {"translation": best[0].text, "score": round(best[0].score, 6)}
    if has_confidence:
        fields["confidence"] = _rounded(best[0].confidence)
    return Output(
        line,
        fields | {"nbest": [{"text": t.text, "score": round(t.score, 6)} for t in best]},
    )


def _rounded(confidence: float | None) -> float | None:
    return None if confidence is None else round(confidence, 4)
