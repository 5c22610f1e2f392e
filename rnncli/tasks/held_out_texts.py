"""Texts that a model was not trained on, to look inside it with."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rnncli.config import BUNDLED_CORPORA, Task
from rnncli.data.recordings import AUDIO
from rnncli.errors import DataError
from rnncli.messages import Announce
from rnncli.storage.bundled import PREFIX
from rnncli.tasks.evaluation_data import read_held_out, require_harmless, training_data_of
from rnncli.tasks.generate.control_codes import training_texts
from rnncli.tasks.generate.predict import TextGenerator

if TYPE_CHECKING:
    from datasets import Dataset

    from rnncli.tasks.inspection import Model

PIECE = 400  # characters of a running text, at least, that are read from an empty state
MAX_LENGTH = 2_000  # characters of a text that are read
NAME_FILE = "name a file of texts: --data FILE"


def held_out_texts(
    model: "Model", data: str | None, max_characters: int, announce: Announce
) -> list[str]:
    """Return the texts of a file or, without one, of the held-out part of the training data.

    Those of a generator are pieces of a running text, which begin with a line; those of a
    translator are in the language that it reads; those of a transcriber are names of recordings,
    that of a forecaster is the name of a table. Not more than ``max_characters`` are read.

    Raises:
        DataError: the texts cannot be read, or there is nothing in them.

    """
    if model.task == "forecast":
        return [_training_file(model) if data is None else data]
    if data is None:
        texts = _read_held_out(model, announce)
    else:
        texts = _read_file(data, "transcribe" if model.task == "transcribe" else "generate")
    if isinstance(model, TextGenerator):
        texts = _pieces(texts)
    read, characters = [], 0
    for text in texts:
        if text.strip():
            read.append(text[:MAX_LENGTH])
            characters += len(read[-1])
        if characters >= max_characters:
            break
    if not read:
        raise DataError("there are no texts to read", NAME_FILE)
    return read


def _read_file(name: str, task: Task) -> Iterator[str]:
    from rnncli.data.corpus import read_corpus

    corpus = read_corpus([name], task=task, for_training=False)
    return _inputs(next(iter(corpus.splits.values())))


def _read_held_out(model: "Model", announce: Announce) -> Iterator[str]:
    training_data = training_data_of(model.path)
    try:
        require_harmless(model.path, training_data)
        rows = read_held_out(model.task, training_data, None, announce).rows
    except DataError as error:
        if model.name.startswith(PREFIX):
            name = BUNDLED_CORPORA[model.task]
            known = f"the bundled {name}, which the model may have learned from"
            announce(f"texts: {known}; else {NAME_FILE}")
            return _read_file(name, model.task)
        raise DataError(
            f"the texts that the model held out cannot be read: {error.message}", NAME_FILE
        ) from None
    return _inputs(rows)


def _training_file(model: "Model") -> str:
    training_data = training_data_of(model.path)
    require_harmless(model.path, training_data)
    return training_data.arguments[0]


def _inputs(rows: "Dataset") -> Iterator[str]:
    from rnncli.data.values import column_values

    for name in ("source", AUDIO):
        if name in rows.column_names:
            return column_values(rows, name)
    return training_texts(rows)


def _pieces(texts: Iterable[str]) -> Iterator[str]:
    """Join texts to pieces of at least ``PIECE`` characters."""
    piece = ""
    for text in texts:
        piece += text
        if len(piece) >= PIECE:
            yield piece
            piece = ""
    yield piece
