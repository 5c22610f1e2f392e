"""The sentiment of sentences, as a property of each of their characters."""

import numpy as np

from rnncli.tasks.sentence_sentiment import sentence_sentiment


def test_each_character_has_the_sentiment_of_its_sentence() -> None:
    praise, blame = "A lovely, wonderful film.", "A dreadful, boring mess."
    values = sentence_sentiment()(f"{praise} {blame}")
    first, second = values[: len(praise)], values[-len(blame) :]
    assert np.ptp(first) == np.ptp(second) == 0
    assert first[0] > 0.3 and second[0] < -0.3
    assert values[len(praise)] == 0  # the space between them
    assert sentence_sentiment()("").shape == (0,)
