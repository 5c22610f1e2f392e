"""Who may import whom: eight rooms, each of which knows itself and the rooms below it."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import rnncli
from rnncli.config import TASKS

PACKAGE = Path(rnncli.__file__).parent
ROOMS = ("cli", "tasks", "training", "analysis", "storage", "data", "networks", "text")  # downwards
TOP = {"__init__", "__main__", "config", "errors", "messages"}


def test_a_room_imports_itself_and_rooms_below_it() -> None:
    upwards = {
        f"{found.module} -> {found.imported}"
        for found in OURS
        if room(found.module) in ROOMS
        and room(found.imported) in ROOMS
        and ROOMS.index(room(found.imported)) < ROOMS.index(room(found.module))
    }
    assert upwards == set()


def test_nothing_else_lies_in_the_hall() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == TOP
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(ROOMS)


def test_the_hall_knows_no_room() -> None:
    top = [one for one in OURS if one.top and room(one.module) not in ROOMS]
    assert (
        show([one for one in top if room(one.imported) in ROOMS and "__main__" not in one.module])
        == []
    )


def test_a_file_has_at_most_300_lines() -> None:
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_a_function_has_at_most_50_lines() -> None:
    """The signatures of commands aside, which are their options."""
    lengths = {
        f"{name}.{node.name}": _length(node, name)
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert len(lengths) > 500
    assert {name: length for name, length in lengths.items() if length > 50} == {}


def _length(node: ast.FunctionDef, module: str) -> int:
    """Return how many lines a function has; of a command, those of its body."""
    is_command = module.startswith("rnncli.cli.") and any(
        "typer" in ast.unparse(argument.annotation or node) or "options." in ast.unparse(argument)
        for argument in node.args.args
    )
    first = node.body[0].lineno if is_command else node.lineno
    return (node.end_lineno or first) - first + 1


def test_the_lower_rooms_name_no_task() -> None:
    named = [
        f"{name}, line {node.lineno}"
        for name, path in MODULES.items()
        if room(name) in ROOMS[2:]
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in TASKS
    ]
    assert named == []


@dataclass(frozen=True)
class Import:
    """One import statement, and whether it runs when the module is loaded."""

    module: str  # that imports
    imported: str
    line: int
    top: bool

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}: import {self.imported}"


def modules() -> dict[str, Path]:
    """Return every module of the package by its full name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def _imports(module: str, body: list[ast.stmt], *, top: bool) -> Iterator[Import]:
    """Yield every import below some statements; those for type checkers alone count as not top."""
    for statement in body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield Import(module, alias.name, statement.lineno, top)
        elif isinstance(statement, ast.ImportFrom):
            assert statement.level == 0, f"{module}: a relative import"
            base = statement.module or ""
            for alias in statement.names:
                whole = f"{base}.{alias.name}"
                yield Import(module, whole if whole in MODULES else base, statement.lineno, top)
        else:
            checked = isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(
                statement.test
            )
            function = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
            inside = top and not function and not checked
            for field in ("body", "orelse", "finalbody"):
                yield from _imports(module, getattr(statement, field, []), top=inside)
            for part in [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]:
                yield from _imports(module, part.body, top=inside)


IMPORTS = [
    found
    for name, path in MODULES.items()
    for found in _imports(name, ast.parse(path.read_text("utf-8")).body, top=True)
]
OURS = [found for found in IMPORTS if found.imported.split(".")[0] == "rnncli"]


def room(module: str) -> str:
    """Return ``tasks`` for ``rnncli.tasks.classify.train``."""
    return f"{module}.".split(".")[1]


def show(found: list[Import]) -> list[str]:
    return [str(one) for one in found]


def test_imports_were_found_at_all() -> None:
    assert len(OURS) > 50
    assert {found.top for found in OURS} == {True, False}


def test_imports_make_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for found in OURS:
        if found.top:
            graph.setdefault(found.module, set()).add(found.imported)
    for module, needed in graph.items():
        # A package is loaded before what is in it; that alone makes no circle.
        needed.discard(module.rpartition(".")[0])
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert len(order) > 20


# Modules that may load torch when they are loaded; all others do so inside functions, if at all.
WITH_TORCH = (
    "networks.*_torch",
    "networks.losses",
    "networks.bidirectional_lm",
    "training.*",
    "analysis.gradients",
    "tasks.*.train",
    "tasks.classify.adaptation",
    "tasks.classify.dual_regression",
    "tasks.classify.pretrain",
    "tasks.classify.fit_ngrams",
    "tasks.classify.regression",
    "tasks.embeddings",
    "tasks.language_modeling",
)


def at_the_top(library: str) -> set[str]:
    """Return the modules that import a library when they are loaded."""
    return {
        one.module.removeprefix("rnncli.")
        for one in IMPORTS
        if one.top and one.imported.split(".")[0] == library
    }


def test_torch_is_loaded_by_what_learns_alone() -> None:
    allowed = {m for m in MODULES for p in WITH_TORCH if Path(m).match(f"rnncli.{p}")}
    users = {f"rnncli.{module}" for module in at_the_top("torch")}
    assert users
    assert users - allowed == set()


def test_datasets_are_read_in_one_room() -> None:
    users = {
        room(one.module) for one in IMPORTS if one.imported.split(".")[0] == "datasets" and one.top
    }
    assert users == {"data"}


def test_the_command_line_computes_nothing() -> None:
    users = {one.module for one in IMPORTS if one.imported.split(".")[0] == "numpy"}
    assert users
    assert {m for m in users if room(m) == "cli" and not m.startswith("rnncli.cli.views.")} == set()


def closure(module: str) -> set[str]:
    """Return all that is loaded when a module is, by way of other modules of the package."""
    reached, waiting = set(), {module}
    while waiting:
        module = waiting.pop()
        reached.add(module)
        loaded = {one.imported for one in IMPORTS if one.top and one.module == module}
        waiting |= {*loaded, module.rpartition(".")[0]} - reached - {""}
    return reached


@pytest.mark.parametrize(
    "module",
    [m for m in MODULES if m.startswith("rnncli.cli") or m.endswith(".predict")],
)
def test_answers_never_wait_for_slow_libraries(module: str) -> None:
    loaded = {name.split(".")[0] for name in closure(module)}
    assert "rnncli" in loaded
    assert loaded & {"torch", "datasets", "pyarrow", "pandas", "sacrebleu"} == set()


def test_config_errors_and_messages_need_the_standard_library_alone() -> None:
    foreign = [
        found
        for found in IMPORTS
        if found.module in ("rnncli.config", "rnncli.errors", "rnncli.messages")
        and found.imported.split(".")[0] not in (*sys.stdlib_module_names, "rnncli")
    ]
    assert show(foreign) == []


def test_nothing_is_imported_from_click() -> None:
    """Typer carries its own, private copy."""
    private = ("click", "typer._click")
    found = [
        one for one in IMPORTS if f"{one.imported}.".startswith(tuple(f"{p}." for p in private))
    ]
    assert show(found) == []


def test_no_pickle_anywhere() -> None:
    libraries = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal")
    assert show([one for one in IMPORTS if one.imported.split(".")[0] in libraries]) == []
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                assert ast.unparse(node) not in ("torch.load", "torch.save"), name
