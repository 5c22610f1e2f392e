"""Tuning of the length penalty of a trained translator on held-out pairs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rnncli.config import SearchConfig
from rnncli.tasks.translate.predict import Translation, Translator, clean
from rnncli.text.unicode import script_of

PENALTIES = (0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8)
MIN_PAIRS, MAX_PAIRS = 100, 1_000  # fewer are too noisy; more do not change the result
BLEU_TOLERANCE = 0.1  # smaller differences are ignored


@dataclass(frozen=True)
class TunedLengthPenalty:
    """The length penalty with the highest BLEU, and that BLEU."""

    length_penalty: float
    bleu: float


def tune_length_penalty(
    translator: Translator, sources: Sequence[str], references: Sequence[str]
) -> TunedLengthPenalty | None:
    """Find the length penalty with the highest BLEU on held-out pairs.

    Of several equally good ones it is the middle one, the most robust to other sentences. With
    fewer than ``MIN_PAIRS`` pairs the result is None. One search is enough for all penalties, which
    only rank its finished hypotheses.
    """
    if len(sources) < MIN_PAIRS:
        return None
    from sacrebleu.metrics.bleu import BLEU

    beam = SearchConfig().beam
    nbest = translator.nbest(sources, SearchConfig(beam, length_penalty=0.0, nbest=beam))
    references = [clean(reference) for reference in references]
    # force: no warning about texts that are tokenized already.
    tokenize = "char" if script_of("".join(references)) == "CJK" else "13a"
    bleu = BLEU(tokenize=tokenize, force=True)

    def measure(penalty: float) -> float:
        def score(translation: Translation) -> float:
            # A blank text has length 0.
            return translation.score / math.pow(max(translation.length, 1), penalty)

        outputs = [max(translations, key=score).text for translations in nbest]
        corpus_bleu: float = bleu.corpus_score(outputs, [references]).score
        return corpus_bleu

    scores = {penalty: measure(penalty) for penalty in PENALTIES}
    max_bleu = max(scores.values())
    penalties = [penalty for penalty in PENALTIES if scores[penalty] >= max_bleu - BLEU_TOLERANCE]
    return TunedLengthPenalty(penalties[len(penalties) // 2], max_bleu)
