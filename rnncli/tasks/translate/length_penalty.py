"""Tune the length penalty of a trained translator on held-out pairs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rnncli.config import SearchConfig
from rnncli.tasks.translate.predict import Translation, Translator, clean
from rnncli.text.unicode import script_of

PENALTIES = (0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8)
MIN_PAIRS, MAX_PAIRS = 100, 1_000  # with fewer, lengths vary by chance; more change nothing
BLEU_TOLERANCE = 0.1  # smaller differences do not count


@dataclass(frozen=True)
class TunedLengthPenalty:
    """The length penalty with the highest BLEU, and that BLEU."""

    length_penalty: float
    bleu: float


def tune_length_penalty(
    translator: Translator, sources: Sequence[str], references: Sequence[str]
) -> TunedLengthPenalty | None:
    """Return the length penalty with which translations have the highest BLEU.

    Of several that are equally good, it is the middle one: at either end, sentences that are unlike
    the references may come out too short or too long. The pairs must be held out from training;
    with fewer than ``MIN_PAIRS``, the result is None. One search serves all penalties, which
    only rank the hypotheses that have ended.
    """
    if len(sources) < MIN_PAIRS:
        return None
    from sacrebleu.metrics.bleu import BLEU

    beam = SearchConfig().beam
    nbest = translator.nbest(sources, SearchConfig(beam, length_penalty=0.0, nbest=beam))
    references = [clean(reference) for reference in references]
    # Forced: whether texts are tokenized is the choice of whoever made the data.
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
