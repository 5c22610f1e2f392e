"""Pretraining of a classifier's encoder as a language model, on texts without labels.

It helps most where labels are few (Dai and Le 2015; Howard and Ruder 2018). The classifier is then
trained with the full learning rate for all weights: lower rates for pretrained layers and gradual
unfreezing lost more than a point of accuracy, since a network as small is far from converged.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rnncli.analysis.metrics import perplexity
from rnncli.config import DEFAULTS, Settings
from rnncli.data.batches import Window, bptt_windows
from rnncli.data.encoded import EncodedTexts, TokenArray
from rnncli.networks.bidirectional_lm import BidirectionalLM
from rnncli.tasks.classify.train import ClassifierTraining
from rnncli.tasks.language_modeling import LanguageModel, LanguageModelTraining, RunningText

SETTINGS = {"hidden_size": 256}  # of a pretrained classifier: labels alone train fewer units
MAX_TIME_SHARE = 0.85  # of the budget: the rest is for training on labels
MAX_EPOCHS = 10  # more would overfit a small corpus
BATCH_SIZE = 32  # streams of text
NEGATIVE_SAMPLES = 1_024  # a step: more gain less than they cost
VALIDATION_SHARE, MAX_VALIDATION = 0.1, 20_000  # of the tokens; tokens at most


def settings_of(classifier: ClassifierTraining, settings: Settings) -> Settings:
    """Return the settings of pretraining.

    The time is divided in proportion to the tokens of pretraining and of training.
    """
    assert classifier.pretraining_texts is not None
    tokens, labelled_tokens = len(classifier.pretraining_texts.tokens), len(classifier.texts.tokens)
    share = min(tokens / (tokens + labelled_tokens), MAX_TIME_SHARE)
    defaults = DEFAULTS["generate"]
    max_time = settings.max_time
    return replace(
        settings,
        learning_rate=defaults.learning_rate,
        warmup=defaults.warmup,
        average=defaults.average,
        batch_size=BATCH_SIZE,
        bptt=defaults.bptt,
        label_smoothing=0.0,
        epochs=settings.epochs if max_time is None else MAX_EPOCHS,
        max_time=None if max_time is None else share * max_time,
    )


def build(classifier: ClassifierTraining, settings: Settings) -> LanguageModelTraining:
    """Build language models over the first layer of a classifier's encoder.

    The end of all texts, with labels and without, is held out.
    """
    assert classifier.pretraining_texts is not None
    tokens = classifier.pretraining_texts.tokens
    cut = len(tokens) - min(int(VALIDATION_SHARE * len(tokens)), MAX_VALIDATION)
    train = EncodedTexts(tokens[:cut], np.array([0, cut]))
    text = RunningText(train.tokens, tokens[cut:], train.counts(classifier.front.trained_size))
    network = BidirectionalLM(classifier.model.encoder)
    model = LanguageModel(
        network, network, len(network.projections), NEGATIVE_SAMPLES, bidirectional_windows
    )
    return LanguageModelTraining(
        model, text, settings, lambda nats: {"loss": nats, "perplexity": perplexity(nats)}
    )


def bidirectional_windows(
    tokens: TokenArray, streams: int, steps: int, skip: int = 0
) -> Iterator[Window]:
    """Yield windows (N, 2, T) of a text, forward and backward."""
    directions = (tokens, tokens[::-1])
    for windows in zip(*(bptt_windows(t, streams, steps, skip) for t in directions), strict=True):
        yield Window(
            np.stack([window.inputs for window in windows], 1),
            np.stack([window.targets for window in windows], 1),
            windows[0].keep_state,
        )
