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

SUFFIX = ".wav"
# Of other sound, which is to be converted first.
OTHER_SUFFIXES = (
    ".mp3",
    ".flac",
    ".ogg",
    ".opus",
    ".m4a",
    ".aac",
    ".aif",
    ".aiff",
    ".wma",
    ".webm",
)
MAX_BYTES = 1 << 29  # of a file: 4.6 hours at 16 kHz, far more than one recording
MIN_RATE, MAX_RATE = 4_000, 192_000  # samples a second: below, no speech is understood
MAX_CHANNELS = 64
BLOCK_BYTES = 1 << 16  # read at once: a few seconds of speech
RAW_WIDTH = 2  # bytes of a sample of a raw stream


@dataclass(frozen=True)
class SampleFormat:
    """How samples are stored, without a header."""

    rate: int  # samples a second
    channels: int = 1
    width: int = RAW_WIDTH  # bytes of a sample: unsigned if it is one, else signed, little-endian

    def decode(self, data: bytes) -> Floats:
        """Return the mean of all channels, (S,), between -1 and 1."""
        values: Floats
        if self.width == 1:
            values = np.frombuffer(data, np.uint8).astype(np.float32) - np.float32(128)
        elif self.width == 3:
            octets = np.frombuffer(data, np.uint8).reshape(-1, 3)
            padded = np.zeros((len(octets), 4), np.uint8)
            padded[:, 1:] = octets
            values = padded.view("<i4").ravel().astype(np.float32) / np.float32(256)
        else:
            values = np.frombuffer(data, f"<i{self.width}").astype(np.float32)
        values /= np.float32(2 ** (8 * self.width - 1))
        mixed: Floats = values.reshape(-1, self.channels).mean(1, dtype=np.float32)
        return mixed


@dataclass(frozen=True)
class Sound:
    """Samples that are read block by block."""

    rate: int
    blocks: Iterator[Floats]  # (S,) each

    def read(self) -> Floats:
        """Return all samples (S,)."""
        return np.concatenate([np.zeros(0, np.float32), *self.blocks])


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
            f"{_ffmpeg(name)} -f segment -segment_time 600 {_stem(name)}-%03d.wav",
        )
    with path.open("rb") as file:
        if not size or (path.suffix.lower() in OTHER_SUFFIXES):
            raise _not_wav(name, "it is empty" if not size else f"it is {path.suffix.lower()}")
        form, frames = _read_header(file, name)
        promised, there = frames * form.channels * form.width, size - file.tell()
        if promised > there:
            raise DataError(
                f"{name} is damaged: its header says {promised:,} bytes of sound, and there are "
                f"{there:,}",
                f"copy it again, or write a new header: {_conversion(name)}",
            )
        yield Sound(form.rate, _blocks(file, form, promised))


def read_rate(path: Path) -> int:
    """Return the samples a second of a WAV file.

    Raises:
        DataError: see `open_wav`.

    """
    with open_wav(path) as sound:
        return sound.rate


def open_stream(file: BinaryIO, name: str, rate: int | None) -> Sound:
    """Open a WAV stream or, with a ``rate``, raw samples of 16 bits and one channel.

    The sizes in the header of a stream say nothing: who writes it does not know them.

    Raises:
        DataError: it is no WAV stream, or of no format that is read.

    """
    form = SampleFormat(rate) if rate is not None else _read_header(file, name)[0]
    return Sound(_require_rate(form.rate, name), _blocks(file, form))


def _read_header(file: BinaryIO, name: str) -> tuple[SampleFormat, int]:
    """Return the format of the samples that follow, and how many frames of them there are said."""
    try:
        header = wave.open(file, "rb")  # noqa: SIM115 - the file is read on
    except wave.Error as error:
        raise _not_wav(name, _reason(first_line(error))) from None
    except EOFError:
        raise _not_wav(name, "it ends within the header") from None
    form = SampleFormat(header.getframerate(), header.getnchannels(), header.getsampwidth())
    if form.width > 4 or form.channels > MAX_CHANNELS:
        what = f"{form.channels} channels of {8 * form.width} bits a sample"
        raise _not_wav(name, f"it says {what}")
    _require_rate(form.rate, name)
    return form, header.getnframes()


def _blocks(file: BinaryIO, form: SampleFormat, size: int | None = None) -> Iterator[Floats]:
    """Yield the samples of a file, up to so many bytes, as they come; a broken frame is dropped."""
    frame, rest = form.channels * form.width, b""
    read = getattr(file, "read1", file.read)  # what is there, without waiting for more
    while data := read(BLOCK_BYTES if size is None else min(size, BLOCK_BYTES)):
        size = None if size is None else size - len(data)
        rest += data
        whole = len(rest) - len(rest) % frame
        if whole:
            yield form.decode(rest[:whole])
        rest = rest[whole:]


def _require_rate(rate: int, name: str) -> int:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise DataError(
            f"{name} has {rate:,} samples a second, and {MIN_RATE:,} to {MAX_RATE:,} are read",
            f"convert it: {_conversion(name)}",
        )
    return rate


def _reason(error: str) -> str:
    """Return what an error of the library means."""
    if error.startswith("unknown format"):
        number = error.rpartition(" ")[2]
        names = {"3": "floats", "65534": "the extensible format", "6": "A-law", "7": "mu-law"}
        return f"its samples are {names.get(number, f'of format {number}')}, not PCM integers"
    return {"bad # of channels": "it has 0 channels"}.get(error, error)


def _not_wav(name: str, reason: str) -> DataError:
    return DataError(
        f"{name} is no WAV file that can be read: {reason}", f"convert it: {_conversion(name)}"
    )


def _conversion(name: str) -> str:
    """Return a command that makes a readable WAV file of any sound."""
    return f"{_ffmpeg(name)} -ac 1 -c:a pcm_s16le {_stem(name)}-pcm.wav"


def _ffmpeg(name: str) -> str:
    return f"ffmpeg -i {shlex.quote(name)}"


def _stem(name: str) -> str:
    return shlex.quote(str(Path(name).with_suffix("").name if name != "-" else "stdin"))
