"""How close a translator comes to the translations of people."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rnncli import metrics
from rnncli.cli import options
from rnncli.cli.scoring.base import ScoredRows, Scores, batches
from rnncli.config import SearchConfig
from rnncli.tasks.base import column_values
from rnncli.tasks.translate import Translator, clean

if TYPE_CHECKING:
    from datasets import Dataset
    from rich.console import Console


class TranslatorScorer:
    """Score a translator by BLEU and chrF."""

    names = ("BLEU", "BLEU lower-cased", "chrF2", "sentences")

    def __init__(self, path: Path, beam: int, tokenize: str | None) -> None:
        """Read the model; without ``tokenize`` the language says which of sacreBLEU's it is.

        Raises:
            ModelError: there is no such model.
            ConfigError: there is no such beam.

        """
        self._config = SearchConfig(beam=beam)
        self._model = Translator.load(path, threads=options.threads_for(None))
        self._tokenize = tokenize

    def score(self, data: ScoredRows) -> Scores:
        """Score the model on some rows."""
        outputs: list[str] = []
        for texts in batches(column_values(data.rows, "source")):
            outputs += [translation.text for translation in self._model(texts, self._config)]
        references = [clean(text) for text in column_values(data.rows, "target")]
        tokenize = self._tokenize or self._tokenizer_for(data.rows)
        found = metrics.translation_scores(outputs, references, tokenize)
        return {
            "sentences": len(outputs),
            **{own.name: {"score": own.score, "signature": own.signature} for own in found},
        }

    def report(self, scores: Scores, console: "Console") -> None:
        """Print scores for a person."""
        for name in ("BLEU", "BLEU lower-cased", "chrF2"):
            console.print(f"{name:17} {scores[name]['score']:6.2f}  {scores[name]['signature']}")
        console.print(f"{'sentences':17} {scores['sentences']:6,}")

    def _tokenizer_for(self, rows: "Dataset") -> str:
        """Return the tokenizer for the target's language: words where they can be told apart."""
        languages = self._model.info.get("data", {}).get("languages")
        language = languages[1] if languages else None
        if language == "zh":
            return "zh"
        first = islice(column_values(rows, "target"), 20)
        if language == "ja" or any(metrics.has_kana(text) for text in first):
            try:
                import MeCab  # noqa: F401
            except ImportError:
                return "char"
            return "ja-mecab"
        return "13a"
