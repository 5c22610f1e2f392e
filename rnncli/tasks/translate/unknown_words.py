"""Unknown words of a translation are copied from its source, by attention.

Each is replaced by the source word with the largest attention weight at its step (Luong et al.
2015, "Addressing the rare word problem", section 3.3, with attention in place of alignments), among
the unknown words of the source if there are any.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from rnncli.networks.beam_search import Hypothesis
from rnncli.networks.model_numpy import AttentionState, EncoderDecoder
from rnncli.networks.numerics import Floats
from rnncli.tasks.translate.source_tokens import source_tokens
from rnncli.text.batching import pad
from rnncli.text.special_tokens import BOS, UNK
from rnncli.text.tokenizer import Tokenizer

# Bytes of no character, which a network may write.
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")


def decode_all(
    hypotheses: Sequence[Sequence[Hypothesis]],
    sources: Sequence[str],
    tokenizers: tuple[Tokenizer, Tokenizer],
    attend: Callable[[Sequence[tuple[int, Hypothesis]]], Sequence[Floats]],
) -> list[list[str]]:
    """Decode the hypotheses of each source, with its unknown words copied.

    ``attend`` returns the attention weights (T, S) of hypotheses with the index of their source.
    """
    unknown = [
        (row, hypothesis)
        for row, best in enumerate(hypotheses)
        for hypothesis in best
        if UNK in hypothesis.tokens
    ]
    weights = iter(attend(unknown))
    return [
        [
            decode_with_copies(hypothesis, next(weights), source, tokenizers)
            if UNK in hypothesis.tokens
            else _NO_TEXT.sub("", tokenizers[1].decode(hypothesis.tokens))
            for hypothesis in best
        ]
        for source, best in zip(sources, hypotheses, strict=True)
    ]


def attention_to_sources(
    network: EncoderDecoder, state: AttentionState, hypotheses: Sequence[tuple[int, Hypothesis]]
) -> list[Floats]:
    """Return the attention weights (T, S) of each hypothesis.

    ``state`` is the initial one of N sources; a hypothesis comes with the index of its source.
    """
    if not hypotheses:
        return []
    rows = np.array([row for row, _ in hypotheses])
    targets, _ = pad([[BOS, *hypothesis.tokens[:-1]] for _, hypothesis in hypotheses])
    return list(network.attend(targets, state.keep_sources(rows).take(rows)))


def decode_with_copies(
    hypothesis: Hypothesis, weights: Floats, source: str, tokenizers: tuple[Tokenizer, Tokenizer]
) -> str:
    """Decode a hypothesis, with its unknown words copied from the source.

    ``weights`` (T, S) are its attention weights.
    """
    source_tokenizer, target_tokenizer = tokenizers
    tokens = source_tokens(source, source_tokenizer)
    is_unknown = np.equal(tokens.ids, UNK)  # (S,)
    weights = weights[:, : len(tokens.ids)] * (is_unknown if is_unknown.any() else 1)
    words = [source[start:end].strip() for start, end in pairwise([0, *tokens.ends])]
    parts = [
        f" {words[position]}" if token == UNK else target_tokenizer.decode_token(token)
        for token, position in zip(hypothesis.tokens, weights.argmax(1).tolist(), strict=False)
    ]
    return "".join(parts)
