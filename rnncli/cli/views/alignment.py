"""The attention of a translator between words: a heatmap of each translation, or JSON."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from shlex import quote
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from rnncli.analysis.alignment import Alignment
from rnncli.cli.console import Messenger
from rnncli.cli.output import Output, open_output, require_output
from rnncli.cli.pipe import Responder, answer_all
from rnncli.cli.request import Request
from rnncli.cli.views.heatmap import LEGEND, Heatmap, ranked_list, table
from rnncli.errors import ConfigError
from rnncli.messages import Announce

if TYPE_CHECKING:
    from rnncli.tasks.translate.predict import Translator

MAX_DRAWN = 500  # in a file: they are in memory until it is written, and a viewer would halt


def heatmap(alignment: Alignment) -> Heatmap:
    """Return the weights of source words (columns) for each word of the translation (rows)."""
    return Heatmap(alignment.target, alignment.source, alignment.weights.tolist())


def as_object(alignment: Alignment) -> dict[str, Any]:
    """Return an alignment as a JSON object."""
    return {
        "source": list(alignment.source),
        "target": list(alignment.target),
        "weights": [[round(weight, 4) for weight in row] for row in alignment.weights.tolist()],
    }


class Drawing:
    """Collect alignments, and draw them into an SVG file."""

    def __init__(self, path: Path, messenger: Messenger) -> None:
        self._path = path
        self._messenger = messenger
        self._heatmaps: list[Heatmap] = []
        self._count = 0

    def add(self, alignment: Alignment) -> None:
        """Add an alignment, unless it has no words."""
        if alignment:
            self._count += 1
            if len(self._heatmaps) < MAX_DRAWN:
                self._heatmaps.append(heatmap(alignment))

    def write(self) -> None:
        """Write the file, which appears when it is complete."""
        from rnncli.cli.views.figure import Figure
        from rnncli.cli.views.svg import svg  # which loads XML

        with open_output(self._path, self._messenger) as write:
            write(svg([Figure("", each) for each in self._heatmaps]))
            write(None)
        number = f"{len(self._heatmaps):,}"
        if self._count > MAX_DRAWN:
            number = f"the first {number} of {self._count:,}"
        self._messenger.announce(f"alignments drawn in {self._path}: {number}")


def answer_aligned(
    request: Request,
    columns: Sequence[str],
    translator: "Translator",
    respond: Responder,
    *,
    draws_below: bool,
    svg_file: Path | None,
) -> None:
    """Answer every text of a request with its best translation and their alignment.

    With ``draws_below``, it is drawn below the translation or, in JSON, a member; with
    ``svg_file``, it is drawn into that file.

    Raises:
        ConfigError: its name does not end with .svg, or the translations go there.
        DataError: see `require_output`.
    """
    if svg_file is not None:
        _require_svg(svg_file, request)
    drawing = None if svg_file is None else Drawing(svg_file, request.messenger)
    width = get_terminal_size().columns - 1  # as in wrapped lines, whose last column stays empty
    announce_once = cache(request.messenger.announce)

    def respond_aligned(texts: list[str]) -> list[list[Output]]:
        answers = [answers[0] for answers in respond(texts)]
        translations = [answer.fields["translation"] for answer in answers]
        batch = translator.align(texts, translations)
        if drawing is not None:
            for alignment in batch:
                drawing.add(alignment)
        if not draws_below:
            return [[answer] for answer in answers]
        return [
            [_with_alignment(request, answer, alignment, width, announce_once)]
            for answer, alignment in zip(answers, batch, strict=True)
        ]

    if draws_below and not request.as_json:
        request.messenger.announce(f"source across, translation down; {LEGEND}")
    answer_all(request, "source", columns, respond_aligned)
    if drawing is not None:
        drawing.write()


def _with_alignment(
    request: Request, answer: Output, alignment: Alignment, width: int, announce: Announce
) -> Output:
    """Return an answer with its alignment: drawn below it, or in JSON a member."""
    assert isinstance(answer.line, str)
    fields = {**answer.fields, "alignment": as_object(alignment)}
    if request.as_json or not alignment:
        return answer._replace(fields=fields)
    lines = table(heatmap(alignment))
    if max(map(cell_len, lines)) > width:
        announce(f"where a table is wider than {width} columns, a list replaces it")
        lines = ranked_list(heatmap(alignment))
    return Output("\n".join([answer.line, *lines, ""]), fields)


def _require_svg(path: Path, request: Request) -> None:
    """Check the name of an SVG file beside that of the translations."""
    if path.suffix.lower() != ".svg":
        raise ConfigError(
            f"{path} is not the name of an SVG file",
            f"--attention-out {quote(f'{path.stem}.svg')}",
        )
    if request.output is not None and request.output.resolve() == path.resolve():
        raise ConfigError(
            f"--output and --attention-out are both {path}",
            f"--attention-out {quote(f'{path.stem}-attention.svg')}",
        )
    require_output(path, "--attention-out", force=request.force)
