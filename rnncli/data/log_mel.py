"""Log-mel spectrograms of speech, and resampling, in NumPy."""

from functools import lru_cache

import numpy as np

from rnncli.networks.numerics import Floats

BINS = 40  # of the mel scale: the customary number for speech
WINDOW, HOP = 0.025, 0.010  # seconds of a frame, and from one to the next: the customary ones
KERNEL, STRIDE = 8, 3  # frames that a step of the network reads, and by which it advances
FRAME_SIZE = KERNEL * BINS  # numbers
STEP = STRIDE * HOP  # seconds
LOWEST = 60.0  # Hz: below is no speech
FLOOR = 1e-5  # of the power, about that of the noise of 16 bits: silence has finite logarithms
MIN_DEVIATION = 0.1  # of a spectrogram: else that of silence would be blown up


def log_mel(samples: Floats, rate: int, warp: float = 1.0) -> Floats:
    """Return the log-mel spectrogram (T, BINS) of samples (S,), a frame each 10 ms.

    With ``warp``, the frequencies are scaled by it, as by a vocal tract of another length (Jaitly
    and Hinton 2013).
    """
    size, hop = round(WINDOW * rate), round(HOP * rate)
    frames = max(1, -(-len(samples) // hop))
    padded = np.zeros((frames - 1) * hop + size, np.float32)
    start = (size - hop) // 2  # a frame is centred on its 10 ms
    kept = samples[: len(padded) - start]
    padded[start : start + len(kept)] = kept
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]  # (T, size)
    fft = 1 << (size - 1).bit_length()
    spectrum = np.fft.rfft(windows * _hann(size), fft)  # (T, F)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    result: Floats = np.log(power @ _filters(rate, fft, round(warp, 2)) + np.float32(FLOOR))
    return result


def normalised(spectrogram: Floats) -> Floats:
    """Return a spectrogram (T, BINS) with mean 0 and variance 1, so that loudness matters little.

    Bins are not normalised one by one: in a recording of one word, their means tell the word.
    """
    centred = spectrogram - spectrogram.mean()
    result: Floats = centred / np.maximum(centred.std(), np.float32(MIN_DEVIATION))
    return result


def resample(samples: Floats, rate: int, new_rate: int) -> Floats:
    """Resample by the Fourier method: frequencies that the new rate cannot hold are left out."""
    if rate == new_rate or not len(samples):
        return samples
    size = max(1, round(len(samples) * new_rate / rate))
    spectrum = np.fft.rfft(samples)
    kept = np.zeros(size // 2 + 1, spectrum.dtype)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    result: Floats = (np.fft.irfft(kept, size) * (size / len(samples))).astype(np.float32)
    return result


@lru_cache(maxsize=4)
def _hann(size: int) -> Floats:
    window: Floats = np.hanning(size + 1)[:-1].astype(np.float32)
    return window


@lru_cache(maxsize=64)
def _filters(rate: int, fft: int, warp: float) -> Floats:
    """Return triangles (F, BINS) that are evenly spaced on the mel scale (O'Shaughnessy 1987)."""
    high = 2595 * np.log10(1 + rate / 2 / 700)
    low = 2595 * np.log10(1 + LOWEST / 700)
    mels = np.linspace(low, high, BINS + 2)
    edges = warp * 700 * (10 ** (mels / 2595) - 1)  # Hz
    frequencies = np.arange(fft // 2 + 1)[:, None] * (rate / fft)  # (F, 1)
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    filters: Floats = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    return filters


def stack(spectrogram: Floats) -> Floats:
    """Stack KERNEL neighbours at every STRIDE-th frame of a spectrogram (T, BINS), to (S, F).

    A projection of these is a convolution over time (Sak et al. 2015, section 3.2: steps of 30 ms).
    """
    steps = -(-len(spectrogram) // STRIDE)
    before = (KERNEL - STRIDE) // 2
    padded = np.zeros(((steps - 1) * STRIDE + KERNEL, BINS), np.float32)
    kept = spectrogram[: len(padded) - before]
    padded[before : before + len(kept)] = kept
    windows = np.lib.stride_tricks.sliding_window_view(padded, KERNEL, 0)[::STRIDE]
    return np.ascontiguousarray(windows.reshape(steps, FRAME_SIZE))
