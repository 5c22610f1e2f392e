"""Whether a generator starts from the one of everyday English that comes with rnncli.

A person's text is seldom long enough to teach spelling and grammar. A model that has them from
other texts learns the rest sooner; so it reads the beginning of the text, and is taken where it
predicts that well enough. Imports no PyTorch.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Any

from rnncli.messages import Announce, stage
from rnncli.storage.bundled import bundled_models
from rnncli.storage.model_names import model_directory
from rnncli.storage.reading import SavedModel, load
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.training.initial_model import FROM_NOTHING, INHERITED

MODEL = "bundled:english"
# A character. Of plays and encyclopedias in English it needs 2.3 to 2.7 bits, before it has learned
# from them; of code 4.1, of French 5.6.
MAX_BITS = 3.2
MAX_SIZE = (
    1_000_000  # characters: a longer text teaches English by itself, to a network of any size
)
SAMPLE = 10_000  # characters to read


def english_model(
    texts: Iterable[str], size: int, overrides: Mapping[str, Any], announce: Announce
) -> SavedModel | None:
    """Return the model, where texts of about ``size`` characters are English.

    It has its own sizes; so it is none where ``overrides`` ask for others.
    """
    if MODEL not in bundled_models() or {*INHERITED, "vocab_size"} & overrides.keys():
        return None
    if size > MAX_SIZE:
        return None
    model = load(model_directory(MODEL), "generate")
    bits = _bits_per_character(TextGenerator(model), texts)
    if bits > MAX_BITS:
        return None
    announce(
        f"start: {MODEL}, which needs {bits:.2f} bits for a character of this text before it has "
        f"learned from it; from nothing: --init-from {FROM_NOTHING}"
    )
    return model


@stage("reading the text with a model of English")
def _bits_per_character(generator: TextGenerator, texts: Iterable[str]) -> float:
    """Return the mean surprisal of the first `SAMPLE` characters."""
    sample = list(islice(chain.from_iterable(texts), SAMPLE))
    lines = "".join(sample).rstrip("\n").split("\n")
    scores = generator.surprisal(lines)
    total = sum(len(line) + 1 for line in lines)
    return sum(score.bits_per_character * (len(score.text) + 1) for score in scores) / total
