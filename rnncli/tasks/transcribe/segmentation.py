"""Cut sound at its pauses, frame by frame, such that the cuts do not depend on how it arrives."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnncli.data.wav import Sound
from rnncli.networks.numerics import Floats

FRAME = 0.010  # seconds over which the level is measured
PAUSE = 50  # frames without speech that end a segment: longer than stops inside of words
SPEECH_SHARE = 0.3  # of the way from the quietest to the loudest frame, in dB: from there on it is
# speech. Higher up the weak sounds at the end of "six" would be a pause, lower down noise speech.
FADE = 1.0  # dB a segment: what follows is measured by the speech before, so that noise is none
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
    size = round(FRAME * sound.rate)
    frames: list[Floats] = []
    levels: list[float] = []  # dB of full scale, of each frame
    start, loudest = 0, SILENCE  # the first frame; the level of the speech before

    def speech(end: int) -> Iterator[SoundSegment]:
        """Yield the segment up to a frame without the pauses around it, if it has more."""
        loud = np.flatnonzero(np.array(levels[:end]) >= _threshold(levels[:end], loudest))
        if len(loud):
            first, last = max(0, int(loud[0]) - MARGIN), int(loud[-1]) + 1 + MARGIN
            samples = np.concatenate(frames[first : min(last, end)])
            yield SoundSegment((start + first) * size / sound.rate, samples)

    for frame in _frames(sound, size):
        frames.append(frame)
        levels.append(10 * float(np.log10(np.square(frame).mean() + 1e-12)))
        if cut := _cut(levels, loudest):
            yield from speech(cut)
            loudest = max(*levels[:cut], loudest) - FADE
            frames, levels, start = frames[cut:], levels[cut:], start + cut
    yield from speech(len(frames))


def _frames(sound: Sound, size: int) -> Iterator[Floats]:
    """Cut blocks anew into frames of equal length, but for the last."""
    rest = np.zeros(0, np.float32)
    for block in sound.blocks:
        rest = np.concatenate([rest, block])
        whole = len(rest) // size * size
        yield from rest[:whole].reshape(-1, size)
        rest = rest[whole:]
    if len(rest):
        yield rest


def _cut(levels: list[float], loudest: float) -> int:
    """Return after how many frames to cut; 0: the segment goes on."""
    if len(levels) >= LONGEST:
        half = LONGEST // 2
        smooth = np.convolve(levels[half:], np.ones(PAUSE // 2), "valid")
        return half + int(smooth.argmin()) + PAUSE // 4
    is_pause = len(levels) >= PAUSE and max(levels[-PAUSE:]) < _threshold(levels, loudest)
    return len(levels) - MARGIN if is_pause else 0  # the rest is the margin of what follows


def _threshold(levels: list[float], loudest: float) -> float:
    """Return the level from which on a frame is speech."""
    quietest = max(SILENCE, min(levels, default=SILENCE))
    return quietest + SPEECH_SHARE * (max(*levels, loudest, quietest) - quietest)
