"""Cut sound at its pauses, frame by frame, such that the cuts do not depend on how it arrives."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.data.wav import Sound
from rnncli.networks.numerics import Floats

FRAME = 0.010  # seconds over which the level is measured
PAUSE = 50  # frames without speech that end a segment: longer than stops inside of words
DYNAMICS = 25.0  # dB below the loudest frame of a segment, from which on a frame is a pause
SILENCE = -70.0  # dB of full scale: digital silence, whatever came before
MARGIN = 20  # frames kept before and behind: weak sounds such as f and s are quiet
LONGEST = 2_000  # frames of a segment, which is then cut where it is quietest


@dataclass(frozen=True)
class SoundSegment:
    """A stretch of sound between pauses."""

    start: float  # seconds since the beginning
    samples: Floats  # (S,)


def segments(sound: Sound) -> Iterator[SoundSegment]:
    """Yield the stretches of sound between pauses, each as soon as its pause has lasted."""
    frames: list[Floats] = []
    levels: list[float] = []  # dB of full scale, of each frame
    start, seconds = 0, round(FRAME * sound.rate) / sound.rate
    for frame in _frames(sound):
        frames.append(frame)
        levels.append(10 * float(np.log10(np.square(frame).mean() + 1e-12)))
        if cut := _cut(levels):
            yield from _trimmed(frames[:cut], levels[:cut], start, seconds)
            frames, levels, start = frames[cut:], levels[cut:], start + cut
    yield from _trimmed(frames, levels, start, seconds)


def _frames(sound: Sound) -> Iterator[Floats]:
    """Cut blocks anew into frames of equal length, but for the last."""
    size, rest = round(FRAME * sound.rate), np.zeros(0, np.float32)
    for block in sound.blocks:
        rest = np.concatenate([rest, block])
        whole = len(rest) // size * size
        yield from rest[:whole].reshape(-1, size)
        rest = rest[whole:]
    if len(rest):
        yield rest


def _cut(levels: list[float]) -> int:
    """Return after how many frames to cut; 0: the segment goes on."""
    if len(levels) >= LONGEST:
        half = LONGEST // 2
        smooth = np.convolve(levels[half:], np.ones(PAUSE // 2), "valid")
        return half + int(smooth.argmin()) + PAUSE // 4
    # The last frame is tried first, as most are speech or follow it closely.
    if len(levels) < PAUSE or levels[-1] >= max(SILENCE, max(levels) - DYNAMICS):
        return 0
    is_pause = max(levels[-PAUSE:]) < max(SILENCE, max(levels) - DYNAMICS)
    return len(levels) if is_pause else 0


def _trimmed(
    frames: list[Floats], levels: list[float], start: int, seconds: float
) -> Iterator[SoundSegment]:
    """Yield a segment without the pauses around it, if there is anything in it."""
    threshold = max(SILENCE, max(levels, default=SILENCE) - DYNAMICS)
    speech: NDArray[np.int64] = np.flatnonzero(np.array(levels) >= threshold)
    if len(speech):
        first, last = max(0, int(speech[0]) - MARGIN), int(speech[-1]) + 1 + MARGIN
        yield SoundSegment((start + first) * seconds, np.concatenate(frames[first:last]))
