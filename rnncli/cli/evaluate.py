"""``rnncli evaluate``: score a model on labelled data."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.options import DATA, MODEL, OUTPUT
from rnncli.cli.output import require_folder
from rnncli.cli.startup import hide_progress_bars
from rnncli.config import SearchConfig
from rnncli.errors import ConfigError


def evaluate(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="The model's directory.", show_default=False)
    ],
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA",
            help="As for train. Without it: the held-out part of the model's training data.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Part of the data to score on; else test, validation or train, the first that "
            "there is.",
            rich_help_panel=DATA,
            show_default=False,
        ),
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    source: options.SourceColumn = None,
    target: options.TargetColumn = None,
    control: options.ControlColumn = None,
    revision: options.Revision = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL2",
            help="Compare with this model on the same texts (classify, translate), and say whether "
            "the difference is more than chance.",
            rich_help_panel=MODEL,
            show_default=False,
        ),
    ] = None,
    no_baselines: Annotated[
        bool,
        typer.Option(
            "--no-baselines",
            help="Train no baselines (classify), which takes reading the training data again.",
            rich_help_panel=MODEL,
        ),
    ] = False,
    beam: Annotated[
        int, typer.Option(help="Beam of the search (translate).", rich_help_panel=OUTPUT)
    ] = SearchConfig().beam,
    memory: Annotated[
        bool,
        typer.Option(
            "--memory/--no-memory",
            help="Ask the pairs that the model keeps (translate).",
            rich_help_panel=OUTPUT,
        ),
    ] = SearchConfig().memory,
    window: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Tokens after which the state is emptied (generate); else it is carried on.",
            rich_help_panel=OUTPUT,
            show_default=False,
        ),
    ] = None,
    tokenize: Annotated[
        str | None,
        typer.Option(
            help="sacreBLEU's tokenizer (translate): 13a, char, intl, ja-mecab, ko-mecab, none or "
            "zh.",
            rich_help_panel=OUTPUT,
            show_default="by the language",
        ),
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCORE>=NUMBER",
            help="Exit with 3 unless a score of --json is as required, such as 'macro_f1>=0.85' or "
            "'bleu>=30'; also <= > <. May be given again.",
            rich_help_panel=OUTPUT,
            show_default=False,
        ),
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the mistakes (classify: the surest first; translate: the worst first) to "
            "this .tsv, .csv or .jsonl file; -: to stdout, and the scores to stderr.",
            rich_help_panel=OUTPUT,
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Score a model: accuracy and F1, bits per character, or BLEU and chrF.

    Examples:
        rnncli evaluate models/classify
        rnncli evaluate models/classify texts.csv --errors mistakes.tsv
        rnncli evaluate models/translate --json

    A classifier is set beside a majority class and naive Bayes, trained on the same data; a
    translator beside its own input, copied.
    """
    if quiet:
        hide_progress_bars()

    from rnncli.analysis.requirements import check, parse, resolve

    to_stdout = errors is not None and str(errors) == "-"
    if errors is not None:
        _require_place(errors, as_json)
    requirements = [parse(requirement) for requirement in require or []]

    from rnncli.cli.views.mistakes import write_mistakes
    from rnncli.cli.views.reports import print_report
    from rnncli.data.columns import Columns
    from rnncli.tasks.evaluation import load_scorer, score
    from rnncli.tasks.scoring import ScoringSettings
    from rnncli.text.threads import choose_threads

    messenger = Messenger(quiet, color)
    settings = ScoringSettings(
        against=against,
        baselines=not no_baselines,
        search=SearchConfig(beam=beam, memory=memory),
        tokenize=tokenize,
        window=window,
        mistakes=errors is not None,
        threads=choose_threads(None),
    )
    scorer = load_scorer(model, settings, messenger.announce)
    requirements = [resolve(requirement, scorer.names) for requirement in requirements]
    columns = Columns(text, label, source, target, control)
    result = score(model, scorer, data or [], columns, split, revision, messenger.announce)
    if errors is not None and result.mistakes is not None:
        write_mistakes(errors, result.mistakes, messenger)
    if as_json:
        print(json.dumps(result.to_dict(), ensure_ascii=False), flush=True)
    elif not (to_stdout and quiet):
        print_report(result.report, messenger.console(stderr=to_stdout))
    for line in check(requirements, result.scores):
        messenger.announce(line)


def _require_place(errors: Path, as_json: bool) -> None:
    """Refuse a place for the mistakes that cannot be written, or where the scores go.

    Raises:
        ConfigError: scores and mistakes would both go to stdout.
        DataError: the file cannot be there.

    """
    if str(errors) != "-":
        require_folder(errors, "--errors")
    elif as_json:
        raise ConfigError(
            "--errors - and --json would both write to stdout", "name a file: --errors FILE"
        )
