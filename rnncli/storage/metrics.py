"""The scores of a training at each evaluation, which metrics.jsonl keeps."""

import json
from typing import Any

from rnncli.errors import ModelError
from rnncli.storage.layout import Layout, require_regular_file

LOSSES = ("training_loss", "loss")


def read_metrics(layout: Layout) -> list[dict[str, float]]:
    """Read the numbers of each evaluation; none where the file is missing or damaged.

    A model may come from a stranger: what is no finite number is left out, and so is a line without
    step and losses.
    """
    try:
        text = require_regular_file(layout.current(layout.metrics)).read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.split("\n") if line.strip()]
    except (OSError, ValueError, RecursionError, ModelError):
        return []
    evaluations = [_numbers(line) for line in lines if isinstance(line, dict)]
    return [each for each in evaluations if each.keys() >= {"step", *LOSSES}]


def _numbers(line: dict[str, Any]) -> dict[str, float]:
    """Return the members of a line that are finite numbers."""
    numbers = {}
    for name, value in line.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30:
            numbers[name] = value
    return numbers
