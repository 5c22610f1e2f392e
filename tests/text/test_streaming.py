"""Text as it is decoded: it ends where a sentence does, if no length is given."""

import pytest
from models import generator

from rnncli import TextGenerator
from rnncli.config import USUAL_LENGTH
from rnncli.text.streaming import StopStrings, TextStreamer
from rnncli.text.tokenizer import Tokenizer

TEXT = 'The boat leaves at 3.5 knots. "Is it late?" Nobody knows'
TOKENIZER = Tokenizer.train([TEXT], "char", 300)


@pytest.mark.parametrize(
    ("length", "end"),
    [
        (0, "knots."),
        (TEXT.index("knots."), "knots."),
        (TEXT.index("knots.") + 6, "knots."),
        (TEXT.index("Is"), 'late?"'),
        (TEXT.index("Nobody"), "knows"),
        (None, "knows"),
    ],
)
def test_a_text_goes_on_to_the_end_of_a_sentence(length: int | None, end: str) -> None:
    streamer = TextStreamer(TOKENIZER, StopStrings(None, []), length)
    text = "".join(map(streamer.add, TOKENIZER.encode(TEXT))) + streamer.finish()
    assert text == TEXT[: TEXT.index(end) + len(end)]
    assert streamer.stopped == (end != "knows")


def test_samples_and_streams_are_complete_and_alike() -> None:
    model = TextGenerator.load(generator())
    ((sample,),) = model.samples(["The "], 1, seed=3)
    assert sample.text == "".join(piece for (piece,) in model.stream("The ", seed=3))
    assert len(sample.text) >= USUAL_LENGTH
    exact = model(["The "], seed=3, length=USUAL_LENGTH)[0].text
    assert len(exact) == USUAL_LENGTH
    assert sample.text.startswith(exact)
