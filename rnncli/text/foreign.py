"""Recognise what is no UTF-8 text: other encodings, archives, documents; and name the way on."""

import codecs
import re

from rnncli.errors import DataError
from rnncli.text.conversion import file_hint, filter_hint, prefixed
from rnncli.text.files import STDIN

HEAD_BYTES = 1 << 16  # of a file, which tell its encoding

# Beginnings of files that are taken for text by mistake: kind, command that helps, for FILE.
_SIGNATURES: dict[bytes, tuple[str, str]] = {
    b"%PDF": ("a PDF", "convert it: pdftotext FILE text.txt"),
    b"BZh": ("a bzip2 archive", "unpack it: bunzip2 FILE"),
    b"\xfd7zXZ": ("an xz archive", "unpack it: unxz FILE"),
    b"\x28\xb5\x2f\xfd": ("a zstd archive", "unpack it: unzstd FILE"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it: 7z x FILE"),
    b"Rar!": ("a rar archive", "unpack it: unrar x FILE"),
    b"\xd0\xcf\x11\xe0": ("an old office document (.xls, .doc)", "save it as CSV UTF-8 there"),
    b"{\\rtf": ("a document in RTF", "save it as plain text"),
    b"SQLite format 3": (
        "a SQLite database",
        "export it: sqlite3 -csv -header FILE 'SELECT text, label FROM rows' > data.csv",
    ),
    b"\x89PNG": ("an image", "name a file of text"),
    b"\xff\xd8\xff": ("an image", "name a file of text"),
    b"GIF8": ("an image", "name a file of text"),
    b"\x93NUMPY": ("an array of NumPy", "name a file of text"),
    b"\x80\x04\x95": ("a pickle", "write it as JSON lines: frame.to_json(..., lines=True)"),
    b"PAR1": ("a Parquet file", "write it as CSV: frame.to_csv('data.csv')"),
    b"ARROW1": ("an Arrow file", "write it as Parquet: frame.to_parquet('data.parquet')"),
}
# Those that read stdin, and write no file that a hint names.
_FILTERS = ("iconv", "bunzip2", "unxz", "unzstd")
_UTF_16 = "convert it: iconv -f UTF-16 -t UTF-8"
_ZIPPED = {  # parts of a zip archive that tell what it is
    b"xl/": ("an Excel workbook", "save it as CSV UTF-8 there, and name that file"),
    b"word/": ("a Word document", "save it as plain text there, and name that file"),
    b"mimetypeapplication/vnd.oasis": ("an OpenDocument file", "save it as CSV there"),
}
_KANA = "[\u3041-\u30fa]"
_HAN = "[\u4e00-\u9fff\u3000-\u303f\uff01-\uff5e]"
# Characters that are frequent if a text is in an encoding, and their share beyond ASCII.
_FREQUENT = {
    "cp932": (_KANA, 0.3),
    "euc_jp": (_KANA, 0.3),
    "euc_kr": ("[\uac00-\ud7a3]", 0.8),
    "big5": (_HAN, 0.9),
    "gb2312": (_HAN, 0.9),
    "koi8_r": ("[оеаинтсрв]", 0.4),
    "cp1251": ("[оеаинтсрв]", 0.4),
    "cp1253": ("[αοιετσνηυ]", 0.4),
    "cp1255": ("[יוהלאמתרב]", 0.4),
    "cp1256": ("[ايلمنرتوه]", 0.4),
}
_MAX_STRAY = 2  # bytes: fewer tell of no encoding
_GARBLED_SHARE = 0.2  # of bytes that are no UTF-8, from which on nothing can be read


def foreign_format(head: bytes) -> tuple[str, str] | None:
    """Return what a file is that is no text, and a hint in which FILE stands for its name."""
    for signature, description in _SIGNATURES.items():
        if head.startswith(signature):
            return description
    if head.startswith(b"PK\x03\x04"):
        parts = (_ZIPPED[part] for part in _ZIPPED if part in head)
        return next(parts, ("a zip archive", "unpack it: unzip FILE"))
    if head[257:262] == b"ustar":
        return "a tar archive", "unpack it, and name the file or folder in it: tar -xf FILE"
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "UTF-32, not UTF-8", _UTF_16.replace("16", "32")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16, not UTF-8", _UTF_16
    for offset, name in ((0, "UTF-16BE"), (1, "UTF-16LE")):
        half = head[offset::2]
        if len(half) > 8 and half.count(0) > 0.6 * len(half) and head.count(0) < 0.6 * len(head):
            return f"{name}, not UTF-8", _UTF_16.replace("UTF-16", name)
    return None


def require_text(head: bytes, where: str) -> None:
    """Check that a beginning is not that of another kind of file.

    Raises:
        DataError: it is, or hardly a byte is UTF-8.
    """
    foreign = foreign_format(head)
    if foreign is not None:
        raise _foreign_error(where, *foreign)
    broken = _broken_bytes(head)
    if broken > _MAX_STRAY and broken > _GARBLED_SHARE * len(head):
        raise _encoding_error(where, guess_encoding(head))


def require_utf8(head: bytes, where: str) -> None:
    """Check that most characters beyond ASCII are UTF-8, which stray bytes leave as it is.

    Raises:
        DataError: they are of another encoding, which the hint converts from.
    """
    require_text(head, where)
    if _broken_bytes(head) > _MAX_STRAY and (encoding := other_encoding(head, where)):
        raise _encoding_error(where, encoding)


def other_encoding(content: bytes, where: str) -> str | None:
    """Return the likeliest encoding of a text; None where most beyond ASCII is UTF-8.

    Raises:
        DataError: it is no text in an encoding of bytes.
    """
    foreign = foreign_format(content)
    if foreign is not None:
        raise _foreign_error(where, *foreign)
    whole = sum(character > "\x7f" for character in content.decode(errors="ignore"))
    return guess_encoding(content) if _broken_bytes(content) > whole else None


def require_newlines(head: bytes, where: str) -> None:
    r"""Check that lines end in ``\n``, not in ``\r`` alone.

    Raises:
        DataError: they end in carriage returns, as on old Macs.
    """
    if error := lone_returns(head, where):
        raise error


def lone_returns(head: bytes, where: str) -> DataError | None:
    r"""Return the error of lines that end in ``\r`` alone; None where they do not."""
    lines = head.rstrip(b"\r\n")
    if b"\n" in lines or b"\r" not in lines:
        return None
    return DataError(
        f"{where}: its lines end in carriage returns alone, without newlines",
        filter_hint("convert it", r"tr '\r' '\n'", where, prefixed("unix-", where)),
    )


def guess_encoding(head: bytes) -> str:
    """Return the likeliest encoding of bytes that are no UTF-8, as iconv names it."""
    shares = {}
    for encoding, (pattern, share) in _FREQUENT.items():
        text = _decoded(head, encoding)
        beyond = [character for character in text if character > "\x7f"]
        hits = len(re.findall(pattern, text))
        if beyond and hits >= share * len(beyond) and _is_dense(text):
            shares[encoding] = hits / len(beyond)
    best = max(shares, key=lambda name: shares[name], default="cp1252")
    names = {"cp932": "SHIFT_JIS", "gb2312": "GB18030", "koi8_r": "KOI8-R"}
    return names.get(best, best.upper().replace("_", "-").replace("CP", "WINDOWS-"))


def _is_dense(text: str) -> bool:
    """Return whether most letters are beyond ASCII, as of scripts other than Latin."""
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(letter > "\x7f" for letter in letters) > len(letters)


def _decoded(head: bytes, encoding: str) -> str:
    """Return decoded bytes, of which the last may be cut; nothing where others cannot be read."""
    try:
        return codecs.getincrementaldecoder(encoding)("strict").decode(head)
    except UnicodeDecodeError:
        return ""


def _broken_bytes(head: bytes) -> int:
    """Return the number of bytes that are no UTF-8; the last character may be cut."""
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    text = decoder.decode(head)
    return len(head) - len(text.encode()) - len(decoder.getstate()[0])


def _foreign_error(where: str, kind: str, hint: str) -> DataError:
    what = kind if "UTF" in kind else f"{kind}, not UTF-8 text"
    return DataError(f"{where} is {what}", _completed(hint, where))


def _encoding_error(where: str, encoding: str) -> DataError:
    return DataError(
        f"{where} is not UTF-8, but probably {encoding}", conversion_hint(where, encoding)
    )


def conversion_hint(where: str, encoding: str) -> str:
    """Return the command that converts a file of another encoding to UTF-8."""
    return _completed(f"convert it: iconv -f {encoding} -t UTF-8", where)


def _completed(hint: str, where: str) -> str:
    """Return a hint whose command names a file, or stands in a pipe."""
    what, _, command = hint.partition(": ")
    if command.startswith("iconv") or (where == STDIN and command.startswith(_FILTERS)):
        command = command.removesuffix(" FILE")
        return filter_hint(what, command, where, prefixed("utf8-", where))
    return file_hint(what, command, where) if "FILE" in command else hint
