"""The sentiment of the sentences of a text, by the model that comes with rnncli."""

import numpy as np

from rnncli.analysis.text_properties import TextProperty, Values
from rnncli.config import BUNDLED_MODELS
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.classify.sentiment import NEGATIVE, POSITIVE, sentiment_labels
from rnncli.text.sentences import split_sentences

SENTIMENT = "sentiment"  # the name of the property


def sentence_sentiment() -> TextProperty:
    """Return the property of the probability of positive less that of negative.

    It is that of the whole sentence at each of its characters (as Radford, Jozefowicz and Sutskever
    2017 look for it in a unit).

    Raises:
        ModelError: the model does not come with this installation.

    """
    classifier = TextClassifier.load(BUNDLED_MODELS["classify"])
    labels = sentiment_labels(classifier.labels) or {}

    def values_of(text: str) -> Values:
        values = np.zeros(len(text))
        sentences = split_sentences(text)
        start = 0
        for sentence, result in zip(sentences, classifier(sentences), strict=True):
            begin = text.index(sentence, start)
            start = begin + len(sentence)
            p = result.probabilities
            values[begin:start] = p[labels[POSITIVE]] - p[labels[NEGATIVE]]
        return values

    return values_of
