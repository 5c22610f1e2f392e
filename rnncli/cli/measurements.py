"""What ``rnncli inspect`` measures on texts that a model was not trained on."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from rnncli.analysis.units import parse_edit
from rnncli.cli.console import Messenger
from rnncli.cli.hints import retyped
from rnncli.cli.measurement_request import MeasurementRequest
from rnncli.cli.stages import StageLine
from rnncli.cli.views.figure import Figure
from rnncli.cli.views.lag import lag_figures
from rnncli.cli.views.unit_search import clamping_figures, effect_figure, unit_search_figures
from rnncli.config import CELLS, require_choice
from rnncli.errors import ConfigError
from rnncli.messages import stage
from rnncli.tasks.clamping import clamped_answers, effect_on
from rnncli.tasks.held_out_texts import held_out_texts
from rnncli.tasks.inspection import Model, load_model, require_text_model
from rnncli.tasks.lag import inspect_lag
from rnncli.tasks.translate.predict import Translator
from rnncli.tasks.unit_search import MAX_CHARACTERS, property_of, search_units


def measure(
    model: Model,
    text: str | None,
    control: str | None,
    request: MeasurementRequest,
    messenger: Messenger,
) -> tuple[dict[str, Any], list[Figure]]:
    """Measure what is asked for; return the results for JSON, and their figures."""
    measurements = _Measurements(model, request.data, messenger)
    if request.find is not None:
        measurements.find(request.find, with_examples=request.match)
    if request.edit:
        measurements.edit(request.edit, text, control)
    if request.lag:
        measurements.lag(request.against, request.cells)
    return measurements.content, measurements.figures


class _Measurements:
    """Measure, and collect the figures and their content for JSON."""

    def __init__(self, model: Model, data: str | None, messenger: Messenger) -> None:
        self._model, self._data, self._messenger = model, data, messenger
        self.figures: list[Figure] = []
        self.content: dict[str, Any] = {}

    def find(self, name: str, *, with_examples: bool) -> None:
        """Find the units that know a property."""
        values_of = property_of(name)  # before the texts are read
        model, texts = require_text_model(self._model, "--find"), self._texts
        with StageLine(self._messenger), stage("looking at the units"):
            search = search_units(model, name, values_of, texts)
        self.content["find"] = search.to_dict()
        self.figures += unit_search_figures(search, with_examples=with_examples)

    def edit(self, edits: Sequence[str], text: str | None, control: str | None) -> None:
        """Clamp units, and show the answers to a text, or the effect on all held-out texts.

        Raises:
            ConfigError: there is no such unit, no such control code, or no measure of the effect.

        """
        model = require_text_model(self._model, "--edit")
        parsed = [parse_edit(edit, model.network.layers) for edit in edits]
        if text is not None:
            answers = clamped_answers(model, parsed, text, control)
            self.content["edit"] = answers.to_dict()
            self.figures += clamping_figures(answers)
            return
        if isinstance(model, Translator):
            raise ConfigError(
                "the effect on a translator is seen on one text",
                f"give it behind the model: {retyped('a text')}",
            )
        texts = self._texts
        with StageLine(self._messenger), stage("clamping units"):
            effect = effect_on(model, texts)(parsed)
        assert effect is not None
        names = [f"{edit.unit}={edit.value:g}" for edit in parsed]
        self.content["edit"] = {"edits": names, "texts": len(texts), **asdict(effect)}
        self.figures.append(effect_figure(names, effect, len(texts)))

    def lag(self, against: Sequence[Path], cells: Sequence[str]) -> None:
        """Measure how far back the model remembers, beside other models and untrained cells.

        Raises:
            ConfigError: there is no such cell, or another model reads something else.

        """
        names = [cell for cell in CELLS if cell in cells]
        for cell in cells:
            require_choice("--cell", cell, CELLS)
        others = [load_model(path) for path in against]
        of_files = ("transcribe", "forecast")
        if len({each.task * (each.task in of_files) for each in (self._model, *others)}) > 1:
            raise ConfigError(
                "--against compares models that all read texts, or all sound, or all series",
                "leave --against out",
            )
        texts = self._texts
        with StageLine(self._messenger), stage("looking back"):
            result = inspect_lag(self._model, others, names, texts)
        self.content["lag"] = result.to_dict()
        self.figures += lag_figures(result)

    @cached_property
    def _texts(self) -> list[str]:
        messenger = self._messenger
        with StageLine(messenger):
            return held_out_texts(self._model, self._data, MAX_CHARACTERS, messenger.announce)
