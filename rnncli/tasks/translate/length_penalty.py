"""Tuning of the length penalty of a trained translator on held-out pairs."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rnncli.config import SearchConfig
from rnncli.messages import stage
from rnncli.tasks.translate.predict import Translator
from rnncli.tasks.translate.translation import Translation
from rnncli.text.sentences import clean
from rnncli.text.unicode import script_of

PENALTIES = (0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8)
MIN_PAIRS, MAX_PAIRS = 100, 1_000  # fewer are too noisy; more do not change the result
CHUNK = 50  # pairs, after which the time is looked at
BLEU_TOLERANCE = 0.1  # smaller differences are ignored


@dataclass(frozen=True)
class TunedLengthPenalty:
    """The length penalty with the highest BLEU, that BLEU, and the translations with it.

    The scores of the translations are log-probabilities.
    """

    length_penalty: float
    bleu: float
    translations: list[Translation]  # of as many pairs as there was time for


@stage("tuning the length penalty on the held-out part")
def tune_length_penalty(
    translator: Translator,
    sources: Sequence[str],
    references: Sequence[str],
    seconds: float = math.inf,
) -> TunedLengthPenalty | None:
    """Find the length penalty with the highest BLEU on held-out pairs.

    Of several equally good ones it is the middle one, the most robust to other sentences. With
    fewer than ``MIN_PAIRS`` pairs, or no time to translate as many in about ``seconds``, the result
    is None. One search is enough for all penalties, which only rank its finished hypotheses.
    """
    if len(sources) < MIN_PAIRS:
        return None
    from sacrebleu.metrics.bleu import BLEU

    nbest = _search(translator, sources, seconds)
    if len(nbest) < MIN_PAIRS:
        return None
    references = [clean(reference) for reference in references[: len(nbest)]]
    # force: no warning about texts that are tokenized already.
    tokenize = "char" if script_of("".join(references)) == "CJK" else "13a"
    bleu = BLEU(tokenize=tokenize, force=True)

    def best(penalty: float) -> list[Translation]:
        def score(translation: Translation) -> float:
            # A blank text has length 0.
            return translation.score / math.pow(max(translation.length, 1), penalty)

        return [max(translations, key=score) for translations in nbest]

    def measure(penalty: float) -> float:
        outputs = [translation.text for translation in best(penalty)]
        corpus_bleu: float = bleu.corpus_score(outputs, [references]).score
        return corpus_bleu

    scores = {penalty: measure(penalty) for penalty in PENALTIES}
    max_bleu = max(scores.values())
    penalties = [penalty for penalty in PENALTIES if scores[penalty] >= max_bleu - BLEU_TOLERANCE]
    length_penalty = penalties[len(penalties) // 2]
    return TunedLengthPenalty(length_penalty, max_bleu, best(length_penalty))


def _search(
    translator: Translator, sources: Sequence[str], seconds: float
) -> list[list[Translation]]:
    """Return the hypotheses of as many sources as there is time for, the first ones.

    Where there is no time for ``MIN_PAIRS``, there are fewer.
    """
    beam, began = SearchConfig().beam, time.monotonic()
    config = SearchConfig(beam, length_penalty=0.0, nbest=beam)
    nbest: list[list[Translation]] = []
    for start in range(0, len(sources), CHUNK):
        nbest += translator.nbest(sources[start : start + CHUNK], config)
        elapsed = time.monotonic() - began
        needed = max(MIN_PAIRS, len(nbest) + CHUNK)  # to go on with
        if elapsed * needed / len(nbest) > seconds:
            break
    return nbest
