"""The nearest neighbours of a token among the embeddings of a network."""

from dataclasses import dataclass

import numpy as np

from rnncli.networks.embedding_numpy import Embedding
from rnncli.networks.numerics import unit_vectors
from rnncli.text.special_tokens import SPECIAL_TOKENS


@dataclass(frozen=True)
class Neighbour:
    """A token, and how similar its embedding is."""

    token: int
    cosine: float


def nearest(embedding: Embedding, token: int, count: int) -> list[Neighbour]:
    """Return the tokens with the largest cosine to the embedding of a token, itself left out."""
    vectors = unit_vectors(embedding[np.arange(len(embedding))])  # (V, E)
    cosines = vectors @ vectors[token]  # (V,)
    cosines[[token, *range(len(SPECIAL_TOKENS))]] = -np.inf
    order = np.argsort(-cosines, kind="stable")[:count]
    return [Neighbour(int(i), float(cosines[i])) for i in order if np.isfinite(cosines[i])]
