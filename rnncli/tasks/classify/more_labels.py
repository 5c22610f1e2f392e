"""Estimate what more labelled texts would bring, from n-gram models of a half and of a quarter.

Models of each half and of each quarter of the texts label the texts that they have not seen, so
that all texts serve as a test and a small difference shows. What a doubling brings shrinks with
each doubling (a power law: Hestness et al. 2017).
"""

import math
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rnncli.data.values import column_values
from rnncli.messages import stage
from rnncli.tasks.classify.fit_ngrams import select_ngrams
from rnncli.training.contract import TrainingData

MIN_TEXTS, MAX_TEXTS = 400, 10_000  # fewer say nothing, of more the estimate takes too long
MAX_SECONDS = 20.0
COST = 2.5  # fits to all texts that take as long: two are fitted, and texts are labelled
# What twice all texts bring to network and n-grams, as a share of what twice a quarter of them
# brings to n-grams alone: in the mean of measured curves.
DECAY = 0.6
CLEAR = 3.0  # standard errors
SMALLEST = 0.003  # of accuracy: not worth a line


@stage("estimating what more labels would bring")
def gain_of_twice_the_labels(
    data: TrainingData,
    classes: NDArray[np.int64],
    validation_classes: NDArray[np.int64],
    num_classes: int,
    min_count: int,
    num_workers: int | None,
    fit_seconds: float,
    seconds: float,
) -> float | None:
    """Return about how much accuracy twice the texts would add; None where that is not clear.

    There are ``seconds`` for it, and a fit to all texts took ``fit_seconds``.
    """
    number = len(classes)
    if seconds < math.inf:  # else the same command is to say the same, whatever the time
        seconds = min(seconds, MAX_SECONDS)
    if not MIN_TEXTS <= number <= MAX_TEXTS or COST * fit_seconds > seconds:
        return None
    deadline = time.monotonic() + seconds
    texts = list(column_values(data.train, "text"))
    order = np.random.default_rng(0).permutation(number)
    hits = []  # the share of the models of each size (N,) that label a text right
    for parts in (2, 4):
        right = np.zeros(number)
        for rows in np.array_split(order, parts):
            rows = np.sort(rows)
            others = np.setdiff1d(order, rows)
            fitted = select_ngrams(
                replace(data, train=data.train.select(rows)),
                classes[rows],
                validation_classes,
                num_classes,
                min_count,
                num_workers,
                deadline - time.monotonic(),
            )
            if not fitted.is_complete:
                return None
            predicted = fitted.model([texts[row] for row in others]).argmax(1)
            right[others] += (predicted == classes[others]) / (parts - 1)
        hits.append(right)
    differences = hits[0] - hits[1]
    error = differences.std() / math.sqrt(number)
    gain = DECAY * float(differences.mean())
    return gain if differences.mean() > CLEAR * error and gain >= SMALLEST else None
