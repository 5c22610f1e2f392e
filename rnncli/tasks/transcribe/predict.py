"""Write down what is said in recordings and streams."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnncli.data.log_mel import STEP, log_mel, normalised, resample, stack
from rnncli.data.recordings import MAX_RATE
from rnncli.data.wav import MIN_RATE, Sound, open_wav
from rnncli.networks.ctc_numpy import FrameLabeller
from rnncli.networks.ctc_search import align, prefix_beam_search
from rnncli.networks.numerics import Floats
from rnncli.tasks import names_of
from rnncli.tasks.predictor import Predictor
from rnncli.tasks.transcribe import BEAM
from rnncli.tasks.transcribe.segmentation import SoundSegment, segments

if TYPE_CHECKING:
    from rnncli.networks.ctc_search import PrefixScorer

RATE = "rate"  # of the samples that a model reads, among what its description keeps


@dataclass(frozen=True)
class Word:
    """A word, and when it is said."""

    text: str
    start: float  # seconds
    end: float
    confidence: float  # the mean probability of its tokens, geometric


@dataclass(frozen=True)
class Utterance:
    """What is said between two pauses."""

    start: float  # seconds
    end: float
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class Transcript:
    """What is said in a recording."""

    name: str
    utterances: tuple[Utterance, ...]

    @property
    def text(self) -> str:
        """All words, on one line."""
        return " ".join(utterance.text for utterance in self.utterances)

    @property
    def words(self) -> list[Word]:
        """The words of all utterances."""
        return [word for utterance in self.utterances for word in utterance.words]


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
        language_model: "PrefixScorer | None" = None,
    ) -> list[Transcript]:
        """Transcribe WAV files, one or a list.

        Raises:
            DataError: one cannot be read.
            ConfigError: it is the sound itself, and no name.

        """

        def transcribe(name: str) -> Transcript:
            with open_wav(Path(name)) as sound:
                return Transcript(name, tuple(self.stream(sound, beam, language_model)))

        return list(self._in_parallel(transcribe, names_of(recordings)))

    def stream(
        self,
        sound: Sound,
        beam: int = BEAM,
        language_model: "PrefixScorer | None" = None,
    ) -> Iterator[Utterance]:
        """Yield what is said in a sound, each utterance as soon as a pause ends it."""
        if sound.rate != self.rate:
            self._announce_once(f"resampled from {sound.rate:,} to {self.rate:,} samples a second")
        for segment in segments(sound):
            words = self._words(segment, sound.rate, beam, language_model)
            if words:
                end = segment.start + len(segment.samples) / sound.rate
                yield Utterance(segment.start, end, words)

    def frames(self, samples: Floats) -> Floats:
        """Return what the network reads (S, F) of samples at its rate."""
        return stack(normalised(log_mel(samples, self.rate)))

    def _words(
        self,
        segment: SoundSegment,
        rate: int,
        beam: int,
        language_model: "PrefixScorer | None",
    ) -> tuple[Word, ...]:
        samples = resample(segment.samples, rate, self.rate)
        log_probs = self.network.log_probs(self.frames(samples))  # (S, V)
        tokens = prefix_beam_search(log_probs, beam, language_model)
        # A word begins where decoding the tokens so far gives one word more.
        texts = [self.tokenizer.decode(tokens[:end]) for end in range(len(tokens) + 1)]
        counts = [len(text.split()) for text in texts]
        starts = [i for i, (before, now) in enumerate(pairwise(counts)) if now > before]
        if not starts:
            return ()
        first, last = align(log_probs, tokens)
        log_ps = log_probs[first, tokens]
        words = []
        for start, end, text in zip(
            starts, [*starts[1:], len(tokens)], texts[-1].split(), strict=True
        ):
            kept = [i for i in range(start, end) if not texts[i + 1][len(texts[i]) :].isspace()]
            words.append(
                Word(
                    text,
                    segment.start + STEP * float(first[start]),
                    segment.start + STEP * float(last[kept[-1]] + 1),
                    float(np.exp(log_ps[kept].mean())),
                )
            )
        return tuple(words)
