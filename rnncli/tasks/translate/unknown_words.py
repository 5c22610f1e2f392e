"""Unknown words of a translation are copied from its source, by attention.

Each becomes the word of the source that got most attention when it was written (Luong et al. 2015,
"Addressing the rare word problem", section 3.3, with attention in place of alignments): of those
that the model does not know either, where there are any.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from rnncli.networks.beam_search import Hypothesis
from rnncli.networks.model_numpy import AttentionState, EncoderDecoder
from rnncli.networks.numerics import Floats
from rnncli.text.batching import pad
from rnncli.text.special_tokens import BOS, UNK
from rnncli.text.tokenizer import Tokenizer


def attention_to_sources(
    network: EncoderDecoder, state: AttentionState, hypotheses: Sequence[tuple[int, Hypothesis]]
) -> list[Floats]:
    """Return how much the source is attended to at each token of a hypothesis: weights (T, S).

    ``state`` is that of N sources as they were encoded; a hypothesis comes with the number of its
    source.
    """
    if not hypotheses:
        return []
    rows = np.array([row for row, _ in hypotheses])
    targets, _ = pad([[BOS, *hypothesis.tokens[:-1]] for _, hypothesis in hypotheses])
    return list(network.attend(targets, state.keep_sources(rows).take(rows)))


def decode_with_copies(
    hypothesis: Hypothesis, weights: Floats, source: str, tokenizers: tuple[Tokenizer, Tokenizer]
) -> str:
    """Return the text of a hypothesis, in which unknown words are those of the source.

    ``weights`` (T, S) say how much its tokens attended to those of the source.
    """
    source_tokenizer, target_tokenizer = tokenizers
    ids, ends = source_tokenizer.encode_with_ends(source)
    unknown = np.equal(ids, UNK)  # (S,)
    weights = weights[:, : len(ids)] * (unknown if unknown.any() else 1)
    words = [source[start:end].strip() for start, end in pairwise([0, *ends])]
    parts = [
        f" {words[place]}" if token == UNK else target_tokenizer.decode_token(token)
        for token, place in zip(hypothesis.tokens, weights.argmax(1).tolist(), strict=False)
    ]
    return "".join(parts)
