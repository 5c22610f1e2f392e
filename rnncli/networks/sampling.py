"""Drawing tokens from the distribution of a language model.

A step function takes the last tokens (R,) and a state, and returns the logits (R, V) of the next
ones and the state after them: ``CausalLM.step`` of `model_numpy.py`. The logits are the
caller's to change.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rnncli.config import USUAL_LENGTH, SamplingConfig
from rnncli.networks.model_numpy import DecoderState
from rnncli.networks.numerics import Floats, Ints, softmax
from rnncli.text.special_tokens import EOS

MAX_REST = 250  # tokens beyond the usual length, in which a sentence ends; else a sample is cut
StepFunction = Callable[[Ints, DecoderState], tuple[Floats, DecoderState]]


def random_seeds(seed: int | None, prompts: int, n: int) -> list[np.random.SeedSequence]:
    """Return a seed for each of n samples of each prompt.

    With a seed, a sample depends neither on how many others are drawn nor on other prompts: the
    j-th sample of every prompt draws the same numbers.
    """
    if seed is None:
        return np.random.SeedSequence().spawn(prompts * n)
    return np.random.SeedSequence(seed).spawn(n) * prompts


def sample(
    step: StepFunction,
    logits: Floats,
    state: DecoderState,
    config: SamplingConfig,
    generators: Sequence[np.random.Generator],
) -> Iterator[Ints]:
    """Yield tokens (R,), drawn one step at a time, until `max_length` of them.

    ``logits`` (R, V) score the first token.
    """
    seen = np.zeros(logits.shape, bool)
    logits = logits.copy()  # the caller's; those of a step are nobody's
    length = max_length(config)
    for count in range(length):
        tokens = draw(logits, seen, config, generators)
        yield tokens
        if count + 1 < length:
            logits, state = step(tokens, state)


def max_length(config: SamplingConfig) -> int:
    """Return the largest number of tokens of a sample."""
    return USUAL_LENGTH + MAX_REST if config.length is None else config.length


def draw(
    logits: Floats,
    seen: NDArray[np.bool_],
    config: SamplingConfig,
    generators: Sequence[np.random.Generator],
) -> Ints:
    """Draw a token for each row of logits (R, V), and mark it in ``seen`` (R, V).

    Each row has a generator of its own. Temperature 0 is greedy decoding: it takes the likeliest
    token and draws nothing.
    """
    logits[:, :EOS] = -np.inf  # padding, unknown, beginning: nothing that could be printed
    if config.repetition_penalty != 1:
        penalised = _penalise(logits, config.repetition_penalty)
        logits = np.where(seen, penalised, logits)
    tokens: Ints
    if config.temperature == 0:
        tokens = logits.argmax(-1)
    else:
        cumulative = filter_probabilities(logits, config).cumsum(-1)
        draws = np.array([generator.random() for generator in generators]) * cumulative[:, -1]
        tokens = np.minimum((cumulative <= draws[:, None]).sum(-1), logits.shape[-1] - 1)
    seen[np.arange(len(tokens)), tokens] = True
    return tokens


def filter_probabilities(logits: Floats, config: SamplingConfig) -> NDArray[np.float64]:
    """Return the probabilities (R, V) from which to draw, given logits (R, V).

    Temperature, which is above 0, comes first; then top-k (Fan et al. 2018), top-p (Holtzman et al.
    2020) and min-p (Nguyen et al. 2024) each cut the tail of what the one before left.
    """
    # The largest becomes 0 first: divided by a tiny temperature, it would overflow.
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(-1, keepdims=True)
    with np.errstate(over="ignore"):  # to -inf, which is a probability of 0
        shifted /= config.temperature
    probabilities = softmax(shifted)
    if config.top_k is not None and config.top_k < logits.shape[-1]:
        order = np.argsort(-probabilities, axis=-1, kind="stable")  # k of them, whatever the ties
        np.put_along_axis(probabilities, order[:, config.top_k :], 0, -1)
        probabilities = _renormalise(probabilities)
    if config.top_p is not None and config.top_p < 1:
        order = np.argsort(-probabilities, axis=-1, kind="stable")
        ranked = np.take_along_axis(probabilities, order, -1)
        before = ranked.cumsum(-1) - ranked  # the likeliest token always stays
        ranked[before >= config.top_p] = 0
        np.put_along_axis(probabilities, order, ranked, -1)
        probabilities = _renormalise(probabilities)
    if config.min_p is not None:
        threshold = config.min_p * probabilities.max(-1, keepdims=True)
        probabilities = _renormalise(np.where(probabilities >= threshold, probabilities, 0))
    return probabilities


def _penalise(logits: Floats, penalty: float) -> Floats:
    """Return logits that are lower by a repetition penalty (Keskar et al. 2019, section 4.1)."""
    return np.where(logits > 0, logits / penalty, logits * penalty)


def _renormalise(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = probabilities / probabilities.sum(-1, keepdims=True)
    return result
