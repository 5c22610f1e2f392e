"""How a generator is trained, from its settings to the cache that it can be scored with."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.config import SamplingConfig, Settings
from rnncli.data.encoded import encode
from rnncli.messages import Announce
from rnncli.networks.model_numpy import build as build_numpy
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import Layout
from rnncli.storage.reading import SavedModel
from rnncli.tasks.generate.continuous_cache import tune, write_parameters
from rnncli.tasks.generate.control_codes import Controls, training_texts
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.tasks.generate.settings import choose_settings
from rnncli.tasks.generate.train import architecture, build
from rnncli.tasks.language_modeling import LanguageModelTraining
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import Prepared, TrainingData, Tuned

if TYPE_CHECKING:
    from torch import Tensor

PREVIEW = SamplingConfig(temperature=0.8, length=60, seed=0)  # one seed, to compare the samples


class GeneratorRecipe:
    """How a generator is trained."""

    def choose(self, data: TrainingData, given: Mapping[str, Any], announce: Announce) -> Settings:
        """Choose settings for the text, and for what this machine can learn in the time."""
        return choose_settings(given, data.train, announce)

    def prepare(
        self, data: TrainingData, settings: Settings, scratch: Path, announce: Announce
    ) -> Prepared[LanguageModelTraining]:
        """Encode both parts of the text and build the network."""
        del announce  # nothing is left out of a text
        tokenizer = Tokenizer.train(training_texts(data.train), settings.level, settings.vocab_size)
        trainable = build(
            encode(training_texts(data.train), tokenizer, scratch / "train.bin"),
            encode(training_texts(data.validation), tokenizer, scratch / "validation.bin"),
            sum(len(text) for text in training_texts(data.validation)),
            tokenizer,
            settings,
        )
        return Prepared(
            trainable, settings, architecture(settings, tokenizer.vocab_size), tokenizer
        )

    def finish(
        self,
        trainable: LanguageModelTraining,
        data: TrainingData,
        path: Path,
        threads: int,
        announce: Announce,
    ) -> Tuned:
        """Tune the continuous cache beside which the model can be scored."""
        del trainable, announce
        generator = TextGenerator.load(path, threads=threads)
        cache = tune(generator.predictions(training_texts(data.validation)))
        return Tuned({} if cache is None else write_parameters(cache))

    def summary(self, description: ModelDescription) -> str:
        """Return the summary of the model for its card."""
        controls = Controls.parse(description.task_values.get("controls"))
        manner = "" if controls is None else f", in the manner of {controls.listed()}"
        return f"writes text like the one it was trained on{manner}"

    def preview(
        self, prepared: Prepared[LanguageModelTraining], weights: "Mapping[str, Tensor]"
    ) -> str | None:
        """Return a sample, drawn with the same random seed each time."""
        arrays = {name: tensor.float().cpu().numpy() for name, tensor in weights.items()}
        tokenizer = prepared.tokenizer
        network = build_numpy(prepared.architecture, arrays)
        description = ModelDescription("generate", tokenizer.level, prepared.architecture)
        model = SavedModel(Layout(Path()), description, tokenizer, tokenizer, arrays, network)
        (sample,) = TextGenerator(model)([""], PREVIEW)
        return sample.text
