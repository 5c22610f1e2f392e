"""Cases of ``fuzz.py`` about commands: edited states, options at their bounds, odd processes."""

import json
import os
import random
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kills
from models import SMALL, reviews
from shell import Result, call, command, environment

from rnncli.config import BOUNDS
from rnncli.storage.layout import Layout

Run = Callable[[], Result]
Made = tuple[str, Run]  # kind of damage, command

# --- the state of an interrupted training -------------------------------------------------------

TRAINING = (
    *(*SMALL, "--seed", 3, "--steps", 4, "--patience", 100, "--workers", 1, "--threads", 1),
    *("--vectors", "none", "--no-ngrams"),
)


def make_unfinished(folder: Path) -> Path:
    """Return a model whose training was killed halfway."""
    kills.import_everything()
    model, log = folder / "unfinished", folder / "log"
    words: list[object] = ["train", reviews(), "-o", model, *TRAINING]
    words += ["--checkpoint-every", "0.001s"]
    whole = kills.train(words, log)
    shutil.rmtree(model)
    kills.train(words, log, whole.calls // 2)
    assert Layout(model).state.exists()
    return model


def outside(folder: Path) -> Path:
    """Return a file that no command may write to, though links lead there."""
    path = folder / "outside" / "file"
    path.parent.mkdir(exist_ok=True)
    path.write_text("not to be touched")
    return path


def link_or_pipe(rng: random.Random, path: Path, target: Path) -> None:
    """Put something in the place of a file or a folder that is no file and no folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    match rng.randrange(6):
        case 0:
            path.symlink_to(target)
        case 1:
            path.symlink_to(target.parent)
        case 2:
            path.symlink_to(path.name)
        case 3:
            os.mkfifo(path)
        case 4:
            path.mkdir()
        case _:
            path.symlink_to(rng.choice(["/dev/zero", "/dev/full", "nowhere", "."]))


def edit_run(rng: random.Random, path: Path, edit: Callable[[random.Random, Path], None]) -> None:
    """Edit the JSON in the header of a state."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    part = path.with_name("run.json")
    part.write_text(header["__metadata__"]["run"])
    edit(rng, part)
    header["__metadata__"]["run"] = part.read_text()
    part.unlink()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


def state_case(
    rng: random.Random, folder: Path, unfinished: Path, edits: dict[str, Callable[..., None]]
) -> Made:
    """Damage a training that was interrupted, and go on with it.

    ``edits`` change bytes or JSON of a file; "run" and "tensors" what is in the state.
    """
    model = shutil.copytree(unfinished, folder / "m")
    layout, sentinel = Layout(model), outside(folder)
    kind = rng.choice([*edits, "link or pipe", "link or pipe", "missing"])
    if kind == "link or pipe":
        names = [*layout.files, layout.state, layout.checkpoint, layout.lock, layout.next]
        names += [layout.replaced, layout.removed, layout.checkpoint / ".state.safetensors.new"]
        link_or_pipe(rng, rng.choice(names), sentinel)
    elif kind == "missing":
        path = rng.choice(sorted(p for p in model.rglob("*") if p.is_file()))
        path.unlink()
    elif kind == "run edited":
        edit_run(rng, layout.state, edits[kind])
    else:
        edits[kind](rng, layout.state)
    words: list[object] = ["train", reviews(), "-o", model, *TRAINING]
    words += rng.choice([[], [], [], ["--force"]])

    def run() -> Result:
        result = call(*words)
        if sentinel.read_text() != "not to be touched" or len(list(sentinel.parent.iterdir())) > 1:
            raise AssertionError("a file outside of the model was changed")
        return result

    return kind, run


# --- options ------------------------------------------------------------------------------------

# What takes memory or time as it should is tried at its lower bound, and beyond both.
HEAVY = ("length", "beam", "threads", "workers", "max_time", "epochs", "steps")
OPTIONS = {
    "classify": ("threads", "batch-size", "threshold"),
    "generate": (
        *("length", "temperature", "top-k", "top-p", "min-p", "repetition-penalty", "seed"),
        *("max-copy", "batch-size", "n"),
    ),
    "translate": ("beam", "length-penalty", "nbest", "no-repeat-ngram", "threads"),
    "train": (
        *("max-time", "epochs", "steps", "max-rows", "learning-rate", "clip", "weight-decay"),
        *("dropout", "embedding-dropout", "word-dropout", "label-smoothing", "validation", "seed"),
        *("batch-size", "hidden-size", "embedding-dim", "num-layers", "bptt", "vocab-size"),
        *("patience", "workers", "threads", "checkpoint-every"),
    ),
}
ODD = (
    *(
        "0",
        "-0",
        "-1",
        "1",
        "0.5",
        "nan",
        "inf",
        "-inf",
        "",
        " ",
        "x",
        "1e400",
        "9" * 400,
        "1e-320",
    ),
    *("0x10", "1_000", "\u0663", "1,5", "--", "-", "1e5", "2147483648", "1.0"),
)
ODD_AND_LIGHT = tuple(value for value in ODD if value not in ("1e5", "2147483648", "1_000"))


def value_of(rng: random.Random, option: str) -> str:
    name = option.replace("-", "_")
    if name not in BOUNDS:
        return rng.choice(ODD_AND_LIGHT)
    low, high = BOUNDS[name]
    if isinstance(low, int):
        near: list[Any] = [low, low - 1, int(high) + 1, *([] if name in HEAVY else [int(high)])]
    else:
        near = [low, low * 0.9 - 1e-12, high * 1.1 + 1, *([] if name in HEAVY else [high])]
    return rng.choice([*map(str, near), *map(str, near), rng.choice(ODD_AND_LIGHT)])


def option_case(rng: random.Random, folder: Path, models: dict[str, Path]) -> Made:
    """Run a command with odd values of some options."""
    name = rng.choice([*OPTIONS, "train"])
    chosen = rng.sample(OPTIONS[name], rng.choice([1, 1, 2]))
    odd = [word for option in chosen for word in (option_word(option), value_of(rng, option))]
    if name == "train":
        plain = {"--hidden-size": 8, "--embedding-dim": 8, "--steps": 2, "--threads": 1}
        kept = [word for pair in plain.items() if pair[0] not in odd for word in pair]
        words = [reviews(), "-o", folder / "m", "--no-ngrams", "--vectors", "none", *kept]
    else:
        words = ["-m", models[name], "the soup was lovely"]
        words += ["--length", 5] if name == "generate" and "--length" not in odd else []
    return f"{name} {' '.join(chosen)}" if len(chosen) == 1 else f"{name}, two", lambda: call(
        name, *words, *odd
    )


def option_word(option: str) -> str:
    return f"-{option}" if len(option) == 1 else f"--{option}"


# --- processes ----------------------------------------------------------------------------------

VARIABLES: dict[str, tuple[str, ...]] = {
    "LC_ALL": ("C", "POSIX", "C.UTF-8", "en_US.ISO-8859-1", "xx"),
    "PYTHONIOENCODING": ("ascii", "latin-1", "cp1252", "utf-8:surrogateescape"),
    "PYTHONUTF8": ("0", "1"),
    "TERM": ("", "dumb", "xterm", "x" * 300),
    "COLUMNS": ("0", "1", "-1", "x", "99999"),
    "HOME": ("", "/nowhere", "/dev/null"),
    "TMPDIR": ("/nowhere", "/dev/null", "/proc"),
    "XDG_STATE_HOME": ("", "/dev/null"),
    "RNNCLI_MODEL": ("", "/nowhere", "/dev/zero", "-"),
    "OMP_NUM_THREADS": ("0", "-3", "x", "99999999999999999999"),
    "NO_COLOR": ("1",),
    "FORCE_COLOR": ("1",),
    "LANG": ("tr_TR.UTF-8",),
}
STREAMS = ("open", "open", "open", "closed", "full", "broken", "null")
TEXT = "the soup was lovely \u00e9 \U0001f600 \u202e\x9b\n".encode()


def process_case(rng: random.Random, folder: Path, models: dict[str, Path]) -> Made:
    """Start a process with odd streams and an odd environment."""
    out_file, err_file = folder / "out", folder / "err"
    how = [rng.choice(STREAMS) for _ in range(3)]
    extra = {name: rng.choice(values) for name, values in VARIABLES.items() if rng.random() < 0.15}
    name = rng.choice([*models, "evaluate", "models", "--help", "train"])
    words: list[object] = [name]
    if name in models:
        words += ["-m", models[name], *rng.choice([[], ["--json"]])]
        words += ["--length", 5] if name == "generate" else []
        words += rng.choice([[], [b"caf\xe9 \xff", "soup"]])
    elif name == "evaluate":
        words += [models["classify"], reviews(), "--no-baselines", *rng.choice([[], ["--json"]])]
    elif name == "train":
        words += [reviews(), "--dry-run", *rng.choice([[], ["--json"]])]

    def redirect() -> None:
        for descriptor, kind in enumerate(how):
            source = open_stream(kind, descriptor, out_file if descriptor == 1 else err_file)
            if source is None:
                os.close(descriptor)
            elif source != descriptor:
                os.dup2(source, descriptor)

    def run() -> Result:
        process = subprocess.Popen(
            command(*words),
            stdin=subprocess.PIPE,
            preexec_fn=redirect,
            env=environment(extra),
            cwd=folder,
        )
        try:
            process.communicate(TEXT)
        finally:
            process.kill()
        out = out_file.read_bytes() if out_file.exists() else b""
        err = err_file.read_text(errors="replace") if err_file.exists() else ""
        if b"error: " in out or b"Traceback" in out:
            raise AssertionError(f"a message among the results: {out[:500]!r}")
        if process.returncode not in (0, 1, 2, 141):
            raise AssertionError(f"exit code {process.returncode}: {err[-2_000:]}")
        is_heard = how[2] == "open" and process.returncode != 141  # which is silent
        return Result(process.returncode if is_heard else 0, out, err)

    return f"{name}, {'odd' if set(how) - {'open'} else 'open'} streams", run


def open_stream(kind: str, descriptor: int, file: Path) -> int | None:
    """Return a descriptor in the place of a stream; None: it is to be closed."""
    if kind == "closed":
        return None
    if kind == "open":
        return 0 if descriptor == 0 else os.open(file, os.O_WRONLY | os.O_CREAT)
    if kind == "full":
        return os.open("/dev/full", os.O_RDWR)
    if kind == "null":
        return os.open("/dev/null", os.O_RDWR)
    reader, writer = os.pipe()
    if descriptor == 0:
        os.close(writer)
        return reader
    os.close(reader)
    return writer
