"""How well a generator foresees text."""

from pathlib import Path
from typing import TYPE_CHECKING

from rnncli import metrics
from rnncli.cli.scoring.base import ScoredRows, Scores
from rnncli.tasks.base import column_values
from rnncli.tasks.text_generator import TextGenerator

if TYPE_CHECKING:
    from rich.console import Console


class GeneratorScorer:
    """Score a generator by the loss."""

    names = (
        "bits_per_character",
        "nats_per_character",
        "nats_per_token",
        "perplexity_per_token",
        "perplexity_per_word",
        "characters",
        "tokens",
        "words",
    )

    def __init__(self, path: Path, window: int | None) -> None:
        """Read the model, whose state is emptied after ``window`` tokens, if that is a number.

        Raises:
            ModelError: there is no such model.

        """
        self._model = TextGenerator.load(path)
        self._window = window

    def score(self, data: ScoredRows) -> Scores:
        """Score the model on some rows."""
        nats, density = self._model.score(column_values(data.rows, "text"), self._window)
        characters = sum(len(text) for text in column_values(data.rows, "text"))
        # What stands between spaces, and each end of a line: so that levels can be compared.
        words = sum(
            len(text.split()) + text.count("\n") for text in column_values(data.rows, "text")
        )
        return {
            "characters": characters,
            "tokens": round(characters * density),
            "nats_per_token": nats,
            "nats_per_character": nats * density,
            "bits_per_character": metrics.bits(nats * density),
            "perplexity_per_token": metrics.perplexity(nats),
            "words": words,
            "perplexity_per_word": metrics.perplexity(nats * density * characters / max(words, 1)),
        }

    def report(self, scores: Scores, console: "Console") -> None:
        """Print scores for a person."""
        console.print(f"bits per character    {scores['bits_per_character']:10.4f}")
        console.print(f"nats per character    {scores['nats_per_character']:10.4f}")
        console.print(f"nats per token        {scores['nats_per_token']:10.4f}")
        console.print(f"perplexity per token  {scores['perplexity_per_token']:10.2f}")
        console.print(f"perplexity per word   {scores['perplexity_per_word']:10.2f}")
        console.print(f"characters            {scores['characters']:10,}")
        console.print(f"tokens                {scores['tokens']:10,}")
        console.print(f"words and line ends   {scores['words']:10,}")
