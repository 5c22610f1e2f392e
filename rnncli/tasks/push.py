"""Push a model to the Hugging Face hub, with a card that says how to use it."""

from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.config import Task
from rnncli.data.corpora import PUBLIC
from rnncli.data.locate import is_on_hub
from rnncli.errors import ConfigError, ModelError
from rnncli.messages import Announce
from rnncli.networks.architecture import VECTORS, parameters
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import MEMORY, REPLIES, Layout
from rnncli.storage.model_names import model_directory
from rnncli.storage.upload import upload, uploaded_files
from rnncli.tasks import ignore, load

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

METRICS = {"macro_f1": "f1"}  # what the hub calls scores that it knows by other names


class Usage(NamedTuple):
    """What the hub calls a task, and how a model of it is used, by its name."""

    pipeline: str
    in_a_pipe: str
    in_python: str


USAGE: dict[Task, Usage] = {
    "classify": Usage(
        "text-classification",
        'echo "a text to label" | rnncli classify -m {name}',
        'model(["a text to label"])[0].label',
    ),
    "generate": Usage(
        "text-generation", 'rnncli generate -m {name} "The"', 'model(["The"])[0].text'
    ),
    "translate": Usage(
        "translation",
        'echo "a sentence" | rnncli translate -m {name}',
        'model(["a sentence"])[0].text',
    ),
    "transcribe": Usage(
        "automatic-speech-recognition",
        "rnncli transcribe -m {name} recording.wav",
        'model(["recording.wav"])[0]',
    ),
    "forecast": Usage(
        "time-series-forecasting",
        "cat series.csv | rnncli forecast -m {name}",
        "model([[1.0, 3.0, 2.0, 4.0]])[0]",
    ),
}
USE = "\n## Use\n"
# The identifiers of the hub for the licences that data most often has.
LICENCES = {
    *("apache-2.0", "bsd-3-clause", "mit", "unlicense", "cc0-1.0", "pddl", "odc-by"),
    *("cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
    *("cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cdla-sharing-1.0"),
}


def push(
    model: str | PathLike[str],
    repository: str,
    *,
    private: bool = False,
    license: str | None = None,
    language: str | None = None,
    announce: Announce | None = None,
) -> str:
    """Push a model to ``org/name`` on the Hugging Face hub, and return its address.

    ``license`` and ``language`` are those on the card, where they do not follow from the data;
    ``announce`` is given each notice.

    Raises:
        ModelError: there is no such model, its training has not ended, or the repository cannot be
            written.

    """
    announce = announce or ignore
    path = model_directory(fspath(model), announce)
    description = load(path).description  # all of it is read, and so is checked
    if description.training is not None and not description.training.finished:
        raise ModelError(f"the training of {path} has not ended", "let it end: rnncli train")
    if repository.count("/") != 1:
        raise ConfigError(f"{repository!r} is no name of a repository", "write it like org/name")
    try:
        body = Layout(path).card.read_text(encoding="utf-8")
    except FileNotFoundError:
        body = f"# {repository}\n"
    card, data = model_card(body, description, repository, license, language)
    for key, option in (("license", "--license mit"), ("language", "--language en")):
        if data.get(key) is None:
            announce(f"the card states no {key}, which is not known here; to state it: {option}")
    for name in {MEMORY, REPLIES}.intersection(description.task_files):
        announce(f"{name} holds the training pairs, which whoever has the model can read")
    if description.training is not None:
        announce(f"the card states the command: {description.training.command}")
    files = uploaded_files(path)
    size = sum(file.stat().st_size for file in files) / 1e6
    announce(f"pushing {', '.join(file.name for file in files)} ({size:.1f} MB)")
    return upload(path, card, repository, private=private)


def model_card(
    body: str,
    description: ModelDescription,
    repository: str,
    license: str | None = None,
    language: str | None = None,
) -> tuple[str, "ModelCardData"]:
    """Return the card of a model for the hub, and its front matter.

    ``body`` is the card in its directory. What its front matter states goes before what follows
    from the description, and options before both.
    """
    from huggingface_hub import ModelCard

    data, text = _front_matter(description, repository), body
    if body.startswith("---\n"):
        stated = ModelCard(body, ignore_metadata_errors=True)
        text = stated.text
        for name, value in vars(stated.data).items():
            if value is not None and name not in ("model_name", "eval_results"):
                setattr(data, name, value)
    data.license = license or data.license
    data.language = language or data.language
    text = text.partition(USE)[0].strip()
    return f"---\n{data}\n---\n\n{text}\n{_use(description.task, repository)}", data


def _front_matter(description: ModelDescription, repository: str) -> "ModelCardData":
    from huggingface_hub import EvalResult, ModelCardData

    trained_on, scores = description.data, _metrics(description)
    pipeline = USAGE[description.task].pipeline
    dataset = None if trained_on is None else _hub_dataset(trained_on.arguments)
    name = "its training data" if trained_on is None else trained_on.name
    results = [
        EvalResult(
            task_type=pipeline,
            dataset_type=dataset or "local",
            dataset_name=name,
            metric_type=METRICS.get(score, score),
            metric_name=score,
            metric_value=round(value, 4),
        )
        for score, value in scores.items()
    ]
    return ModelCardData(
        library_name="rnncli",
        pipeline_tag=pipeline,
        language=_languages(description),
        license=None if trained_on is None else _licence(trained_on.licence),
        datasets=None if dataset is None else [dataset],
        metrics=sorted({METRICS.get(score, score) for score in scores}) or None,
        tags=["recurrent-network"],
        model_name=repository.partition("/")[2],
        eval_results=results or None,
    )


def _metrics(description: ModelDescription) -> dict[str, float]:
    return {name: value for name, value in description.scores.items() if name != "loss"}


def _languages(description: ModelDescription) -> Any:
    """Return the languages of a translator; English where a classifier has its word vectors."""
    if description.data is not None and description.data.languages:
        return list(description.data.languages)
    has_vectors = VECTORS in parameters(description.architecture)
    return "en" if has_vectors and description.settings.get("vectors") == "english" else None


def _hub_dataset(arguments: tuple[str, ...]) -> str | None:
    """Return the id on the hub of the data that a model was trained on, if it is there."""
    if len(arguments) != 1 or not is_on_hub(arguments[0]):
        return None
    name = arguments[0].partition(":")[0]
    return PUBLIC[name].hub_id if name in PUBLIC else name


def _licence(stated: str | None) -> str | None:
    """Return the hub's identifier of a licence; ``other`` where it knows none."""
    if stated is None or stated == "unknown":
        return None
    identifier = stated.lower().replace(" ", "-")
    return identifier if identifier in LICENCES else "other"


def _use(task: Task, repository: str) -> str:
    name = f"hf:{repository}"
    return f"""{USE}
In a pipe:

```sh
pip install rnncli
{USAGE[task].in_a_pipe.format(name=name)}
```

In Python:

```python
import rnncli

model = rnncli.load("{name}")
print({USAGE[task].in_python})
```

`rnncli evaluate {name}` scores it again on what was held out, where its training data can be had.
"""
