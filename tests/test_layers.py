"""Who may import whom: the table in section 4 of the design, downwards only."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import rnncli

PACKAGE = Path(rnncli.__file__).parent

# From the top down. A module may import those of lower rows, and of its own row where that leads
# to no circle.
ROWS = (
    ("cli",),
    ("tasks",),
    ("training", "checkpoint", "saved_run", "initialisation", "saved_model"),
    ("gpu", "gauges", "device"),
    (
        "data",
        "layers",
        "attention",
        "model",
        "language_models",
        "bag_fitting",
        "word_vectors",
        "bilingual_vectors",
        "sparse",
        "cache",
        "similar_texts",
        "translation_memory",
        "calibration",
        "ngrams",
        "sampled_softmax",
        "runtime",
        "recurrent",
        "decoding",
        "alignment",
        "explanation",
        "writer",
        "batches",
    ),
    (
        "arrays",
        "shift",
        "chunks",
        "scripts",
        "tokenizer",
        "copying",
        "sentences",
        "controls",
        "corpora",
        "baselines",
        "metrics",
        "translation_metrics",
        "config",
        "whole_files",
        "errors",
    ),
)
ROW = {name: number for number, names in enumerate(ROWS) for name in names}

# The package itself is its version, which all may ask for, and exports that load lazily.
ROOT = ("rnncli", "rnncli.__main__")

SLOW = ("torch", "datasets", "pyarrow", "pandas", "sacrebleu")  # what start-up has no time for
LOADERS = (
    "data",
    "layers",
    "attention",
    "model",
    "language_models",
    "sampled_softmax",
    "bag_fitting",
    "word_vectors",
    "bilingual_vectors",
    "sparse",
    "training",
    "gpu",
    "gauges",
    "device",
    "initialisation",
)  # who may load them at the top


# Parts of a command that it loads when it has read its options; they may load what they need.
LATE = (
    "rnncli.cli.alignment_svg",
    "rnncli.cli.alignments",
    "rnncli.cli.explained",
    "rnncli.cli.samples",
    "rnncli.cli.scoring.beside",
    "rnncli.cli.scoring.classifier",
    "rnncli.cli.scoring.comparison",
    "rnncli.cli.scoring.generator",
    "rnncli.cli.scoring.mistakes",
    "rnncli.cli.scoring.translator",
    "rnncli.cli.surprise",
)


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


def imports() -> list[Import]:
    """Return every import of the package; those for type checkers alone never run."""
    return [
        found
        for name, path in MODULES.items()
        for found in _imports(name, ast.parse(path.read_text("utf-8")).body, top=True)
    ]


def _imports(module: str, body: list[ast.stmt], *, top: bool) -> Iterator[Import]:
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
        elif isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from _imports(module, statement.orelse, top=top)
        else:
            inside = top and not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
            for field in ("body", "orelse", "finalbody"):
                yield from _imports(module, getattr(statement, field, []), top=inside)
            for part in [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]:
                yield from _imports(module, part.body, top=inside)


IMPORTS = imports()
OURS = [found for found in IMPORTS if found.imported.split(".")[0] == "rnncli"]


def unit(module: str) -> str:
    """Return the name in the table: ``tasks`` for ``rnncli.tasks.classify``."""
    return module.split(".")[1]


def below(module: str) -> bool:
    return module not in ROOT


def show(found: list[Import]) -> list[str]:
    return [str(one) for one in found]


def test_every_module_has_its_place_in_the_table() -> None:
    assert {unit(module) for module in filter(below, MODULES)} == set(ROW)


def test_imports_were_found_at_all() -> None:
    assert len(OURS) > 50
    assert any(found.top for found in OURS)
    assert any(not found.top for found in OURS)


def test_imports_go_downwards_only() -> None:
    upwards = [
        found
        for found in OURS
        if below(found.module)
        and below(found.imported)
        and ROW[unit(found.imported)] < ROW[unit(found.module)]
    ]
    assert show(upwards) == []


def test_imports_make_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for found in OURS:
        if below(found.module) and below(found.imported):
            graph.setdefault(found.module, set()).add(found.imported)
    for module, needed in graph.items():
        # A package is loaded before what is in it; that alone makes no circle.
        needed.discard(module.rpartition(".")[0])
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert len(order) > 20


def test_commands_load_nothing_at_the_top_but_errors_and_config() -> None:
    heavy = [
        found
        for found in OURS
        if found.top
        and unit(found.module + ".") == "cli"
        and found.module not in LATE
        and below(found.imported)
        and (found.imported in LATE or unit(found.imported) not in ("cli", "config", "errors"))
    ]
    assert show(heavy) == []


def test_the_top_of_the_package_loads_none_of_its_modules() -> None:
    assert show([found for found in OURS if found.top and found.module == "rnncli"]) == []


def test_config_and_errors_need_the_standard_library_alone() -> None:
    foreign = [
        found
        for found in IMPORTS
        if found.module in ("rnncli.config", "rnncli.errors")
        and found.imported.split(".")[0] not in (*sys.stdlib_module_names, "rnncli")
    ]
    assert show(foreign) == []


@pytest.mark.parametrize(
    ("library", "users"),
    [
        ("datasets", {"data"}),
        ("torch", {"cli", "checkpoint", *LOADERS} - {"data"}),
    ],
)
def test_a_slow_library_has_few_users(library: str, users: set[str]) -> None:
    found = {
        unit(one.module)
        for one in IMPORTS
        if one.imported.split(".")[0] == library and below(one.module)
    }
    assert found
    assert found <= users


def test_slow_libraries_are_loaded_by_data_model_and_training_alone() -> None:
    elsewhere = [
        found
        for found in IMPORTS
        if found.top and found.imported.split(".")[0] in SLOW and unit(found.module) not in LOADERS
    ]
    assert show(elsewhere) == []


def test_what_loads_slow_libraries_is_itself_imported_inside_functions() -> None:
    reached = [
        found
        for found in OURS
        if found.top
        and below(found.imported)
        and unit(found.imported) in LOADERS
        and unit(found.module) not in LOADERS
    ]
    assert show(reached) == []


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
