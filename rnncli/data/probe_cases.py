"""The cases of a probe: texts whose label is known, and pairs of texts to be answered alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from rnncli.data.columns import Columns
from rnncli.data.corpora import bundled_file
from rnncli.data.files import from_file
from rnncli.data.locate import locate
from rnncli.data.tables import Table
from rnncli.errors import DataError
from rnncli.messages import name_list

BUNDLED_FILE = "probe.tsv"
BUNDLED_NAME = "the bundled probe of English sentiment"

SAME, NOT_LOWER, NOT_HIGHER = "same", "not lower", "not higher"
PAIR_EXPECTATIONS = (SAME, NOT_LOWER, NOT_HIGHER)  # of text2, compared with text
NOT = "not "  # before a label: any other one is right

COLUMNS = ("row", "expected", "text", "text2")
_DEFAULT_ROW = "texts"  # of a file without the column
_EXAMPLE = "printf 'text\\texpected\\nI like it.\\tpositive\\n' > probe.tsv"


@dataclass(frozen=True)
class ProbeCase:
    """A text, or a pair of texts, and what is expected of a classifier.

    ``expected`` is a label, ``not`` and a label, or of a pair one of ``PAIR_EXPECTATIONS``: the
    same label, or a probability of positive that is not lower or not higher for ``text2``.
    """

    row: str  # of the table: what is probed
    expected: str
    text: str
    text2: str = ""  # of a pair


def read_probe_cases(name: str | None) -> list[ProbeCase]:
    """Read the cases of a file, else those that come with rnncli.

    The columns are ``text`` and ``expected``, or ``text`` and ``text2``; ``row`` groups the cases.

    Raises:
        DataError: there is no such file, or it is malformed.

    """
    columns = Columns(text="text")
    if name is None:
        source = from_file(bundled_file(BUNDLED_FILE), columns, where=BUNDLED_NAME)
    else:
        source = locate([name], columns, None, None)
    table = next(iter(source.tables.values()))
    names = [column for column in COLUMNS if column in table.names]
    if "text" not in names or len({"expected", "text2"} & set(names)) == 0:
        raise DataError(
            f"{table.where} has the columns {name_list(table.names)}; a probe needs text, and "
            "expected or text2",
            f"begin with a small one: {_EXAMPLE}",
        )
    cases = list(_cases(table, names))
    if not cases:
        raise DataError(f"{table.where} has no cases", f"begin with a small one: {_EXAMPLE}")
    return cases


def _cases(table: Table, names: list[str]) -> Iterator[ProbeCase]:
    """Yield the cases of a table.

    Raises:
        DataError: a text or an expectation is missing, or the two do not go together.

    """
    for number, cells in table.rows(names):
        texts = ["" if cell is None else str(cell).strip() for cell in cells]
        values = dict(zip(names, texts, strict=True))
        text, text2 = values["text"], values.get("text2", "")
        expected = values.get("expected") or (SAME if text2 else "")
        if not text or not expected:
            missing = "text" if not text else "expected"
            raise table.error(number, f"{missing} is empty", "fill it in, or remove the row")
        if (expected in PAIR_EXPECTATIONS) != bool(text2):
            raise table.error(
                number,
                f"expected is {expected!r}, and text2 is {'given' if text2 else 'empty'}",
                f"a pair is expected to be {', '.join(PAIR_EXPECTATIONS)}; a label is of one text",
            )
        yield ProbeCase(values.get("row") or _DEFAULT_ROW, expected, text, text2)
