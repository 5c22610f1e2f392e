"""Parsing and formatting of config.json, and of the model card."""

import json
from dataclasses import replace
from typing import Any

import pytest

from rnncli.networks.architecture import Architecture, Stack, Tokens
from rnncli.networks.heads import Classes
from rnncli.storage.card import format_card
from rnncli.storage.description import (
    DataDescription,
    ModelDescription,
    TextProfile,
    TrainingRecord,
    parse,
)
from rnncli.storage.layout import NGRAMS

FULL = ModelDescription(
    task="classify",
    level="word",
    architecture=Architecture(Tokens(30, 8), Stack("gru", 2, 8, True), None, Classes(2)),
    labels=("bad", "gut"),
    tuned={"network": 0.5, "ngrams": 0.25},
    scores={"loss": 0.125},
    task_files=(NGRAMS,),
    task_values={"controls": None},
    settings={"seed": 3, "epochs": None},
    data=DataDescription(
        name="reviews.csv",
        arguments=("reviews.csv",),
        columns={"text": "review"},
        fingerprint="0123456789abcdef" * 4,
        validation=0.1,
        seed=3,
        languages=("de", "en"),
        licence="MIT",
        rows={"train": 90, "validation": 10},
        unlabelled=("texts.txt",),
    ),
    profile=TextProfile({"LATIN": 1.0}, 0.5),
    training=TrainingRecord("rnncli train reviews.csv", "3.11.7", "2.6.0", True, 40, 1.5, 2.5),
    rnncli_version="0.1.0",
)


def as_json(description: ModelDescription) -> Any:
    return json.loads(json.dumps(description.to_json()))


def test_a_description_is_parsed_as_it_was_formatted() -> None:
    assert parse(as_json(FULL)) == FULL


def test_optional_parts_may_be_missing() -> None:
    minimal = ModelDescription("classify", "word", FULL.architecture, labels=("bad", "good"))
    values = as_json(minimal)
    for name in ("data", "profile", "training", "scores", "settings", "rnncli_version"):
        del values[name]
    assert parse(values) == minimal


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("data", {"name": "reviews.csv"}),
        ("data", as_json(FULL)["data"] | {"validation": 1.0}),
        ("data", as_json(FULL)["data"] | {"arguments": [1]}),
        ("data", as_json(FULL)["data"] | {"languages": ["de"]}),
        ("training", {"command": 1}),
        ("training", [FULL.training]),
        ("profile", "LATIN"),
    ],
    ids=str,
)
def test_a_damaged_optional_part_becomes_none(part: str, value: object) -> None:
    assert parse(as_json(FULL) | {part: value}) == replace(FULL, **{part: None})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task", "summarise"),
        ("level", None),
        ("architecture", {}),
        ("labels", ["bad"]),
        ("labels", ["bad", "bad"]),
        ("tuned", {"network": -1.0}),
        ("tuned", {"network": True}),
        ("tuned", {"network": float("nan")}),
        ("task_files", ["../weights.safetensors"]),
        ("task_values", []),
    ],
    ids=str,
)
def test_a_damaged_required_part_is_an_error(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(as_json(FULL) | {name: value})


def test_the_card_describes_model_data_scores_and_training() -> None:
    card = format_card(FULL, "labels texts as bad, gut")
    for part in (
        "A recurrent network (gru, 2 x 8 units",
        "that labels texts as bad, gut.",
        "    rnncli train reviews.csv\n",
        "reviews.csv (90 rows to train on, 10 held out), licence: MIT, sha256 0123456789abcdef.",
        "| loss | 0.1250 |",
        "torch 2.6.0, seed 3, after 40 steps",
    ):
        assert part in card
    assert "torch" not in format_card(replace(FULL, training=None, data=None), "labels texts")
