"""``rnncli generate``: what is drawn, how often and from where, and what is told of it."""

import json
from typing import Any

import pytest
from models import generator
from shell import Result, call
from test_terminal import on_a_terminal

from rnncli.cli.console import shown

SEED = ("--seed", 1, "--length", 30)


def generate(*options: object, code: int = 0) -> Result:
    result = call("generate", "-m", generator(), *options)
    assert result.code == code, result.err
    return result


def objects(*options: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in generate(*options, "--json").lines]


# Temperatures


def test_each_temperature_gets_the_samples_that_it_gets_alone() -> None:
    alone = [generate("The", "-n", 2, "--temperature", t, *SEED).out for t in ("0", "0.5", "1.5")]
    assert generate("The", "-n", 2, "--temperature", "0,0.5,1.5", *SEED).out == b"".join(alone)
    assert len(set(alone)) == 3


def test_objects_say_the_temperature_where_there_are_several() -> None:
    found = objects("The", "-n", 2, "--temperature", "0.5, 1.5", *SEED)
    assert [one["temperature"] for one in found] == [0.5, 0.5, 1.5, 1.5]
    assert "temperature" not in objects("The", "--temperature", "0.5", *SEED)[0]


@pytest.mark.parametrize("n", [1, 2])
def test_on_a_terminal_a_line_before_each_sample_says_the_temperature(n: int) -> None:
    words = ("generate", "-m", generator(), "The", "-n", n, "--temperature", "0,1.50", *SEED)
    seen = on_a_terminal(*words).decode()
    assert seen.count("temperature 0\x1b") == n
    assert seen.count("temperature 1.5\x1b") == n
    for line in set(generate(*words[3:]).lines):
        assert shown(line) in seen
    assert "temperature" not in on_a_terminal(*words, "-q").decode()


@pytest.mark.parametrize("value", ["warm", "0.5,", "0.5,-1", "0.5 0.8"])
def test_a_list_that_holds_no_temperature_is_refused(value: str) -> None:
    said = generate("The", "--temperature", value, code=2).err
    assert said.startswith("error: --temperature is ")
    assert "hint: give " in said
