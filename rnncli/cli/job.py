"""A job: what a command does with texts, in this process or in several others."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rnncli.cli.console import Messenger
from rnncli.cli.input_files import is_pattern
from rnncli.cli.output import Output
from rnncli.cli.pipe import answer_all
from rnncli.cli.request import Request
from rnncli.config import choose_threads
from rnncli.errors import ConfigError

if TYPE_CHECKING:
    from rnncli.tasks.predictor import Predictor


class ModelResponder(Protocol):
    """A responder that answers with a model."""

    def __call__(self, texts: list[str], /) -> Sequence[Sequence[Output]]:
        """Return the answers to each text."""
        ...

    @property
    def predictor(self) -> "Predictor[Any]":
        """The model."""
        ...


class Job(Protocol):
    """What a command does with texts.

    It can be pickled, and its ``repr`` has all that the answers depend on, except for the model.
    """

    @property
    def key(self) -> str:
        """The name of a text in JSON."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """The names of the results in tables."""
        ...

    def open(self, messenger: Messenger, threads: int) -> AbstractContextManager[ModelResponder]:
        """Load the model, and check the options that depend on it."""
        ...


@dataclass(frozen=True)
class Files:
    """The files of a job, and how they are shared by processes and machines."""

    inputs: Sequence[Path]
    output: Path | None
    jobs: int | None  # processes; None: one a core
    shard: str | None  # 3/16: the third of sixteen parts
    estimate: bool  # only tell how long it takes
    reads_documents: bool = False  # or lines of text only
    whole: bool | None = None  # each is one text; None: the command has no such option

    @property
    def are_many(self) -> bool:
        """Return whether there is an output for each of several inputs."""
        if self.whole:
            return False
        has_folder = any(path.is_dir() for path in self.inputs)
        return len(self.inputs) > 1 or has_folder or any(map(is_pattern, self.inputs))

    @property
    def single(self) -> Path | None:
        """Return the only input, or the first of those that are texts."""
        return self.inputs[0] if self.inputs and not self.are_many else None

    def request(
        self,
        texts: Sequence[str] | None,
        column: str | None,
        *,
        force: bool,
        as_json: bool,
        batch_size: int,
        messenger: Messenger,
    ) -> Request:
        """Return the request for the single input, or for any of many.

        Raises:
            ConfigError: there are several sources of texts, or an output is an input.
            DataError: see `require_output`.
        """
        return Request(
            texts or [],
            self.single,
            self.output,
            force,
            column,
            as_json,
            batch_size,
            messenger,
            is_one_of_many=self.are_many or self.estimate,
            reads_documents=self.reads_documents and column is None,
        )

    def refuse_sharing(self) -> None:
        """Refuse to share a single file.

        Raises:
            ConfigError: processes or machines are to share it.
        """
        for option, value in (("--jobs", self.jobs), ("--shard", self.shard)):
            if value is not None:
                raise ConfigError(
                    f"{option} is for several files, and there is only one",
                    f"leave {option} out",
                )


def run(job: Job, request: Request, files: Files, threads: int | None) -> None:
    """Answer the texts of a request, or those of many files.

    Raises:
        DataError: the input cannot be read, or a record is malformed.
        ConfigError: options do not go together.
    """
    if files.whole:
        from rnncli.cli.whole_files import answer_whole_files

        answer_whole_files(job, request, files, threads)
    elif files.estimate:
        from rnncli.cli.estimate import estimate

        estimate(job, request, files, threads)
    elif files.are_many:
        from rnncli.cli.bulk import answer_files

        answer_files(job, request, files, threads)
    else:
        files.refuse_sharing()
        with job.open(request.messenger, choose_threads(threads)) as respond:
            answer_all(request, job.key, job.columns, respond)
