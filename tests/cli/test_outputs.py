"""Files that commands write: what is there already is replaced only with ``--force``."""

from pathlib import Path

import pytest
from models import classifier, generator, reviews, translator
from shell import call, explained, tree

OLD = b"answers of last year\n"


@pytest.mark.parametrize(
    ("command", "option", "name", "other"),
    [
        (["classify", "-m", classifier, "lovely"], "-o", "a.txt", "a-2.txt"),
        (["generate", "-m", generator, "--length", 3, "the"], "-o", "a.txt.gz", "a-2.txt.gz"),
        (["translate", "-m", translator, "the cat"], "--attention-out", "a.svg", "a-2.svg"),
        (["inspect", classifier], "-o", "parts.html", "parts-2.html"),
        (["evaluate", classifier, reviews, "--no-baselines"], "--errors", "a.b.tsv", "a.b-2.tsv"),
        (["models", "export", classifier], "--html", "page", "page-2"),
    ],
)
def test_an_existing_file_is_replaced_only_with_force(
    command: list[object], option: str, name: str, other: str, tmp_path: Path
) -> None:
    words = [word() if callable(word) else word for word in command]
    (tmp_path / name).write_bytes(OLD)
    hint = explained(call(*words, option, name, cwd=tmp_path), 1, f"{name} exists already")
    assert hint.endswith(f" {option} {other}")
    assert tree(tmp_path) == {name: OLD}
    result = call(*words, option, name, "--force", cwd=tmp_path)
    assert result.code == 0, result.err
    assert list(tree(tmp_path)) == [name]
    assert OLD not in (tmp_path / name).read_bytes()


@pytest.mark.parametrize("command", ["forecast", "transcribe"])
def test_so_it_is_where_a_model_is_missing_yet(command: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(OLD)
    explained(call(command, "a.csv", "-o", "out", cwd=tmp_path), 1, "out exists already")


def test_an_empty_file_is_written_to_as_it_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    assert call("classify", "-m", classifier(), "-o", "out", "lovely", cwd=tmp_path).code == 0
    assert (tmp_path / "out").read_text().endswith("\tlovely\n")
