"""WAV files and streams, through the standard library, as samples between -1 and 1 of one channel.

A header may lie: what it says is compared with what is there.
"""

import shlex
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rnncli.errors import DataError
from rnncli.messages import first_line
from rnncli.networks.numerics import Floats
from rnncli.text.files import STDIN

SUFFIX = ".wav"
OTHER_SUFFIXES = (".aac", ".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".webm", ".wma")
MAX_BYTES = 1 << 29  # of a file: 4.6 hours at 16 kHz, far more than one recording
MIN_RATE, MAX_RATE = 4_000, 192_000  # samples a second: below, no speech is understood
MAX_CHANNELS = 64
BLOCK_BYTES = 1 << 16  # read at once: a few seconds of speech
ENCODINGS = {"3": "floats", "6": "A-law", "7": "mu-law", "65534": "the extensible format"}


@dataclass(frozen=True)
class Sound:
    """Samples that are read block by block."""

    rate: int  # samples a second
    blocks: Iterator[Floats]  # (S,) each

    def read(self) -> Floats:
        """Return all samples (S,)."""
        return np.concatenate([np.zeros(0, np.float32), *self.blocks])


@dataclass(frozen=True)
class SampleFormat:
    """How samples are stored."""

    rate: int  # samples a second
    channels: int = 1
    width: int = 2  # bytes of a sample: unsigned if it is one, else signed, little-endian

    @property
    def frame_size(self) -> int:
        """The bytes of one sample of each channel."""
        return self.channels * self.width

    def decode(self, data: bytes) -> Floats:
        """Return the mean of all channels (S,), between -1 and 1."""
        octets = np.frombuffer(data, np.uint8).reshape(-1, self.width)
        wide = np.zeros((len(octets), 4), np.uint8)  # as integers of 32 bits
        wide[:, 4 - self.width :] = octets ^ 128 if self.width == 1 else octets
        values = wide.view("<i4").reshape(-1, self.channels).mean(1) / 2**31
        mixed: Floats = values.astype(np.float32)
        return mixed


@contextmanager
def open_wav(path: Path) -> Iterator[Sound]:
    """Open a WAV file.

    Raises:
        DataError: it is none, too large, of no format that is read, or shorter than it says.

    """
    name = str(path)
    if not path.is_file():
        what = "is no regular file" if path.exists() else "does not exist"
        raise DataError(f"{name} {what}", f"name a WAV file: ls {shlex.quote(str(path.parent))}")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DataError(
            f"{name} has {size / 1e6:,.0f} MB, and at most {MAX_BYTES / 1e6:,.0f} are read",
            "cut it into pieces of ten minutes: "
            f"{_ffmpeg(name, '-f segment -segment_time 600', '-%03d')}",
        )
    if not size:
        raise _unreadable(name, "it is empty")
    if path.suffix.lower() in OTHER_SUFFIXES:
        raise _unreadable(name, f"it is {path.suffix.lower()}")
    with path.open("rb") as file:
        sample_format, frames = _read_header(file, name)
        promised, there = frames * sample_format.frame_size, size - file.tell()
        if promised > there:
            raise DataError(
                f"{name} is damaged: its header says {promised:,} bytes of sound, and there are "
                f"{there:,}",
                f"copy it again, or write a new header: {_ffmpeg(name)}",
            )
        yield Sound(sample_format.rate, _blocks(file, sample_format, promised))


def open_stream(file: BinaryIO, name: str, rate: int | None) -> Sound:
    """Open a WAV stream or, with a ``rate``, raw samples of 16 bits and one channel.

    The sizes in the header of a stream say nothing: who writes it does not know them.

    Raises:
        DataError: it is no WAV stream, or of no format that is read.

    """
    sample_format = _read_header(file, name)[0] if rate is None else SampleFormat(rate)
    return Sound(_require_rate(sample_format.rate, name), _blocks(file, sample_format))


def _read_header(file: BinaryIO, name: str) -> tuple[SampleFormat, int]:
    """Return the format of the samples that follow, and how many frames there are said to be."""
    try:
        header = wave.open(file, "rb")  # noqa: SIM115 - the file is read on
    except wave.Error as error:
        raise _unreadable(name, _reason(first_line(error))) from None
    except (EOFError, RuntimeError):  # the latter where a chunk is larger than the file
        raise _unreadable(name, "it ends within the header") from None
    rate, channels, width = header.getframerate(), header.getnchannels(), header.getsampwidth()
    if width > 4 or channels > MAX_CHANNELS:
        raise _unreadable(name, f"it says {channels} channels of {8 * width} bits a sample")
    return SampleFormat(_require_rate(rate, name), channels, width), header.getnframes()


def _blocks(file: BinaryIO, form: SampleFormat, size: int | None = None) -> Iterator[Floats]:
    """Yield the samples of a file, up to so many bytes, as they come; a broken frame is dropped."""
    read, rest = getattr(file, "read1", file.read), b""  # what is there, without waiting for more
    while data := read(BLOCK_BYTES if size is None else min(size, BLOCK_BYTES)):
        size = None if size is None else size - len(data)
        rest += data
        whole = len(rest) // form.frame_size * form.frame_size
        if whole:
            yield form.decode(rest[:whole])
        rest = rest[whole:]


def _require_rate(rate: int, name: str) -> int:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise DataError(
            f"{name} has {rate:,} samples a second, and {MIN_RATE:,} to {MAX_RATE:,} are read",
            f"convert it: {_ffmpeg(name)}",
        )
    return rate


def _reason(error: str) -> str:
    """Return what an error of the library means."""
    if error.startswith("unknown format"):
        number = error.rpartition(" ")[2]
        return f"its samples are {ENCODINGS.get(number, f'of format {number}')}, not PCM integers"
    return "it has 0 channels" if error == "bad # of channels" else error


def _unreadable(name: str, reason: str) -> DataError:
    what = f"{name} is no WAV file that can be read: {reason}"
    return DataError(what, f"convert it: {_ffmpeg(name)}")


def _ffmpeg(name: str, options: str = "-ac 1 -c:a pcm_s16le", suffix: str = "-pcm") -> str:
    """Return a command that makes readable WAV files of any sound."""
    if name == STDIN:
        return f"ffmpeg -i - {options} -f wav - | rnncli transcribe -"
    stem = Path(name).with_suffix("")
    return f"ffmpeg -i {shlex.quote(name)} {options} {shlex.quote(f'{stem}{suffix}.wav')}"
