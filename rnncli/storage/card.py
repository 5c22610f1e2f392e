"""The model card: task, training data, scores and limits of a model."""

from collections.abc import Mapping
from math import isclose

from rnncli.messages import format_gain, plural
from rnncli.networks.architecture import count_parameters
from rnncli.storage.description import ModelDescription

TOLERANCE = 0.01  # of a score; half precision of the weights changes the last digits

# Whether the scores can be relied upon.
OPTIMISTIC = (
    "The held-out part also chose the best moment of training, so that these scores are a little\n"
    "optimistic."
)
UNBIASED = "Nothing of it was trained on, nor did it choose the best moment of training."


def format_card(
    description: ModelDescription, summary: str, *, scored_on: str | None = None
) -> str:
    """Format the model card; ``summary`` ends the sentence "A recurrent network that ...".

    ``scored_on`` names the data of the scores, where that is not the held-out part.
    """
    architecture, settings = description.architecture, description.settings
    stack = architecture.decoder or architecture.encoder
    assert stack is not None
    weights = "" if description.quantization is None else f", weights in {description.quantization}"
    level = "" if description.level is None else f", {description.level} level"
    lines = [
        f"# A model to {description.task} with",
        f"A recurrent network ({stack.cell}, {stack.num_layers} x {stack.hidden_size} units, "
        f"{count_parameters(architecture):,} parameters{level}{weights}) that {summary}.",
    ]
    if (training := description.training) is not None:
        lines.append(f"    {training.command}")
    if (data := description.data) is not None:
        rows = data.rows
        lines += [
            "## Data",
            f"{data.name} ({rows.get('train', 0):,} rows to train on, "
            f"{rows.get('validation', 0):,} held out), licence: {data.licence or 'not stated'}, "
            f"sha256 {data.fingerprint[:16]}.",
        ]
        if data.vectors is not None:
            lines.append(f"Word vectors, frozen: {data.vectors}.")
        if data.init_from is not None:
            lines.append(f"The training started from {data.init_from}.")
    gain = None if training is None else training.doubling_gain
    scores = "\n".join(f"| {name} | {value:.4f} |" for name, value in description.scores.items())
    lines += [
        f"## Scores on {scored_on or 'the held-out part'}",
        f"| score | value |\n| --- | --- |\n{scores}",
        f"{OPTIMISTIC if scored_on is None else UNBIASED} Score the model on texts of your own: "
        "`rnncli evaluate DIR DATA`.",
        *([] if gain is None else [f"Twice the labels would bring {format_gain(gain)}."]),
        "## Limits",
        "It knows what was in its data and nothing else: other subjects, styles and languages "
        "lower its\nscores, and whatever is one-sided in the data is one-sided in its answers.",
    ]
    if training is not None:
        lines.append(
            f"Made by rnncli {description.rnncli_version}, torch {training.torch}, seed "
            f"{settings.get('seed')}, after {plural(training.steps or 0, 'step')}."
        )
    return "\n\n".join(lines) + "\n"


def format_agreement(stated: Mapping[str, float], measured: Mapping[str, float]) -> str | None:
    """Return a sentence that tells whether a model reaches the scores on its card.

    None where these are of other names.
    """
    names = [name for name in stated if name in measured]
    wrong = [n for n in names if not isclose(stated[n], measured[n], rel_tol=TOLERANCE)]
    if not names:
        return None
    shown = ", ".join(f"{name} {stated[name]:.4f}" for name in wrong or names)
    return f"the card of the model states {'other' if wrong else 'the same'} scores: {shown}"
