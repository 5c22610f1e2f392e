"""``rnncli transcribe``: write down what is said."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.options import DATA, OUTPUT, SEARCH, option
from rnncli.cli.output import LineWriter, open_output
from rnncli.config import choose_threads
from rnncli.errors import ConfigError, DataError
from rnncli.tasks.transcribe import BEAM, LANGUAGE_MODEL_WEIGHT

if TYPE_CHECKING:
    from rnncli.tasks.transcribe.language_model import CharacterLanguageModel
    from rnncli.tasks.transcribe.predict import Transcriber, Transcript, Utterance, Word

STREAM = "-"
BATCH = 16  # recordings whose transcripts are written together: each thread has some
DIGITS = 3  # of seconds and probabilities


def transcribe(
    recordings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WAV]...", help="WAV files; -, or none: a WAV stream from stdin."),
    ] = None,
    rate: Annotated[
        int | None,
        option(
            "--rate HZ",
            DATA,
            "Stdin is raw: samples of 16 bits, one channel, so many a second.",
        ),
    ] = None,
    beam: Annotated[
        int, option("--beam N", SEARCH, "Beam size of the search.", min=1, max=1_000)
    ] = BEAM,
    lm: Annotated[
        Path | None,
        option("--lm DIR", SEARCH, "Prefer texts that this generator of characters would write."),
    ] = None,
    lm_weight: Annotated[
        float, option("--lm-weight NUMBER", SEARCH, "Its weight.", min=0, max=100)
    ] = LANGUAGE_MODEL_WEIGHT,
    srt: Annotated[
        bool, option("--srt", OUTPUT, "Print subtitles of a recording, in the format SubRip.")
    ] = False,
    output: options.OutputFile = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    model: options.ModelPath = None,
    threads: options.Threads = None,
) -> None:
    """Write down what is said, one line out for each recording: name, tab, text.

    Examples:
        rnncli transcribe *.wav
        rnncli transcribe --srt talk.wav > talk.srt
        arecord -f S16_LE -r 16000 | rnncli transcribe -

    Of a stream, each utterance is a line, as soon as a pause ends it. With --json, words have
    their times in seconds and a confidence.
    """
    from rnncli.tasks.transcribe.predict import Transcriber
    from rnncli.text.batching import batched

    names = recordings or [STREAM]
    _require_readable(names, rate, srt=srt, as_json=as_json)
    messenger = Messenger(quiet, color)
    transcriber = Transcriber.load(
        options.model_path(model, "transcribe", messenger.announce),
        threads=choose_threads(threads),
        announce=messenger.announce,
    )
    scorer = None if lm is None else _language_model(lm, transcriber, lm_weight)
    with open_output(output, messenger) as write:
        if names == [STREAM]:
            utterances = _stream(transcriber, rate, beam, scorer)
            _write_utterances(utterances, write, srt=srt, as_json=as_json)
            return
        for batch in batched(names, max_items=BATCH):
            for transcript in transcriber(batch, beam, scorer):
                if srt:
                    _write_utterances(iter(transcript.utterances), write, srt=True, as_json=False)
                else:
                    write(_json(transcript) if as_json else f"{transcript.name}\t{transcript.text}")
            write(None)


def _require_readable(names: Sequence[str], rate: int | None, *, srt: bool, as_json: bool) -> None:
    """Check that options go together, and that there is something to read.

    Raises:
        ConfigError: they do not.
        DataError: stdin is a terminal.

    """
    if STREAM in names and len(names) > 1:
        raise ConfigError("stdin is read alone, without files beside it", "name files, or only -")
    if rate is not None and names != [STREAM]:
        raise ConfigError(
            "--rate is of raw samples on stdin; a WAV file has its own", "leave it out"
        )
    if srt and as_json:
        raise ConfigError("--srt and --json are two formats", "leave one out")
    if srt and len(names) > 1:
        raise ConfigError("subtitles are of one recording", f"rnncli transcribe --srt {names[0]}")
    if names == [STREAM] and (sys.stdin is None or sys.stdin.isatty()):
        raise DataError("there is nothing to transcribe", "name WAV files: rnncli transcribe *.wav")


def _language_model(
    path: Path, transcriber: "Transcriber", weight: float
) -> "CharacterLanguageModel":
    from rnncli.tasks.generate.predict import TextGenerator
    from rnncli.tasks.transcribe.language_model import CharacterLanguageModel

    return CharacterLanguageModel(TextGenerator.load(path), transcriber.tokenizer, weight)


def _stream(
    transcriber: "Transcriber",
    rate: int | None,
    beam: int,
    scorer: "CharacterLanguageModel | None",
) -> Iterator["Utterance"]:
    """Yield what is said on stdin, utterance by utterance."""
    from rnncli.data.wav import open_stream

    sound = open_stream(sys.stdin.buffer, "stdin", rate)
    return transcriber.stream(sound, beam, scorer)


def _write_utterances(
    utterances: Iterator["Utterance"], write: LineWriter, *, srt: bool, as_json: bool
) -> None:
    for number, utterance in enumerate(utterances, start=1):
        if srt:
            times = f"{_time(utterance.words[0].start)} --> {_time(utterance.words[-1].end)}"
            write(f"{number}\n{times}\n{utterance.text}\n")
        else:
            write(_json(utterance) if as_json else f"{STREAM}\t{utterance.text}")
        write(None)


def _json(result: "Transcript | Utterance") -> str:
    fields: dict[str, Any] = {"name": getattr(result, "name", STREAM), "text": result.text}
    return json.dumps(fields | {"words": [*map(_fields, result.words)]}, ensure_ascii=False)


def _fields(word: "Word") -> dict[str, Any]:
    values = asdict(word).items()
    return {name: round(v, DIGITS) if isinstance(v, float) else v for name, v in values}


def _time(seconds: float) -> str:
    """Return a time as SubRip writes it: 00:01:02,345."""
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
