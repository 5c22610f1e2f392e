"""Alignment of the words of texts with those of their translations, by attention."""

from collections.abc import Callable, Iterable, Sequence

from rnncli.analysis.alignment import Alignment, Tokens, merge
from rnncli.networks.model_numpy import EncoderDecoder
from rnncli.networks.numerics import Floats
from rnncli.tasks.translate.source_tokens import source_tokens
from rnncli.text.batching import pad
from rnncli.text.special_tokens import BOS, EOS
from rnncli.text.tokenizer import Tokenizer

Attend = Callable[[Sequence[int]], Iterable[Floats]]  # the weights (T, S) of each of some pairs


def align_words(
    pairs: Sequence[tuple[str, str]],
    network: EncoderDecoder,
    tokenizers: tuple[Tokenizer, Tokenizer],
    map_batches: Callable[[Attend, Sequence[Sequence[int]]], list[Floats]],
) -> list[Alignment]:
    """Align the words of each pair; neither of its sides is blank.

    ``map_batches`` maps a function over batches of sequences, which it gets the indices of.
    """
    source_tokenizer, target_tokenizer = tokenizers
    sources = [source_tokens(source, source_tokenizer) for source, _ in pairs]
    targets = [Tokens(text, *target_tokenizer.encode_with_ends(text)) for _, text in pairs]
    source_ids = [[*source.ids, EOS] for source in sources]
    inputs = [[BOS, *target.ids[:-1]] for target in targets]

    def attend(rows: Sequence[int]) -> Iterable[Floats]:
        state = network.encode(*pad([source_ids[row] for row in rows]))
        return network.attend(pad([inputs[row] for row in rows])[0], state)

    sequences = [[*source, *target] for source, target in zip(source_ids, inputs, strict=True)]
    weights = map_batches(attend, sequences)
    return list(map(merge, sources, targets, weights))
