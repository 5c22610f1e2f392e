"""What happens in a classifier as it reads a text."""

from itertools import accumulate

import numpy as np

from rnncli.analysis.traces import Reading, record
from rnncli.networks.numerics import softmax
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.predictions import ClassProbabilities
from rnncli.text.batching import pad
from rnncli.text.special_tokens import EOS, SPECIAL_TOKENS
from rnncli.text.unicode import plain_signs


def inspect_classifier(
    classifier: TextClassifier, text: str
) -> tuple[tuple[Reading, ...], ClassProbabilities]:
    """Read a text, and label it as a whole and up to each of its tokens."""
    network, tokenizer = classifier.network, classifier.tokenizer
    ids, pieces = tokenizer.encode_with_pieces(plain_signs(text))
    with record(network.layers) as traces:
        network.classify(*pad([[*ids, EOS]]))
    initial, *probabilities = softmax(classifier.logits(["", *accumulate(pieces), text]))
    return (
        (Reading("encoder", (*pieces, SPECIAL_TOKENS[EOS]), tuple(traces)),),
        ClassProbabilities(classifier.labels, initial, np.stack(probabilities)),
    )
