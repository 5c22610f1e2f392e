"""What a training starts from where no model is named: the sentiment model, or nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from shell import call

import rnncli
from rnncli.tasks.classify.sentiment_start import MIN_SHARE, explained_share

PRAISE = ("lovely", "superb", "a joy", "great value", "wonderfully quiet", "the best so far")
BLAME = ("awful", "a letdown", "useless", "far too loud", "broken again", "a waste of money")
THINGS = ("The kettle", "This lamp", "Our room", "The app", "My order")
KITCHEN = (
    "The oven is in the kitchen",
    "A spoon lies on the table",
    "Bread is baked at night",
    "The pan holds two litres",
    "Cups stand on the upper shelf",
    "Flour is weighed before the milk",
    "The fridge is beside the door",
    "Soup is served in bowls",
    "A towel hangs near the sink",
    "The kettle has a red lid",
    "Onions are kept in a basket",
    "Dinner is at half past seven",
)
ROADS = (
    "The road leads to the harbour",
    "A bus stops at the corner",
    "The bridge has two lanes",
    "Trams turn left at the station",
    "The tunnel is a mile long",
    "Lorries use the outer ring",
    "The signpost points to the north",
    "A cyclist crosses the square",
    "The ferry takes forty cars",
    "Parking is on the second floor",
    "The street was named after a painter",
    "Traffic lights change every minute",
)


def table(path: Path, classes: dict[str, list[str]]) -> str:
    rows = [f"{text},{label}" for label, texts in classes.items() for text in texts]
    path.write_text("\n".join(["text,team", *rows, ""]), "utf-8")
    return str(path)


def opinions(path: Path, yes: str = "fan", no: str = "critic") -> str:
    """Write labels whose names say nothing, sorted: what they mean is in the texts."""
    of = {
        label: [f"{t} is {w}" for t in THINGS for w in words]
        for label, words in ((yes, PRAISE), (no, BLAME))
    }
    return table(path, of)


def topics(path: Path) -> str:
    return table(path, {"home": [*KITCHEN], "town": [*ROADS]})


def planned(*arguments: str) -> dict[str, Any]:
    """Return what a training would do."""
    result = call("train", "--dry-run", "--json", *arguments)
    plan: dict[str, Any] = json.loads(result.out)
    return plan


def test_labels_that_follow_sentiment_start_from_the_sentiment_model(tmp_path: Path) -> None:
    notices: list[str] = []
    data = opinions(tmp_path / "opinions.csv")
    result = rnncli.train(data, output=tmp_path / "model", announce=notices.append)
    assert any(notice.startswith("start: bundled:sentiment") for notice in notices)
    answers = result.model(["What a marvellous film", "I regret buying it"])
    assert [answer.label for answer in answers] == ["fan", "critic"]  # no word of them was there
    description = json.loads((tmp_path / "model" / "config.json").read_text("utf-8"))
    assert description["data"]["init_from"].startswith("bundled:sentiment, licence: texts of")
    assert "started from bundled:sentiment" in (tmp_path / "model" / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    "settings",
    [{"init_from": "none"}, {"hidden_size": 8}, {"vectors": "none"}, {"level": "char"}],
    ids=lambda settings: next(iter(settings)),
)
def test_a_training_starts_from_nothing_where_that_or_a_size_is_asked_for(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    notices: list[str] = []
    options = {"steps": 1, "hidden_size": 8} if "init_from" in settings else {"steps": 1}
    data = opinions(tmp_path / "opinions.csv")
    rnncli.train(data, output=tmp_path / "model", announce=notices.append, **options, **settings)
    assert not any("bundled:sentiment" in notice for notice in notices)


@pytest.mark.parametrize("name", ["topics", "reviews"])
def test_other_labels_and_the_reviews_that_it_has_learned_start_from_nothing(
    tmp_path: Path, name: str
) -> None:
    data = topics(tmp_path / "topics.csv") if name == "topics" else "reviews"
    assert planned(data)["init_from"] is None


def test_a_dry_run_plans_what_the_training_does(tmp_path: Path) -> None:
    data = opinions(tmp_path / "opinions.csv", "1", "0")
    plan = planned(data)
    assert (plan["init_from"], plan["freeze"]) == ("bundled:sentiment", True)
    assert planned(data, "--init-from", "none")["init_from"] is None


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcd")), min_size=2))
def test_the_explained_share_does_not_depend_on_names_and_order(
    rows: list[tuple[int, str]],
) -> None:
    assume(len({label for _, label in rows}) > 1)
    answers, labels = np.array([answer for answer, _ in rows]), [label for _, label in rows]
    share = explained_share(answers, labels)
    assert share <= 1
    renamed = explained_share(2 - answers[::-1], [label * 2 for label in reversed(labels)])
    assert renamed == pytest.approx(share, abs=1e-5)


def test_labels_drawn_at_random_are_not_explained() -> None:
    rng = np.random.default_rng(0)
    shares = [
        explained_share(rng.integers(0, 3, number), rng.choice(list("abc"), number).tolist())
        for number in (20, 50, 200)
        for _ in range(20)
    ]
    assert np.mean(np.array(shares) < MIN_SHARE) >= 0.95
    same = rng.integers(0, 3, 200)
    assert explained_share(same, same.astype(str).tolist()) > 0.9
