"""``rnncli generate --score``: how many bits a character a generator gives to each text."""

from collections.abc import Sequence
from typing import Any

from rnncli.cli.output import Fragment, Output
from rnncli.cli.pipe import Request, answer_all
from rnncli.cli.views import surprisal
from rnncli.cli.views.highlight import announce_legend
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.tasks.generate.surprisal import Surprisal


def score_texts(request: Request, generator: TextGenerator, control: str | None) -> None:
    """Answer every text of a request with its surprisal, as a text of the label ``control``."""
    level = generator.description.level
    if request.is_coloured:
        announce_legend(request.messenger, surprisal.legend(level))

    def output(score: Surprisal) -> Output:
        fields: dict[str, Any] = {"bits_per_character": round(score.bits_per_character, 6)}
        if request.as_json:
            fields["characters"] = surprisal.as_objects(score)
        number = f"{score.bits_per_character:.4f}\t"
        if request.is_coloured:
            fragments = surprisal.highlight(score, level).fragments()
            return Output([Fragment(number), *fragments], fields)
        return Output(number + score.text, fields)

    def respond(texts: Sequence[str]) -> list[list[Output]]:
        return [[output(score)] for score in generator.surprisal(texts, control)]

    answer_all(request, "text", ("bits_per_character",), respond)
