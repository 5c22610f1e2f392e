"""``rnncli translate``: translate texts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.options import MODEL, OUTPUT, SEARCH, option
from rnncli.cli.output import Fragment, Line, Output
from rnncli.cli.translation_options import (
    Glossary,
    Keep,
    MemoryFiles,
    NoMemory,
    ShowMemory,
    existing,
    glossary_of,
    require_single_answers,
)
from rnncli.config import SearchConfig, choose_threads
from rnncli.errors import ConfigError
from rnncli.messages import Announce
from rnncli.storage.bundled import bundled_translators
from rnncli.text.files import sha256

if TYPE_CHECKING:
    from rnncli.cli.job import Files
    from rnncli.cli.request import Request
    from rnncli.tasks.translate.predict import Translator
    from rnncli.tasks.translate.translation import Translation

UNSURE = 0.5  # confidence below which a translation is more often bad than good
UNSURE_MARK = "(unsure)"
BATCH_SIZE = 256  # lines: enough to sort by length, and few enough to see the first ones soon


def translate(
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", help="Texts to translate; else one a line from stdin."),
    ] = None,
    input: options.InputFiles = None,
    column: options.Column = None,
    jobs: options.Jobs = None,
    shard: options.ShardOption = None,
    estimate: options.Estimate = False,
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
    memory: MemoryFiles = None,
    no_memory: NoMemory = False,
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
    glossary: Glossary = None,
    keep: Keep = None,
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
    show_memory: ShowMemory = False,
    output: options.OutputPlace = None,
    force: options.Force = False,
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
        rnncli translate --to fr --attention "I am looking for my keys."
        rnncli translate --to ja < texts.txt
        rnncli translate --to fr -i "*.txt" -o french --jobs 2

    A blank line stays blank. Of subtitles (.srt, .vtt), Markdown (.md) and gettext (.po), the texts
    are translated, and all else stays as it is.
    """
    from rnncli.cli.job import Files, run

    messenger = Messenger(quiet, color)
    files = Files(input or [], output, jobs, shard, estimate, reads_documents=True)
    is_drawn = attention or attention_out is not None
    if not as_json:
        require_single_answers(files.inputs, nbest, attention, show_memory)
    if memory and no_memory:
        raise ConfigError("--memory and --no-memory exclude each other", "leave --no-memory out")
    if is_drawn:
        _require_whole_lines(split, drawn_below=attention and not as_json, column=column)
        _require_one_file(files)
        split = False
    terms = glossary_of(glossary, keep or ())
    config = SearchConfig(
        beam, length_penalty, nbest, no_repeat_ngram, not no_memory, keep or (), terms
    )
    request = files.request(
        texts, column, force=force, as_json=as_json, batch_size=batch_size, messenger=messenger
    )
    translating = Translating(
        options.model_path(model, "translate", messenger.announce, to),
        config,
        prefix,
        split,
        request.is_read and nbest == 1 and not is_drawn,
        tuple(memory or ()),
        tuple(map(sha256, existing(memory or ()))),
        show_memory,
    )
    if is_drawn:
        _draw(translating, request, threads, attention, attention_out)
    else:
        run(translating, request, files, threads)


@dataclass(frozen=True)
class Translating:
    """The job of this command, in one process or several."""

    model: Path = field(repr=False)
    config: SearchConfig
    prefix: str
    split: bool | None
    is_marked: bool = field(repr=False)  # a mark for readers follows improbable translations
    memory: tuple[Path, ...] = ()  # files of pairs
    memory_digests: tuple[str, ...] = ()
    show_memory: bool = False
    key: ClassVar = "source"
    columns: ClassVar = ("translation", "score")

    @contextmanager
    def open(self, messenger: Messenger, threads: int) -> "Iterator[_Responder]":
        """Load the model.

        Raises:
            ModelError: there is no such model, or it is damaged.
        """
        from rnncli.tasks.translate.predict import Translator

        translator = Translator.load(self.model, threads=threads, announce=messenger.announce)
        if self.memory:
            from rnncli.tasks.translate.external_memory import read_memory

            memory = read_memory(translator, self.memory, messenger.announce)
            translator = translator.with_memory(memory)
        if self.show_memory and not (self.config.memory and translator.has_memory):
            raise ConfigError("there is no memory to show", "--memory PAIRS.tsv")
        yield _Responder(self, translator, cache(messenger.announce))


@dataclass(frozen=True)
class _Responder:
    """Translate texts."""

    job: Translating
    predictor: "Translator"
    announce_once: Announce

    def __call__(self, texts: Sequence[str]) -> list[list[Output]]:
        job = self.job
        translations = self.predictor.nbest(texts, job.config, prefix=job.prefix, split=job.split)
        if job.is_marked and any(map(_is_unsure, translations)):
            self.announce_once(
                f"{UNSURE_MARK}: of held-out translations as improbable, fewer than half were good,"
                " or a name or number is lost"
            )
        nbest, has_confidence = job.config.nbest, self.predictor.has_confidence
        outputs = [_output(best, nbest, has_confidence, job.is_marked) for best in translations]
        if job.show_memory:
            from rnncli.cli.views.memory_matches import with_matches

            outputs = [
                with_matches(output, self.predictor, text, best[0].text)
                for output, text, best in zip(outputs, texts, translations, strict=True)
            ]
        return [[output] for output in outputs]


def _draw(
    translating: Translating,
    request: "Request",
    threads: int | None,
    draws_below: bool,
    svg_file: Path | None,
) -> None:
    """Translate texts, and draw the attention to each."""
    from rnncli.cli.views.alignment import answer_aligned

    with translating.open(request.messenger, choose_threads(threads)) as respond:
        translator, columns = respond.predictor, translating.columns
        answer_aligned(
            request, columns, translator, respond, draws_below=draws_below, svg_file=svg_file
        )


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


def _require_one_file(files: "Files") -> None:
    """Check that attention is not to be drawn for many files."""
    if files.are_many or files.estimate:
        raise ConfigError("attention is drawn for the texts of one file", "name one file: -i FILE")
    files.refuse_sharing()


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
