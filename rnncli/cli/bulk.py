"""Answer many files by several processes: a file in, a file out.

A run that was ended goes on where it stopped: what is finished stands in the manifest of the output
folder, and is done again only where its input, the model or the options have changed since.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from shlex import quote
from typing import Literal, NamedTuple

from rnncli.cli.bulk_progress import BulkProgress
from rnncli.cli.console import Messenger, print_error
from rnncli.cli.hints import retyped
from rnncli.cli.input_files import InputFile, Shard, find_files
from rnncli.cli.job import Files, Job, ModelResponder
from rnncli.cli.manifest import Fingerprint, Manifest
from rnncli.cli.output import existing_output, is_gzipped, open_replacement
from rnncli.cli.pipe import answer_batches
from rnncli.cli.processes import Message, Processes, Tell
from rnncli.cli.request import Request
from rnncli.cli.stages import StageLine
from rnncli.config import choose_threads
from rnncli.errors import ConfigError, DataError, RnncliError, is_out_of_memory
from rnncli.messages import name_list, plural
from rnncli.storage.atomic_files import free_path
from rnncli.text.files import sha256


class Notice(NamedTuple):
    """A message of a model for the person."""

    text: str


class Advance(NamedTuple):
    """How far a file was read and answered since the last such message."""

    lines: int
    bytes: int  # on disk


class Outcome(NamedTuple):
    """What has become of a file."""

    status: Literal["answered", "finished", "claimed", "failed"]  # finished: before this run
    lines: int = 0
    changes: tuple[str, ...] = ()  # since an earlier run answered it
    error: RnncliError | None = None


def answer_files(job: Job, request: Request, files: Files, threads: int | None) -> None:
    """Answer the texts of each file into a file of the same name in the output folder.

    Raises:
        DataError: there are no files, some would be replaced, or some have failed: the others are
            answered.
        ConfigError: there is no output folder, or options do not go together.
    """
    shard = Shard.parse(files.shard)
    messenger, output = request.messenger, _require_folder(request, files)
    inputs = shard.of(find_files(files.inputs, output))
    progress = BulkProgress(inputs)
    if not inputs:
        messenger.announce("there are fewer files than shards: none for this one")
        return
    if not request.force:
        _refuse_foreign(inputs, output)
    workers = plan(job, request, files, threads, inputs)
    output.mkdir(parents=True, exist_ok=True)
    worker = FileWorker(job, replace(request, messenger=SILENT), workers.threads, output)
    announce_once = cache(messenger.announce)  # each process says it
    try:
        with StageLine(messenger) as line, line.show("loading the model") as rename:
            for message in Processes(worker.open, workers.count).run(inputs):
                match message.content:
                    case Notice(text):
                        announce_once(text)
                    case Advance(lines, size):
                        progress.advance(message.item, lines, size)
                    case Outcome() | None:
                        _end(message, progress, messenger)
                rename(str(progress))
    except KeyboardInterrupt:
        messenger.announce(f"interrupted: {progress.summary}; the same command goes on")
        raise
    messenger.announce(progress.summary)
    if number := progress.counts["failed"]:
        raise DataError(f"{plural(number, 'file')} of {len(inputs):,} failed", retyped())


SILENT = Messenger(quiet=True)


@dataclass(frozen=True)
class Workers:
    """How many processes there are, and how many threads each has."""

    count: int
    threads: int


def plan(
    job: Job, request: Request, files: Files, threads: int | None, inputs: list[InputFile]
) -> Workers:
    """Check what can be checked before any process begins, and return how many there will be.

    Each has one thread, unless there are fewer files than processes are asked for.

    Raises:
        DataError: the first file is a table, and no column is named.
        RnncliError: the model cannot be loaded.
    """
    if request.column is None:
        from rnncli.cli.rows import refuse_table

        refuse_table(inputs[0].path, is_one_of_many=True)
    jobs = files.jobs or choose_threads(None)
    count = min(jobs, len(inputs))
    workers = Workers(count, threads or max(1, jobs // count))
    with job.open(SILENT, workers.threads):  # the processes will say the same
        return workers


def _require_folder(request: Request, files: Files) -> Path:
    """Return the output folder, which need not be there yet."""
    output = files.output
    if request.texts:
        raise ConfigError("texts come from arguments and from -i", "leave -i out")
    if output is None:
        whole = "" if files.whole is None else "\n   or, each file as one text: --whole"
        raise ConfigError(
            "the answers to a folder, a pattern or several files need a folder",
            f"-o answers{whole}",
        )
    if output.exists() and not output.is_dir():
        raise ConfigError(
            f"{output} is a file, and the answers to several files need a folder",
            f"-o {quote(f'{output.stem}-answers')}",
        )
    return output


def _refuse_foreign(inputs: list[InputFile], output: Path) -> None:
    """Refuse to replace a file that no earlier run has written.

    Raises:
        DataError: there is one.
    """
    manifest = Manifest(output)
    foreign = next((file.name for file in inputs if manifest.is_foreign(file.name)), None)
    if foreign is not None:
        raise existing_output(output / foreign, f"-o {quote(str(free_path(output)))}")


def _end(message: Message[InputFile], progress: BulkProgress, messenger: Messenger) -> None:
    """Note what has become of a file, and tell what is wrong or unexpected."""
    path, outcome = message.item.path, message.content
    if outcome is None:
        error = RnncliError(
            f"{path}: the process that answered it was ended from outside",
            "if it was for lack of memory, take fewer processes: --jobs 1",
        )
        outcome = Outcome("failed", error=error)
    progress.end(message.item, outcome.status)
    if outcome.error is not None:
        print_error(outcome.error)
    elif outcome.status == "claimed":
        messenger.announce(f"{path}: another process answers it at the moment")
    elif outcome.changes:
        names = name_list(outcome.changes)
        messenger.announce(f"{path}: answered again, changed since: {names}")


@dataclass(frozen=True)
class FileWorker:
    """Answer files, one after another, in a process of its own."""

    job: Job
    request: Request  # of any of the files
    threads: int
    output: Path

    @contextmanager
    def open(self, tell: Tell) -> "Iterator[partial[Outcome]]":
        """Load the model, and yield a function that answers a file."""
        announcer = Announcer(tell)
        with self.job.open(announcer, choose_threads(self.threads)) as respond:
            yield partial(self._outcome, respond, tell)

    def _outcome(self, respond: ModelResponder, tell: Tell, file: InputFile) -> Outcome:
        """Answer a file, unless it is finished or another process is at it."""
        try:
            return self._answer(respond, tell, file)
        except RnncliError as error:
            return Outcome("failed", error=error)
        except ConnectionError:  # there is no one left to tell
            raise
        except OSError as error:
            name, reason = error.filename or file.path, error.strerror or error
            hint = "free some disk space, or check the path and its permissions: df -h ."
            return Outcome("failed", error=DataError(f"{name}: {reason}", hint))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            told = RnncliError(f"{file.path}: there is not enough memory", "--jobs 1")
            return Outcome("failed", error=told)

    def _answer(self, respond: ModelResponder, tell: Tell, file: InputFile) -> Outcome:
        manifest, request = Manifest(self.output), self.request
        options = f"{self.job!r} column={request.column!r} json={request.as_json}"
        model = respond.predictor.fingerprint
        with manifest.claim(file.name) as is_ours:
            fingerprint = Fingerprint(sha256(file.path), model, options)
            changes = manifest.changes(file.name, fingerprint)
            if changes == []:
                return Outcome("finished")
            if not is_ours:
                return Outcome("claimed")
            lines = self._write(respond, tell, file)
            if sha256(file.path) != fingerprint.input:
                # What is written may be of both; without a mark in the manifest it is done again.
                raise DataError(f"{file.path} changed while it was read", retyped())
            manifest.add(file.name, fingerprint, lines)
        return Outcome("answered", lines, tuple(changes or ()))

    def _write(self, respond: ModelResponder, tell: Tell, file: InputFile) -> int:
        """Write the answers to a file, and return how many lines it has."""
        target, total, size = self.output / file.name, 0, 0

        def observe(number: int) -> None:
            nonlocal size
            size += number

        request = replace(
            self.request,
            input=file.path,
            messenger=Announcer(tell, f"{file.path}: "),
            observe=observe,
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        told = 0
        with open_replacement(target, compresses=is_gzipped(file.path)) as write:
            for number in answer_batches(request, self.job.key, self.job.columns, respond, write):
                total += number
                tell(Advance(number, size - told))
                told = size
        return total


class Announcer(Messenger):
    """Send messages to the process that prints them."""

    def __init__(self, tell: Tell, prefix: str = "") -> None:
        super().__init__(quiet=True)
        self._tell = tell
        self._prefix = prefix

    def announce(self, message: str) -> None:
        """Send a message."""
        self._tell(Notice(f"{self._prefix}{message}"))
