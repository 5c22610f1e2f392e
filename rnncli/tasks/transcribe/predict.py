"""Write down what is said in recordings and streams."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np

from rnncli.data.log_mel import STEP, log_mel, normalised, resample, stack
from rnncli.data.recordings import MAX_RATE
from rnncli.data.wav import MIN_RATE, Sound, open_wav
from rnncli.networks.ctc_numpy import FrameLabeller
from rnncli.networks.ctc_search import PrefixScorer, align, prefix_beam_search
from rnncli.networks.numerics import Floats
from rnncli.tasks import names_of
from rnncli.tasks.predictor import Predictor
from rnncli.tasks.transcribe import BEAM
from rnncli.tasks.transcribe.segmentation import segments

RATE = "rate"  # of the samples that a model reads, among what its description keeps


@dataclass(frozen=True)
class Word:
    """A word, and when it is said."""

    text: str
    start: float  # seconds
    end: float
    confidence: float  # the mean probability of its tokens, geometric


@dataclass(frozen=True)
class Transcript:
    """What is said in a recording or, of a stream, between two pauses."""

    name: str
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """All words, on one line."""
        return " ".join(word.text for word in self.words)


class Transcriber(Predictor[FrameLabeller]):
    """Write down what is said: call it with a list of names of WAV files.

    A sound is cut at its pauses, and what is between them is read in both directions.
    """

    task = "transcribe"
    network_class = FrameLabeller

    @cached_property
    def rate(self) -> int:
        """The samples a second that the network reads; others are resampled.

        Raises:
            ModelError: the description is damaged.

        """
        rate = self.description.task_values.get(RATE)
        if type(rate) is not int or not MIN_RATE <= rate <= MAX_RATE:
            raise self._model.damaged("the sample rate is wrong")
        return rate

    def __call__(
        self,
        recordings: str | PathLike[str] | Sequence[str | PathLike[str]],
        beam: int = BEAM,
        language_model: PrefixScorer | None = None,
    ) -> list[Transcript]:
        """Transcribe WAV files, one or a list.

        Raises:
            DataError: one cannot be read.
            ConfigError: it is the sound itself, and no name.

        """

        def transcribe(name: str) -> Transcript:
            with open_wav(Path(name)) as sound:
                parts = self.stream(sound, name, beam, language_model)
                return Transcript(name, tuple(word for part in parts for word in part.words))

        return list(self._in_parallel(transcribe, names_of(recordings)))

    def stream(
        self,
        sound: Sound,
        name: str = "-",
        beam: int = BEAM,
        language_model: PrefixScorer | None = None,
    ) -> Iterator[Transcript]:
        """Yield what is said in a sound, each time as soon as a pause ends it."""
        if sound.rate != self.rate:
            self._announce_once(f"resampled from {sound.rate:,} to {self.rate:,} samples a second")
        for segment in segments(sound):
            log_probs = self.network.log_probs(self.frames(segment.samples, sound.rate))  # (S, V)
            tokens = prefix_beam_search(log_probs, beam, language_model)
            if words := tuple(self._words(log_probs, tokens, segment.start)):
                yield Transcript(name, words)

    def frames(self, samples: Floats, rate: int) -> Floats:
        """Return what the network reads (S, F) of samples, so many a second."""
        return stack(normalised(log_mel(resample(samples, rate, self.rate), self.rate)))

    def _words(self, log_probs: Floats, tokens: list[int], start: float) -> Iterator[Word]:
        """Yield the words in tokens, from log-probabilities (S, V) of sound since ``start``."""
        first, last = align(log_probs, tokens)
        log_ps = log_probs[first, tokens]
        # Tokens may be parts of characters: a word is what so many of them decode to.
        texts = [self.tokenizer.decode(tokens[: i + 1]) for i in range(len(tokens))]
        numbers = np.array([0 if text[-1:].isspace() else len(text.split()) for text in texts])
        for number, text in enumerate("".join(texts[-1:]).split(), start=1):
            own = np.flatnonzero(numbers == number)
            yield Word(
                text,
                start + STEP * float(first[own[0]]),
                start + STEP * float(last[own[-1]] + 1),
                float(np.exp(log_ps[own].mean())),
            )
