"""``rnncli train --dry-run``: what a training would do."""

import json
from typing import TYPE_CHECKING

from rnncli.cli.console import Messenger, printable
from rnncli.messages import format_duration, name_list, plural

if TYPE_CHECKING:
    from rnncli.tasks.dry_run import Plan
    from rnncli.tasks.trainer import TrainingRequest

SHOWN_LABELS = 20
CELL_WIDTH = 60  # characters of a cell
TASK = "task: "  # how the notice begins that tells what follows from the columns


def show_plan(request: "TrainingRequest", messenger: Messenger, *, as_json: bool) -> None:
    """Print the plan of a training, and stop there."""
    from rnncli.tasks.dry_run import plan

    planned = plan(request)
    for notice in planned.notices:
        if as_json or not notice.startswith(TASK):
            messenger.announce(notice)
    if as_json:
        print(printable(json.dumps(planned.to_dict(), ensure_ascii=False)))
    else:
        print(printable("\n".join(_lines(planned))))


def _lines(plan: "Plan") -> list[str]:
    """Return the plan, a line for each thing that is chosen."""
    from rnncli.data.columns import Columns

    about = "about " if plan.is_estimate else ""
    rows = f"{about}{plan.rows:,}"
    rows += f", {plan.held_out:,} of them held out" if plan.held_out else ""
    rows += "".join(f"; {split} {number:,}" for split, number in plan.parts.items())
    lines = [f"task     {plan.task}"]
    if plan.is_plain_text:
        lines.append(f"lines    {rows}")
    else:
        columns = [f"{column} as {name}" for name, column in plan.columns.items()]
        options = [f"--{name}" for name in plan.columns if hasattr(Columns, name)]
        others = f"; {' and '.join(options)} name others" if options else ""
        lines += [f"columns  {', '.join(columns)}{others}", f"rows     {rows}"]
    lines += [
        ("" if i else "such as").ljust(9) + " | ".join(_cut(cell) for cell in row.values())
        for i, row in enumerate(plan.sample)
    ]
    if plan.labels:
        labels = [f"{label} ({number:,})" for label, number in plan.labels.items()]
        lines.append(f"labels   {len(labels):,}: {name_list(labels, SHOWN_LABELS)}")
    budget = "" if plan.max_time is None else f" in {format_duration(plan.max_time)}"
    hedge = "about " if plan.init_from is None else ""
    epochs = f"about {plan.epochs:g} times through the data{budget}"
    if plan.freeze:
        epochs = "none: its encoder stays, and the rest is fitted; --no-freeze trains all of it"
    return [
        *lines,
        *([] if plan.init_from is None else [f"start    {plan.init_from}, whose sizes stay"]),
        *([f"level    {plan.level}, a vocabulary of up to {plan.vocab_size:,}"] * bool(plan.level)),
        *([] if plan.vectors is None else [f"vectors  {plan.vectors}"]),
        f"network  {hedge}{plural(plan.num_layers, 'layer')} of {plan.hidden_size} units",
        f"epochs   {epochs}",
        "dry run  nothing was trained; leave --dry-run out to train",
    ]


def _cut(cell: str) -> str:
    text = " ".join(cell.split())
    return text if len(text) <= CELL_WIDTH else f"{text[: CELL_WIDTH - 3]}..."
