"""Evaluate a translator: BLEU, chrF and exact match, beside a baseline and a second model."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Any

from rnncli.analysis.comparison import mcnemar, verdict
from rnncli.analysis.string_metrics import (
    BLEU_ORDER,
    StringScores,
    are_short,
    exact_matches,
    string_scores,
)
from rnncli.analysis.translation_metrics import (
    Difference,
    Faults,
    Measurement,
    compare,
    faults,
    measure,
    require_tokenizer,
)
from rnncli.data.numbering import number_texts, recur
from rnncli.data.values import column_values
from rnncli.messages import Announce, plural
from rnncli.tasks.evaluation import BATCH_SIZE, Cell, Mistakes, ScoringSettings
from rnncli.tasks.evaluation_data import EvaluationData, announce_unfairness
from rnncli.tasks.translate.predict import Translator
from rnncli.text.batching import batched
from rnncli.text.sentences import clean
from rnncli.text.unicode import has_kana

FAULTS = tuple(field.name for field in fields(Faults))
STRINGS = ("exact_match", "character_accuracy")
LANGUAGE_SAMPLE = 20  # references, by which Japanese is recognised
# Pairs that are scored so badly may be the other way round, which a sample of them tells.
EXCHANGED_CHRF, EXCHANGED_SAMPLE = 30.0, 60
MIN_GAIN = 10.0  # of chrF with their sides exchanged


@dataclass(frozen=True)
class Translations:
    """The translations of a system, and their scores."""

    outputs: Sequence[str]
    metrics: dict[str, Measurement]
    faults: Faults
    strings: StringScores | None  # where the references recur, or are too short for BLEU

    def to_dict(self) -> dict[str, Any]:
        """Return all scores by their names."""
        scores = {name: metric.to_dict() for name, metric in self.metrics.items()}
        strings = {} if self.strings is None else asdict(self.strings)
        return strings | scores | asdict(self.faults)


@dataclass(frozen=True)
class Comparison:
    """The translations of a second model, and the significance of the differences to the first."""

    model: str
    translations: Translations
    differences: dict[str, Difference]  # of each metric, first - second
    verdict: str  # by BLEU, or by exact match where BLEU does not apply

    def to_dict(self) -> dict[str, Any]:
        """Return all scores by their names."""
        scores = self.translations.to_dict()
        for name, difference in self.differences.items():
            scores[name] |= asdict(difference)
        return {"model": self.model, **scores, "verdict": self.verdict}


@dataclass(frozen=True)
class TranslatorReport:
    """The scores of a translator, beside those of copying the source and of a second model."""

    sentences: int
    translations: Translations
    copied_source: Translations
    mistakes: Mistakes
    against: Comparison | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return all scores by their names."""
        scores = {
            "sentences": self.sentences,
            **self.translations.to_dict(),
            "baselines": {"copied_source": self.copied_source.to_dict()},
        }
        return scores if self.against is None else scores | {"against": self.against.to_dict()}


class TranslatorScorer:
    """Score a translator by BLEU and chrF, beside copying the source and a second model."""

    needs_training_data = False

    def __init__(self, path: Path, settings: ScoringSettings, announce: Announce) -> None:
        """Read the model, and the one to compare it with.

        Raises:
            ModelError: there is no such model.
            ConfigError: sacreBLEU has no such tokenizer, or it is not installed.

        """
        if settings.tokenize is not None:
            require_tokenizer(settings.tokenize)
        self._path, self._settings, self._announce = path, settings, announce
        self._model = self._load(path)
        self._second = None if settings.against is None else self._load(settings.against)
        data = self._model.description.data
        self._language = data.languages[1] if data is not None and data.languages else None
        self.names = self._names()

    def score(self, data: EvaluationData) -> TranslatorReport:
        """Score the model."""
        sources = [clean(text) for text in column_values(data.rows, "source")]
        references = [clean(text) for text in column_values(data.rows, "target")]
        tokenize = self._settings.tokenize or self._tokenizer_for(references)
        systems = [self._translate(self._model, sources), sources]
        if self._settings.against is not None and self._second is not None:
            announce_unfairness(self._path, self._settings.against, data, self._announce)
            systems.append(self._translate(self._second, sources))
        is_short = are_short(references)
        is_exact = is_short or recur(number_texts(sources), number_texts(references))
        if is_short:
            self._announce(
                f"BLEU does not apply: most of the {plural(len(references), 'target')} have fewer "
                f"than {BLEU_ORDER} words; exact match and character accuracy do"
            )
        first, copied, *second = (
            Translations(
                outputs,
                metrics,
                faults(outputs, references, tokenize),
                string_scores(outputs, references) if is_exact else None,
            )
            for outputs, metrics in zip(
                systems, measure(systems, references, tokenize), strict=True
            )
        )
        self._announce_exchange(data, sources, references, first)
        return TranslatorReport(
            len(sources),
            first,
            copied,
            _mistakes(sources, references, first),
            self._compare(first, second[0], references) if second else None,
        )

    def _load(self, path: Path) -> Translator:
        return Translator.load(path, threads=self._settings.threads, announce=self._announce)

    def _translate(self, model: Translator, sources: Sequence[str]) -> list[str]:
        return [
            translation.text
            for texts in batched(sources, max_items=BATCH_SIZE)
            for translation in model(texts, self._settings.search)
        ]

    def _announce_exchange(
        self,
        data: EvaluationData,
        sources: Sequence[str],
        references: Sequence[str],
        scored: Translations,
    ) -> None:
        """Announce that pairs are the other way round, where the model translates them so."""
        chrf = scored.metrics["chrf"]
        if not data.columns or chrf.score > EXCHANGED_CHRF:
            return
        rows = slice(None, None, -(-len(sources) // EXCHANGED_SAMPLE))
        outputs = self._translate(self._model, references[rows])
        (metrics,) = measure([outputs], sources[rows], "none")
        scores = chrf.sentence_scores[rows].mean(), metrics["chrf"].sentence_scores.mean()
        if scores[1] >= scores[0] + MIN_GAIN:
            self._announce(
                f"the pairs are probably the other way round: of {len(outputs)}, chrF is "
                f"{scores[1]:.0f} from target to source, {scores[0]:.0f} from source to target; "
                f"exchange them: --source {quote(data.columns['target'])} "
                f"--target {quote(data.columns['source'])}"
            )

    def _compare(
        self, first: Translations, second: Translations, references: Sequence[str]
    ) -> Comparison:
        differences = {
            name: compare(metric, second.metrics[name]) for name, metric in first.metrics.items()
        }
        model = str(self._settings.against)
        if first.strings is None:
            bleu = differences["bleu"]
            difference, unit, p_value = bleu.difference, "BLEU", bleu.p_value
        else:
            right, second_right = (
                exact_matches(system.outputs, references) for system in (first, second)
            )
            only_first = int((right & ~second_right).sum())
            only_second = int((second_right & ~right).sum())
            difference = 100 * (only_first - only_second) / len(references)
            unit, p_value = "points of exact match", mcnemar(only_first, only_second)
        sentence = verdict(str(self._path), model, difference, unit, p_value)
        return Comparison(model, second, differences, sentence)

    def _names(self) -> list[str]:
        metrics = ["bleu", "bleu_lower", "chrf"]
        may_be_japanese = self._settings.tokenize is None and self._language in (None, "ja")
        if self._settings.tokenize == "ja-mecab" or may_be_japanese:
            metrics.insert(2, "bleu_char")
        names = [*metrics, *STRINGS, *FAULTS, "sentences"]
        if self._second is not None:
            for name in metrics:
                against = f"against.{name}"
                names += [against, f"{against}.difference", f"{against}.p_value"]
            names += [f"against.{name}" for name in FAULTS]
        return names

    def _tokenizer_for(self, references: Sequence[str]) -> str:
        """Return sacreBLEU's tokenizer for the target language."""
        if self._language == "zh":
            return "zh"
        if self._language == "ja" or any(map(has_kana, islice(references, LANGUAGE_SAMPLE))):
            return "ja-mecab" if find_spec("MeCab") and find_spec("ipadic") else "char"
        return "13a"


def _mistakes(
    sources: Sequence[str], references: Sequence[str], translations: Translations
) -> Mistakes:
    """Return the sentences whose translation is not the reference, the worst chrF first."""
    outputs = translations.outputs
    wrong = [i for i, (a, b) in enumerate(zip(outputs, references, strict=True)) if a != b]

    def rows() -> Iterator[tuple[Cell, ...]]:
        scores = translations.metrics["chrf"].sentence_scores.tolist()
        for i in sorted(wrong, key=scores.__getitem__):
            yield sources[i], references[i], outputs[i], scores[i]

    return Mistakes(("source", "reference", "output", "chrf"), len(wrong), rows)
