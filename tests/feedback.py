"""Messages of customers, praise and defects, that tests of labelling share."""

from itertools import product

COLOURS = ("red", "green", "blue", "yellow", "white", "black", "brown", "grey", "pink", "gold")
THINGS = ("lamp", "chair", "cup")
PRAISE = [f"many thanks for the {c} {n}" for c, n in product(COLOURS, THINGS)]
DEFECT = [f"the {c} {n} arrived broken" for c, n in product(COLOURS, THINGS)]
MESSAGES = [*PRAISE, *DEFECT]


def label_of(text: str) -> str:
    """Return the label of a message."""
    return "praise" if text in PRAISE else "defect"
