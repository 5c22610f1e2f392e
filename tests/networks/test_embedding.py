"""Embeddings, and dropout that is the same at all steps."""

import torch

from rnncli.networks.embedding_torch import Embedding, locked_dropout


def test_locked_dropout_drops_the_same_units_at_all_steps():
    x = torch.ones(8, 20, 50)
    dropped = locked_dropout(x, 0.4, training=True)
    assert torch.equal(dropped, dropped[:, :1].expand_as(x))
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.6).item()}
    assert not torch.equal(dropped[0], dropped[1])  # each text its own
    assert 0.3 < (dropped[:, 0] == 0).float().mean() < 0.5


def test_locked_dropout_is_off_at_inference():
    x = torch.randn(2, 3, 4)
    assert torch.equal(locked_dropout(x, 0.9, training=False), x)
    assert torch.equal(locked_dropout(x, 0.0, training=True), x)


def test_embeddings_have_unit_variance():
    embedding = Embedding(500, 64)
    assert abs(embedding(torch.arange(500).unsqueeze(0)).std().item() - 1) < 0.05
    assert abs(embedding.weight.std().item() - 1 / 8) < 0.01
