"""Texts as a caller in Python passes them: a list, a Series, an array; all else is refused."""

import reprlib
from collections.abc import Iterable, Mapping

from rnncli.errors import InputError
from rnncli.text.unicode import compose


def as_texts(texts: Iterable[str]) -> list[str]:
    """Convert texts to a list: from a tuple, a generator, a pandas Series, an array.

    Raises:
        InputError: they are no collection of texts, or one without an order.

    """
    hint = "pass a list of texts: model([text])"
    if isinstance(texts, str | bytes):
        raise InputError("the texts are a single string", hint)
    if isinstance(texts, Mapping) or hasattr(texts, "columns") or hasattr(texts, "column_names"):
        raise InputError(
            f"the texts are a {type(texts).__name__} of columns", 'pass one: model(table["text"])'
        )
    if isinstance(texts, set | frozenset):
        raise InputError("the texts are a set, which has no order", hint)
    if not isinstance(texts, Iterable):
        raise InputError(f"the texts are {reprlib.repr(texts)}", hint)
    if hasattr(texts, "to_pylist"):  # of Arrow, whose items are no strings
        texts = texts.to_pylist()
    checked = []
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(
                f"text {number} is {reprlib.repr(text)}, not a string",
                "pass strings alone: decode bytes, and fill in missing values, as in "
                'table["text"].fillna("")',
            )
        checked.append(compose(str(text)))  # not a NumPy string
    return checked
