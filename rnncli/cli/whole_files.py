"""Answer files of which each is one text, as in the folders of classes that ``train`` reads."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from rnncli.cli.input_files import InputFile, find_files
from rnncli.cli.job import Files, Job
from rnncli.cli.output import Line, Output, open_output
from rnncli.cli.pipe import write_output
from rnncli.cli.records import Format, Record
from rnncli.cli.request import Request
from rnncli.cli.stages import show_count
from rnncli.config import choose_threads
from rnncli.errors import ConfigError
from rnncli.text.batching import batched
from rnncli.text.files import MAX_LINE_BYTES, File, read_text
from rnncli.text.unicode import as_field, replace_surrogates

FILES_AT_ONCE = 64


class WholeFiles(Format):
    """A text a file, whose name stands in the place of the text."""

    def records(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Yield the text of each file; the ``lines`` are their names."""
        for line in lines:
            path = Path(os.fsdecode(line))
            name = replace_surrogates(str(path))
            text = read_text(File(path, name), self.losses, MAX_LINE_BYTES)
            yield Record(text.strip("\n"), {"file": name})

    def join(self, record: Record, output: Output) -> Line:
        """Return the answer with the name of the file, and what follows a text."""
        head = str(output.line).split("\t", 2)[:2]
        return "\t".join([*head, as_field(record.columns["file"]), *output.cells.values()])


def answer_whole_files(job: Job, request: Request, files: Files, threads: int | None) -> None:
    """Answer each file as one text, a line for each.

    Raises:
        ConfigError: no file is named, or options do not go together.
        DataError: a file cannot be read.
    """
    if not files.inputs:
        raise ConfigError("--whole is for the files of -i", "leave --whole out")
    for option, is_set in {
        "--column": request.column is not None,
        "--jobs": files.jobs is not None,
        "--shard": files.shard is not None,
        "--estimate": files.estimate,
    }.items():
        if is_set:
            raise ConfigError(
                f"{option} is for lines, and with --whole a file is a text", f"leave {option} out"
            )
    found: list[InputFile] = find_files(files.inputs, None)
    form = WholeFiles()
    records = form.records(os.fsencode(file.path) for file in found)
    with (
        job.open(request.messenger, choose_threads(threads)) as respond,
        open_output(request.output, request.messenger) as write,
        show_count(request) as count,
    ):
        for batch in batched(records, max_items=FILES_AT_ONCE):
            answers = respond([record.text for record in batch])
            for record, outputs in zip(batch, answers, strict=True):
                for output in outputs:
                    write_output(output, request, form, record, job.key, write)
            write(None)
            count(len(batch))
    form.announce_losses(request.messenger, str(request.input))
