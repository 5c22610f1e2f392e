"""A search with constraints finds the best translation that has the phrases."""

import numpy as np
import pytest
from test_beam_search import FREE, all_translations
from toy import WORDS, Toy

from rnncli.config import SearchConfig
from rnncli.networks.beam_search import beam_search


class Phrase:
    """The constraint that a translation has some tokens in a row."""

    def __init__(self, *ids: int) -> None:
        self.ids = ids

    def begun(self, tokens):
        return next(
            n for n in range(len(self.ids), -1, -1) if tokens[len(tokens) - n :] == self.ids[:n]
        )

    def missing(self, tokens):
        ends = range(len(tokens) + 1)
        found = any(tokens[i : i + len(self.ids)] == self.ids for i in ends)
        return 0 if found else len(self.ids) - self.begun(tokens)

    def next_tokens(self, tokens):
        return {self.ids[self.begun(tokens)], self.ids[0]} if self.missing(tokens) else set()

    def bias(self, logits, tokens):
        """No place is better than others."""


@pytest.mark.parametrize("seed", range(4))
def test_the_best_translation_with_a_phrase_is_found(seed):
    toy, phrase = Toy(seed), Phrase(WORDS[1], WORDS[0])
    config = SearchConfig(beam=40, length_penalty=1.0)
    ((result,),) = beam_search(
        toy, toy.start([5]), np.array([5]), config, FREE, constraints=[phrase]
    )
    every = all_translations(toy, 5, 5, 1.0)
    assert result.tokens == next(h.tokens for h in every if phrase.missing(h.tokens) == 0)


def test_a_narrow_beam_has_the_phrases_of_each_source():
    toy = Toy(1)
    phrases = [Phrase(word, word, word) for word in WORDS]
    states = toy.start([1, 2, 3])
    config = SearchConfig(beam=4, nbest=4)
    results = beam_search(toy, states, np.array([8, 8, 8]), config, FREE, constraints=phrases)
    for phrase, hypotheses in zip(phrases, results, strict=True):
        assert min(phrase.missing(h.tokens) for h in hypotheses) == 0
