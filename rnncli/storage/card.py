"""What a model says of itself: config.json, the model card and the record of its scores."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rnncli.config import FORMAT_VERSION, ModelConfig, Settings
from rnncli.storage.layout import MEMORY
from rnncli.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from datasets import Dataset

    from rnncli.data.corpus import Corpus
    from rnncli.storage.writing import Snapshot


def describe(
    corpus: "Corpus",
    data: list[str],
    settings: Settings,
    parts: Mapping[str, "Dataset"],
    *,
    command: str,
    config: ModelConfig,
    parameters: int,
    tokenizer: Tokenizer,
    labels: Sequence[str],
) -> dict[str, Any]:
    """Return what config.json says of the model, but for its scores."""
    import platform

    import torch

    from rnncli import __version__
    from rnncli.analysis.drift import profile
    from rnncli.data.checks import sample

    info: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "rnncli_version": __version__,
        "task": corpus.task,
        "level": settings.level,
        "model": asdict(config),
        "parameters": parameters,
        "settings": asdict(settings),
        "data": {
            "name": corpus.name,
            "arguments": data,
            "columns": corpus.columns,
            "languages": corpus.languages,
            "licence": corpus.licence,
            "fingerprint": corpus.fingerprint,
            "rows": {name: len(part) for name, part in parts.items()},
        },
        "training": {
            "command": command,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "finished": False,
        },
        "scores": {},
    }
    if corpus.controls is not None:
        info["data"]["controls"] = asdict(corpus.controls)
    if labels:
        info["labels"] = list(labels)
        train, validation = sample(parts["train"]), sample(parts["validation"])
        info["data"] |= profile(train, validation, tokenizer)
    return info


_KEEPS_PAIRS = """## Memory

It keeps the pairs that it learned from, and whoever has it can read them.

"""


def card(snapshot: "Snapshot") -> str:
    """Write the model card."""
    info = snapshot.info
    data, model, training = info["data"], info["model"], info["training"]
    controls = data.get("controls", {}).get("counts")
    what = {
        "classify": f"labels texts as {', '.join(info.get('labels', ())[:20])}",
        "generate": "writes text like the one it was trained on"
        + (f", in the manner of {', '.join(list(controls)[:20])}" if controls else ""),
        "translate": "translates sentences"
        + (" from {} to {}".format(*data["languages"]) if data["languages"] else ""),
    }[info["task"]]
    scores = "\n".join(f"| {name} | {value:.4f} |" for name, value in info["scores"].items())
    return f"""# A model to {info["task"]} with

A recurrent network ({model["cell"]}, {model["num_layers"]} x {model["hidden_size"]} units, \
{info["parameters"]:,} parameters, {info["level"]} level) that {what}.

    {training["command"]}

## Data

{data["name"]} ({data["rows"]["train"]:,} rows to train on, {data["rows"]["validation"]:,} held \
out), licence: {data["licence"] or "not stated"}, sha256 {data["fingerprint"][:16]}.

## Scores on the held-out part

| score | value |
| --- | --- |
{scores}

The held-out part also chose the best moment of training, so that these scores are a little
optimistic. Score the model on texts of your own: `rnncli evaluate DIR DATA`.

{_KEEPS_PAIRS if MEMORY in snapshot.task_files else ""}## Limits

It knows what was in its data and nothing else: other subjects, styles and languages lower its
scores, and whatever is one-sided in the data is one-sided in its answers.

Made by rnncli {info["rnncli_version"]}, torch {training["torch"]}, seed \
{info["settings"]["seed"]}, after {training["steps"]:,} steps.
"""


def format_scores(scores: dict[str, float]) -> str:
    """Return scores as a person reads them, shares in percent."""
    parts = []
    for name, value in scores.items():
        if name in ("accuracy", "macro_f1"):
            parts.append(f"{name.replace('_', ' ')} {100 * value:.1f} %")
        else:
            parts.append(f"{name.replace('_', ' ')} {value:.3f}")
    return ", ".join(parts)
