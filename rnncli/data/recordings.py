"""Folders of recordings and their transcripts, and their samples on disk."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnncli.data.log_mel import resample
from rnncli.data.tables import Table, TableRow
from rnncli.data.wav import OTHER_SUFFIXES, SUFFIX, open_wav
from rnncli.errors import DataError
from rnncli.messages import plural, stage
from rnncli.networks.numerics import Floats
from rnncli.text.tables import format_of_name

AUDIO, TRANSCRIPT = "audio", "transcript"  # the columns of recordings
AUDIO_NAMES = ("audio", "file", "file_name", "filename", "path", "wav", "recording")
TRANSCRIPT_NAMES = ("transcript", "transcription", "text", "sentence")  # in a table, best first
MAX_RATE = 16_000  # samples a second that a model reads: speech has little above 8 kHz
MAX_SECONDS = 30.0  # of a recording to learn from: longer ones would take all the memory
MAX_DISTINCT_SHARE = 0.5  # of transcripts in file names; more are names of files, not words
PEAK = 32_767  # of samples of 16 bits

Samples: TypeAlias = NDArray[np.int16]  # (S,)


class Recordings(Table):
    """WAV files, each with its transcript."""

    unit = "recording"

    def __init__(self, where: str, pairs: Sequence[tuple[Path, str]]) -> None:
        super().__init__(where)
        self.names = (AUDIO, TRANSCRIPT)
        self._pairs = pairs

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the path and the transcript of each recording."""
        for number, (path, transcript) in enumerate(self._pairs, start=1):
            cells = {AUDIO: str(path), TRANSCRIPT: transcript}
            yield number, tuple([cells[name] for name in columns])


def recordings_in(folder: Path) -> list[Path]:
    """Return the WAV files of a folder and its folders.

    Raises:
        DataError: there are none, but other sound.

    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = [path for path in files if path.suffix.lower() == SUFFIX]
    others = [path for path in files if path.suffix.lower() in OTHER_SUFFIXES]
    if others and not found:
        raise DataError(
            f"{folder} has {plural(len(others), 'recording')} in other formats, such as "
            f"{others[0].name}, and only WAV is read",
            f"convert them: for f in {shlex.quote(str(folder))}/*{others[0].suffix}; do "
            'ffmpeg -i "$f" -ac 1 -ar 16000 -c:a pcm_s16le "${f%.*}.wav"; done',
        )
    return found


def read_recordings(folder: Path, files: Sequence[Path]) -> tuple[Recordings, str]:
    """Return the table of a folder of WAV files, and a notice of where the transcripts are.

    They stand in a table in the folder or, of single words, in the names: ``yes_anna_3.wav``, or
    ``yes/anna_3.wav``.

    Raises:
        DataError: there are none.

    """
    tables = [p for p in sorted(folder.iterdir()) if format_of_name(p.name) not in (None, "text")]
    if tables:
        pairs, origin = _of_table(tables[0], folder), f"the table {tables[0].name}"
    elif all(path.parent != folder for path in files):
        pairs = [(path, _spoken(path.parent.name)) for path in files]
        origin = "the names of the folders"
    else:
        pairs = [(path, _spoken(path.stem.split("_")[0])) for path in files]
        origin = "the file names up to the first _"
    distinct = len({transcript for _, transcript in pairs})
    if not tables and distinct > MAX_DISTINCT_SHARE * len(pairs):
        raise DataError(
            f"{folder} has {plural(len(files), 'recording')} and no transcripts: no table, and the "
            f"file names hardly repeat a word, such as {files[0].name}",
            f"write {shlex.quote(str(folder / 'transcripts.csv'))} with the columns file and "
            "transcript, or put the word that is said first: yes_anna_3.wav",
        )
    path, transcript = pairs[0]
    count = plural(len(pairs), "recording")
    notice = f"format: {count}; transcripts are {origin}: {path.name} is {transcript!r}"
    return Recordings(str(folder), pairs), notice


def _of_table(path: Path, folder: Path) -> list[tuple[Path, str]]:
    """Return the recordings that a table names, and their transcripts.

    Raises:
        DataError: it lacks the columns or rows, or a recording is not there.

    """
    from rnncli.data.columns import ANY_COLUMNS
    from rnncli.data.files import from_file

    (table,) = from_file(path, ANY_COLUMNS).tables.values()
    names = {name.casefold(): name for name in table.names}
    columns = [
        next((names[name] for name in usual if name in names), "")
        for usual in (AUDIO_NAMES, TRANSCRIPT_NAMES)
    ]
    if not all(columns):
        raise DataError(
            f"{path} has no columns of recordings and transcripts: {', '.join(table.names)}",
            "call them file and transcript in its first line",
        )
    pairs = []
    for number, (name, text) in table.rows(columns):
        file = folder / str(name)
        if not file.is_file():
            file = folder / f"{name}{SUFFIX}"
        if not file.is_file():
            raise table.error(number, f"there is no recording {name}", f"ls {folder}")
        pairs.append((file, str(text or "")))
    if not pairs:
        raise DataError(f"{path} names no recording", "add a line for each: its file, what is said")
    return pairs


def _spoken(name: str) -> str:
    """Return the words in a name: "turn left" for ``turn-left``."""
    return name.replace("-", " ").strip()


def usual_rate(paths: Iterable[str]) -> int:
    """Return the sample rate that most recordings have, but at most ``MAX_RATE``.

    Raises:
        DataError: one cannot be read.

    """
    rates: Counter[int] = Counter()
    for path in paths:
        with open_wav(Path(path)) as sound:
            rates[sound.rate] += 1
    return min(rates.most_common(1)[0][0], MAX_RATE)


@stage("reading the recordings")
def store(paths: Iterable[str], rate: int, place: Path) -> list[Samples]:
    """Write the samples of recordings into a file, at one rate, and map it into memory.

    Raises:
        DataError: a recording cannot be read, is empty, or is too long to learn from.

    """
    ends = [0]
    with place.open("wb") as file:
        for path in paths:
            with open_wav(Path(path)) as sound:
                samples = resample(sound.read(), sound.rate, rate)
            seconds = len(samples) / rate
            if not 0 < seconds <= MAX_SECONDS:
                raise DataError(
                    f"{path} is {seconds:.1f} seconds long: recordings to learn from have more "
                    f"than 0 and up to {MAX_SECONDS:.0f}",
                    "cut it between sentences, a transcript each, or leave it out",
                )
            file.write((samples * PEAK).clip(-PEAK, PEAK).astype("<i2").tobytes())
            ends.append(ends[-1] + len(samples))
    stored = np.memmap(place, np.dtype("<i2"), mode="r")
    return [stored[start:end] for start, end in pairwise(ends)]


def as_floats(samples: Samples) -> Floats:
    """Return stored samples (S,) between -1 and 1."""
    return samples.astype(np.float32) / np.float32(PEAK)
