"""How close a translator comes to the translations of people."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.analysis.comparison import Comparison
from rnncli.analysis.translation_metrics import (
    Faults,
    Measurement,
    compare,
    faults,
    measure,
    require_tokenizer,
)
from rnncli.cli.console import Screen
from rnncli.cli.views.mistakes import require_place, write_mistakes
from rnncli.cli.views.translator_report import report_translator
from rnncli.config import SearchConfig
from rnncli.data.values import column_values
from rnncli.tasks.scoring import BATCH, ScoredRows, Scores
from rnncli.tasks.translate.predict import Translator, clean
from rnncli.text.batching import batched
from rnncli.text.threads import choose_threads
from rnncli.text.unicode import has_kana

if TYPE_CHECKING:
    from rich.console import Console

FAULTS = tuple(field.name for field in fields(Faults))
COMPARED = ("", ".difference", ".p_value")  # of each metric, where there is a second model
LOOKED_AT = 20  # references that tell whether they are Japanese


@dataclass(frozen=True)
class Translations:
    """What a system made of some sentences, and what the metrics say of it."""

    outputs: Sequence[str]
    measured: dict[str, Measurement]
    faults: Faults

    def scores(self) -> Scores:
        """Return how good they are, how sure that is, and what is wrong with them."""
        told: Scores = {
            name: {"score": own.score, "interval": own.interval, "signature": own.signature}
            for name, own in self.measured.items()
        }
        return told | asdict(self.faults)


class TranslatorScorer:
    """Score a translator by BLEU and chrF, beside its own input and a second translator."""

    def __init__(
        self,
        path: Path,
        config: SearchConfig,
        tokenize: str | None,
        against: Path | None,
        errors: Path | None,
        screen: Screen,
    ) -> None:
        """Read the model, and the one to compare it with; ``errors`` is where mistakes go.

        Without ``tokenize`` the language says which of sacreBLEU's tokenizers it is.

        Raises:
            ModelError: there is no such model.
            ConfigError: there is no such tokenizer.
            DataError: there is no folder for the mistakes.

        """
        require_place(errors)
        if tokenize is not None:
            require_tokenizer(tokenize)
        self._tokenize, self._errors, self._screen = tokenize, errors, screen
        self._config = config
        self._model = self._load(path)
        self._against = against
        if against is not None:
            self._second, self._comparison = self._load(against), Comparison(path, against)
        languages = self._model.info.get("data", {}).get("languages")
        self._language: str | None = languages[1] if languages else None
        self.names = self._names()

    def score(self, data: ScoredRows) -> Scores:
        """Score the model on some rows."""
        sources = [clean(text) for text in column_values(data.rows, "source")]
        references = [clean(text) for text in column_values(data.rows, "target")]
        tokenize = self._tokenize or self._tokenizer_for(references)
        systems = [self._translate(self._model, sources), sources]
        if self._against is not None:
            self._comparison.say_if_unfair(data, self._screen)
            systems.append(self._translate(self._second, sources))
        own, copied, *others = (
            Translations(outputs, measured, faults(outputs, references, tokenize))
            for outputs, measured in zip(
                systems, measure(systems, references, tokenize), strict=True
            )
        )
        scores: Scores = {
            "sentences": len(sources),
            **own.scores(),
            "baselines": {"copied_source": copied.scores()},
        }
        if others:
            scores["against"] = self._compare(own, others[0])
        if self._errors is not None:
            self._write_mistakes(self._errors, sources, references, own)
        return scores

    def report(self, scores: Scores, console: "Console") -> None:
        """Print scores for a person."""
        report_translator(scores, console)

    def _load(self, path: Path) -> Translator:
        return Translator.load(path, threads=choose_threads(None), announce=self._screen.say)

    def _translate(self, model: Translator, sources: Sequence[str]) -> list[str]:
        return [
            translation.text
            for texts in batched(sources, max_items=BATCH)
            for translation in model(texts, self._config)
        ]

    def _compare(self, own: Translations, second: Translations) -> Scores:
        """Say which translations are better; the verdict is that of BLEU."""
        found: Scores = {"model": str(self._against), **second.scores()}
        for name, measured in own.measured.items():
            found[name] |= asdict(compare(measured, second.measured[name]))
        bleu = found["bleu"]
        verdict = self._comparison.verdict(bleu["difference"], "BLEU", bleu["p_value"])
        return found | {"verdict": verdict}

    def _write_mistakes(
        self, path: Path, sources: Sequence[str], references: Sequence[str], own: Translations
    ) -> None:
        """Write the sentences whose translation is not the reference, the worst first."""
        scores = own.measured["chrf"].sentence_scores.tolist()
        order = sorted(range(len(scores)), key=scores.__getitem__)
        wrong = [i for i in order if own.outputs[i] != references[i]]
        columns = ("source", "reference", "output", "chrf")
        rows = ((sources[i], references[i], own.outputs[i], scores[i]) for i in wrong)
        write_mistakes(path, columns, rows, self._screen)

    def _names(self) -> list[str]:
        """Return the names of the scores that can be required."""
        scores = ["bleu", "bleu_lower", "chrf"]
        may_be_japanese = self._tokenize is None and self._language in (None, "ja")
        if self._tokenize == "ja-mecab" or may_be_japanese:
            scores.insert(2, "bleu_char")
        names = [*scores, *FAULTS, "sentences"]
        if self._against is not None:
            names += [f"against.{name}{what}" for name in scores for what in COMPARED]
            names += [f"against.{name}" for name in FAULTS]
        return names

    def _tokenizer_for(self, references: Sequence[str]) -> str:
        """Return the tokenizer for the target's language: words where they can be told apart."""
        if self._language == "zh":
            return "zh"
        if self._language == "ja" or any(map(has_kana, references[:LOOKED_AT])):
            return "ja-mecab" if find_spec("MeCab") and find_spec("ipadic") else "char"
        return "13a"
