"""What a person's data is taken for, as ``rnncli train --dry-run --json`` tells it."""

import json
import os
import subprocess
import tarfile
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from corpora import as_csv, as_jsonl, as_parquet, write
from models import classifier, generator
from shell import HEAVY, call, explained, loaded_modules

GOOD = ("sturdy and quiet", "worth its price", "a joy to use", "better than the old one")
BAD = ("leaky and noisy", "not worth a penny", "broken on arrival", "worse than the old one")
THINGS = ("kettle", "lamp", "radio", "chair")
REVIEWS = [
    (f"The {thing} is {verdict}.", label)
    for thing, verdicts in product(THINGS, zip(GOOD, BAD, strict=True))
    for verdict, label in zip(verdicts, ("pos", "neg"), strict=True)
]
PAIRS = [
    ("I see the dog.", "Je vois le chien."),
    ("She sells the bread.", "Elle vend le pain."),
    ("We want two books.", "Nous voulons deux livres."),
    ("Tom finds the key.", "Tom trouve la clé."),
    ("I want an apple.", "Je veux une pomme."),
    ("She sees the red car.", "Elle voit la voiture rouge."),
    ("They open the window.", "Ils ouvrent la fenêtre."),
]


def plan(*arguments: object, stdin: bytes = b"", notices: str = "") -> dict[str, Any]:
    """Return what would be done with data, and check that a notice has these words."""
    result = call("train", "--dry-run", "--json", *arguments, stdin=stdin)
    assert result.code == 0, result.err
    assert notices in result.err
    (line,) = result.lines
    planned: dict[str, Any] = json.loads(line)
    return planned


def refused(*arguments: object, stdin: bytes = b"") -> tuple[str, str]:
    """Return the error and the hint that data ends in."""
    result = call("train", "--dry-run", "--json", *arguments, stdin=stdin)
    hint = explained(result, 1)
    (error,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
    return error.removeprefix("error: "), hint


def lines(rows: list[tuple[str, ...]], delimiter: str) -> str:
    return "".join(delimiter.join(row) + "\n" for row in rows)


def reviews(*columns: int) -> list[tuple[str, ...]]:
    """Return the reviews as rows of number, label, text, rating; those of ``columns``."""
    rows = [
        (str(70_001 + i), label, text, "5" if label == "pos" else "2")
        for i, (text, label) in enumerate(REVIEWS)
    ]
    return [tuple(row[column] for column in columns) for row in rows]


CLASSIFIERS = [
    ("a.csv", as_csv([("id", "body2", "team"), *reviews(0, 2, 1)]), ("body2", "team")),
    ("a.csv", as_csv([("ticket_text", "priority_label"), *reviews(2, 1)]), None),
    ("a.csv", as_csv(reviews(2, 1)), ("1", "2")),
    ("a.csv", as_csv(reviews(3, 0, 2)), ("3", "1")),
    ("a.tsv", lines(reviews(1, 2), "\t"), ("2", "1")),
    ("a.tsv", lines(reviews(0, 1, 2), "\t"), ("3", "2")),
    ("a.tsv", lines([("body2", "team"), *reviews(2, 1)], "\t"), ("body2", "team")),
    ("SMSSpamCollection", lines(reviews(1, 2), "\t"), ("2", "1")),
    ("a.txt", lines([("id", "document", "label"), *reviews(0, 2, 1)], "\t"), ("document", "label")),
    ("a.txt", lines([("text", "label"), *reviews(2, 1)], ";"), ("text", "label")),
    ("a.csv", lines([("text", "label"), *reviews(2, 1)], "|"), ("text", "label")),
    ("a.csv", "Name, short;text;label\n" + lines(reviews(0, 2, 1), ";"), ("text", "label")),
    ("a.csv", "\ufeffsep=;\r\ntext;label\r\n" + lines(reviews(2, 1), ";"), ("text", "label")),
    ("a.csv", "text, label\n" + lines([(f'"{t}"', f' "{b}"') for t, b in REVIEWS], ","), None),
    ("a.txt", lines([(f"__label__{label}", text) for text, label in REVIEWS], " "), None),
    ("a.csv", as_jsonl(("id", "text", "label"), reviews(0, 2, 1)), ("text", "label")),
    ("a.jsonl", '{"id": 1}\n' + as_jsonl(("text", "label"), reviews(2, 1)), ("text", "label")),
    ("a.parquet", as_parquet(("body2", "team"), reviews(2, 1)), ("body2", "team")),
]


@pytest.mark.parametrize(("name", "content", "columns"), CLASSIFIERS)
def test_texts_with_labels_make_a_classifier(
    tmp_path: Path, name: str, content: str | bytes, columns: tuple[str, str] | None
) -> None:
    planned = plan(write(tmp_path / name, content))
    assert planned["task"] == "classify"
    assert planned["labels"] in ({"pos": 16, "neg": 16}, {"5": 16, "2": 16})
    assert planned["rows"] == 32
    assert planned["init_from"] == "bundled:sentiment"  # the texts praise and blame
    if columns is not None:
        assert planned["columns"] == dict(zip(("text", "label"), columns, strict=True))


def test_the_same_is_read_from_stdin() -> None:
    for name, content, columns in CLASSIFIERS:
        raw = content.encode() if isinstance(content, str) else content
        planned = plan("-", stdin=raw)
        assert planned["task"] == "classify", name
        if columns is not None:
            assert planned["columns"] == dict(zip(("text", "label"), columns, strict=True))


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("a.csv", [("question", "answer"), *PAIRS], ("question", "answer")),
        ("a.csv", [("wrong", "right"), *PAIRS], ("wrong", "right")),
        ("a.csv", [("left_side", "right_side"), *PAIRS * 2], ("left_side", "right_side")),
        (
            "a.txt",
            [(*pair, f"CC-BY 2.0 (France) #{i}") for i, pair in enumerate(PAIRS)],
            ("1", "2"),
        ),
        ("pairs", PAIRS, ("1", "2")),
        (
            "a.tsv",
            [("id", "English", "French"), *[("7", *p) for p in PAIRS]],
            ("English", "French"),
        ),
    ],
)
def test_two_languages_make_a_translator(
    tmp_path: Path, name: str, rows: list[tuple[str, ...]], columns: tuple[str, str]
) -> None:
    content = as_csv(rows) if name.endswith("csv") else lines(rows, "\t")
    planned = plan(write(tmp_path / name, content))
    assert planned["task"] == "translate"
    assert planned["columns"] == dict(zip(("source", "target"), columns, strict=True))


def test_a_guess_is_announced_with_the_options_that_confirm_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", as_csv([("question", "answer"), *PAIRS]))
    result = call("train", "--dry-run", path)
    (guess,) = [line for line in result.err.splitlines() if line.startswith("guessed from ")]
    options = guess.partition("change it: ")[2]
    assert options == "--task translate --source question --target answer"
    confirmed = call("train", "--dry-run", path, *options.split())
    assert "guessed" not in confirmed.err
    assert confirmed.out == result.out


def test_a_translation_memory_is_pairs(tmp_path: Path) -> None:
    units = "".join(
        f'<tu><tuv xml:lang="en-GB"><seg>{en}</seg></tuv>'
        f'<tuv xml:lang="fr"><seg>{fr}</seg></tuv></tu>'
        for en, fr in PAIRS
    )
    path = write(tmp_path / "memory.tmx", f'<?xml version="1.0"?><tmx><body>{units}</body></tmx>')
    planned = plan(path)
    assert planned["columns"] == {"source": "en", "target": "fr"}
    assert planned["rows"] == len(PAIRS)
    assert "is damaged" in refused(write(tmp_path / "b.tmx", "<?xml version='1.0'?><tmx><tu>"))[0]


def test_folders_are_classes_and_parts(tmp_path: Path) -> None:
    for split, (text, label) in product(("train", "test"), REVIEWS):
        folder = tmp_path / "data" / split / label
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / f"{len(list(folder.iterdir()))}.txt", text)
    (tmp_path / "data" / "train" / "unsup").mkdir()
    write(tmp_path / "data" / "train" / "unsup" / "1.txt", "A text without a label.")
    planned = plan(tmp_path / "data", notices="folders left out: unsup")
    assert (planned["rows"], planned["parts"]) == (32, {"test": 32})
    assert planned["labels"] == {"pos": 16, "neg": 16}
    write(tmp_path / "data" / "train.csv", "text,label\na,b\n")
    (tmp_path / "data" / "train").rename(tmp_path / "elsewhere")
    (tmp_path / "data" / "test").rename(tmp_path / "nowhere")
    error, hint = refused(tmp_path / "data")
    assert "is a directory" in error
    assert hint.endswith(f"rnncli train {tmp_path / 'data' / 'train.csv'}")


def test_a_folder_of_texts_without_classes_is_told_what_to_do_with(tmp_path: Path) -> None:
    (tmp_path / "in box").mkdir()
    write(tmp_path / "in box" / "1.txt", "A text without a label.\n" * 50)
    result = call("train", "in box", cwd=tmp_path)
    assert explained(result, 1, "in box is a directory").endswith("rnncli label 'in box'")
    command = result.err.splitlines()[-1].rpartition(": ")[2]
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert call("train", "--dry-run", "in box.txt", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.csv", "Doranta\nElsunmo\nRisun\nMovi\n", 4),
        ("a.csv", "name\nDoranta\nElsunmo\nRisun\n", 3),
        ("a.txt", "The kettle, it is quiet. " * 40, 1),
        ("a.txt", "Yes, no\nmaybe, perhaps\n", 2),
        ("poem.md", "A line,\nanother line,\n\nand the last one,\n", 4),
    ],
)
def test_plain_text_makes_a_generator(tmp_path: Path, name: str, content: str, rows: int) -> None:
    planned = plan(write(tmp_path / name, content))
    assert (planned["task"], planned["rows"]) == ("generate", rows)


def test_a_table_that_tells_nothing_is_asked_about(tmp_path: Path) -> None:
    rows = [
        ("id", "title2", "story2", "kind", "place"),
        *[
            (number, f"{text[4:9]} again", text, label, ("north", "south")[i % 2])
            for i, (number, label, text, _) in enumerate(reviews(0, 1, 2, 3))
        ],
    ]
    path = write(tmp_path / "a.csv", as_csv(rows))
    result = call("train", "--dry-run", path)
    hint = explained(
        result, 1, "neither names nor contents tell", "id, title2, story2, kind, place"
    )
    command = hint.partition("rnncli ")[2]
    assert call(*command.split(), "--dry-run").code == 0
    assert sum("70001 | " in line or "7000" in line for line in result.err.splitlines()) == 3


def test_labels_that_are_missing_are_no_class(tmp_path: Path) -> None:
    rows = [
        ("text", "label"),
        *REVIEWS,
        *((f"A text {m}.", m) for m in ("NaN", "null", "NA", "\\N")),
    ]
    path = write(tmp_path / "a.csv", as_csv(rows))
    planned = plan(path, notices="4 texts without a label left out")
    assert planned["labels"] == {"pos": 16, "neg": 16}


def test_two_texts_of_one_length_beside_a_label_are_asked_about(tmp_path: Path) -> None:
    others = [REVIEWS[(7 * i + 3) % len(REVIEWS)][0] for i in range(len(REVIEWS))]
    rows = [(text, other, label) for (text, label), other in zip(REVIEWS, others, strict=True)]
    path = write(tmp_path / "a.csv", as_csv([("first_one", "second_one", "same"), *rows]))
    assert "neither names nor contents tell" in refused(path)[0]
    rows = [(f"{text[4:9]} {i}", text, label) for i, (text, label) in enumerate(REVIEWS)]
    path = write(tmp_path / "b.csv", as_csv([("a", "b", "c"), *rows]))
    assert plan(path)["columns"] == {"text": "b", "label": "c"}


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_two_columns_without_a_header_are_pairs(tmp_path: Path, name: str) -> None:
    rows = [(f"2021-03-{i:02}", f"March {i}, 2021") for i in range(1, 29)]
    content = as_csv(rows) if name.endswith("csv") else lines(rows, "\t")
    assert plan(write(tmp_path / name, content))["columns"] == {"source": "1", "target": "2"}


def test_columns_that_are_left_out_of_pairs_are_named(tmp_path: Path) -> None:
    credited = [(*pair, f"CC-BY 2.0 (France) #{i}") for i, pair in enumerate(PAIRS)]
    plan(write(tmp_path / "a.txt", lines(credited, "\t")), notices="left out: column 3\n")
    named = [("en", "fr", "credit", "url"), *((*row, row[2]) for row in credited)]
    plan(write(tmp_path / "a.csv", as_csv(named)), notices="left out: credit, url\n")


def test_similar_labels_are_told_before_training(tmp_path: Path) -> None:
    rows = [(text, label.upper() if i % 3 else label) for i, (text, label) in enumerate(REVIEWS)]
    path = write(tmp_path / "a.csv", as_csv([("text", "label"), *rows]))
    plan(path, notices="similar labels: 'pos' (")


def test_a_json_document_is_not_taken_for_lines(tmp_path: Path) -> None:
    document = json.dumps({"version": 1, "data": [{"text": text} for text, _ in REVIEWS]}, indent=2)
    assert "jq -c '.data[]'" in refused(write(tmp_path / "a.json", document))[1]


def test_a_column_may_be_named_by_its_number(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", as_csv([("a", "b", "c", "d"), *reviews(0, 1, 2, 3)]))
    planned = plan(path, "--text", 3, "--label", 4)
    assert planned["columns"] == {"text": "c", "label": "d"}
    path = write(tmp_path / "b.csv", as_csv(reviews(1, 2)))
    planned = plan(path, "--text", 2, "--label", 1)
    assert (planned["columns"], planned["rows"]) == ({"text": "2", "label": "1"}, 32)


WITH_LABELS = as_csv([("text", "label"), *REVIEWS])
REFUSED = [
    ("a.csv", "text,label,text\na,b,c\nd,e,f\n", "2 columns are called 'text'", "name of its own"),
    ("a.csv", WITH_LABELS.replace("neg", "pos"), "one class only", "--label"),
    ("a.csv", "text,label\nA text.,pos\n", "only one usable row", "more rows"),
    ("a.csv", "text,label\n,pos\n ,neg\n", "nothing usable", "more rows"),
    (
        "a.csv",
        as_csv([("text", "label"), *[(a, 3 * a + a) for a, _ in REVIEWS]]),
        "as long as",
        "--l",
    ),
    (
        "a.csv",
        as_csv([("text", "label"), *[(a, a[:12] + a[-9:]) for a, _ in REVIEWS]]),
        "labels",
        "",
    ),
    ("a.csv", "text,label,date\n" + 9 * "A text.\n", "line 2: 1 cell", "quotes"),
    ("a.csv", WITH_LABELS.replace("\r\n", "\r"), "carriage returns", "tr '\\r' '\\n' <"),
    ("a.csv", WITH_LABELS.encode("utf-16"), "is UTF-16", "iconv -f UTF-16 -t UTF-8"),
    ("a.csv", WITH_LABELS.encode("utf-16-le"), "is UTF-16LE", "iconv -f UTF-16LE"),
    ("a.xlsx", b"PK\x03\x04\0\0[Content_Types].xml xl/workbook.xml", "an Excel workbook", "CSV"),
    ("a.csv", b"PK\x03\x04\0\0reviews.csv", "a zip archive", "unzip"),
    (
        "a.json",
        '{"text": {"0": "a", "1": "b"}, "label": {"0": "x", "1": "y"}}',
        "whole columns",
        "python",
    ),
    ("a.txt", "__label__a __label__b A text.\n__label__a Another.\n", "line 1: 2 labels", "sed -E"),
    ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nHello.\n", "subtitles", "grep -vE"),
    ("a.txt", "<!DOCTYPE html><html><p>Hello.</p></html>\n", "XML or HTML", "--task generate"),
    (
        "a.jsonl",
        as_jsonl(("text", "label"), reviews(2, 1))[:-9],
        "line 32: invalid JSON",
        "one object",
    ),
]


@pytest.mark.parametrize(("name", "content", "error", "hint"), REFUSED)
def test_what_cannot_be_trained_on_is_explained(
    tmp_path: Path, name: str, content: str | bytes, error: str, hint: str
) -> None:
    told = refused(write(tmp_path / name, content))
    assert error in told[0]
    assert hint in told[1]


def test_the_messages_of_a_mailbox_are_written_by_the_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    head = "From a@example.org Mon Jan  1 00:00:00 2024\nFrom: a@example.org\nSubject: Hi\n\n"
    write(Path("a.mbox"), f"{head}See you\non Monday.\n\n{head}Thank you.\n")
    error, hint = refused("a.mbox")
    assert "is a mailbox" in error
    assert os.system(hint.removeprefix("write a message a line: ")) == 0
    assert Path("lines.txt").read_text() == "See you on Monday.\nThank you.\n"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("SHIFT_JIS", "この{}はとても面白いです。"),
        ("EUC-JP", "この{}はとても面白いです。"),
        ("GB18030", "这部{}非常好看，我推荐给大家。"),
        ("BIG5", "這部{}非常好看，我推薦給大家。"),
        ("EUC-KR", "이 {} 영화는 정말 재미있어요."),
        ("WINDOWS-1251", "Этот фильм {} очень хороший."),
        ("KOI8-R", "Этот фильм {} очень хороший."),
        ("WINDOWS-1252", "Très cassée, la lampe {} est à moi."),
    ],
)
def test_other_encodings_are_named_and_converted_by_the_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [(text.format(i), "pos" if i % 2 else "neg") for i in range(20)]
    name = encoding.replace("WINDOWS-", "cp").lower()
    write(Path("a.csv"), as_csv([("text", "label"), *rows]).encode(name))
    error, hint = refused("a.csv")
    assert error == f"a.csv is not UTF-8, but probably {encoding}"
    assert os.system(hint.removeprefix("convert it: ")) == 0
    assert plan("utf8-a.csv")["sample"][0]["text"] == text.format(0)


def test_archives_addresses_links_and_pipes_are_explained(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", WITH_LABELS)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "a.csv", "a.csv")
    assert "is a tar archive" in refused(tmp_path / "a.tar.gz")[0]
    assert refused("https://example.org/x/data.csv?a=b")[1] == (
        "fetch it first: curl -L -o data.csv 'https://example.org/x/data.csv?a=b'"
    )
    (tmp_path / "link.csv").symlink_to(tmp_path / "gone.csv")
    assert "is a link to" in refused(tmp_path / "link.csv")[0]
    os.mkfifo(tmp_path / "pipe")
    assert "no program writes to it" in refused(tmp_path / "pipe")[0]


def test_two_files_of_one_language_are_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for label in ("pos", "neg"):
        texts = [f"{text}\n" for text, other in REVIEWS if other == label]
        write(Path(f"reviews.{label}"), "".join(texts))
        write(Path(f"{label}.txt"), "".join(texts))
    said = call("train", "--dry-run", "pos.txt", "neg.txt").err  # whose endings tell no class
    assert "__label__pos " in said and "__label__neg " in said
    error, hint = refused("reviews.pos", "reviews.neg")
    assert "texts of one language" in error
    command = hint.partition("rnncli ")[2].split()
    assert plan(*command[1:])["task"] == "translate"
    blank = [
        write(Path("a.en"), "I see.\nYou go.\n"),
        write(Path("a.fr"), "Je vois.\nTu vas.\n\n \n"),
    ]
    assert plan(*blank)["rows"] == 2


@pytest.mark.parametrize("budget", ["0", "-5m", "10x", "0s", ""])
def test_a_budget_that_is_none_is_wrong_usage(budget: str) -> None:
    result = call("train", "--dry-run", "reviews", "--max-time", budget)
    explained(result, 2, "is not a duration")


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", as_csv([("comment", "mood"), *REVIEWS]))
    assert refused(path, "--text", "coment")[1] == "did you mean comment?"


def test_a_dry_run_tells_which_word_vectors_would_be_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", WITH_LABELS)
    assert plan(path)["vectors"] == "english"
    assert plan(path, "--vectors", "none")["vectors"] == "none"
    assert plan(path, "--vectors", __file__)["vectors"] == __file__
    assert "no word vectors" in refused(path, "--vectors", tmp_path / "nowhere.txt")[0]
    rows = [("text", "label")] + [(f"これは{i}です", "ab"[i % 2]) for i in range(8)]
    other = write(tmp_path / "b.csv", as_csv(rows))
    words = "word vectors: none, since the English ones know"
    assert plan(other, "--level", "word", notices=words)["vectors"] == "none"
    assert plan(write(tmp_path / "a.tsv", lines(PAIRS, "\t")))["vectors"] is None


def test_a_dry_run_leaves_nothing_and_loads_nothing_heavy(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", WITH_LABELS)
    result, modules = loaded_modules(["train", "--dry-run", path])
    assert HEAVY.isdisjoint(modules)
    assert "task     classify" in result.out.decode()
    assert "labels   2: pos (16), neg (16)" in result.out.decode()
    assert not (tmp_path / "models").exists()


def test_a_pipe_of_another_kind_is_refused() -> None:
    for content, words in (
        ("これはペンです。\n".encode("shift_jis") * 20, "SHIFT_JIS"),
        ("A text.\n".encode("utf-16"), "UTF-16"),
        (as_parquet(("text",), [("a",)]), "Parquet"),
        (b"PK\x03\x04 xl/workbook.xml", "Excel"),
    ):
        result = call("classify", "-m", classifier(), stdin=content)
        explained(result, 1, words)


def test_a_model_to_start_from_is_of_the_same_task(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "a line of text\n" * 40)
    hint = explained(
        call("train", "--dry-run", path, "--init-from", classifier()), 1, "not generate"
    )
    assert call(*hint.partition(": rnncli ")[2].split()).code == 0
    assert plan(path)["task"] == "generate"


def test_a_dry_run_takes_the_sizes_of_the_model_to_start_from(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "a line of text\n" * 40)
    start = ("--init-from", generator())
    planned = plan(path, *start)
    assert (planned["hidden_size"], planned["init_from"]) == (8, str(generator()))
    assert plan(path)["hidden_size"] != 8
    shown = call("train", "--dry-run", path, *start).out.decode()
    assert f"start    {generator()}, whose sizes stay" in shown
    assert "network  1 layer of 8 units" in shown
    refused_size = call("train", "--dry-run", path, *start, "--hidden-size", 9)
    explained(refused_size, 2, "--hidden-size 9", "has 8")


def test_a_dry_run_tells_whether_a_classifier_would_be_adapted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", WITH_LABELS)
    start = ("--init-from", "bundled:sentiment")
    adapted = plan(path, *start)
    assert (adapted["freeze"], adapted["epochs"], adapted["vectors"]) == (True, 0, "english")
    assert adapted["vocab_size"] > 20_000  # as many as the model has
    shown = call("train", "--dry-run", path, *start).out.decode()
    assert "epochs   none: its encoder stays" in shown
    trained = plan(path, *start, "--no-freeze")
    assert (trained["freeze"], trained["epochs"] > 0) == (False, True)


@pytest.mark.parametrize("header", ["text,label\n", "comment,mood\n", ""])
@pytest.mark.parametrize("end", ['"a text, cut', "a text", "a text\n", 'a "text", b, c\n'])
def test_a_pipe_that_ends_in_mid_record_is_no_plain_text(header: str, end: str) -> None:
    table = header + as_csv(REVIEWS)
    (error, hint) = refused("-", stdin=(table + end).encode())
    assert error.startswith(f"standard input, line {table.count(chr(10)) + 1}: ")
    assert hint


def test_a_table_of_one_row_is_no_plain_text_either() -> None:
    error, _ = refused("-", stdin=b'text,label\n"a text that ends in the middle')
    assert error.startswith("standard input, line 2: a quotation mark opens a cell")


def test_lines_with_as_many_commas_by_chance_are_plain_text() -> None:
    poem = 'The tide, the quay,\nthe mist, the bell,\n"a light," she said,\nand all is well.\n'
    assert plan("-", stdin=(poem * 9).encode())["task"] == "generate"
