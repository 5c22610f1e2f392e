"""How long translations should be: the length penalty that suits a trained translator."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rnncli.config import SearchConfig
from rnncli.tasks.translate.predict import Translation, Translator, clean
from rnncli.text.unicode import script_of

PENALTIES = (0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8)
MIN_PAIRS, MAX_PAIRS = 100, 1_000  # fewer say little of lengths, more say the same
SAME_BLEU = 0.1  # what is closer than that is as good


@dataclass(frozen=True)
class TunedLengthPenalty:
    """The length penalty with which translations are best, and how good they are then."""

    length_penalty: float
    bleu: float


def tune_length_penalty(
    translator: Translator, sources: Sequence[str], references: Sequence[str]
) -> TunedLengthPenalty | None:
    """Return the length penalty with which translations have the highest BLEU.

    It is the middle one of those that are as good: at their ends, what is unlike the references may
    come out too short or too long. ``references`` are translations that the translator has not
    learned from; where there are too few, they say nothing. One search serves all penalties, since
    which hypotheses end does not depend on them, but only which of these is the best.
    """
    if len(sources) < MIN_PAIRS:
        return None
    from sacrebleu.metrics.bleu import BLEU

    beam = SearchConfig().beam
    found = translator.nbest(sources, SearchConfig(beam, length_penalty=0.0, nbest=beam))
    references = [clean(reference) for reference in references]
    # Forced: whether texts are tokenized is the choice of whoever made the data.
    tokenize = "char" if script_of("".join(references)) == "CJK" else "13a"
    bleu = BLEU(tokenize=tokenize, force=True)

    def measure(penalty: float) -> float:
        def score(one: Translation) -> float:
            return one.score / math.pow(max(one.length, 1), penalty)  # 0: of a blank text

        best = [max(own, key=score).text for own in found]
        quality: float = bleu.corpus_score(best, [references]).score
        return quality

    measured = {penalty: measure(penalty) for penalty in PENALTIES}
    best = max(measured.values())
    alike = [penalty for penalty in PENALTIES if measured[penalty] >= best - SAME_BLEU]
    return TunedLengthPenalty(alike[len(alike) // 2], best)
