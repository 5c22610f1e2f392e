"""Look inside a model from Python: typed arrays, which a notebook shows as pictures."""

from dataclasses import dataclass, fields
from html import escape
from pathlib import Path
from typing import Any, overload

from rnncli.cli.views.model_parts import model_figures
from rnncli.cli.views.page import page
from rnncli.cli.views.text_figures import page_figures
from rnncli.tasks.inspection import (
    Model,
    ModelInspection,
    TextInspection,
    inspect_model,
    inspect_text,
    load_model,
)

HEIGHT = 640  # pixels of the frame in a notebook


@dataclass(frozen=True)
class DrawnModel(ModelInspection):
    """What a model is made of; a notebook draws it."""

    def _repr_html_(self) -> str:
        return _frame(page(self.model, list(model_figures(self))))


@dataclass(frozen=True)
class DrawnText(TextInspection):
    """What happened in a model as it read a text; a notebook draws it."""

    def _repr_html_(self) -> str:
        return _frame(page(self.model, list(page_figures(self)), self))


@overload
def inspect(model: "Model | str | Path", text: None = None) -> DrawnModel: ...
@overload
def inspect(model: "Model | str | Path", text: str, *, control: str | None = None) -> DrawnText: ...
def inspect(
    model: "Model | str | Path", text: str | None = None, *, control: str | None = None
) -> DrawnModel | DrawnText:
    """Look inside a model, or the directory of one: its parts or, with a text, how it reads it.

    ::

        reading = rnncli.inspect("models/classify", "not good at all")
        reading.arrays["encoder.layers.0.0.h"].values.shape  # ("token", "unit")

    Raises:
        ModelError: there is no such model, or it is damaged.
        DataError: the text cannot be read as a whole.
        ConfigError: the model has no such control code, or needs one.

    """
    model = load_model(model) if isinstance(model, str | Path) else model
    if text is None:
        return DrawnModel(**_fields(inspect_model(model)))
    return DrawnText(**_fields(inspect_text(model, text, control)))


def _fields(inspection: ModelInspection | TextInspection) -> dict[str, Any]:
    return {field.name: getattr(inspection, field.name) for field in fields(inspection)}


def _frame(document: str) -> str:
    """Return a page in a frame of its own, which can reach nothing around it."""
    return (
        f'<iframe sandbox="allow-scripts" width="100%" height="{HEIGHT}" '
        f'style="border: 0" srcdoc="{escape(document)}"></iframe>'
    )
