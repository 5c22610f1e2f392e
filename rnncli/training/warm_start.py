"""Copy the weights of another model of the same task, of other tokens perhaps."""

from collections.abc import Sequence
from typing import Any

import torch

from rnncli.storage.reading import SavedModel
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import Prepared

# Parameters that have a row for each token of the source, for each of the target, for each label.
SOURCE_ROWS = ("encoder.embedding.weight",)
TARGET_ROWS = ("decoder.embedding.weight", "decoder.output.weight", "decoder.output.bias")
LABEL_ROWS = ("head.output.weight", "head.output.bias")


@torch.no_grad()
def copy_weights(model: SavedModel, prepared: Prepared[Any]) -> str:
    """Copy the weights of a model that fit, and return a sentence that says how many they were.

    A weight fits if the other network has one of the same name and shape. Rows that belong to
    tokens or labels go by these, so that vocabularies and labels may differ.
    """
    target_tokenizer = prepared.target_tokenizer or prepared.tokenizer
    row_sources = prepared.labels, prepared.tokenizer, target_tokenizer
    model_row_sources = model.description.labels, model.tokenizer, model.target_tokenizer
    copied, new = 0, []
    known, tokens = 0, 0  # rows of embeddings
    for name, parameter in prepared.trainable.model.named_parameters():
        if name not in model.weights:
            new.append(name)
            continue
        weight = torch.from_numpy(model.weights[name].copy()).to(parameter.device)
        # The last tokens of a vocabulary may have word vectors alone.
        row_names = _row_names(name, *row_sources)[: len(parameter)]
        model_row_names = _row_names(name, *model_row_sources)[: len(weight)]
        if not row_names:
            pairs = None
            fits = weight.shape == parameter.shape
        else:
            pairs = _matching_rows(row_names, model_row_names)
            fits = weight.shape[1:] == parameter.shape[1:] and bool(pairs)
        if not fits:
            new.append(name)
            continue
        if pairs is None:
            parameter.copy_(weight)
        else:
            rows, model_rows = map(list, zip(*pairs, strict=True))
            parameter[rows] = weight[model_rows]
            if name.endswith("embedding.weight"):
                known, tokens = known + len(pairs), tokens + len(row_names)
        copied += 1
    with_tokens = f", with {known:,} of {tokens:,} tokens" if tokens else ""
    rest = f"; new: {', '.join(new)}" if new else ""
    return f"copied {copied} of {copied + len(new)} weights{with_tokens}{rest}"


def _matching_rows(names: Sequence[str], model_names: Sequence[str]) -> list[tuple[int, int]]:
    """Return the rows of the same names here and in the model."""
    # Of names that are there twice, the first stands for the more frequent token.
    model_rows = {name: row for row, name in reversed([*enumerate(model_names)])}
    return [(row, model_rows[name]) for row, name in enumerate(names) if name in model_rows]


def _row_names(
    parameter: str,
    labels: Sequence[str],
    tokenizer: Tokenizer | None,
    target_tokenizer: Tokenizer | None,
) -> Sequence[str]:
    """Return the token or label of each row of a parameter; nothing where rows have no names."""
    if parameter.endswith(LABEL_ROWS):
        return labels
    if parameter.endswith(SOURCE_ROWS):
        return _tokens(tokenizer)
    return _tokens(target_tokenizer) if parameter in TARGET_ROWS else ()


def _tokens(tokenizer: Tokenizer | None) -> list[str]:
    if tokenizer is None:
        return []
    return [tokenizer.token(id) for id in range(tokenizer.vocab_size)]
