"""``rnncli evaluate``: score a model on labelled data."""

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli import options
from rnncli.cli.bundled_models import bundled_model, bundled_model_for
from rnncli.cli.console import Messenger, printable
from rnncli.cli.options import ADVANCED, DATA, MODEL, OUTPUT, option
from rnncli.cli.output import require_output
from rnncli.cli.stages import StageLine
from rnncli.cli.suspects import print_suspects
from rnncli.config import MODELS, TASKS, SearchConfig, choose_threads
from rnncli.errors import ConfigError, ModelError
from rnncli.messages import Announce
from rnncli.storage.model_names import PREFIXES, model_directory
from rnncli.text.tables import format_of_name

if TYPE_CHECKING:
    from rnncli.tasks.evaluation_data import DataRequest


def evaluate(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL] [DATA]...",
            help="The model's directory, unless -m or $RNNCLI_MODEL names it or there is only one "
            "in models/; without any, the bundled one for the data. And data as for train, else "
            "the held-out part of the training data, where that is a file.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        option(
            "--split NAME",
            DATA,
            "Part of the data to score on; else the first of test, validation and train that "
            "there is; held-out: of training data, the part that training held out.",
        ),
    ] = None,
    probe: Annotated[
        bool,
        option(
            "--probe",
            DATA,
            "Probe behaviour instead (classify): negation, typos, names and so on, in cases of "
            "English sentiment; --probe FILE: in your own, a TSV with the columns text and "
            "expected (a label), or text and text2 (the same label); row groups them.",
        ),
    ] = False,
    suspects: Annotated[
        int | None,
        option(
            "--suspects N",
            DATA,
            "Look at the labels of DATA instead, without a model: print the first N rows whose "
            "label is probably wrong as CSV, with the likelier label.",
            min=1,
        ),
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    source: options.SourceColumn = None,
    target: options.TargetColumn = None,
    control: options.ControlColumn = None,
    time_column: options.TimeColumn = None,
    value: options.ValueColumn = None,
    series: options.SeriesColumn = None,
    known: options.KnownColumns = None,
    revision: options.Revision = None,
    beam: options.Beam = SearchConfig.beam,
    memory: options.Memory = SearchConfig.memory,
    require: Annotated[
        list[str] | None,
        option(
            "--require SCORE>=NUMBER",
            OUTPUT,
            "Exit with 3 if a score of --json is not as required: 'macro_f1>=0.85', 'bleu>=30'; "
            "also <= > <. Repeatable.",
        ),
    ] = None,
    errors: Annotated[
        Path | None,
        option(
            "--errors FILE",
            OUTPUT,
            "Write the mistakes to this .tsv, .csv or .jsonl file (classify: the most probable "
            "first; translate: the worst first); -: to stdout, and the scores to stderr.",
        ),
    ] = None,
    force: options.Force = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    model: options.ModelPath = None,
    against: Annotated[
        Path | None,
        option(
            "--against MODEL2",
            MODEL,
            "Compare with this model on the same texts, and test whether the difference is "
            "significant (classify, translate).",
        ),
    ] = None,
    no_baselines: Annotated[
        bool,
        option(
            "--no-baselines",
            MODEL,
            "Train no baselines, for which the training data is read again (classify).",
        ),
    ] = False,
    window: Annotated[
        int | None,
        option(
            "--window N",
            ADVANCED,
            "Reset the hidden state after so many tokens; else it is carried on (generate).",
            min=1,
        ),
    ] = None,
    tokenize: Annotated[
        str | None,
        option(
            "--tokenize NAME",
            ADVANCED,
            "sacreBLEU's tokenizer: 13a, char, intl, ja-mecab, ko-mecab, none or zh (translate).",
            show_default="by the language",
        ),
    ] = None,
) -> None:
    """Score a model by metrics of its task: accuracy, BLEU, word error rate.

    Examples:
        rnncli evaluate bundled:sentiment --probe
        rnncli evaluate bundled:sentiment texts.csv --errors mistakes.tsv
        rnncli evaluate bundled:stories shakespeare.txt --window 4

    Without data, a model of yours is scored on what its training held out. Baselines: majority
    class and naive Bayes, the copied source, or simple forecasts. Scales (1 to 5 stars) have a mean
    absolute error.
    """
    messenger = Messenger(quiet, color)
    if suspects is not None:
        print_suspects(arguments or [], text, label, suspects, messenger, as_json=as_json)
        return
    from rnncli.analysis.requirements import check, parse

    to_stdout = _require_writable(errors, force=force, as_json=as_json)
    requirements = list(map(parse, require or []))
    from rnncli.cli.views.mistakes import write_mistakes
    from rnncli.cli.views.reports import print_report
    from rnncli.data.columns import Columns
    from rnncli.tasks.evaluation import ScoringSettings, run
    from rnncli.tasks.evaluation_data import DataRequest

    path, data = _model_and_data(model, arguments or [], messenger.announce)
    columns = Columns(text, label, source, target, control, time_column, value, series, known)
    request = DataRequest(data, columns, split, revision)
    path = path or _usual_model(request, messenger.announce, probe=probe)
    settings = ScoringSettings(
        against=None if against is None else model_directory(against, messenger.announce),
        baselines=not no_baselines,
        search=SearchConfig(beam=beam, memory=memory),
        tokenize=tokenize,
        window=window,
        mistakes=errors is not None,
        probe=probe,
        threads=choose_threads(None),
    )
    with StageLine(messenger), _explain_interruption(messenger):
        result = run(path, settings, request, requirements, messenger.announce)
    if errors is not None and result.mistakes is not None:
        write_mistakes(errors, result.mistakes, messenger)
    if as_json:
        print(printable(json.dumps(result.to_dict(), ensure_ascii=False)), flush=True)
    elif not (to_stdout and quiet):
        command = _forecast_command(path, request)
        print_report(result.report, messenger.console(stderr=to_stdout), command)
    for line in check(requirements, result.scores):
        messenger.announce(line)


def _forecast_command(path: Path, request: "DataRequest") -> str:
    """Return the command that forecasts by a model what it was scored on."""
    from rnncli.data.column_errors import column_options
    from rnncli.tasks.evaluation_data import training_data_of

    model = [] if path == MODELS / "forecast" else ["-m", str(path)]
    names = request.names or training_data_of(path).arguments
    options = column_options(request.columns.as_dict())
    return f"{shlex.join(['rnncli', 'forecast', *model, *names])} {options}".rstrip()


@contextmanager
def _explain_interruption(messenger: Messenger) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        messenger.announce("interrupted: no score is kept, and the model is as it was")
        raise


def _model_and_data(
    option: Path | None, arguments: list[str], announce: Announce
) -> tuple[Path | None, list[str]]:
    """Return the model of ``-m``, of the first argument or of the environment, and the data."""
    if option is not None:
        return model_directory(option, announce), arguments
    if arguments and _names_model(arguments[0]):
        return model_directory(arguments[0], announce), arguments[1:]
    if path := os.environ.get("RNNCLI_MODEL"):
        return model_directory(path, announce), arguments
    return None, arguments


def _usual_model(request: "DataRequest", announce: Announce, *, probe: bool) -> Path:
    """Return the only model in models/; where there is none, the bundled one that suits the data.

    Raises:
        ModelError: there are several, or there is none, and no data.
        ConfigError, DataError: see `bundled_model_for`.

    """
    tasks = ("classify",) if probe else TASKS
    models = [MODELS / task for task in tasks if (MODELS / task / "config.json").exists()]
    if len(models) == 1:
        return models[0]
    if models:
        commands = [
            shlex.join(["rnncli", "evaluate", "-m", str(m), *request.names]) for m in models
        ]
        raise ModelError(
            f"there are several models in {MODELS}, and none is named", "\n   or: ".join(commands)
        )
    bundled = None
    if probe:
        bundled = bundled_model("classify", announce)
    elif request.names:
        bundled = bundled_model_for(request, announce)
    if bundled is None:
        raise ModelError(f"there is no model in {MODELS}", "train one: rnncli train")
    return bundled


def _names_model(argument: str) -> bool:
    """Return whether an argument is meant as a model: a directory, but for one with data in it.

    What does not exist is a model in models/, and where its folder is there, which the name of a
    dataset has not, unless it has the name of a file of data.
    """
    if argument.startswith(PREFIXES):
        return True
    path = Path(argument)
    if path.is_dir():
        texts = chain(path.glob("*/*.txt"), path.glob("*/*/*.txt"), path.rglob("*.wav"))
        return (path / "config.json").exists() or not any(texts)
    if path.is_file():
        return path.suffix in (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".safetensors")
    is_in_folder = path.parent == MODELS or (path.parent != Path() and path.parent.is_dir())
    return not path.exists() and is_in_folder and format_of_name(argument) is None


def _require_writable(errors: Path | None, *, force: bool, as_json: bool) -> bool:
    """Check that mistakes can be written, apart from the scores; return whether to stdout."""
    to_stdout = str(errors) == "-"
    if to_stdout and as_json:
        raise ConfigError(
            "--errors - and --json would both write to stdout", "--errors mistakes.tsv"
        )
    if errors is not None and not to_stdout:
        require_output(errors, "--errors", force=force)
    return to_stdout
