"""What cannot be read as it is: the command of the hint converts a file, and what is piped."""

import bz2
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shell import call, explained

PRAISE = "A warm, funny film, and I laughed at number {}."
BLAME = "The story goes nowhere, and chapter {} is the worst."
RECORDS = [
    {"text": text.format(i), "label": label}
    for i in range(12)
    for text, label in ((PRAISE, "good"), (BLAME, "bad"))
]
CSV = "text,label\n" + "".join('"{text}",{label}\n'.format(**record) for record in RECORDS)
COLUMNS = {name: {str(i): r[name] for i, r in enumerate(RECORDS)} for name in ("text", "label")}
MAIL = "From a@example.org Mon Jan  1 00:00:00 2024\nSubject: Hi\n\nSee you\non Monday.\n\n"
FILTERED = {
    "several labels": "".join(
        "__label__{label} __label__film {text}\n".format(**record) for record in RECORDS
    ),
    "a document": json.dumps({"my-data": RECORDS}, indent=1),
    "an array": json.dumps(RECORDS),
    "an array over several lines": json.dumps(RECORDS, indent=1),
    "columns": json.dumps(COLUMNS),
    "old line ends": CSV.replace("\n", "\r"),
    "UTF-16": CSV.encode("utf-16"),
    "subtitles": "".join(
        f"{i}\n00:00:{10 + i},000 --> 00:00:{10 + i},900\n{PRAISE.format(i)}\n\n" for i in range(9)
    ),
}


def run(command: str, stdin: bytes, folder: Path) -> bytes:
    """Run a command of a hint in a shell."""
    if (program := shlex.split(command)[0]) == "jq" and not shutil.which(program):
        pytest.skip("jq is not installed")
    command = re.sub(r"^python3 ", f"{shlex.quote(sys.executable)} ", command)
    done = subprocess.run(
        command, shell=True, input=stdin, capture_output=True, cwd=folder, check=True
    )
    return done.stdout


def encoded(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


@pytest.mark.parametrize("content", FILTERED.values(), ids=FILTERED)
def test_what_is_piped_is_converted_within_the_pipe(content: str | bytes, tmp_path: Path) -> None:
    piped = encoded(content)
    hint = explained(call("train", "-", "--dry-run", stdin=piped), 1, "standard input")
    command, typed = re.fullmatch(r".*, in the pipe: (.*) \| (rnncli .*)", hint).groups()
    converted = run(command, piped, tmp_path)
    assert call(*shlex.split(typed)[1:], stdin=converted).code == 0


@pytest.mark.parametrize("content", FILTERED.values(), ids=FILTERED)
def test_a_file_is_converted_to_a_copy(content: str | bytes, tmp_path: Path) -> None:
    (tmp_path / "my data").write_bytes(encoded(content))
    hint = explained(call("train", "my data", "--dry-run", cwd=tmp_path), 1, "my data")
    _, command, copy = re.fullmatch("(.*?): (.*) > (.*)", hint).groups()
    assert run(f"{command} > {copy}", b"", tmp_path) == b""
    assert call("train", *shlex.split(copy), "--dry-run", cwd=tmp_path).code == 0


def test_archives_and_mailboxes_are_unpacked_before_rnncli_or_in_its_place(tmp_path: Path) -> None:
    def hint_for(piped: bytes) -> str:
        return explained(call("train", "-", "--dry-run", stdin=piped), 1, "standard input")

    piped = bz2.compress(CSV.encode())
    assert hint_for(piped) == "unpack it, in the pipe: bunzip2 | rnncli train - --dry-run"
    _, command = hint_for(2 * MAIL.encode()).split(", in place of rnncli: ")
    run(command, 2 * MAIL.encode(), tmp_path)
    assert (tmp_path / "lines.txt").read_text() == 2 * "See you on Monday.\n"
    *_, command = hint_for(b"<!DOCTYPE html><html><p>Hello.</p></html>\n").split(": ")
    assert command == "rnncli train - --task generate"


def test_the_name_of_a_compressed_file_stands_in_the_command(tmp_path: Path) -> None:
    data = encoded(FILTERED["several labels"])
    (tmp_path / "a b.txt").write_bytes(data)
    subprocess.run(["gzip", "a b.txt"], cwd=tmp_path, check=True)
    hint = explained(call("train", "a b.txt.gz", "--dry-run", cwd=tmp_path), 1, "2 labels")
    run(hint.removeprefix("keep the first of each line: "), b"", tmp_path)
    assert call("train", "one.txt", "--dry-run", cwd=tmp_path).code == 0
