"""The base class of trained models."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from rnncli.config import SamplingConfig, SearchConfig, Task
from rnncli.messages import Announce, require_names
from rnncli.networks.architecture import Architecture
from rnncli.networks.model_numpy import Network, Weights, build
from rnncli.storage.bundled import model_directory
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import Layout
from rnncli.storage.reading import SavedModel, load, read_whole
from rnncli.text.batching import batch_by_length
from rnncli.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from typing_extensions import Self

NetworkT = TypeVar("NetworkT", bound=Network)
Batch = TypeVar("Batch")
Result = TypeVar("Result")
Config = TypeVar("Config", SamplingConfig, SearchConfig)


class Predictor(Generic[NetworkT]):
    """A trained model: call it with a list of texts.

    It can be pickled. ``announce`` gets each notice once, such as that a text is read in pieces.
    """

    task: ClassVar[Task]
    network_class: type[NetworkT]

    def __init__(
        self, model: SavedModel, threads: int = 1, announce: Announce | None = None
    ) -> None:
        self.description = model.description
        self.path = model.path
        self.parameters = sum(array.size for array in model.weights.values())
        self._tokenizer = model.tokenizer
        self._target_tokenizer = model.target_tokenizer
        if not isinstance(model.network, self.network_class):
            raise model.damaged(f"its architecture does not fit the task {self.task}")
        self._network: NetworkT = model.network
        self._threads = threads
        self._announce = announce
        self._announced: set[str] = set()

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        threads: int = 1,
        announce: Announce | None = None,
    ) -> "Self":
        """Read a model directory.

        Batches of texts are processed by ``threads`` threads.

        Raises:
            ModelError: there is no such model, it is damaged, or made for another task.

        """
        path = model_directory(path)
        return read_whole(path, lambda: cls(load(path, cls.task), threads, announce))

    @classmethod
    def of_weights(
        cls,
        architecture: Architecture,
        weights: Weights,
        tokenizer: Tokenizer,
        target_tokenizer: Tokenizer | None = None,
        labels: tuple[str, ...] = (),
    ) -> "Self":
        """Make a model that is not saved, such as that of a training that goes on."""
        description = ModelDescription(cls.task, tokenizer.level, architecture, labels)
        tokenizers = tokenizer, target_tokenizer or tokenizer
        network = build(architecture, weights)
        return cls(SavedModel(Layout(Path()), description, *tokenizers, weights, network))

    @property
    def network(self) -> NetworkT:
        """The network."""
        return self._network

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the texts that are read."""
        return self._tokenizer

    @property
    def target_tokenizer(self) -> Tokenizer:
        """The tokenizer of the texts that are written."""
        return self._target_tokenizer

    def __repr__(self) -> str:
        properties = ", ".join([*self._properties(), f"{self.parameters:,} parameters"])
        return f"<{type(self).__name__} {self.path}: {properties}>"

    def _properties(self) -> list[str]:
        """Describe the properties of the model, for its representation."""
        return [f"{self._tokenizer.level} level"]

    def _announce_once(self, message: str) -> None:
        if self._announce is not None and message not in self._announced:
            self._announced.add(message)
            self._announce(message)

    def _map_batches(
        self,
        function: Callable[[Sequence[int]], Iterable[Result]],
        encoded: Sequence[Sequence[int]],
        max_tokens: int,
        max_texts: int,
    ) -> list[Result]:
        """Map a function over texts in batches of similar length.

        It takes the indices of the texts of a batch, and returns a result for each.
        """
        batches = [rows.tolist() for rows in batch_by_length(encoded, max_tokens, max_texts)]
        results: dict[int, Result] = {}
        for rows, batch_results in zip(batches, self._in_parallel(function, batches), strict=True):
            results.update(zip(rows, batch_results, strict=True))
        return [results[row] for row in range(len(encoded))]

    def _in_parallel(
        self, function: Callable[[Batch], Result], batches: Sequence[Batch]
    ) -> Iterable[Result]:
        """Map a function over batches by threads; NumPy releases the interpreter lock."""
        if self._threads == 1 or len(batches) < 2:
            return map(function, batches)
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(self._threads, len(batches))) as pool:
            return list(pool.map(function, batches))


def with_settings(config: Config, settings: Mapping[str, object]) -> Config:
    """Return a config with some of its fields replaced.

    Raises:
        ConfigError: there is no such setting, or its value cannot work.

    """
    require_names(settings, type(config))
    return replace(config, **settings)  # type: ignore[arg-type]  # the names were checked
