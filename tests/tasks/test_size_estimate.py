"""What a token of a training costs, as a dry run estimates it."""

from models import reviews

from rnncli.data.columns import ANY_COLUMNS
from rnncli.data.preview import preview_corpus
from rnncli.tasks.size_estimate import estimate_sizes

SPEED = 1e9  # weights a second


def test_word_vectors_make_the_inputs_of_a_classifier_wider() -> None:
    preview = preview_corpus([str(reviews())], "classify", ANY_COLUMNS, None)
    sizes = {"hidden_size": 10, "embedding_dim": 4, "cell": "rnn"}
    without = estimate_sizes(preview, sizes, SPEED)
    with_vectors = estimate_sizes(preview, sizes, SPEED, vectors_dim=100)
    # A row of them, and in both directions a weight from each of their numbers to each unit.
    more = 100 + 2 * 100 * 10
    assert round((with_vectors.seconds - without.seconds) * SPEED) == more
    assert with_vectors.epochs(preview) <= without.epochs(preview)
