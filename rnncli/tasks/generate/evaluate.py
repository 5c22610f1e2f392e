"""How well a generator foresees text."""

from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.analysis import metrics
from rnncli.tasks.generate.control_codes import training_texts
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.tasks.scoring import ScoredRows, Scores

if TYPE_CHECKING:
    from rich.console import Console


# The scores of a text, and the digits behind the point.
FOR_A_PERSON = {
    "bits_per_character": 4,
    "nats_per_character": 4,
    "nats_per_token": 4,
    "perplexity_per_token": 2,
    "perplexity_per_word": 2,
}


class GeneratorScorer:
    """Score a generator by the loss."""

    names = (
        *FOR_A_PERSON,
        *(f"without_cache.{name}" for name in FOR_A_PERSON),
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
        found = self._model.score(training_texts(data.rows), self._window)
        characters = sum(len(text) for text in training_texts(data.rows))
        # What stands between spaces, and each end of a line: so that levels can be compared.
        words = sum(len(text.split()) + text.count("\n") for text in training_texts(data.rows))
        tokens = found.tokens_a_character * characters

        def scores(nats: float) -> Scores:
            return {
                "nats_per_token": nats,
                "nats_per_character": nats * tokens / characters,
                "bits_per_character": metrics.bits(nats * tokens / characters),
                "perplexity_per_token": metrics.perplexity(nats),
                "perplexity_per_word": metrics.perplexity(nats * tokens / max(words, 1)),
            }

        return {
            "characters": characters,
            "tokens": round(tokens),
            "words": words,
            **scores(found.nats),
            "without_cache": scores(found.nats_alone),
        }

    def report(self, scores: Scores, console: "Console") -> None:
        """Print scores for a person."""
        alone = scores["without_cache"]
        if scores["nats_per_token"] != alone["nats_per_token"]:
            console.print(f"{'':20}{'with cache':>12}{'without':>12}")
        for name, digits in FOR_A_PERSON.items():
            line = f"{name.replace('_', ' '):20}{scores[name]:12.{digits}f}"
            if scores[name] != alone[name]:
                line += f"{alone[name]:12.{digits}f}"
            console.print(line)
        console.print(f"{'characters':20}{scores['characters']:12,}")
        console.print(f"{'tokens':20}{scores['tokens']:12,}")
        console.print(f"{'words and line ends':20}{scores['words']:12,}")
