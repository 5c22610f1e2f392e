"""Evaluate a transcriber: word and character error rates, and exact matches."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rnncli.analysis.error_rates import ErrorRates, error_rates
from rnncli.data.recordings import AUDIO, TRANSCRIPT
from rnncli.data.values import column_values
from rnncli.messages import Announce
from rnncli.tasks.evaluation import Mistakes, ScoringSettings
from rnncli.tasks.evaluation_data import EvaluationData
from rnncli.tasks.transcribe.predict import Transcriber


@dataclass(frozen=True)
class TranscriberReport:
    """The scores of a transcriber."""

    recordings: int
    rates: ErrorRates
    mistakes: Mistakes

    def to_dict(self) -> dict[str, Any]:
        """Return all scores by their names."""
        return {"recordings": self.recordings, **asdict(self.rates)}


class TranscriberScorer:
    """Score a transcriber by how much of its transcripts is wrong."""

    needs_training_data = False
    names: Sequence[str] = "recordings", "word_error_rate", "character_error_rate", "exact_match"

    def __init__(self, path: Path, settings: ScoringSettings, announce: Announce) -> None:
        """Read the model.

        Raises:
            ModelError: there is no such model.

        """
        self._model = Transcriber.load(path, threads=settings.threads, announce=announce)

    def score(self, data: EvaluationData) -> TranscriberReport:
        """Score the model on recordings.

        Raises:
            DataError: one cannot be read.

        """
        paths = list(column_values(data.rows, AUDIO))
        references = list(column_values(data.rows, TRANSCRIPT))
        outputs = [transcript.text for transcript in self._model(paths)]
        rows = zip(paths, references, outputs, strict=True)
        wrong = [row for row in rows if row[1] != row[2]]
        mistakes = Mistakes((AUDIO, TRANSCRIPT, "output"), len(wrong), lambda: iter(wrong))
        return TranscriberReport(len(paths), error_rates(outputs, references), mistakes)
