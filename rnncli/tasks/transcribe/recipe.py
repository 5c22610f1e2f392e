"""How a transcriber is trained: settings, sample rate, vocabulary."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.config import DEFAULTS, Settings
from rnncli.data.encoded import encode
from rnncli.data.recordings import AUDIO, TRANSCRIPT, store, usual_rate
from rnncli.data.values import column_values
from rnncli.messages import Announce
from rnncli.storage.description import ModelDescription
from rnncli.tasks.transcribe.predict import RATE
from rnncli.tasks.transcribe.train import Speech, TranscriberTraining
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import Prepared, Recipe, TrainingData

if TYPE_CHECKING:
    from datasets import Dataset


class TranscriberRecipe(Recipe[TranscriberTraining]):
    """How a transcriber is trained."""

    def choose(
        self, data: TrainingData, overrides: Mapping[str, Any], announce: Announce
    ) -> Settings:
        """Choose settings: the same for all recordings, unless a person names others."""
        del data, announce
        return DEFAULTS["transcribe"].with_overrides(overrides)

    def prepare(
        self, data: TrainingData, settings: Settings, scratch: Path, announce: Announce
    ) -> Prepared[TranscriberTraining]:
        """Store the samples of both parts at one rate and build the network."""
        rate = usual_rate(column_values(data.train, AUDIO))

        def texts(part: "Dataset") -> Iterator[str]:
            """Begin each word with a space, the first too: so single words teach spaces."""
            return (f" {text}" for text in column_values(part, TRANSCRIPT))

        tokenizer = Tokenizer.train(texts(data.train), settings.level, settings.vocab_size)

        def speech(part: "Dataset", name: str) -> Speech:
            recordings = store(column_values(part, AUDIO), rate, scratch / f"{name}.samples")
            return Speech(recordings, encode(texts(part), tokenizer, scratch / f"{name}.bin"))

        train, validation = speech(data.train, "train"), speech(data.validation, "validation")
        minutes = train.lengths.sum() / rate / 60
        announce(f"sound: {minutes:.1f} minutes to train on, at {rate:,} samples a second")
        trainable = TranscriberTraining(train, validation, rate, tokenizer, settings)
        return Prepared(
            trainable,
            settings,
            trainable.model.architecture,
            tokenizer,
            task_values={RATE: rate},
        )

    def summary(self, description: ModelDescription) -> str:
        """Return the summary of the model for its card."""
        return f"writes down what is said, from sound of {description.task_values[RATE]:,} Hz"
