"""How long a job over files takes, extrapolated from its first seconds; nothing is written."""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from rnncli.cli.bulk import SILENT, Announcer, Notice, plan
from rnncli.cli.input_files import InputFile, Shard, find_files
from rnncli.cli.job import Files, Job, ModelResponder
from rnncli.cli.output import is_gzipped, line_writer, open_output
from rnncli.cli.pipe import answer_batches, open_input
from rnncli.cli.processes import Processes, Tell
from rnncli.cli.request import Request
from rnncli.cli.stages import StageLine
from rnncli.config import choose_threads
from rnncli.errors import ConfigError, DataError, RnncliError
from rnncli.messages import Announce, format_duration

ANSWERING = 5.0  # seconds that texts are answered for: some batches even of long texts
COUNTING = 5.0  # seconds that lines are counted for: hundreds of megabytes
OPEN_FILES = 8  # that a process reads by turns, since files differ
MACHINES = (1, 4, 16)


class Sample(NamedTuple):
    """What a process has answered."""

    lines: int
    seconds: float


class Count(NamedTuple):
    """How many lines there are in so many bytes on disk."""

    lines: int
    bytes: int
    is_complete: bool


@dataclass(frozen=True)
class Estimate:
    """How long a job takes."""

    files: int
    bytes: int  # on disk
    lines: int
    lines_are: str  # counted, or extrapolated from bytes
    processes: int
    lines_per_second: float  # of all processes
    seconds: dict[int, float]  # by the number of machines

    def table(self) -> str:
        """Return the estimate for a person."""
        speed = f"{self.lines_per_second:,.0f}"
        rows = [
            ("files", f"{self.files:,}", ""),
            ("lines", f"{self.lines:,}", self.lines_are),
            ("lines/s", speed, f"by {self.processes} at once, measured"),
        ]
        for count, seconds in self.seconds.items():
            name = "this machine" if count == 1 else f"{count} machines"
            shards = "" if count == 1 else f"like this one: --shard 1/{count} to {count}/{count}"
            rows.append((name, format_duration(seconds), shards))
        width = max(len(value) for _, value, _ in rows)
        return "\n".join(
            f"{name:12} {value:>{width}}  {note}".rstrip() for name, value, note in rows
        )


def estimate(job: Job, request: Request, files: Files, threads: int | None) -> None:
    """Print how many lines files have, and how long they take here and on several machines.

    Raises:
        ConfigError: there are no files, or options do not go together.
        DataError: there is no line.
        RnncliError: a process was ended from outside.
    """
    if request.texts or not files.inputs or Path("-") in files.inputs:
        raise ConfigError("--estimate looks at files", "name them: -i FILE")
    inputs = find_files(files.inputs, None)
    workers = plan(job, request, files, threads, inputs)
    sampler = Sampler(job, replace(request, messenger=SILENT), workers.threads)
    portions = [_spread(inputs[i :: workers.count]) for i in range(workers.count)]
    samples = []
    announce_once = cache(request.messenger.announce)
    with StageLine(request.messenger) as line, line.show("answering the first lines") as rename:
        for message in Processes(sampler.open, workers.count).run(portions):
            match message.content:
                case Notice(text):
                    announce_once(text)
                case Sample():
                    samples.append(message.content)
                case None:
                    raise RnncliError(
                        "a process that answered the first lines was ended from outside",
                        "if it was for lack of memory, take fewer processes: --jobs 1",
                    )
        rename("counting lines")
        count = _count(request, _spread(inputs))
    speed = sum(sample.lines / sample.seconds for sample in samples)
    if not speed or not count.lines:
        raise DataError(
            "no line of these files could be answered",
            f"look at one: less {quote(str(inputs[0].path))}",
        )
    size = sum(file.path.stat().st_size for file in inputs)
    lines = count.lines if count.is_complete else round(count.lines * size / count.bytes)
    machines = MACHINES if files.shard is None else (1, Shard.parse(files.shard).count)
    result = Estimate(
        len(inputs),
        size,
        lines,
        "counted" if count.is_complete else "extrapolated from bytes",
        workers.count,
        speed,
        {n: lines / speed / n for n in machines if n <= len(inputs)},
    )
    with open_output(None, request.messenger) as write:
        write(json.dumps(asdict(result)) if request.as_json else result.table())


def _spread(files: Sequence[InputFile]) -> list[InputFile]:
    """Return files in an order whose beginnings are drawn evenly from all of them."""
    step = max(1, len(files) // OPEN_FILES)
    return [file for start in range(step) for file in files[start::step]]


def _count(request: Request, files: Sequence[InputFile]) -> Count:
    """Count the lines of files, for some seconds."""
    began, lines, size = time.monotonic(), 0, 0

    def observe(number: int) -> None:
        nonlocal size
        size += number

    for file in files:
        try:
            for records in open_input(replace(request, input=file.path, observe=observe)).batches:
                lines += len(records)
                if time.monotonic() - began > COUNTING:
                    return Count(lines, size, is_complete=False)
        except (RnncliError, OSError) as error:
            request.messenger.announce(_left_out(file, error))
    return Count(lines, size, is_complete=True)


def _left_out(file: InputFile, error: Exception) -> str:
    return f"{file.path} does not count: {error}"


@dataclass(frozen=True)
class Sampler:
    """Answer the first lines of files in a process of its own."""

    job: Job
    request: Request
    threads: int

    @contextmanager
    def open(self, tell: Tell) -> Iterator[Callable[[Sequence[InputFile]], Sample]]:
        """Load the model, and yield a function that samples files."""
        announcer = Announcer(tell)
        with self.job.open(announcer, choose_threads(self.threads)) as respond:
            yield partial(self._sample, respond, announcer.announce)

    def _sample(
        self, respond: ModelResponder, announce: Announce, files: Sequence[InputFile]
    ) -> Sample:
        """Answer batches of several files by turns, for some seconds."""
        waiting = iter(files)
        streams = {file: self._answers(respond, file) for file in islice(waiting, OPEN_FILES)}
        began, lines = time.monotonic(), 0
        while streams:
            for file in list(streams):
                try:
                    number = next(streams[file], None)
                except (RnncliError, OSError) as error:
                    announce(_left_out(file, error))
                    number = None
                lines += number or 0
                if time.monotonic() - began > ANSWERING:
                    return Sample(lines, time.monotonic() - began)
                if number is None:
                    del streams[file]
                    streams |= {new: self._answers(respond, new) for new in islice(waiting, 1)}
        return Sample(lines, time.monotonic() - began)

    def _answers(self, respond: ModelResponder, file: InputFile) -> Iterator[int]:
        request = replace(self.request, input=file.path)
        compresses = is_gzipped(file.path)
        with (
            Path(os.devnull).open("wb") as nowhere,
            line_writer(nowhere, compresses=compresses) as write,
        ):
            yield from answer_batches(request, self.job.key, self.job.columns, respond, write)
