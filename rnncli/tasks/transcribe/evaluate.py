"""Evaluate a transcriber: word and character error rates, and exact matches."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rnncli.analysis.error_rates import ErrorRates, error_rates
from rnncli.analysis.string_metrics import exact_matches
from rnncli.data.recordings import AUDIO, TRANSCRIPT
from rnncli.data.values import column_values
from rnncli.messages import Announce
from rnncli.tasks.evaluation import Cell, Mistakes, ScoringSettings
from rnncli.tasks.evaluation_data import EvaluationData
from rnncli.tasks.transcribe.predict import Transcriber
from rnncli.text.batching import batched

BATCH_RECORDINGS = 64  # in a call of the model: bounds memory


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
    names: Sequence[str] = (
        "recordings",
        "word_error_rate",
        "character_error_rate",
        "exact_match",
    )

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
        outputs = [
            transcript.text
            for batch in batched(paths, max_items=BATCH_RECORDINGS)
            for transcript in self._model(batch)
        ]
        wrong = [i for i, is_right in enumerate(exact_matches(outputs, references)) if not is_right]

        def rows() -> Iterator[tuple[Cell, ...]]:
            for i in wrong:
                yield paths[i], references[i], outputs[i]

        columns = (AUDIO, TRANSCRIPT, "output")
        mistakes = Mistakes(columns, len(wrong), rows)
        return TranscriberReport(len(paths), error_rates(outputs, references), mistakes)
