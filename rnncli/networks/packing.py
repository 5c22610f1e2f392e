"""Texts of many lengths in one array, with no padding between them."""

import numpy as np

from rnncli.networks.numerics import Floats, Ints


class Packing:
    """How texts of many lengths lie end to end, step by step, with no padding between them.

    All first tokens come first, then all second ones, and so on. Texts are sorted from long to
    short, so that those which have a step t are the first so many, and stand side by side.
    """

    def __init__(self, lengths: Ints) -> None:
        self.order = np.argsort(-lengths, kind="stable")  # (N,)
        self.places = np.argsort(self.order)  # (N,) of each text among the sorted ones
        self.lengths = lengths[self.order]  # (N,)
        steps = np.arange(int(lengths.max(initial=0)))  # (S,)
        self.mask = steps[:, None] < self.lengths  # (S, N)
        ends = self.mask.sum(1).cumsum().tolist()
        self.spans = [slice(*span) for span in zip([0, *ends], ends, strict=False)]  # of each step

    def pack(self, tokens: Ints) -> Ints:
        """Return the tokens (P,) of texts (N, S) that are padded behind."""
        packed: Ints = tokens[self.order].T[self.mask]
        return packed

    def unpack(self, x: Floats) -> Floats:
        """Return vectors (N, S, D) for packed ones (P, D), with zeros for padding."""
        padded = np.zeros((*self.mask.shape[::-1], x.shape[1]), np.float32)
        steps, rows = np.nonzero(self.mask)  # (P,), (P,)
        padded[self.order[rows], steps] = x
        return padded

    def restore(self, x: Floats) -> Floats:
        """Return vectors (N, D), one a text, in the order in which the texts came."""
        restored: Floats = x[self.places]
        return restored
