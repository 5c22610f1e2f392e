"""Every hint that holds a command is typed as it stands, and the command is there."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from models import (
    SMALL,
    classifier,
    generator,
    pairs,
    reviews,
    story,
    train,
    translator,
    write_lines,
)
from shell import call

from rnncli.cli import COMMANDS, SUBCOMMANDS, load_command

PACKAGE = Path(__file__).parent.parent.parent / "rnncli"
STEPS = [*map(str, SMALL), "--steps", "1"]
OTHER_PROGRAMS = {"--upgrade", "--force-reinstall", "--test", "--files"}

WORDS = (
    "receive separate definitely necessary friend address occurred because believe beginning "
    "tomorrow weird until government calendar library surprise business knowledge language "
    "privilege occasion"
)

# What a person types, by mistake; the commands of the hint are typed after it.
MISTAKES = [
    "classify --abstain-label x lovely",
    "classify --only goood lovely",
    "classify --not bd lovely",
    "classify --threshold 2 lovely",
    "classify -i in.txt lovely",
    "classify --column text lovely",
    "classify --column txt -i t.csv",
    "classify --column txt -i t.jsonl",
    "classify -i t.csv",
    "classify -i posts.jsonl",
    "classify --column post -i posts.jsonl",
    "classify -o out -i in.txt",
    "classify -o story.txt -i in.txt",
    "classify -i out",
    "classify --whole lovely",
    "classify --whole --jobs 2 -i out",
    "models export models/classify --html story.txt",
    "classify -m models/generate lovely",
    "generate -m models/classify lovely",
    "generate a b",
    "generate --lines 2 -n 3",
    "generate --lines=2 --stop=x",
    "generate --score --seed 1 lovely",
    "generate --temperature warm --length 3 a",
    "generate --control x --length 3 a",
    "generate -m controlled --control aa --length 3 a",
    "generate -m controlled --score lovely",
    "translate --memory pairs.tsv --no-memory 'the cat'",
    "translate --nbest 7 --beam 3 'the cat'",
    "translate --nbest 0 'the cat'",
    "translate --attention --column text -i t.csv",
    "translate --attention --split 'the cat'",
    "translate --to tlh 'the cat'",
    "translate --to fr -m models/translate 'the cat'",
    "translate --attention-out a.png 'the cat'",
    "translate --attention-out a.svg -o a.svg 'the cat'",
    "translate --attention-out out 'the cat'",
    "evaluate",
    "evaluate models/classify --no-baselines --require accuracy",
    "evaluate models/classify --no-baselines --beam 2",
    "evaluate models/generate --no-baselines",
    "evaluate models/translate --tokenize moses",
    "evaluate models/classify --errors - --json --no-baselines",
    "evaluate models/classify --errors out --no-baselines",
    "evaluate models/classify t.csv --split dev --no-baselines",
    "evaluate models/generate story.txt --control who",
    "evaluate nothing/here -m models/nothing",
    "evaluate -m models/classify --probe cases.tsv t.csv",
    "evaluate models/classify --probe --text text cases.tsv",
    "train --dry-run spellings.tsv",
    "train --dry-run --task translate spellings.tsv",
    "evaluate models/translate spellings.tsv",
    f"train t.csv -o models/classify {shlex.join(STEPS)}",
    f"train t.csv -o out {shlex.join(STEPS)}",
    f"train t.csv -o in.txt {shlex.join(STEPS)}",
    f"train t.csv -o new1 --init-from models/generate {shlex.join(STEPS)}",
    f"train t.csv -o new4 --init-from models/classify --level char {shlex.join(STEPS)}",
    f"train story.txt -o new5 --control who {shlex.join(STEPS)}",
    f"train story.txt -o new2 --unlabelled story.txt {shlex.join(STEPS)}",
    f"train t.csv -o new3 --device cuda {shlex.join(STEPS)}",
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with models and files."""
    folder = tmp_path_factory.mktemp("hints")
    for task, model in (
        ("classify", classifier),
        ("generate", generator),
        ("translate", translator),
    ):
        shutil.copytree(model(), folder / "models" / task)
    shutil.copy(reviews(), folder / "t.csv")
    shutil.copy(story(), folder / "story.txt")
    shutil.copy(pairs(), folder / "pairs.tsv")
    write_lines(folder / "in.txt", "lovely")
    write_lines(folder / "cases.tsv", "text\texpected", "lovely\tpositive")
    write_lines(folder / "t.jsonl", '{"text": "lovely"}')
    spellings = [
        f"{word[:i]}{word[i + 1 :]}\t{word}" for word in WORDS.split() for i in range(len(word))
    ]
    write_lines(folder / "spellings.tsv", *spellings * 3)
    post = {"id": "1", "post": {"by": "me", "body": "the soup was lovely"}}
    write_lines(folder / "posts.jsonl", json.dumps(post))
    (folder / "out").mkdir()
    write_lines(folder / "out" / "note", "of another kind")
    names = [f"{first}{last},{last}" for first in ("Al", "Ber", "Cor", "Dor") for last in "ao"]
    data = write_lines(folder / "names.csv", "name,kind", *names)
    train(data, folder / "controlled", "--control", "kind", "--steps", 2)
    return folder


def commands(err: str) -> Iterator[str]:
    """Yield the commands of the hints in what was written to stderr."""
    lines = err.partition("\nhint: ")[2].splitlines()
    for line in lines:
        if match := re.search(r"(?:^|: |or: )((?:rnncli|mkdir|ls|cp|df) .*)$", line):
            yield match[1]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_commands_of_a_hint_work(mistake: str, prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    shutil.copytree(prepared, folder)
    result = call(*shlex.split(mistake), cwd=folder)
    if "cuda" in mistake and result.code == 0:
        pytest.skip("there is a GPU")
    assert result.code in (1, 2), result.err
    typed = list(commands(result.err))
    assert typed, result.err
    for command in typed:
        words = shlex.split(command)
        if words[1] == "train" and "--steps" not in words:
            names_data = words[2:] and not words[2].startswith("-")
            words += STEPS if names_data else [*STEPS, "--max-rows", "300"]  # of the reviews
        if words[0] == "rnncli" and " < " not in command:
            again = call(*words[1:], cwd=folder)
            assert again.code == 0, f"{command}\n{again.err}"
        elif words[0] == "rnncli":
            line, _, name = command.partition(" < ")
            stdin = (folder / name).read_bytes()
            assert call(*shlex.split(line)[1:], stdin=stdin, cwd=folder).code == 0
        else:
            assert subprocess.run(words, cwd=folder, capture_output=True, check=True)


@pytest.mark.parametrize(
    ("mistake", "data"),
    [
        (f"train PIPE -o models/classify {shlex.join(STEPS)}", "t.csv"),
        (f"train --quiet --hidden-sise 8 PIPE -o piped {shlex.join(STEPS[2:])}", "t.csv"),
        ("evaluate models/classify --beam 2 PIPE", "t.csv"),
        ("classify --column txt -i PIPE", "t.csv"),
        ("classify --threshold 2 --input=PIPE", "in.txt"),
    ],
)
def test_a_hint_for_what_came_from_a_process_substitution_reads_stdin(
    mistake: str, data: str, prepared: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(prepared, tmp_path / "work")
    content = (folder / data).read_bytes()[:20_000]
    read, write = os.pipe()
    with open(read, "rb"), open(write, "wb") as stream:  # noqa: PTH123 - they are descriptors
        stream.write(content)
        stream.close()
        result = call(*shlex.split(mistake.replace("PIPE", f"/dev/fd/{read}")), cwd=folder)
    assert result.code in (1, 2), result.err
    assert "/dev/fd" not in result.err
    typed = list(commands(result.err))
    assert typed, result.err
    for command in typed:
        again = call(*shlex.split(command)[1:], stdin=content, cwd=folder)
        assert again.code == 0, f"{command}\n{again.err}"


def test_a_folder_that_a_hint_makes_is_the_one_that_was_missing(tmp_path: Path) -> None:
    command = ("classify", "-m", classifier(), "-o", tmp_path / "a b" / "out.txt", "lovely")
    (line,) = commands(call(*command).err)
    subprocess.run(line, shell=True, check=True)
    assert call(*command).code == 0


def hints() -> list[tuple[str, str]]:
    """Return the words of all hints in the code, each with its file."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error"):
                arguments = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "hint")]
                for argument in arguments:
                    parts = [n.value for n in ast.walk(argument) if isinstance(n, ast.Constant)]
                    words = " ".join(part for part in parts if isinstance(part, str))
                    found.append((str(path.relative_to(PACKAGE)), words))
    return found


def test_hints_that_are_completed_to_commands_hold_no_prose() -> None:
    for file, hint in hints():
        assert not re.search(r"(^|\n|: )--[a-z-]+ ([a-z]+ [a-z]+|and --)", hint), f"{file}: {hint}"


def test_hints_name_no_command_and_no_option_that_is_not_there() -> None:
    options = {
        option
        for name in (*COMMANDS, *SUBCOMMANDS.values())
        for parameter in load_command(name).params
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help"}
    assert len(hints()) > 80
    for file, hint in hints():
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", hint):
            assert option in options | OTHER_PROGRAMS, f"{file}: {hint}"
        for name in re.findall(r"\brnncli ([a-z]+)\b", hint):
            assert name in [*COMMANDS, "in"], f"{file}: {hint}"


def test_a_table_without_usual_names_is_read_by_its_longest_column(tmp_path: Path) -> None:
    post = {"id": "1", "post": {"by": "me", "body": "the soup was lovely"}}
    write_lines(tmp_path / "a.jsonl", json.dumps(post))
    write_lines(tmp_path / "b.csv", "Nr;Meinung;Sterne", "1;the soup was lovely;5")
    for name, column in (("a.jsonl", "post.body"), ("b.csv", "Meinung")):
        command = ("classify", "-m", classifier(), "-i", name)
        line = next(commands(call(*command, cwd=tmp_path).err))
        assert line == f"rnncli {' '.join(map(str, command))} --column {column}"
        assert b"good" in call(*shlex.split(line)[1:], cwd=tmp_path).out
