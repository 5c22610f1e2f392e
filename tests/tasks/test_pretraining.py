"""Pretraining of a classifier on texts without labels."""

import json

import pytest
import torch
from architectures import small_architecture
from models import SMALL, VERDICTS, reviews, story, write_lines
from shell import call

from rnncli.config import CELLS
from rnncli.networks.bidirectional_lm import BidirectionalLM
from rnncli.networks.model_torch import build as build_torch

every_cell = pytest.mark.parametrize("cell", CELLS)


@pytest.fixture
def build():
    """Build language models over the encoder of a small classifier."""
    torch.manual_seed(0)

    def models(cell):
        network = build_torch(small_architecture("classify", cell)).eval()
        return network, BidirectionalLM(network.encoder).eval()

    return models


@every_cell
@torch.inference_mode()
def test_each_direction_depends_on_its_earlier_tokens_alone(build, cell):
    _, models = build(cell)
    tokens = torch.randint(0, 10, (3, 2, 8))
    before, _ = models.features(tokens, [None, None])
    for direction in (0, 1):
        changed = tokens.clone()
        changed[:, direction, 5:] += 1
        after, _ = models.features(changed, [None, None])
        other = 1 - direction
        torch.testing.assert_close(after[:, other], before[:, other])
        torch.testing.assert_close(after[:, direction, :5], before[:, direction, :5])
        assert (after[:, direction, 5:] - before[:, direction, 5:]).abs().max() > 1e-4


@every_cell
@torch.inference_mode()
def test_reading_a_text_in_pieces_does_not_change_its_features(build, cell):
    _, models = build(cell)
    tokens = torch.randint(0, 11, (3, 2, 12))
    whole, last = models.features(tokens, [None, None])
    states, pieces = [None, None], []
    for piece in tokens.split(5, dim=2):
        x, states = models.features(piece, states)
        pieces.append(x)
    torch.testing.assert_close(torch.cat(pieces, 2), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(states, last, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_the_language_model_shares_the_weights_of_the_classifier(build):
    network, models = build("lstm")
    tokens, lengths = torch.randint(4, 11, (2, 6)), torch.tensor([6, 4])
    before = network.encoder(tokens, lengths)[0]
    for parameter in models.parameters():
        parameter.add_(0.1)
    after = network.encoder(tokens, lengths)[0]
    assert (before - after).abs().max() > 1e-3


def test_pretraining_learns_words_without_labels(tmp_path):
    """Words in the same contexts as labelled ones are classified like them."""
    things = [f"thing{i}" for i in range(12)]
    labelled_words = {"good": ["lovely", "warm"], "bad": ["dreadful", "cold"]}
    unlabelled_words = {"good": ["splendid"], "bad": ["beastly"]}
    rows = [
        f"the {thing} was {word},{label}"
        for thing in things
        for label, words in labelled_words.items()
        for word in words
    ]
    labelled = write_lines(tmp_path / "labelled.csv", "text,label", *rows)
    praise = {"good": "we came back and smiled", "bad": "we left at once and cried"}
    plain = [
        f"the {thing} was {word} {praise[label]}"
        for thing in things
        for label in labelled_words
        for word in labelled_words[label] + unlabelled_words[label]
    ]
    texts = write_lines(tmp_path / "plain.txt", *plain * 10)
    model = tmp_path / "model"
    options = ("--epochs", 30, "--hidden-size", 32, "--embedding-dim", 32, "--no-ngrams")
    result = call("train", labelled, "--unlabelled", texts, "-o", model, *options, "--dropout", 0)
    assert result.code == 0, result.err
    assert "perplexity" in result.err
    answers = call("classify", "-m", model, "the hat was splendid", "the hat was beastly").lines
    assert [line.split("\t")[0] for line in answers] == ["good", "bad"]
    description = json.loads((model / "config.json").read_text())
    assert description["data"]["unlabelled"] == [str(texts)]


def test_only_classifiers_are_pretrained(tmp_path):
    result = call("train", story(), "--unlabelled", story(), "-o", tmp_path / "m", *SMALL)
    assert (result.code, "--unlabelled is for the task classify" in result.err) == (2, True)
    assert not (tmp_path / "m").exists()


def test_the_labelled_file_can_also_be_the_unlabelled_one(tmp_path):
    model = tmp_path / "m"
    result = call("train", reviews(), "--unlabelled", reviews(), "-o", model, *SMALL, "--steps", 2)
    assert result.code == 0, result.err
    answer = call("classify", "-m", model, "--json", "the soup was lovely")
    assert json.loads(answer.out)["label"] in VERDICTS
