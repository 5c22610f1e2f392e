"""Every setting and its default, once, with its reason; standard library only."""

import math
import os
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from rnncli.errors import ConfigError

Task = Literal["generate", "classify", "translate", "transcribe", "forecast"]
Cell = Literal["lstm", "gru", "rnn", "mingru"]
Level = Literal["char", "word", "subword"]
Precision = Literal["auto", "float32", "bfloat16"]
Device = Literal["auto", "cpu", "cuda"]

TASKS: tuple[Task, ...] = get_args(Task)
CELLS: tuple[Cell, ...] = get_args(Cell)
LEVELS: tuple[Level, ...] = get_args(Level)

# The columns that each task reads, by their canonical names. Where a table has those of several
# tasks, the first is meant: a label beside a text is there to be learned.
TASK_COLUMNS: dict[Task, tuple[str, ...]] = {
    "classify": ("text", "label"),
    "translate": ("source", "target"),
    "generate": ("text",),
    "transcribe": ("audio", "transcript"),
    "forecast": ("time", "value"),
}
OPTIONAL_COLUMNS = {"generate": ("control",), "forecast": ("series", "known")}

MODELS = Path("models")  # where models go, one folder a task, unless another place is named
# What comes with rnncli for each task: a corpus, and a model; of translators there are several.
BUNDLED_CORPORA = {"generate": "stories", "classify": "reviews", "translate": "phrasebook"}
BUNDLED_MODELS: dict[Task, str] = {"generate": "bundled:stories", "classify": "bundled:sentiment"}
FORMAT_VERSION = 2  # of a model directory; raised when an older rnncli could not read a newer model

# The largest sizes that data and models may have: far above what a laptop trains, far below what a
# damaged or hostile config.json could ask for.
MAX_VOCAB = 1_000_000
MAX_CLASSES = 10_000  # the confusion matrix is as wide and as high
MAX_CONTROLS = 10_000  # labels in whose manner a generator writes; more are no labels
MAX_CONTROL_LENGTH = 100  # characters of such a label; longer ones are texts

DEFAULT_MAX_TIME = 600.0  # seconds: long enough for a good model, short enough to wait for
DEFAULT_SEED = 0
MAX_SEED = 2**63 - 1  # what torch takes
DEFAULT_VALIDATION = 0.1  # share held out; the customary tenth
MAX_HELD_OUT = {"rows": 2_000, "characters": 250_000}  # 95 % intervals: 2 points, 0.01 nats
MAX_LENGTH_PENALTY = 10.0  # scores are divided by length ** penalty: 1,000 ** 10 is 1e30
USUAL_LENGTH_PENALTY = 1.4  # where a model has none of its own; with 1, many write too little
MAX_SAMPLES = 1_000_000  # of a prompt: all are in memory at once; --lines writes on without end
USUAL_LENGTH = 500  # tokens of a sample: half a page, where they are characters

# Bounds of settings, far beyond what is of use: outside of them numbers or memory overflow.
BOUNDS: dict[str, tuple[float, float]] = {
    "threads": (1, 1_024),
    "workers": (1, 1_024),
    "max_time": (1e-3, 1e9),  # seconds: thirty years
    "epochs": (1e-9, 1e9),
    "steps": (1, MAX_SEED),
    "max_rows": (1, MAX_SEED),
    "learning_rate": (1e-12, 1e38),  # where it diverges, training says so
    "clip": (1e-9, 1e38),  # as high as gradients: none is clipped
    "weight_decay": (0.0, 1e9),
    "temperature": (0.0, 1e4),
    "top_k": (1, MAX_VOCAB),
    "top_p": (1e-9, 1.0),
    "min_p": (1e-9, 1.0),
    "repetition_penalty": (1e-4, 1e4),
    "horizon": (1, 10_000),
    "lookback": (1, 10_000),
    "length": (1, 1_000_000_000),
    "beam": (1, 1_000),
    "length_penalty": (-MAX_LENGTH_PENALTY, MAX_LENGTH_PENALTY),
    "no_repeat_ngram": (1, 1_000_000),
}


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def require_int(name: str, value: object, low: int, high: int) -> None:
    """Refuse a value that is no whole number within its bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        # reprlib: an untrusted value may be very long, or nested too deeply for repr
        text = reprlib.repr(value)
        raise ConfigError(f"{name} is {text}", f"give a whole number from {low} to {high}")


def _require_number(
    name: str, value: object, is_allowed: Callable[[float], bool], allowed: str
) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and is_allowed(value)):  # type: ignore[arg-type]
        raise ConfigError(f"{_option(name)} is {reprlib.repr(value)}", f"give a number {allowed}")


def _is_between(low: float, high: float, value: float) -> bool:
    return low <= value <= high


def require_within(config: object) -> None:
    """Refuse a config with a number outside of its `BOUNDS`; None is left to a default."""
    for name, (low, high) in BOUNDS.items():
        value = getattr(config, name, None)
        if value is None:
            continue
        if isinstance(low, int):
            require_int(_option(name), value, low, int(high))
        else:
            allowed = f"from {low:g} to {high:g}"
            _require_number(name, value, partial(_is_between, low, high), allowed)


def require_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of the choices."""
    if value not in choices:
        raise ConfigError(
            f"unknown {name} {reprlib.repr(value)}", f"choose one of {', '.join(choices)}"
        )


def require_bool(name: str, value: object) -> None:
    """Refuse a value that is neither true nor false."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} is {reprlib.repr(value)}", "give true or false")


def choose_threads(threads: int | None) -> int:
    """Return how many processor threads to compute with: ``threads``, else one a core.

    Where it is set, ``OMP_NUM_THREADS`` takes the place of the number of cores. The tokenizers
    are bound by ``threads``, too, if they have not read a text yet: they start their threads with
    the first one.
    """
    if threads is not None:
        require_int("--threads", threads, 1, int(BOUNDS["threads"][1]))
        os.environ["RAYON_NUM_THREADS"] = str(threads)
        return threads
    usual = os.environ.get("OMP_NUM_THREADS", "")  # by which people bound PyTorch and NumPy
    if usual.isdecimal() and int(usual) > 0:
        return int(usual)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Hold what a person can set of a training run; what tasks differ in is in ``DEFAULTS``."""

    level: Level = "word"  # of tasks that read text
    vocab_size: int = 20_000  # a soft limit: never below what the level needs to spell any text
    cell: Cell = "lstm"
    embedding_dim: int = 128
    hidden_size: int = 128
    num_layers: int = 1  # depth 1, 2 and 4 come out equal at equal size (Melis et al. 2018)
    dropout: float = 0.3  # locked: one mask for all time steps (Gal and Ghahramani 2016)
    embedding_dropout: float = 0.0  # the same of what the first layer reads
    word_dropout: float = 0.0  # share of input tokens replaced by <unk>
    label_smoothing: float = 0.0
    batch_size: int = 32  # more steps from few epochs; larger ones are hardly faster
    bptt: int = 64  # steps between truncations of backpropagation through time; generate only
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    clip: float = 1.0  # largest gradient norm
    warmup: float = 0.05  # share of the budget in which the learning rate rises
    average: float = 0.2  # share of training, at its end, whose weights are averaged (0: none)
    epochs: float | None  # the budget ends at whichever of epochs, steps, max_time comes first
    ngrams: bool = True  # a linear model of n-grams beside the network; classify only
    vectors: str | None = None  # word vectors: a file or a name; None: English ones where they suit
    memory: bool = True  # the pairs learned from, kept where that helps; translate only
    horizon: int | None = None  # values to forecast; None: as is usual for their step
    lookback: int | None = None  # values to forecast from; None: as many as held-out ones ask for
    freeze: bool | None = None  # the encoder of --init-from; None: for few texts; classify only
    steps: int | None = None
    max_rows: int | None = None  # to train on; None: all, or what there is time to read once
    max_time: float | None = DEFAULT_MAX_TIME  # seconds
    patience: int = 8  # evaluations without improvement before training stops early
    evaluations: int = 20  # over the budget: enough to see a curve, 2 to 5 % of the time
    validation: float = DEFAULT_VALIDATION
    seed: int = DEFAULT_SEED
    precision: Precision = "auto"
    device: Device = "auto"
    threads: int | None = None  # None: as many as the machine has cores
    workers: int | None = None  # that share a batch; None: whatever is fastest at the moment

    def __post_init__(self) -> None:
        """Refuse settings that cannot work, naming the option."""
        for name, choice in (("level", Level), ("cell", Cell), ("precision", Precision)):
            require_choice(_option(name), getattr(self, name), get_args(choice))
        require_choice("--device", self.device, get_args(Device))
        for name in ("embedding_dim", "hidden_size", "num_layers", "batch_size", "bptt"):
            require_int(_option(name), getattr(self, name), 1, 1_000_000)
        for name in ("vocab_size", "patience", "evaluations"):
            require_int(_option(name), getattr(self, name), 1, MAX_SEED)
        require_int("--seed", self.seed, 0, MAX_SEED)
        for name in ("dropout", "embedding_dropout", "word_dropout", "label_smoothing"):
            _require_number(name, getattr(self, name), lambda x: 0 <= x < 1, "from 0 to below 1")
        _require_number("validation", self.validation, lambda x: 0 < x < 1, "between 0 and 1")
        require_within(self)

    def with_overrides(self, overrides: Mapping[str, Any]) -> "Settings":
        """Return these settings with what a person asked for in place of the defaults."""
        settings = replace(self, **overrides)
        if "dropout" in overrides and self.embedding_dropout:
            settings = replace(self, **{"embedding_dropout": settings.dropout, **overrides})
        # A run that is to repeat exactly must not end by the clock.
        if (overrides.get("epochs") or overrides.get("steps")) and "max_time" not in overrides:
            settings = replace(settings, max_time=None)
        if overrides.get("steps") and "epochs" not in overrides:
            settings = replace(settings, epochs=None)
        return settings


DEFAULTS: dict[Task, Settings] = {
    "generate": Settings(
        level="char",
        vocab_size=8_000,
        hidden_size=384,
        batch_size=16,  # small batches, short BPTT: many steps, which small corpora need most
        learning_rate=3e-3,
        warmup=0.02,
        epochs=16,  # more would overfit small texts, whatever the dropout
    ),
    "classify": Settings(
        embedding_dropout=0.3,
        word_dropout=0.1,
        label_smoothing=0.05,
        average=0.3,
        epochs=10,
    ),
    "translate": Settings(
        level="subword",
        vocab_size=5_000,
        embedding_dim=256,
        hidden_size=256,
        embedding_dropout=0.3,
        word_dropout=0.1,
        label_smoothing=0.1,
        learning_rate=3e-3,
        warmup=0.03,
        epochs=40,
    ),
    "transcribe": Settings(
        level="char",
        num_layers=2,  # one hears sounds, the next one words (Graves et al. 2013)
        batch_size=16,  # as for generators
        learning_rate=3e-3,
        epochs=100,  # augmentation keeps them from overfitting
    ),
    "forecast": Settings(cell="gru", dropout=0.5, batch_size=128, epochs=30),  # as SegRNN
}


@dataclass(frozen=True)
class SamplingConfig:
    """Settings of sampling."""

    temperature: float = 0.8  # a little below 1: fewer slips than the model's own distribution
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0
    length: int | None = None  # tokens; None: ``USUAL_LENGTH``, and on to the end of a sentence
    stop: str | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings from which nothing can be drawn."""
        require_within(self)
        if self.seed is not None:
            require_int("--seed", self.seed, 0, MAX_SEED)


@dataclass(frozen=True)
class SearchConfig:
    """Settings of beam search."""

    beam: int = 5  # wider beams gain nothing on small models
    length_penalty: float | None = None  # exponent; None: what suited the model's held-out pairs
    nbest: int = 1
    no_repeat_ngram: int | None = None  # tokens; None: only loops are blocked
    memory: bool = True  # ask the model's pairs, where it keeps them: better, and slower
    keep: Sequence[str] = ()  # regular expressions of phrases that stay as they are
    glossary: Mapping[str, Sequence[str]] = field(default_factory=dict)  # translations of terms

    def __post_init__(self) -> None:
        """Refuse searches that cannot give what is asked for."""
        require_within(self)
        if not 1 <= self.nbest <= self.beam:
            raise ConfigError(
                f"--nbest is {self.nbest} with --beam {self.beam}",
                f"--beam {self.nbest}" if self.nbest > 0 else "leave --nbest out",
            )
