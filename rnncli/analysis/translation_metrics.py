"""BLEU and chrF of translations by sacreBLEU, with intervals and a paired significance test."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.metrics import RESAMPLES, Interval, percentile_interval
from rnncli.errors import ConfigError
from rnncli.messages import stage

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

# The tokenizers of sacreBLEU without downloads.
TOKENIZERS = ("13a", "char", "intl", "ja-mecab", "ko-mecab", "none", "zh")
SEED = 12_345  # sacreBLEU's own, so that its --confidence draws the same sentences
BATCH_SENTENCES = 1_000  # bounds the memory of their n-grams
DECIMALS = 4  # of scores, such as 100.00000000000004
LOOP_NGRAM_SIZE, MAX_NGRAM_COUNT = 4, 2  # a more frequent n-gram of words is a loop


def require_tokenizer(name: str) -> None:
    """Check that sacreBLEU has a tokenizer.

    Raises:
        ConfigError: there is no such tokenizer, or it is not installed.

    """
    from sacrebleu.metrics.bleu import BLEU

    if name not in TOKENIZERS:
        raise ConfigError(
            f"there is no tokenizer {name!r}; there are {', '.join(TOKENIZERS)}",
            f"--tokenize {TOKENIZERS[0]}",
        )
    try:
        BLEU(tokenize=name)
    except RuntimeError:
        raise ConfigError(
            f"the tokenizer {name} is not installed", f"pip install 'sacrebleu[{name[:2]}]'"
        ) from None


class Measurement:
    """The score of a metric for a corpus, its sentences, and bootstrap resamples.

    A metric of sacreBLEU is computed from the sums of K statistics of N sentences, such as matches
    and lengths.
    """

    def __init__(self, metric: "Metric", counts: NDArray[np.float64]) -> None:
        """Take the statistics (N, K) of the sentences."""
        self._metric, self._counts = metric, counts
        self.signature = str(metric.get_signature())

    @property
    def score(self) -> float:
        """The score of the corpus."""
        return float(self._scores(self._counts.sum(0, keepdims=True))[0])

    @property
    def sentence_scores(self) -> NDArray[np.float64]:
        """The score of each sentence (N,)."""
        return self._scores(self._counts)

    @cached_property
    def resampled(self) -> NDArray[np.float64]:
        """The scores (R,) of bootstrap resamples, of the same sentences for every system."""
        total = len(self._counts)
        rng = np.random.default_rng(SEED)
        resamples = (
            np.bincount(rng.choice(total, total), minlength=total) for _ in range(RESAMPLES)
        )
        return self._scores(np.stack([weights @ self._counts for weights in resamples]))

    @property
    def interval(self) -> Interval:
        """The interval of the score by a bootstrap over sentences (Koehn 2004)."""
        return percentile_interval(self.resampled)

    def to_dict(self) -> dict[str, Any]:
        """Return the score, its interval and sacreBLEU's signature."""
        return {"score": self.score, "interval": self.interval, "signature": self.signature}

    def differing(self, other: "Measurement") -> int:
        """Count the sentences whose statistics differ from those of another system."""
        return int((self._counts != other._counts).any(1).sum())

    def _scores(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the score of each row of sums (M, K)."""
        scores = [self._metric._compute_score_from_stats(row).score for row in sums.tolist()]
        return np.array(scores).round(DECIMALS)


@dataclass(frozen=True)
class Difference:
    """The score of one translator minus that of another, and its significance."""

    difference: float
    difference_interval: Interval
    p_value: float  # of both being equally good


@stage("computing BLEU and chrF")
def measure(
    systems: Sequence[Sequence[str]], references: Sequence[str], tokenize: str
) -> list[dict[str, Measurement]]:
    """Measure BLEU, cased and lower-cased, and chrF2 of each system (Post 2018; Popovic 2015).

    With MeCab, also BLEU of characters, which does not depend on a segmentation.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    # force: no warning about texts that are tokenized already.
    metrics: dict[str, Metric] = {
        "bleu": BLEU(tokenize=tokenize, force=True),
        "bleu_lower": BLEU(tokenize=tokenize, force=True, lowercase=True),
    }
    if tokenize == "ja-mecab":
        metrics["bleu_char"] = BLEU(tokenize="char", force=True)
    metrics["chrf"] = CHRF()
    counts = {name: _count(metric, systems, references) for name, metric in metrics.items()}
    return [
        {name: Measurement(metric, counts[name][i]) for name, metric in metrics.items()}
        for i in range(len(systems))
    ]


def _count(
    metric: "Metric", systems: Sequence[Sequence[str]], references: Sequence[str]
) -> list[NDArray[np.float64]]:
    """Compute the statistics of a metric for each sentence (N, K) of each system.

    By the functions of sacreBLEU's significance tests. These tests themselves need gigabytes for
    50,000 sentences, and give no interval of a difference.
    """
    counts: list[list[list[int]]] = [[] for _ in systems]
    for start in range(0, len(references), BATCH_SENTENCES):
        part = slice(start, start + BATCH_SENTENCES)
        metric._ref_cache = metric._cache_references([references[part]])  # for all systems
        for system_counts, outputs in zip(counts, systems, strict=True):
            system_counts += metric._extract_corpus_statistics(outputs[part], None)
    return [np.array(system_counts, np.float64) for system_counts in counts]


def compare(first: Measurement, second: Measurement) -> Difference:
    """Compare translations of the same sentences by a paired bootstrap (Koehn 2004).

    The p value is twice the share of resamples in which the order of the systems is reversed. Few
    sentences have few different resamples: so it is at least that of a sign test in which all
    differing sentences agree.
    """
    differences = first.resampled - second.resampled  # (R,)
    reversed_order = min((differences <= 0).sum(), (differences >= 0).sum())
    sign_test = 2.0 ** (1 - first.differing(second))
    return Difference(
        round(first.score - second.score, DECIMALS),
        percentile_interval(differences),
        min(1.0, max(2 * (int(reversed_order) + 1) / (RESAMPLES + 1), sign_test)),
    )


@dataclass(frozen=True)
class Faults:
    """Faults of translations that are counted without a judgement of meaning."""

    empty_outputs: int
    looping_outputs: int  # with an n-gram of words that is repeated too often
    length_ratio: float  # of outputs to references, in words


def faults(outputs: Sequence[str], references: Sequence[str], tokenize: str) -> Faults:
    """Count faults; words are those of BLEU's tokenizer."""
    tokenizer = _tokenizer(tokenize)
    words = [tokenizer(text).split() for text in outputs]
    expected = sum(len(tokenizer(text).split()) for text in references)
    return Faults(
        empty_outputs=sum(not text.strip() for text in outputs),
        looping_outputs=sum(map(_loops, words)),
        length_ratio=sum(map(len, words)) / max(expected, 1),
    )


@cache  # the tokenizer itself caches texts, such as the references
def _tokenizer(name: str) -> Callable[[str], str]:
    from sacrebleu.metrics.bleu import BLEU

    tokenizer: Callable[[str], str] = BLEU(tokenize=name).tokenizer
    return tokenizer


def _loops(words: Sequence[str]) -> bool:
    rows = Counter(zip(*(words[i:] for i in range(LOOP_NGRAM_SIZE)), strict=False))
    return max(rows.values(), default=0) > MAX_NGRAM_COUNT
