"""Recordings of tones that stand for words, as WAV files."""

import struct
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

RATE = 8_000
TONES = {"lo": 400.0, "hi": 1_600.0}  # Hz of each word


def tone(word: str, seconds: float = 0.2, rate: int = RATE) -> np.ndarray:
    """Return the sound of a word, which swells and fades."""
    times = np.arange(int(seconds * rate)) / rate
    return 0.3 * np.sin(2 * np.pi * TONES[word] * times) * np.sin(np.pi * times / seconds)


def sentence(words: Sequence[str], gap: float = 0.1, rate: int = RATE) -> np.ndarray:
    """Return words with silence between them."""
    silence = np.zeros(int(gap * rate))
    return np.concatenate(
        [silence, *(part for w in words for part in (tone(w, rate=rate), silence))]
    )


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE, channels: int = 1) -> Path:
    """Write samples between -1 and 1 as 16 bits, the same in all channels."""
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        values = (np.repeat(samples, channels) * 32_767).astype("<i2")
        file.writeframes(values.tobytes())
    return path


def write_recordings(folder: Path, number: int = 16) -> Path:
    """Write so many recordings of each word, whose names begin with it."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for word in TONES:
        for i in range(number):
            samples = rng.uniform(0.3, 1) * tone(word, rng.uniform(0.15, 0.25))
            write_wav(folder / f"{word}_{i}.wav", samples)
    return folder


def header(
    *,
    form: int = 1,
    channels: int = 1,
    rate: int = RATE,
    bits: int = 16,
    size: int = 1_600,
) -> bytes:
    """Return the header of a WAV file, which may lie."""
    block = channels * bits // 8
    form_chunk = struct.pack("<HHIIHH", form, channels, rate, rate * block % 2**32, block, bits)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt "
        + struct.pack("<I", len(form_chunk))
        + form_chunk
        + b"data"
        + struct.pack("<I", size)
    )
