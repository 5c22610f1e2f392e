"""What happens in a transcriber as it listens to a recording."""

from pathlib import Path
from shlex import quote

import numpy as np

from rnncli.analysis.traces import Reading, record
from rnncli.data.wav import open_wav
from rnncli.errors import DataError
from rnncli.networks.ctc_search import BLANK
from rnncli.networks.numerics import Floats
from rnncli.tasks.predictions import TokenProbabilities
from rnncli.tasks.transcribe.predict import Transcriber
from rnncli.tasks.transcribe.segmentation import segments

BLANK_SIGN = "·"
MIN_PROBABILITY = 0.1  # of a token at some step: others are not shown


def inspect_transcriber(
    transcriber: Transcriber, path: Path
) -> tuple[tuple[Reading, ...], TokenProbabilities]:
    """Listen to a WAV file up to its first pause; tokens are those most probable at each step.

    Raises:
        DataError: it cannot be read, or nothing is said in it.

    """
    with open_wav(path) as sound:
        segment, rate = next(segments(sound), None), sound.rate
    if segment is None:
        raise DataError(f"{path} is silent", f"look at its level: ffplay {quote(str(path))}")
    with record(transcriber.network.layers) as traces:
        log_probs = transcriber.network.log_probs(transcriber.frames(segment.samples, rate))
    probabilities: Floats = np.exp(log_probs)  # (T, all tokens)
    shown = np.flatnonzero(probabilities.max(0) >= MIN_PROBABILITY)
    shown = shown[np.argsort(shown == BLANK, kind="stable")]  # the blank last
    names = {
        int(token): BLANK_SIGN if token == BLANK else transcriber.tokenizer.decode_token(int(token))
        for token in {*shown.tolist(), *probabilities.argmax(1).tolist()}
    }
    tokens = tuple(names[token] for token in probabilities.argmax(1).tolist())
    return (Reading("encoder", tokens, tuple(traces)),), TokenProbabilities(
        segment.samples,
        segment.start,
        segment.start + len(segment.samples) / rate,
        tuple(names[token] for token in shown.tolist()),
        probabilities[:, shown],
    )
