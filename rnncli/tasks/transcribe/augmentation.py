"""Augmentation of recordings, so that few of them, of few people, teach what does not matter."""

from collections.abc import Iterable

import numpy as np

from rnncli.data.log_mel import log_mel, normalised
from rnncli.networks.numerics import Floats

SPEED = 0.15  # by which a recording is slower or faster at most, and its voice lower or higher
WARP = 0.1  # of the frequencies, as vocal tracts differ (Jaitly and Hinton 2013)
GAIN = 6.0  # dB by which joined recordings differ in loudness
GAP = 0.2  # seconds of silence around recordings, at most; half of them have none: more of it
# hides for thousands of steps which sound is which token
SIGNAL_TO_NOISE = 15.0, 50.0  # dB: from a room with people to a studio; more noise hides an s
NOISE_TAPS = 8  # of a random filter, which colours the noise
# SpecAugment (Park et al. 2019): how many masks, of so many bins and frames at most. Wider bands
# hide what tells "six" from "eight", and cost 3.5 % of the digits.
FREQUENCY_MASKS, MASKED_BINS = 1, 4
TIME_MASKS, MASKED_FRAMES, MASKED_SHARE = 2, 12, 0.15


def augmented(recordings: Iterable[Floats], rate: int, rng: np.random.Generator) -> Floats:
    """Return the normalised spectrogram (T, BINS) of recordings that are varied and joined."""
    parts = [_silence(rate, rng)]
    for samples in recordings:
        gain = np.float32(10 ** (rng.uniform(-GAIN, GAIN) / 20))
        parts += [gain * _at_speed(samples, rng.uniform(1 - SPEED, 1 + SPEED)), _silence(rate, rng)]
    samples = _with_noise(np.concatenate(parts), rng)
    spectrogram = normalised(log_mel(samples, rate, rng.uniform(1 - WARP, 1 + WARP)))
    longest = min(MASKED_FRAMES, int(MASKED_SHARE * len(spectrogram)))
    for bins, masks, width in (
        (spectrogram.T, FREQUENCY_MASKS, MASKED_BINS),
        (spectrogram, TIME_MASKS, longest),
    ):
        for _ in range(masks):
            masked = rng.integers(width + 1)
            start = rng.integers(len(bins) - masked + 1)
            bins[start : start + masked] = 0  # the mean
    return spectrogram


def _silence(rate: int, rng: np.random.Generator) -> Floats:
    return np.zeros(int(max(0.0, rng.uniform(-GAP, GAP)) * rate), np.float32)


def _at_speed(samples: Floats, speed: float) -> Floats:
    """Play samples at another speed (Ko et al. 2015)."""
    places = np.arange(0, len(samples) - 1, speed)
    result: Floats = np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
    return result


def _with_noise(samples: Floats, rng: np.random.Generator) -> Floats:
    """Add noise of a random loudness and colour."""
    noise = rng.standard_normal(len(samples), np.float32)
    noise = np.convolve(noise, rng.standard_normal(NOISE_TAPS, np.float32), "same")
    ratio = 10 ** (-rng.uniform(*SIGNAL_TO_NOISE) / 20)
    level = ratio * np.sqrt(np.square(samples).mean() / np.square(noise).mean())
    result: Floats = samples + np.float32(level) * noise
    return result
