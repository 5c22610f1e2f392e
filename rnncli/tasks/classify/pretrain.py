"""Teach a classifier's encoder from texts without labels, before it learns from labelled ones.

Two stages, never a joint loss: a language model that starts a classifier helps most where labels
are few (Dai and Le 2015; Howard and Ruder 2018). In the second stage all weights learn at the full
rate from the start: lower rates for what has learned, and thawing it bit by bit, lost more than a
point, since a network as small as this still has much to learn.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rnncli.analysis.metrics import perplexity
from rnncli.config import DEFAULTS, Settings
from rnncli.data.batches import Window, bptt_windows
from rnncli.data.encoded import EncodedTexts, TokenArray
from rnncli.tasks.generate.train import LanguageModelTraining
from rnncli.training.contract import Evaluation

if TYPE_CHECKING:
    from rnncli.networks.model_torch import OnDevice
    from rnncli.tasks.classify.train import ClassifierTraining
    from rnncli.tasks.generate.train import Reader

WIDER = {"hidden_size": 256}  # than labels alone could teach
MOST_TIME = 0.85  # share of the budget at most; labels are what it is all for
EPOCHS = 10  # at most; few texts are known by heart after more
BATCH_SIZE = 32  # streams of text
DRAWN = 1_024  # words a step that are told apart from those of the batch: more teach more slowly
HELD_OUT, MOST_HELD_OUT = 0.1, 20_000  # the share of the tokens that is held out, and the most


def settings_of(task: "ClassifierTraining", classifier: Settings) -> Settings:
    """Return the settings with which the encoder of a classifier learns from plain text.

    The time is parted as the texts are: what is read twice as much has twice as long.
    """
    assert task.plain is not None
    plain, labelled = len(task.plain.tokens), len(task.texts.tokens)
    share = min(plain / (plain + labelled), MOST_TIME)
    usual = DEFAULTS["generate"]
    repeatable = classifier.max_time is None
    return replace(
        classifier,
        learning_rate=usual.learning_rate,
        warmup=usual.warmup,
        average=usual.average,
        batch_size=BATCH_SIZE,
        bptt=usual.bptt,
        label_smoothing=0.0,
        epochs=classifier.epochs if repeatable else EPOCHS,
        max_time=None if classifier.max_time is None else share * classifier.max_time,
    )


def prepare(classifier: "ClassifierTraining", settings: Settings) -> "EncoderPretraining":
    """Hold out the end of all texts, with labels and without."""
    assert classifier.plain is not None
    tokens = classifier.plain.tokens
    cut = len(tokens) - min(int(HELD_OUT * len(tokens)), MOST_HELD_OUT)
    return EncoderPretraining(_as_one(tokens[:cut]), _as_one(tokens[cut:]), classifier, settings)


def _as_one(tokens: TokenArray) -> EncodedTexts:
    return EncodedTexts(tokens, np.array([0, len(tokens)]))


class EncoderPretraining(LanguageModelTraining):
    """Prediction of the next token, in each direction of an encoder's first layer."""

    drawn = DRAWN

    def __init__(
        self,
        train: EncodedTexts,
        validation: EncodedTexts,
        classifier: "ClassifierTraining",
        settings: Settings,
    ) -> None:
        self._classifier = classifier
        characters = len(validation.tokens)  # as many as tokens: only words are counted here
        super().__init__(train, validation, characters, classifier.tokenizer, settings)

    def _network(self) -> tuple["OnDevice", "Reader"]:
        from rnncli.networks.bidirectional_lm import (
            BidirectionalLM,  # torch: on the way to training only
        )

        model = BidirectionalLM(self._classifier.model.encoder)
        return model, model

    @property
    def _num_states(self) -> int:
        first, *_ = self._classifier.model.encoder.layers
        return len(first)

    def _windows(
        self, tokens: TokenArray, batch_size: int, steps: int, skip: int = 0
    ) -> Iterator[Window]:
        """Yield windows (N, D, T) of the text, and of the text from its end."""
        ways = [bptt_windows(tokens, batch_size, steps, skip)]
        if self._num_states > 1:
            ways.append(bptt_windows(tokens[::-1], batch_size, steps, skip))
        for windows in zip(*ways, strict=True):
            yield Window(
                np.stack([window.inputs for window in windows], 1),
                np.stack([window.targets for window in windows], 1),
                windows[0].keep_state,
            )

    def evaluate(self) -> Evaluation:
        """Return the loss on the held-out text, of both directions together."""
        nats = super().evaluate().scores["loss"]
        return Evaluation({"loss": nats, "perplexity": perplexity(nats)})
