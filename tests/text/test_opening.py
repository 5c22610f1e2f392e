"""From bytes to lines, however they arrive."""

import gzip
import os
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rnncli.errors import DataError
from rnncli.text.files import (
    BYTE_ORDER_MARK,
    GZIP_MAGIC,
    MAX_LINE_BYTES,
    File,
    decode,
    decompress,
    drop_byte_order_mark,
    open_file,
    read_descriptor,
    read_file,
    read_lines,
    read_text,
    read_text_lines,
    read_text_pieces,
    split_lines,
)

TELLING = st.sampled_from(
    [b"\n", b"\r\n", b"\r", b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\xff", b"\0", b"\xc3", b"word"]
)
CHUNKS = st.lists(st.one_of(TELLING, st.binary(min_size=1, max_size=8)), max_size=20)


def write(path: Path, data: bytes) -> File:
    path.write_bytes(data)
    return File(path, str(path))


@given(CHUNKS)
@example([b"\x1f"])
@example([b"a", b"\x1f\x8b"])
def test_bytes_that_are_not_gzipped_stay(chunks: list[bytes]) -> None:
    assume(not b"".join(chunks).startswith(GZIP_MAGIC))
    assert b"".join(decompress(iter(chunks))) == b"".join(chunks)


@given(
    st.lists(st.binary(max_size=100), min_size=1, max_size=3), st.integers(1, 40), st.integers(0, 9)
)
def test_gzip_is_decompressed_from_chunks_of_any_size(
    members: list[bytes], size: int, padding: int
) -> None:
    packed = b"".join(gzip.compress(member) for member in members) + bytes(padding)
    chunks = [packed[i : i + size] for i in range(0, len(packed), size)]
    assert b"".join(decompress(iter(chunks))) == b"".join(members)


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 3 << 16])
def test_gzip_of_large_members_is_read_whole(size: int) -> None:
    """Some programs write a member for each block, all of the same size."""
    packed = gzip.compress(b"x" * size) * 20
    assert b"".join(decompress(iter([packed]))) == b"x" * size * 20
    parts = [packed[i : i + 100] for i in range(0, len(packed), 100)]
    assert b"".join(decompress(iter(parts))) == b"x" * size * 20


def test_highly_compressed_gzip_is_read_in_small_chunks() -> None:
    packed = gzip.compress(bytes(10_000_000))
    sizes = [len(chunk) for chunk in decompress(iter([packed]))]
    assert sum(sizes) == 10_000_000
    assert max(sizes) <= 1 << 16


@pytest.mark.parametrize("cut", [3, 12, -1, -20])
def test_gzip_that_is_cut_short_is_explained(cut: int, tmp_path: Path) -> None:
    file = write(tmp_path / "a", gzip.compress(b"lovely\n" * 100)[:cut])
    with pytest.raises(DataError, match="cut short or broken") as caught:
        list(read_file(file))
    assert caught.value.hint == f"test it: gzip --test {file.path}"


def test_gzip_with_another_checksum_is_explained(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"lovely\n" * 100))
    packed[-5] ^= 1
    with pytest.raises(DataError, match="cut short or broken"):
        list(read_file(write(tmp_path / "a", bytes(packed))))


def test_an_unreadable_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file") as caught:
        list(read_file(File(tmp_path / "a", "a")))
    assert caught.value.hint == "look at it: ls -l a"


@given(CHUNKS)
def test_only_a_byte_order_mark_at_the_beginning_is_dropped(chunks: list[bytes]) -> None:
    assert b"".join(drop_byte_order_mark(iter(chunks))) == b"".join(chunks).removeprefix(
        BYTE_ORDER_MARK
    )


@given(CHUNKS)
@example([])
@example([b"\n"])
def test_lines_do_not_depend_on_chunks(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    lines = whole.split(b"\n")
    if not lines[-1]:
        lines.pop()  # what follows the last end of a line
    groups = list(split_lines(chunks))
    assert list(chain.from_iterable(groups)) == lines
    assert all(groups)


def test_a_line_is_there_as_soon_as_it_has_ended() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0), os.fdopen(writing, "wb", buffering=0) as pipe:
        lines = split_lines(read_descriptor(reading))
        for text in (b"\x1e", b"one", b"\xef"):
            pipe.write(text + b"\n")
            assert next(lines) == [text]


def test_a_line_without_an_end_is_refused_in_time(tmp_path: Path) -> None:
    file = write(tmp_path / "a", b"one\n" + b"x" * (2 * MAX_LINE_BYTES))
    lines = read_lines(file)
    assert next(lines) == b"one"
    with pytest.raises(DataError, match=r"line 2: longer than 8,388,608 bytes"):
        next(lines)


@given(data=st.binary(max_size=40).map(lambda data: data.replace(b"\x1f", b"")))
@example(data=b"\xef\xbb\xbf\r\n\xef\xbb\xbf\xff")
def test_a_text_is_the_same_as_a_whole_in_lines_and_in_pieces(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = write(tmp_path_factory.mktemp("text") / "a", data)
    expected = data.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace").replace("\r\n", "\n")
    assert read_text(file) == expected
    lines, pieces = Counter[str](), Counter[str]()
    ended = expected + "\n" if expected and not expected.endswith("\n") else expected
    assert "".join(read_text_pieces(file, pieces)) in (ended, ended.removesuffix("\r\n") + "\n")
    assert [line.removesuffix("\r") for line in ended.split("\n")[:-1]] == list(
        read_text_lines(file, lines)
    )
    assert lines == pieces


def test_losses_count_invalid_bytes() -> None:
    losses: Counter[str] = Counter()
    assert decode(b"caf\xe9 \xff\xfe", losses) == "caf\ufffd \ufffd\ufffd"
    assert losses == {"bytes": 3}


def test_the_byte_order_mark_of_a_file_is_dropped_gzipped_or_not(tmp_path: Path) -> None:
    data = BYTE_ORDER_MARK + b"text" * 100_000
    for content in (data, gzip.compress(data)):
        with open_file(write(tmp_path / "a", content)) as stream:
            assert stream.read(6) == b"textte"
            assert stream.readline(10) == b"xttexttext"
            assert len(stream.read()) == 400_000 - 16
