import math
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnncli.config import CELLS
from rnncli.networks.cells_torch import Embedding, Recurrent, locked_dropout, reverse
from rnncli.networks.losses import cross_entropy
from rnncli.networks.model_torch import (
    Attention,
    EncoderDecoder,
    Memory,
    token_mask,
)

DEPTHS = (1, 2)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def build(small_config):
    """Build networks whose weights are all random, biases too."""

    def model(task, cell, **changes):
        network = EncoderDecoder(small_config(task, cell, **changes)).eval()
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        return network

    return model


assert_close = partial(torch.testing.assert_close, rtol=0, atol=1e-5)


def sources(n=4, longest=9, vocab_size=11):
    """Return random tokens, also where padding would be, and their lengths."""
    lengths = torch.randint(1, longest + 1, (n,))
    lengths[0] = longest
    return torch.randint(0, vocab_size, (n, longest)), lengths


def predict(decoder, tokens, states, memory=None):
    """Return the logits (N, T, V) of what follows each of ``tokens`` (N, T), and the states."""
    features, after = decoder.features(tokens, states, memory)
    return decoder.output(features), after


def translate(model, source, lengths, target):
    """Return the logits (N, T, V) of what follows each of ``target`` (N, T)."""
    return model.decoder.output(model.features(source, lengths, target))


# Steps


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", DEPTHS)
@torch.inference_mode()
def test_a_text_read_at_once_or_in_pieces_gives_the_same(build, cell, layers):
    model = build("generate", cell, num_layers=layers)
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
def test_a_translation_at_once_or_step_by_step_gives_the_same(build, cell, layers):
    model = build("translate", cell, num_layers=layers)
    source, lengths = sources()
    target = torch.randint(0, 9, (4, 7))
    whole = translate(model, source, lengths, target)
    memory, states = model.read(source, lengths)
    steps = []
    for token in target.split(1, dim=1):
        logits, states = predict(model.decoder, token, states, memory)
        steps.append(logits)
    assert_close(torch.cat(steps, 1), whole)


@pytest.mark.parametrize("cell", CELLS)
@torch.inference_mode()
def test_a_prediction_does_not_see_what_follows(build, cell):
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
@pytest.mark.parametrize("both", [False, True])
@torch.inference_mode()
def test_a_text_is_classified_alike_alone_and_in_a_padded_batch(build, cell, layers, both):
    model = build("classify", cell, num_layers=layers, bidirectional=both)
    tokens, lengths = sources()
    together = model.classify(tokens, lengths)
    outputs, last = model.encoder(tokens, lengths)
    for i, length in enumerate(lengths):
        text = tokens[i : i + 1, :length], lengths[i : i + 1]
        assert_close(model.classify(*text)[0], together[i])
        alone, alone_last = model.encoder(*text)
        assert_close(alone[0], outputs[i, :length])
        assert_close(alone_last[0], last[i])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", DEPTHS)
@pytest.mark.parametrize("both", [False, True])
@torch.inference_mode()
def test_a_text_is_translated_alike_alone_and_in_a_padded_batch(build, cell, layers, both):
    model = build("translate", cell, num_layers=layers, bidirectional=both)
    tokens, lengths = sources()
    target = torch.randint(0, 9, (4, 6))
    together = translate(model, tokens, lengths, target)
    for i, length in enumerate(lengths):
        row = slice(i, i + 1)
        assert_close(
            translate(model, tokens[row, :length], lengths[row], target[row])[0], together[i]
        )


@torch.inference_mode()
def test_only_the_features_that_are_asked_for_are_returned(build):
    model = build("translate", "lstm", num_layers=2)
    source, lengths = sources()
    target = torch.randint(0, 9, (4, 6))
    where = torch.rand(4, 6) < 0.5
    whole = model.features(source, lengths, target)
    assert_close(model.features(source, lengths, target, where), whole[where])


@torch.inference_mode()
def test_an_encoder_of_both_directions_knows_the_whole_text_at_each_end(build):
    for both in (False, True):
        model = build("classify", "gru", bidirectional=both)
        tokens, lengths = torch.randint(0, 10, (1, 6)), torch.tensor([6])
        changed = tokens.clone()
        changed[0, 5] += 1
        first, other = (model.encoder(t, lengths)[0][0, 0] for t in (tokens, changed))
        assert bool((first - other).abs().max() > 1e-6) == both


@given(st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_reversing_stays_within_each_length_and_undoes_itself(lengths):
    x = torch.randn(len(lengths), 7, 2)
    backwards = reverse(x, torch.tensor(lengths))
    for row, other, length in zip(x, backwards, lengths, strict=True):
        assert torch.equal(other[:length], row[:length].flip(0))
        assert torch.equal(other[length:], row[length:])
    assert torch.equal(reverse(backwards, torch.tensor(lengths)), x)


def test_attention_looks_at_the_source_and_never_at_padding():
    values = torch.randn(3, 5, 4)
    lengths = torch.tensor([5, 2, 1])
    mask = token_mask(values, lengths)
    _, weights = Attention(6, 4)(torch.randn(3, 7, 6), Memory(values, mask))
    assert_close(weights.sum(2), torch.ones(3, 7))
    assert (weights.masked_select(~mask.unsqueeze(1)) == 0).all()
    assert (weights.masked_select(mask.unsqueeze(1)) > 0).all()


# Dropout


def test_locked_dropout_drops_the_same_units_at_all_steps():
    x = torch.ones(8, 20, 50)
    dropped = locked_dropout(x, 0.4, training=True)
    assert torch.equal(dropped, dropped[:, :1].expand_as(x))
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.6).item()}
    assert not torch.equal(dropped[0], dropped[1])  # each text its own
    assert 0.3 < (dropped[:, 0] == 0).float().mean() < 0.5


def test_locked_dropout_leaves_inference_alone():
    x = torch.randn(2, 3, 4)
    assert torch.equal(locked_dropout(x, 0.9, training=False), x)
    assert torch.equal(locked_dropout(x, 0.0, training=True), x)


@pytest.mark.parametrize("task", ["classify", "generate"])
@pytest.mark.parametrize("kind", ["dropout", "embedding_dropout"])
def test_dropout_acts_in_training_only(build, task, kind):
    model = build(task, "lstm", **{kind: 0.5})
    tokens, lengths = sources()

    def run():
        if task == "classify":
            return model.classify(tokens, lengths)
        return predict(model.decoder, tokens, [None])[0]

    assert torch.equal(run(), run())
    model.train()
    assert not torch.equal(run(), run())


# The start


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_recurrent_weights_start_orthogonal(cell):
    layer = Recurrent(cell, 8, 16)
    for gate in layer.weight_hh.detach().split(16):
        assert_close(gate @ gate.T, torch.eye(16))


def test_forget_gates_start_open():
    layer = Recurrent("lstm", 8, 16)
    bias = (layer.bias_ih + layer.bias_hh).detach().view(4, 16)  # input, forget, cell, output
    assert bias.tolist() == [[0.0] * 16, [1.0] * 16, [0.0] * 16, [0.0] * 16]


def test_embeddings_have_unit_variance():
    embedding = Embedding(500, 64)
    assert abs(embedding(torch.arange(500).unsqueeze(0)).std().item() - 1) < 0.05
    assert abs(embedding.weight.std().item() - 1 / 8) < 0.01


def test_an_untrained_model_predicts_almost_evenly(small_config):
    config = small_config("generate", "lstm", vocab_size=60, embedding_dim=32, hidden_size=32)
    model = EncoderDecoder(config)
    tokens = torch.randint(4, 60, (16, 32))
    logits, _ = predict(model.decoder, tokens, [None])
    loss, count = cross_entropy(logits, tokens.roll(-1, 1))
    assert abs(loss.item() / count - math.log(60)) < 0.5


def test_an_lstm_feels_its_first_step_long_after_a_plain_rnn_has_forgotten_it():
    def share_of_the_first_step(cell):
        layer = Recurrent(cell, 32, 32)
        x = torch.randn(8, 100, 32, requires_grad=True)
        layer(x)[0][:, -1].sum().backward()
        norms = x.grad.norm(dim=2).mean(0)  # of each step
        return (norms[0] / norms[-1]).item()

    plain = share_of_the_first_step("rnn")
    assert share_of_the_first_step("lstm") > 1e6 * plain
    assert share_of_the_first_step("gru") > 1e6 * plain


# The parallel scan of minGRU


def step_by_step(layer, x, h):
    """Solve Feng et al. 2024, section 3.1, in float64, one step after the other."""
    weight, bias = layer.weight_ih.double(), layer.bias_ih.double()
    outputs = []
    for step in x.double().unbind(1):
        gate, value = (step @ weight.T + bias).chunk(2, dim=1)
        z = gate.sigmoid()
        h = (1 - z) * h + z * torch.where(value >= 0, value + 0.5, value.sigmoid())
        outputs.append(h)
    return torch.stack(outputs, 1).float()


@pytest.mark.parametrize("steps", [1, 2, 127, 128, 129, 1_000])
@pytest.mark.parametrize("scale", [0.1, 1.0, 8.0])
@torch.no_grad()
def test_the_parallel_scan_equals_the_recurrence(steps, scale):
    layer = Recurrent("mingru", 4, 8)
    x = scale * torch.randn(2, steps, 4)
    out, (last,) = layer(x)
    expected = step_by_step(layer, x, torch.zeros(2, 8))
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(last, out[:, -1])


@torch.no_grad()
def test_the_parallel_scan_goes_on_from_a_state():
    layer = Recurrent("mingru", 4, 8)
    x, h = torch.randn(2, 300, 4), 3 * torch.rand(2, 8) + 1e-4
    out, _ = layer(x, (h,))
    torch.testing.assert_close(out, step_by_step(layer, x, h), rtol=1e-4, atol=1e-5)


def test_the_parallel_scan_has_the_gradient_of_the_recurrence():
    layer = Recurrent("mingru", 4, 8)
    x = torch.randn(2, 300, 4)
    weights = torch.randn(2, 300, 8)
    gradients = []
    for out in (layer(x)[0], step_by_step(layer, x, torch.zeros(2, 8))):
        layer.zero_grad()
        (out * weights).sum().backward()
        gradients.append(layer.weight_ih.grad.clone())
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-3)


# Ties


def test_a_language_model_has_one_tensor_for_input_and_output(build):
    decoder = build("generate", "lstm").decoder
    assert decoder.output.weight is decoder.embedding.weight


def test_a_translator_keeps_its_vocabularies_apart(build):
    model = build("translate", "lstm")
    assert model.encoder.embedding.weight.shape == (11, 5)
    assert model.decoder.embedding.weight.shape == (9, 5)
    assert model.decoder.output.weight is model.decoder.embedding.weight


def test_untied_output_weights_are_their_own(build):
    decoder = build("generate", "lstm", tie_embeddings=False).decoder
    assert decoder.output.weight.shape == (11, 6)
    assert decoder.embedding.weight.shape == (11, 5)
