"""Start a network from the weights of another, which may know other words or do another task."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from rnncli.storage.reading import SavedModel
from rnncli.text.special_tokens import SPECIAL_TOKENS
from rnncli.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from rnncli.tasks.predictor import Training

BY_TOKEN = ("encoder.embedding.weight",)  # what has a row for each word of the source
BY_TARGET = ("decoder.embedding.weight", "decoder.output.weight", "decoder.output.bias")
BY_LABEL = ("head.output.weight", "head.output.bias")


def settings_of(model: SavedModel) -> dict[str, Any]:
    """Return the settings with which the weights of a new network have the sizes of a model's."""
    config = model.config
    return {
        "level": model.tokenizer.level,
        "cell": config.cell,
        "embedding_dim": config.embedding_dim,
        "hidden_size": config.hidden_size,
        "num_layers": config.num_layers,
    }


def words_of(model: SavedModel) -> list[str]:
    """Return the words or characters that a model knows; none where they are pieces of words."""
    own = _tokens(model.tokenizer)[len(SPECIAL_TOKENS) :]
    match model.tokenizer.level:
        case "word":
            return own
        case "char":
            return [token for token in own if len(token) == 1]  # the others stand for bytes
        case "subword":
            return []


def copy_weights(model: SavedModel, task: "Training") -> str:
    """Copy what fits from a model, and return a sentence that says what it was.

    A weight fits where it has the same name and shape; rows that belong to tokens or labels go by
    these, so that vocabularies and labels may differ. A language model's decoder starts an encoder.
    """
    copied, new = [], []
    rows, all_rows = 0, 0
    for name, parameter in task.model.named_parameters():
        given_name = _counterpart(name, model)
        if given_name is None:
            new.append(name)
            continue
        given = torch.from_numpy(model.weights[given_name].copy())
        own_keys, given_keys = _keys(name, task), _keys_of_saved(given_name, model)
        if task.tokenizer.folds and not name.endswith(BY_LABEL):
            own_keys, given_keys = _folded(own_keys), _folded(given_keys)
        if own_keys and given_keys:
            # Of keys that are there twice, the more frequent token comes first.
            places = {key: row for row, key in reversed([*enumerate(given_keys)])}
            pairs = [(row, places[key]) for row, key in enumerate(own_keys) if key in places]
            if given.shape[1:] != parameter.shape[1:] or not pairs:
                new.append(name)
                continue
            own_rows, given_rows = map(list, zip(*pairs, strict=True))
            with torch.no_grad():
                parameter[own_rows] = given[given_rows].to(parameter.device)
            if name.endswith("embedding.weight"):
                rows, all_rows = rows + len(pairs), all_rows + len(own_keys)
        elif given.shape == parameter.shape:
            with torch.no_grad():
                parameter.copy_(given)
        else:
            new.append(name)
            continue
        copied.append(name)
    known = f", with {rows:,} of {all_rows:,} tokens" if all_rows else ""
    rest = f"; new: {', '.join(new)}" if new else ""
    return f"copied {len(copied)} of {len(copied) + len(new)} weights{known}{rest}"


def _counterpart(name: str, model: SavedModel) -> str | None:
    """Return the name of the weight in another model that does the same."""
    candidates = [name, name.replace("encoder.embedding", "decoder.embedding")]
    if model.config.task == "generate":
        candidates.append(re.sub(r"^encoder\.layers\.(\d+)\.0\.", r"decoder.layers.\1.", name))
    return next((candidate for candidate in candidates if candidate in model.weights), None)


def _keys(name: str, task: "Training") -> Sequence[str]:
    if name.endswith(BY_LABEL):
        return task.labels
    if name.endswith(BY_TOKEN):
        return _tokens(task.tokenizer)
    return _tokens(task.target_tokenizer or task.tokenizer) if name in BY_TARGET else ()


def _keys_of_saved(name: str, model: SavedModel) -> Sequence[str]:
    if name.endswith(BY_LABEL):
        labels: Sequence[str] = model.info["labels"]
        return labels
    if name.endswith(BY_TOKEN):
        return _tokens(model.tokenizer)
    return _tokens(model.target_tokenizer) if name in BY_TARGET else ()


def _folded(tokens: Sequence[str]) -> list[str]:
    """Return tokens without case, and without the space that words have before them in writing."""
    return [token.lower().removeprefix(" ") or token for token in tokens]


def _tokens(tokenizer: Tokenizer) -> list[str]:
    return [tokenizer.token(id) for id in range(tokenizer.vocab_size)]
