"""Networks in PyTorch: steps, padding, dropout, initial weights, overfitting of a batch."""

import math
from functools import partial

import pytest
import torch
from architectures import KINDS, randomise, small_architecture

from rnncli.config import CELLS
from rnncli.networks.attention_torch import Attention, Source
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.encoder_torch import token_mask
from rnncli.networks.losses import classification_loss, cross_entropy
from rnncli.networks.model_torch import NO_DROPOUT
from rnncli.networks.model_torch import build as build_network

DEPTHS = (1, 2)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def build(kind, cell="lstm", dropout=NO_DROPOUT, **sizes):
    """Build a network whose weights are all random, biases too."""
    model = build_network(small_architecture(kind, cell, **sizes), dropout).eval()
    randomise(model)
    return model


assert_close = partial(torch.testing.assert_close, rtol=1e-5, atol=1e-5)


def sources(n=4, longest=9, vocab_size=11):
    """Return random tokens, also where padding would be, and their lengths."""
    lengths = torch.randint(1, longest + 1, (n,))
    lengths[0] = longest
    return torch.randint(0, vocab_size, (n, longest)), lengths


def predict(decoder, tokens, states):
    """Return the logits (N, T, V) after ``tokens`` (N, T), and the states."""
    features, after = decoder.features(tokens, states)
    return decoder.output(features), after


def translate(model, source, lengths, target):
    """Return the logits (N, T, V) after ``target`` (N, T)."""
    return model.decoder.output(model.features(source, lengths, target))


# Steps


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", DEPTHS)
@torch.inference_mode()
def test_reading_a_text_in_pieces_does_not_change_its_features(cell, layers):
    model = build("generate", cell, layers=layers)
    tokens = torch.randint(0, 11, (3, 12))
    whole, last = predict(model.decoder, tokens, [None] * layers)
    for size in (1, 5):
        states, pieces = [None] * layers, []
        for piece in tokens.split(size, dim=1):
            logits, states = predict(model.decoder, piece, states)
            pieces.append(logits)
        assert_close(torch.cat(pieces, 1), whole)
        assert_close(states, last)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", DEPTHS)
@torch.inference_mode()
def test_decoding_step_by_step_equals_decoding_at_once(cell, layers):
    model = build("translate", cell, layers=layers)
    source, lengths = sources()
    target = torch.randint(0, 9, (4, 7))
    whole = translate(model, source, lengths, target)
    read, states = model.encode(source, lengths)
    steps = []
    for token in target.split(1, dim=1):
        features, states = model.decoder.attend(token, states, read)
        steps.append(model.decoder.output(features))
    assert_close(torch.cat(steps, 1), whole)


@pytest.mark.parametrize("cell", CELLS)
@torch.inference_mode()
def test_predictions_do_not_depend_on_later_tokens(cell):
    model = build("generate", cell)
    tokens = torch.randint(0, 10, (2, 8))
    changed = tokens.clone()
    changed[:, 5:] += 1
    before, _ = predict(model.decoder, tokens, [None])
    after, _ = predict(model.decoder, changed, [None])
    assert_close(before[:, :5], after[:, :5])
    assert (before[:, 5:] - after[:, 5:]).abs().min() > 0


# Padding


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", DEPTHS)
@pytest.mark.parametrize("bidirectional", [False, True])
@torch.inference_mode()
def test_padding_does_not_change_a_classification(cell, layers, bidirectional):
    model = build("classify", cell, layers=layers, bidirectional=bidirectional)
    tokens, lengths = sources()
    batched = model.classify(tokens, lengths)
    outputs, last = model.encoder(tokens, lengths)
    for i, length in enumerate(lengths):
        text = tokens[i : i + 1, :length], lengths[i : i + 1]
        assert_close(model.classify(*text)[0], batched[i])
        single, alone_last = model.encoder(*text)
        assert_close(single[0], outputs[i, :length])
        assert_close(alone_last[0], last[i])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", DEPTHS)
@pytest.mark.parametrize("bidirectional", [False, True])
@torch.inference_mode()
def test_padding_does_not_change_a_translation(cell, layers, bidirectional):
    model = build("translate", cell, layers=layers, bidirectional=bidirectional)
    tokens, lengths = sources()
    target = torch.randint(0, 9, (4, 6))
    batched = translate(model, tokens, lengths, target)
    for i, length in enumerate(lengths):
        row = slice(i, i + 1)
        assert_close(
            translate(model, tokens[row, :length], lengths[row], target[row])[0], batched[i]
        )


@torch.inference_mode()
def test_a_mask_selects_features():
    model = build("translate", "lstm", layers=2)
    source, lengths = sources()
    target = torch.randint(0, 9, (4, 6))
    where = torch.rand(4, 6) < 0.5
    whole = model.features(source, lengths, target)
    assert_close(model.features(source, lengths, target, where), whole[where])


@torch.inference_mode()
def test_a_bidirectional_encoder_depends_on_the_whole_text_at_each_end():
    for bidirectional in (False, True):
        model = build("classify", "gru", bidirectional=bidirectional)
        tokens, lengths = torch.randint(0, 10, (1, 6)), torch.tensor([6])
        changed = tokens.clone()
        changed[0, 5] += 1
        first, other = (model.encoder(t, lengths)[0][0, 0] for t in (tokens, changed))
        assert bool((first - other).abs().max() > 1e-6) == bidirectional


def test_attention_weights_are_zero_at_padding():
    values = torch.randn(3, 5, 4)
    lengths = torch.tensor([5, 2, 1])
    mask = token_mask(values, lengths)
    _, weights = Attention(6, 4)(torch.randn(3, 7, 6), Source(values, mask, values))
    assert_close(weights.sum(2), torch.ones(3, 7))
    assert (weights.masked_select(~mask.unsqueeze(1)) == 0).all()
    assert (weights.masked_select(mask.unsqueeze(1)) > 0).all()


# Dropout


@pytest.mark.parametrize("task", ["classify", "generate"])
@pytest.mark.parametrize("rates", [DropoutRates(hidden=0.5), DropoutRates(embedding=0.5)])
def test_dropout_is_off_at_inference(task, rates):
    model = build(task, dropout=rates)
    tokens, lengths = sources()

    def run():
        if task == "classify":
            return model.classify(tokens, lengths)
        return predict(model.decoder, tokens, [None])[0]

    assert torch.equal(run(), run())
    model.train()
    assert not torch.equal(run(), run())


# Initial weights


def test_initial_predictions_are_almost_uniform():
    sizes = {"vocab_size": 60, "embedding_dim": 32, "hidden_size": 32}
    model = build_network(small_architecture("generate", **sizes))
    tokens = torch.randint(4, 60, (16, 32))
    logits, _ = predict(model.decoder, tokens, [None])
    loss, count = cross_entropy(logits, tokens.roll(-1, 1))
    assert abs(loss.item() / count - math.log(60)) < 0.5


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_can_be_overfitted(kind, cell):
    model = build_network(small_architecture(kind, cell, hidden_size=16, embedding_dim=8))
    tokens, lengths = sources()
    targets = torch.randint(1, 9, (4, 7))  # nothing is padding
    targets[:, 0] = torch.arange(1, 5)  # or what follows could not be told apart
    classes = torch.tensor([0, 1, 2, 1])

    def loss():
        if kind == "classify":
            return classification_loss(model.classify(tokens, lengths), classes)
        if kind == "translate":
            return cross_entropy(translate(model, tokens, lengths, targets[:, :-1]), targets[:, 1:])
        return cross_entropy(predict(model.decoder, targets[:, :-1], [None])[0], targets[:, 1:])

    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        total, n = loss()
        (total / n).backward()
        optimizer.step()
    total, n = loss()
    assert total / n < 0.1


# Tied weights


def test_a_language_model_has_one_tensor_for_input_and_output():
    decoder = build("generate", "lstm").decoder
    assert decoder.output.weight is decoder.embedding.weight


def test_a_translator_has_two_embeddings():
    model = build("translate", "lstm")
    assert model.encoder.embedding.weight.shape == (11, 5)
    assert model.decoder.embedding.weight.shape == (9, 5)
    assert model.decoder.output.weight is model.decoder.embedding.weight


def test_untied_output_weights_are_separate():
    decoder = build("generate", "lstm", tied=False).decoder
    assert decoder.output.weight.shape == (11, 6)
    assert decoder.embedding.weight.shape == (11, 5)
