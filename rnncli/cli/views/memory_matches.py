"""The pairs of a memory below a translation."""

from dataclasses import asdict

from rnncli.cli.output import Output
from rnncli.tasks.translate.memory_matches import memory_matches
from rnncli.tasks.translate.predict import Translator


def with_matches(output: Output, translator: Translator, text: str, translation: str) -> Output:
    """Return the answer to a text with the pairs that have phrases of its translation."""
    matches = memory_matches(translator, text, translation)
    line = output.line if isinstance(output.line, str) else translation  # n-best ones, or one
    lines = [line, *(f"  {m.phrase}: {m.source} = {m.target}" for m in matches)]
    return Output("\n".join(lines), {**output.fields, "memory": list(map(asdict, matches))})
