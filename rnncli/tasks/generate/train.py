"""Language models: train them on running text; `predict.py` uses them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from rnncli.config import DEFAULTS, SamplingConfig, Settings
from rnncli.data.batches import Window, bptt_windows
from rnncli.data.encoded import EncodedTexts, TokenArray, encode
from rnncli.errors import DataError
from rnncli.messages import Announce
from rnncli.networks.architecture import (
    Architecture,
    Stack,
    Tokens,
    Vocabulary,
    count_parameters,
)
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.losses import SampledSoftmax, cross_entropy
from rnncli.networks.model_torch import CausalLM
from rnncli.storage.description import ModelDescription
from rnncli.tasks.generate.continuous_cache import tune, write_parameters
from rnncli.tasks.generate.control_codes import Controls, training_texts
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import (
    Carry,
    Evaluation,
    Prepared,
    TrainingData,
    Tuned,
)
from rnncli.training.sizing import measure_throughput

if TYPE_CHECKING:
    from datasets import Dataset

    from rnncli.networks.bidirectional_lm import BidirectionalLM
    from rnncli.networks.cells_torch import LayerState
    from rnncli.networks.model_torch import Decoder, OnDevice

    Reader = Decoder | BidirectionalLM

CHARACTERS_A_TOKEN = {"char": 1.0, "word": 5.0, "subword": 4.0}  # near enough to count epochs
STATE_RESET_PROBABILITY = 0.03  # that a stream starts a window from an empty state
CHARACTERS = 350  # of a vocabulary at the character level, the 256 bytes among them
WORDS = 50_000  # of a vocabulary at the word level: what each of them costs is little
TRIAL, TRIAL_SHARE = 1.5, 0.02  # seconds of measuring speed, or this share of the time budget
TRIAL_CHARACTERS = 500_000  # of the text with which speed is measured
WIDTHS = (640, 512, 384, 256, 192, 128)  # units; of these the widest that there is time to train
TOKENS_A_WEIGHT = 1.5  # that there must be time to learn from
WEIGHTS_A_TOKEN = 8  # of the text: more would learn it by heart
# From so many epochs on, each counted as often as there are weights for a token of the text.
DROPOUTS = ((60, 0.5), (20, 0.3), (6, 0.2), (2, 0.1), (0, 0.05))
SAMPLED_FROM = 10_000  # tokens of a vocabulary, of which each step then learns only some
DRAWN = 4_096  # of them a step beside those of the batch; more gain nothing that can be measured
LOGITS = 1 << 24  # computed at once in evaluation: bounds memory
PREVIEW = SamplingConfig(temperature=0.8, length=60, seed=0)
VALIDATION_STREAM = 2_000  # tokens: validation text is read in parallel streams at least this long


class GeneratorRecipe:
    """How a generator is trained."""

    def choose(self, data: TrainingData, given: Mapping[str, Any], announce: Announce) -> Settings:
        """Choose settings for the text, and what this machine can learn in the time."""
        return choose(given, data.train, announce)

    def prepare(
        self, data: TrainingData, settings: Settings, scratch: Path, announce: Announce
    ) -> "Prepared[LanguageModelTraining]":
        """Encode both parts of the text and build the network."""
        task = prepare(data.train, data.validation, settings, scratch, announce)
        return Prepared(task, settings, task.architecture, task.tokenizer)

    def finish(
        self,
        trainable: "LanguageModelTraining",
        data: TrainingData,
        path: Path,
        threads: int,
        announce: Announce,
    ) -> Tuned:
        """Tune the continuous cache beside which the model can be scored."""
        from rnncli.tasks.generate.predict import TextGenerator

        del trainable, announce
        generator = TextGenerator.load(path, threads=threads)
        cache = tune(generator.predictions(training_texts(data.validation)))
        return Tuned({} if cache is None else write_parameters(cache))

    def summary(self, description: ModelDescription) -> str:
        """Return what the model does, as its card says it."""
        controls = Controls.parse(description.task_values.get("controls"))
        manner = "" if controls is None else f", in the manner of {controls.listed()}"
        return f"writes text like the one it was trained on{manner}"

    def preview(
        self, prepared: "Prepared[LanguageModelTraining]", weights: Mapping[str, Tensor]
    ) -> str | None:
        """Return a sample, drawn with the same random seed each time, to be compared."""
        from rnncli.networks.model_numpy import build
        from rnncli.storage.layout import Layout
        from rnncli.storage.reading import SavedModel
        from rnncli.tasks.generate.predict import TextGenerator

        arrays = {name: tensor.float().cpu().numpy() for name, tensor in weights.items()}
        architecture, tokenizer = prepared.architecture, prepared.tokenizer
        network = build(architecture, arrays)
        description = ModelDescription("generate", tokenizer.level, architecture)
        model = SavedModel(Layout(Path()), description, tokenizer, tokenizer, arrays, network)
        (sample,) = TextGenerator(model)([""], PREVIEW)
        return sample.text


def choose(given: Mapping[str, Any], train: "Dataset", announce: Announce) -> Settings:
    """Fit the settings to the text and to what this machine can learn in the time that there is.

    A wider network learns more from each token and reads fewer of them; the more often it reads the
    text, and the more weights it has for that, the more dropout it needs.
    """
    settings = DEFAULTS["generate"]
    if given.get("level") == "word":  # words say more than characters
        settings = replace(settings, vocab_size=WORDS, embedding_dim=256, embedding_dropout=0.2)
    settings = settings.with_given(given)
    tokens = sum(map(len, training_texts(train))) / CHARACTERS_A_TOKEN[settings.level]
    in_steps = (settings.steps or math.inf) * settings.batch_size * settings.bptt
    budget = min((settings.epochs or math.inf) * tokens, in_steps)  # tokens
    vocab_size = CHARACTERS if settings.level == "char" else settings.vocab_size
    if settings.max_time is not None:
        rate, vocab_size = _try_out(train, settings)
        announce(f"{settings.hidden_size} units learn from {rate:,.0f} tokens a second here")
        work = rate * settings.max_time * _cost(settings.hidden_size, vocab_size, settings)

        def affordable(hidden_size: int) -> float:
            """Return how many tokens a network of this width would learn from."""
            return min(budget, work / _cost(hidden_size, vocab_size, settings))

        if "hidden_size" not in given:
            fitting = (
                width
                for width in WIDTHS
                if affordable(width) >= TOKENS_A_WEIGHT * _cost(width, vocab_size, settings)
                and _weights(width, vocab_size, settings) <= WEIGHTS_A_TOKEN * tokens
            )
            settings = replace(settings, hidden_size=next(fitting, WIDTHS[-1]))
        budget = affordable(settings.hidden_size)
    if "dropout" not in given:
        epochs = budget / tokens
        often = epochs * _weights(settings.hidden_size, vocab_size, settings) / tokens
        settings = replace(settings, dropout=next(p for least, p in DROPOUTS if often >= least))
        announce(f"about {epochs:.2g} epochs fit into the budget: dropout {settings.dropout:g}")
    return settings


def prepare(
    train: "Dataset",
    validation: "Dataset",
    settings: Settings,
    folder: Path,
    announce: Announce,
) -> "LanguageModelTraining":
    """Encode both parts of the text into ``folder`` and build the network."""
    del announce  # nothing is left out of a text
    tokenizer = Tokenizer.train(training_texts(train), settings.level, settings.vocab_size)
    return LanguageModelTraining(
        encode(training_texts(train), tokenizer, folder / "train.bin"),
        encode(training_texts(validation), tokenizer, folder / "validation.bin"),
        sum(len(text) for text in training_texts(validation)),
        tokenizer,
        settings,
    )


class LanguageModelTraining:
    """Next-token prediction with truncated backpropagation through time."""

    drawn = DRAWN
    _sampled: SampledSoftmax | None = None  # where the vocabulary is large

    def __init__(
        self,
        train: EncodedTexts,
        validation: EncodedTexts,
        validation_characters: int,
        tokenizer: Tokenizer,
        settings: Settings,
    ) -> None:
        self.tokenizer = tokenizer
        self._train, self._validation = train.tokens, validation.tokens
        self._validation_characters = validation_characters
        self._settings = settings
        if len(self._train) < 3 or len(self._validation) < 2:
            raise DataError("the text is too short to learn from", "give a longer text")
        # Every stream should be some windows long, or little is left of carrying the state.
        windows = len(self._train) // settings.bptt
        self._batch_size = max(1, min(settings.batch_size, windows // 4))
        width = (len(self._train) - 1) // self._batch_size
        self.steps_per_epoch = math.ceil(width / settings.bptt)
        self.architecture = architecture(settings, tokenizer.vocab_size)
        self.model, self._reader = self._network()
        counts = train.counts(tokenizer.vocab_size)
        self._reader.start_from_frequencies(counts)
        targets = self._batch_size * settings.bptt  # a step
        if len(counts) >= SAMPLED_FROM:
            self._sampled = SampledSoftmax(counts, targets, self.drawn)

    def _network(self) -> tuple["OnDevice", "Reader"]:
        """Return the network, and its part that reads texts."""
        settings = self._settings
        dropout = DropoutRates(settings.dropout, settings.embedding_dropout)
        model = CausalLM(*layers(settings, self.tokenizer.vocab_size), dropout)
        return model, model.decoder

    @property
    def _num_states(self) -> int:
        """How many layers have a state."""
        return self._settings.num_layers

    def batches(self, epoch: int) -> Iterator[Window]:
        """Yield the windows of the text in order; each epoch cuts it at other places.

        Now and then a stream starts from an empty state, as every use of the model does.
        """
        rng = np.random.default_rng([self._settings.seed, epoch])
        slack = (len(self._train) - 1) % self._batch_size + self._settings.bptt
        skip = int(rng.integers(slack)) if epoch and slack * 4 < len(self._train) else 0
        for window in self._windows(self._train, self._batch_size, self._settings.bptt, skip):
            reset = rng.random(self._batch_size) < STATE_RESET_PROBABILITY
            yield replace(window, keep_state=window.keep_state & ~reset)

    def _windows(
        self, tokens: TokenArray, batch_size: int, steps: int, skip: int = 0
    ) -> Iterator[Window]:
        return bptt_windows(tokens, batch_size, steps, skip)

    def loss(self, window: Window, carry: Carry) -> tuple[Tensor, int, Carry]:
        """Return the summed loss of a window, read from the state that the last one left."""
        keep = self.model.tensor(window.keep_state).unsqueeze(1)  # (N, 1)
        before = [tuple(x.where(keep, 0.0) for x in layer) for layer in carry]
        inputs, targets = self.model.tensor(window.inputs), self.model.tensor(window.targets)
        x, after = self._reader.features(inputs, before or [None] * self._num_states)  # (N, T, E)
        after_carry = tuple(tuple(x.detach() for x in layer) for layer in after)
        output = self._reader.output
        if self._sampled is not None:
            return (*self._sampled.loss(x, output, targets), after_carry)
        loss, n = cross_entropy(output(x), targets, self._settings.label_smoothing)
        return loss, n, after_carry

    def evaluate(self) -> Evaluation:
        """Return the loss on the held-out text, read in parallel streams to save time."""
        rows = max(1, min(64, len(self._validation) // VALIDATION_STREAM))
        steps = max(1, min(256, LOGITS // (rows * self.tokenizer.vocab_size)))
        states: Sequence[LayerState | None] = [None] * self._num_states
        total, count = 0.0, 0
        for window in self._windows(self._validation, rows, steps):
            x, states = self._reader.features(self.model.tensor(window.inputs), states)
            targets = self.model.tensor(window.targets)
            loss, n = cross_entropy(self._reader.output(x), targets)
            total, count = total + loss.item(), count + n
        nats = total / count
        characters = self._validation_characters / len(self._validation)
        scores = {"loss": nats, "bits_per_character": nats / math.log(2) / characters}
        return Evaluation(scores)


def layers(settings: Settings, vocab_size: int) -> tuple[Tokens, Stack, Vocabulary]:
    """Return the parts of the network that settings ask for."""
    return (
        Tokens(vocab_size, settings.embedding_dim),
        Stack(settings.cell, settings.num_layers, settings.hidden_size),
        Vocabulary(vocab_size),
    )


def architecture(settings: Settings, vocab_size: int) -> Architecture:
    """Return the architecture that settings ask for."""
    front, decoder, head = layers(settings, vocab_size)
    return Architecture(front, None, decoder, head)


def _try_out(train: "Dataset", settings: Settings) -> tuple[float, int]:
    """Train for a moment on the beginning of the text.

    Return how many tokens a second that was, and the size of the vocabulary.
    """

    assert settings.max_time is not None
    texts, characters = [], 0
    for text in training_texts(train):
        texts.append(text)
        characters += len(text)
        if characters >= TRIAL_CHARACTERS:
            break
    tokenizer = Tokenizer.train(texts, settings.level, settings.vocab_size)
    with TemporaryDirectory(prefix="rnncli-") as folder:
        encoded = encode(texts, tokenizer, Path(folder) / "trial.bin")
        task = LanguageModelTraining(encoded, encoded, characters, tokenizer, settings)
        seconds = min(TRIAL, TRIAL_SHARE * settings.max_time)
        return measure_throughput(task, settings, seconds), tokenizer.vocab_size


def _weights(hidden_size: int, vocab_size: int, settings: Settings) -> int:
    """Return how many weights a network has."""
    settings = replace(settings, hidden_size=hidden_size)
    return count_parameters(architecture(settings, vocab_size))


def _cost(hidden_size: int, vocab_size: int, settings: Settings) -> int:
    """Return how many of its weights each token meets: a large vocabulary is not met as a whole."""
    met = vocab_size if vocab_size < SAMPLED_FROM else min(vocab_size, DRAWN)
    return _weights(hidden_size, met, settings)
