from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.config import DEFAULTS, TASKS, SamplingConfig, SearchConfig
from rnncli.errors import ConfigError
from rnncli.messages import format_duration, parse_duration


def refused(make, *args, **kwargs):
    """Return the error with which settings are refused; it must say what to do."""
    with pytest.raises(ConfigError) as raised:
        make(*args, **kwargs)
    assert raised.value.hint
    return raised.value


# Durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("2m", 120),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1h30m15s", 5415),
        ("1h15s", 3615),
        ("2m30", 150),
        ("0.5m", 30),
        ("1.5h", 5400),
        (" 2M ", 120),
        ("100m", 6000),
        ("5min", 300),
        ("10 minutes", 600),
        ("1h 30m", 5400),
        ("1 hour 20 sec", 3620),
    ],
)
def test_durations_are_read(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "0", "0s", "0h0m", "-5", "-1m", "ten", "5d", "m", "5mm", "30m1h", "1e3", "."]
)
def test_what_is_no_duration_is_refused_and_shown(text):
    assert repr(text) in refused(parse_duration, text).message


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.4, "0s"),
        (48, "48s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (125, "2m 05s"),
        (3599.7, "1h 00m"),
        (5400, "1h 30m"),
        (90_000, "25h 00m"),
    ],
)
def test_durations_are_written(seconds, text):
    assert format_duration(seconds) == text


@given(st.integers(1, 10**6))
def test_a_written_duration_reads_back_as_itself_up_to_its_precision(seconds):
    read = parse_duration(format_duration(seconds).replace(" ", ""))
    assert 0 <= seconds - read < (1 if seconds < 3600 else 60)


# Training settings


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("embedding_dim", 0),
        ("hidden_size", -1),
        ("hidden_size", 2.5),
        ("num_layers", 0),
        ("batch_size", 0),
        ("batch_size", True),
        ("bptt", 0),
        ("dropout", 1),
        ("dropout", -0.1),
        ("dropout", float("nan")),
        ("word_dropout", 1),
        ("label_smoothing", 1),
        ("learning_rate", 0),
        ("learning_rate", float("nan")),
        ("clip", 0),
        ("epochs", 0),
        ("steps", -3),
        ("max_time", 0),
        ("threads", 0),
        ("seed", -1),
        ("validation", 0),
        ("validation", 1),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_the_name_of_its_option(task, name, value):
    error = refused(DEFAULTS[task].with_overrides, {name: value})
    assert error.message.startswith("--" + name.replace("_", "-"))
    assert str(value) in error.message
    assert error.exit_code == 2


@pytest.mark.parametrize("task", TASKS)
def test_what_is_given_takes_the_place_of_the_default(task):
    settings = DEFAULTS[task].with_overrides({"hidden_size": 7, "clip": 0.5})
    assert settings == replace(DEFAULTS[task], hidden_size=7, clip=0.5)


@pytest.mark.parametrize("task", TASKS)
def test_defaults_end_by_the_clock(task):
    assert DEFAULTS[task].max_time == 600
    assert DEFAULTS[task].with_overrides({}) == DEFAULTS[task]


def test_a_run_of_given_steps_ends_by_nothing_else():
    settings = DEFAULTS["generate"].with_overrides({"steps": 10})
    assert (settings.steps, settings.epochs, settings.max_time) == (10, None, None)


def test_a_run_of_given_epochs_does_not_end_by_the_clock():
    settings = DEFAULTS["generate"].with_overrides({"epochs": 2.5})
    assert (settings.steps, settings.epochs, settings.max_time) == (None, 2.5, None)


def test_budgets_that_are_given_together_all_count():
    given_all = {"steps": 10, "epochs": 2, "max_time": 30.0}
    settings = DEFAULTS["generate"].with_overrides(given_all)
    assert (settings.steps, settings.epochs, settings.max_time) == (10, 2, 30.0)


def test_settings_cannot_be_changed_by_accident():
    with pytest.raises(FrozenInstanceError):
        DEFAULTS["generate"].clip = 3


# Sampling and searching


@pytest.mark.parametrize(
    ("option", "settings"),
    [
        ("--temperature", {"temperature": -0.1}),
        ("--temperature", {"temperature": float("nan")}),
        ("--temperature", {"temperature": float("inf")}),
        ("--top-k", {"top_k": 0}),
        ("--top-p", {"top_p": 0}),
        ("--top-p", {"top_p": 1.1}),
        ("--min-p", {"min_p": 0}),
        ("--min-p", {"min_p": -1}),
        ("--repetition-penalty", {"repetition_penalty": 0}),
        ("--repetition-penalty", {"repetition_penalty": float("inf")}),
        ("--length", {"length": 0}),
        ("--seed", {"seed": -1}),
    ],
)
def test_sampling_that_cannot_work_is_refused_by_the_name_of_its_option(option, settings):
    error = refused(SamplingConfig, **settings)
    assert error.message.startswith(f"{option} is {next(iter(settings.values()))}")


def test_the_ends_of_what_sampling_allows_are_allowed():
    config = SamplingConfig(temperature=0, top_k=1, top_p=1, min_p=1, length=1)
    assert (config.temperature, config.top_k, config.top_p, config.min_p) == (0, 1, 1, 1)


@pytest.mark.parametrize(
    ("option", "settings"),
    [("--beam", {"beam": 0}), ("--nbest", {"nbest": 0}), ("--nbest", {"nbest": 3, "beam": 2})],
)
def test_a_search_that_cannot_work_is_refused_by_the_name_of_its_option(option, settings):
    assert refused(SearchConfig, **settings).message.startswith(option)


def test_asking_for_more_than_the_beam_holds_says_which_beam_would():
    assert "--beam 8" in refused(SearchConfig, beam=5, nbest=8).hint


BEYOND = [
    (SearchConfig, "length_penalty", [1_000.0, -1_000.0, float("nan")]),
    (SearchConfig, "beam", [0, 10**6, 10**20]),
    (SearchConfig, "no_repeat_ngram", [0, 10**20]),
    (SamplingConfig, "repetition_penalty", [0.0, 1e300, 1e-300]),
    (SamplingConfig, "temperature", [-1.0, 1e300]),
    (SamplingConfig, "top_p", [0.0, 1e-320, 1.5]),
    (SamplingConfig, "length", [0, 10**20]),
]


@pytest.mark.parametrize(("config", "name", "values"), BEYOND, ids=lambda value: str(value)[:20])
def test_numbers_that_would_overflow_are_refused(config: Any, name: str, values: Any) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=f"--{name.replace('_', '-')} is"):
            config(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_time", 1e300),
        ("threads", 100_000),
        ("workers", 100_000),
        ("learning_rate", 1e-320),
        ("clip", 1e300),
        ("weight_decay", 1e300),
        ("epochs", 1e300),
    ],
)
def test_settings_that_would_overflow_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"--{name.replace('_', '-')} is"):
        DEFAULTS["classify"].with_overrides({name: value})


def test_a_duration_of_many_digits_is_none() -> None:
    with pytest.raises(ConfigError, match="not a duration"):
        parse_duration("9" * 320)
