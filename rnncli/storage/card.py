"""The model card: task, training data, scores and limits of a model."""

from rnncli.messages import format_gain
from rnncli.networks.architecture import count_parameters
from rnncli.storage.description import ModelDescription


def format_card(description: ModelDescription, summary: str) -> str:
    """Format the model card; ``summary`` ends the sentence "A recurrent network that ..."."""
    architecture, settings = description.architecture, description.settings
    stack = architecture.decoder or architecture.encoder
    assert stack is not None
    lines = [
        f"# A model to {description.task} with",
        f"A recurrent network ({stack.cell}, {stack.num_layers} x {stack.hidden_size} units, "
        f"{count_parameters(architecture):,} parameters, "
        f"{description.level} level) that {summary}.",
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
    gain = None if training is None else training.doubling_gain
    scores = "\n".join(f"| {name} | {value:.4f} |" for name, value in description.scores.items())
    lines += [
        "## Scores on the held-out part",
        f"| score | value |\n| --- | --- |\n{scores}",
        "The held-out part also chose the best moment of training, so that these scores are a "
        "little\noptimistic. Score the model on texts of your own: `rnncli evaluate DIR DATA`.",
        *([] if gain is None else [f"Twice the labels would bring {format_gain(gain)}."]),
        "## Limits",
        "It knows what was in its data and nothing else: other subjects, styles and languages "
        "lower its\nscores, and whatever is one-sided in the data is one-sided in its answers.",
    ]
    if training is not None:
        lines.append(
            f"Made by rnncli {description.rnncli_version}, torch {training.torch}, seed "
            f"{settings.get('seed')}, after {training.steps or 0:,} steps."
        )
    return "\n\n".join(lines) + "\n"
