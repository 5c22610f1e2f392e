"""``rnncli transcribe``: write down what is said."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.options import DATA, OUTPUT, SEARCH, option
from rnncli.cli.output import open_output, require_output
from rnncli.config import choose_threads
from rnncli.errors import ConfigError, DataError
from rnncli.tasks.transcribe import BEAM, LANGUAGE_MODEL_WEIGHT

if TYPE_CHECKING:
    from rnncli.tasks.transcribe.predict import Transcriber, Transcript

STREAM = "-"
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
        float, option("--lm-weight NUMBER", SEARCH, "Weight of that generator.", min=0, max=100)
    ] = LANGUAGE_MODEL_WEIGHT,
    srt: Annotated[
        bool, option("--srt", OUTPUT, "Print subtitles of a recording (SubRip).")
    ] = False,
    output: options.OutputFile = None,
    force: options.Force = False,
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
    their times in seconds and a confidence. No model comes with rnncli for this: train one with
    rnncli train FOLDER
    """
    from rnncli.tasks.transcribe.predict import Transcriber

    names = recordings or [STREAM]
    _require_readable(names, rate, srt=srt, as_json=as_json)
    messenger = Messenger(quiet, color)
    if output is not None:
        require_output(output, "-o", force=force)
    transcriber = Transcriber.load(
        options.model_path(model, "transcribe", messenger.announce),
        threads=choose_threads(threads),
        announce=messenger.announce,
    )
    scorer = None
    if lm is not None:
        from rnncli.tasks.generate.predict import TextGenerator
        from rnncli.tasks.transcribe.language_model import character_scorer

        scorer = character_scorer(TextGenerator.load(lm), transcriber.tokenizer, lm_weight)
    search = {"beam": beam, "language_model": scorer}
    transcripts = _transcripts(transcriber, names, rate, search, by_utterance=srt)
    with open_output(output, messenger) as write:
        for number, transcript in enumerate(transcripts, start=1):
            write(_subtitle(number, transcript) if srt else _line(transcript, as_json=as_json))
            write(None)


def _transcripts(
    transcriber: "Transcriber",
    names: Sequence[str],
    rate: int | None,
    search: Mapping[str, Any],
    *,
    by_utterance: bool,
) -> Iterator["Transcript"]:
    """Yield the transcripts of recordings or, of a stream or one recording, of its utterances."""
    from rnncli.data.wav import open_stream, open_wav
    from rnncli.text.batching import batched
    from rnncli.text.files import STDIN

    if names == [STREAM]:
        sound = open_stream(sys.stdin.buffer, STDIN, rate)
        yield from transcriber.stream(sound, STREAM, **search)
    elif by_utterance:
        with open_wav(Path(names[0])) as sound:
            yield from transcriber.stream(sound, names[0], **search)
    else:
        for batch in batched(names, max_items=transcriber.threads):
            yield from transcriber(batch, **search)


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
            "--rate is of raw samples on stdin; a WAV file has its own", "leave --rate out"
        )
    if srt and as_json:
        raise ConfigError("--srt and --json are two formats", "leave --json out")
    if srt and len(names) > 1:
        raise ConfigError("subtitles are of one recording", f"rnncli transcribe --srt {names[0]}")
    if names == [STREAM] and (sys.stdin is None or sys.stdin.isatty()):
        raise DataError("there is nothing to transcribe", "name WAV files: rnncli transcribe *.wav")


def _line(transcript: "Transcript", *, as_json: bool) -> str:
    if not as_json:
        return f"{transcript.name}\t{transcript.text}"
    words = [
        {k: round(v, DIGITS) if isinstance(v, float) else v for k, v in asdict(word).items()}
        for word in transcript.words
    ]
    fields = {"name": transcript.name, "text": transcript.text, "words": words}
    return json.dumps(fields, ensure_ascii=False)


def _subtitle(number: int, transcript: "Transcript") -> str:
    first, last = transcript.words[0], transcript.words[-1]
    return f"{number}\n{_time(first.start)} --> {_time(last.end)}\n{transcript.text}\n"


def _time(seconds: float) -> str:
    """Return a time as SubRip writes it: 00:01:02,345."""
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    return (
        f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02},{milliseconds % 1000:03}"
    )
