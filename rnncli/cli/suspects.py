"""The rows of data whose label is probably wrong, printed as CSV."""

import json
from collections.abc import Sequence

from rnncli.cli.console import Messenger
from rnncli.cli.output import open_output
from rnncli.cli.stages import StageLine
from rnncli.messages import plural
from rnncli.text.tables import csv_line

COLUMNS = ("line", "label", "likely_label", "probability", "near_duplicates", "text")


def print_suspects(
    data: Sequence[str],
    text: str | None,
    label: str | None,
    number: int,
    messenger: Messenger,
    *,
    as_json: bool,
) -> None:
    """Print rows by their first lines, the surest first; near-duplicates have other labels.

    Raises:
        DataError: the data cannot be read, or has no labels.

    """
    from rnncli.data.columns import Columns
    from rnncli.data.partly_labelled import read_labelled_texts
    from rnncli.tasks.classify.sentiment_start import is_bundled_reviews
    from rnncli.tasks.labelling.suspects import suspects

    with StageLine(messenger):
        rows = read_labelled_texts(data, Columns(text, label))
        has_sentiment = not is_bundled_reviews(data)
        found = suspects(
            rows.texts, rows.labels, has_sentiment=has_sentiment, announce=messenger.announce
        )
    for notice in rows.notices:
        messenger.announce(notice)
    count = sum(1 for each in rows.labels if each)
    messenger.announce(
        f"of {plural(count, 'label')}, {len(found):,} are probably wrong"
        + (f"; the first {number:,} are printed" if len(found) > number else "")
    )
    with open_output(None, messenger) as write:
        if not as_json:
            write(csv_line(COLUMNS))
        for each in found[:number]:
            near = [rows.lines[row] for row in each.near_duplicates]
            values = (
                rows.lines[each.row],
                each.label,
                each.likely_label,
                round(each.probability, 4),
                near if as_json else " ".join(map(str, near)),
                each.text,
            )
            write(_json_line(values) if as_json else csv_line(values))


def _json_line(values: Sequence[object]) -> str:
    return json.dumps(dict(zip(COLUMNS, values, strict=True)), ensure_ascii=False)
