"""Architectures: validation, and the parameters of networks."""

from dataclasses import asdict, replace
from itertools import product

import pytest
from architectures import KINDS, small_architecture, stored

from rnncli.config import CELLS, MAX_CLASSES, MAX_VOCAB
from rnncli.errors import ConfigError
from rnncli.networks.architecture import (
    MAX_LAYERS,
    MAX_WIDTH,
    Architecture,
    Stack,
    Tokens,
    count_parameters,
    from_json,
    parameters,
)
from rnncli.networks.heads import Classes, Vocabulary
from rnncli.networks.model_torch import build

FRONT, ENCODER, DECODER = Tokens(11, 5), Stack("gru", 1, 6, True), Stack("lstm", 2, 6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", CELLS)
def test_a_network_has_exactly_the_listed_parameters(kind, cell):
    for layers, both, tied, width in product((1, 3), (True, False), (True, False), (5, 6)):
        architecture = small_architecture(
            kind,
            cell,
            layers=layers,
            bidirectional=both,
            tied=tied,
            embedding_dim=width,
            encoder_size=4,
        )
        weights = stored(build(architecture))
        assert parameters(architecture) == {n: tuple(x.shape) for n, x in weights.items()}
        assert count_parameters(architecture) == sum(x.numel() for x in weights.values())


def test_encoder_and_decoder_may_differ_in_all_but_their_embeddings():
    architecture = Architecture(FRONT, ENCODER, DECODER, Vocabulary(9))
    weights = stored(build(architecture))
    assert parameters(architecture) == {n: tuple(x.shape) for n, x in weights.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_an_architecture_is_parsed_as_it_was_formatted(kind):
    architecture = small_architecture(kind, "mingru", layers=2)
    assert from_json(asdict(architecture)) == architecture


@pytest.mark.parametrize(
    "parts",
    [
        (None, None, Classes(3)),
        (ENCODER, DECODER, Classes(3)),
        (None, DECODER, Classes(3)),
        (ENCODER, None, Vocabulary(11)),
        (None, None, Vocabulary(11)),
        (None, DECODER, Vocabulary(12)),  # a language model reads what it writes
        (None, replace(DECODER, bidirectional=True), Vocabulary(11)),
        (ENCODER, replace(DECODER, bidirectional=True), Vocabulary(11)),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(parts):
    with pytest.raises(ConfigError, match="do not fit together"):
        Architecture(FRONT, *parts)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        (FRONT, "vocab_size", 0),
        (FRONT, "vocab_size", MAX_VOCAB + 1),
        (FRONT, "vocab_size", "11"),
        (FRONT, "embedding_dim", 1.0),
        (ENCODER, "cell", "transformer"),
        (ENCODER, "hidden_size", MAX_WIDTH + 1),
        (ENCODER, "hidden_size", True),
        (ENCODER, "num_layers", 0),
        (ENCODER, "num_layers", MAX_LAYERS + 1),
        (ENCODER, "bidirectional", 1),
        (Classes(3), "count", MAX_CLASSES + 1),
        (Classes(3), "count", None),
        (Vocabulary(9), "size", -1),
        (Vocabulary(9), "tied", "yes"),
    ],
)
def test_an_invalid_size_is_named_in_the_error(part, name, value):
    with pytest.raises(ConfigError) as error:
        replace(part, **{name: value})
    assert repr(value) in error.value.message
    assert name.split("_")[0] in error.value.message or name == "count"
    assert error.value.hint


def test_a_network_that_is_too_large_is_refused_before_it_is_built():
    with pytest.raises(ConfigError, match="too large"):
        Architecture(Tokens(11, 5), Stack("lstm", 9, MAX_WIDTH), None, Classes(3))


@pytest.mark.parametrize(
    "description",
    [
        None,
        [],
        {},
        {"front": {}},
        {"front": [], "encoder": None, "decoder": None, "head": {}},
        {"front": {"vocab_size": 11}, "encoder": None, "decoder": None, "head": {"count": 3}},
        {"front": 1, "encoder": 2, "decoder": 3, "head": 4},
        asdict(small_architecture("classify")) | {"encoder": {"cell": "lstm"}},
        asdict(small_architecture("classify")) | {"head": {"count": 3, "size": 4}},
        asdict(small_architecture("generate")) | {"head": {"size": [11]}},
    ],
)
def test_a_damaged_description_is_refused(description):
    with pytest.raises(ConfigError):
        from_json(description)
