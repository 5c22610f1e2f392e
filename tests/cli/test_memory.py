"""Where memory runs out, a command says so; it neither hangs nor shows a traceback."""

import resource
from pathlib import Path

from models import classifier
from shell import explained, rnncli

LIMIT = 300 << 20  # bytes of address space: enough for a line, too little for one of 60 MB


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))


def test_a_lack_of_memory_is_explained(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("soup good " * 6_000_000)
    words = ("classify", "-m", classifier(), "-i", tmp_path / "a.txt")
    hint = explained(rnncli(*words, preexec_fn=limited), 1, "memory")
    assert hint == f"rnncli {' '.join(map(str, words))} --batch-size 1"
    for again in (["--batch-size", "1"], ["--batch-size=1"]):
        hint = explained(rnncli(*words, *again, preexec_fn=limited), 1, "memory")
        assert "free" in hint
    larger = ("--batch-size", "64", "--threads", "1")
    hint = explained(rnncli(*words, *larger, preexec_fn=limited), 1, "memory")
    assert hint.endswith("--threads 1 --batch-size 1")
    line = rnncli("classify", "-m", classifier(), stdin=b"soup\n", preexec_fn=limited)
    assert line.code == 0, line.err
