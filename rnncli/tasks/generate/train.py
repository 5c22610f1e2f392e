"""A generator's network, and the text that it learns from."""

import math

from rnncli.config import Settings
from rnncli.data.encoded import EncodedTexts
from rnncli.networks.architecture import Architecture, Stack, Tokens, Vocabulary
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.model_torch import CausalLM
from rnncli.networks.model_torch import build as build_network
from rnncli.tasks.language_modeling import LanguageModel, LanguageModelTraining, RunningText
from rnncli.text.tokenizer import Tokenizer

NEGATIVE_SAMPLES = 4_096  # a step; more gain nothing that can be measured


def build(
    train: EncodedTexts,
    validation: EncodedTexts,
    validation_characters: int,
    tokenizer: Tokenizer,
    settings: Settings,
) -> LanguageModelTraining:
    """Build the network that settings ask for, and what trains it on a text.

    Raises:
        DataError: the text is too short.

    """
    text = RunningText(train.tokens, validation.tokens, train.counts(tokenizer.vocab_size))
    dropout = DropoutRates(settings.dropout, settings.embedding_dropout)
    network = build_network(architecture(settings, tokenizer.vocab_size), dropout)
    assert isinstance(network, CausalLM)
    model = LanguageModel(network, network.decoder, settings.num_layers, NEGATIVE_SAMPLES)
    characters = validation_characters / len(text.validation)  # a token

    def scores(nats: float) -> dict[str, float]:
        return {"loss": nats, "bits_per_character": nats / math.log(2) / characters}

    return LanguageModelTraining(model, text, settings, scores)


def architecture(settings: Settings, vocab_size: int) -> Architecture:
    """Return the architecture that settings ask for."""
    return Architecture(
        front=Tokens(vocab_size, settings.embedding_dim),
        encoder=None,
        decoder=Stack(settings.cell, settings.num_layers, settings.hidden_size),
        head=Vocabulary(vocab_size),
    )
