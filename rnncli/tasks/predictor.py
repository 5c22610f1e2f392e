"""The base class of trained models."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, SupportsIndex, TypeVar

from rnncli.config import SamplingConfig, SearchConfig, Task
from rnncli.errors import ModelError
from rnncli.messages import Announce, require_names
from rnncli.networks.architecture import Architecture
from rnncli.networks.model_numpy import Network, Weights, build
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import Layout
from rnncli.storage.model_names import model_directory, model_name
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

    ``announce`` gets each notice once, such as that a text is read in pieces.

    Pickled, it is its path and its fingerprint, and a process loads it once, however often it is
    unpickled there; so it is small, and its hash, by which `datasets` caches, is always the same.
    """

    task: ClassVar[Task]
    network_class: type[NetworkT]

    def __init__(
        self, model: SavedModel, threads: int = 1, announce: Announce | None = None
    ) -> None:
        self.description = model.description
        self.path = model.path
        self._model = model
        self._absolute_path = model.path.absolute()  # another process may be in another folder
        self.parameters = sum(array.size for array in model.weights.values())
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
        path = model_directory(path, announce)
        model = read_whole(path, lambda: cls(load(path, cls.task), threads, announce))
        if announce is not None and not model.description.is_finished:
            announce(f"{model.name}: its training has not finished; this is its best model so far")
        return model

    @classmethod
    def of_weights(
        cls,
        architecture: Architecture,
        weights: Weights,
        tokenizer: Tokenizer | None,
        target_tokenizer: Tokenizer | None = None,
        labels: tuple[str, ...] = (),
    ) -> "Self":
        """Make a model that is not saved, such as that of a training that goes on."""
        level = None if tokenizer is None else tokenizer.level
        description = ModelDescription(cls.task, level, architecture, labels)
        tokenizers = tokenizer, target_tokenizer or tokenizer
        network = build(architecture, weights)
        model = SavedModel(
            Layout(Path()), description, *tokenizers, weights, network, is_on_disk=False
        )
        return cls(model)

    @property
    def name(self) -> str:
        """The name of a bundled model or of one of the hub, of others the path."""
        return model_name(self.path)

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 of all that the model answers with."""
        return self._model.fingerprint

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """Return the place of a model on disk, and of another one all that it is."""
        if not self._model.is_on_disk:
            return super().__reduce_ex__(protocol)
        return _loaded, (type(self), str(self._absolute_path), self._threads, self.fingerprint)

    @property
    def threads(self) -> int:
        """The number of threads that process batches of texts."""
        return self._threads

    @property
    def network(self) -> NetworkT:
        """The network."""
        return self._network

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the texts that are read."""
        return self._model.require_tokenizer()

    @property
    def target_tokenizer(self) -> Tokenizer:
        """The tokenizer of the texts that are written."""
        assert self._model.target_tokenizer is not None
        return self._model.target_tokenizer

    def __repr__(self) -> str:
        properties = ", ".join([*self._properties(), f"{self.parameters:,} parameters"])
        return f"<{type(self).__name__} {self.path}: {properties}>"

    def _properties(self) -> list[str]:
        """Describe the properties of the model, for its representation."""
        return [f"{self.tokenizer.level} level"]

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


def _loaded(
    kind: type[Predictor[Any]], path: str, threads: int, fingerprint: str
) -> Predictor[Any]:
    """Load a model that was pickled, unless this process has it.

    Raises:
        ModelError: there is no such model, or it is not the one that was pickled.

    """
    return _load_once(kind, path, threads, fingerprint)  # type: ignore[arg-type]  # hashable


@lru_cache(maxsize=4)
def _load_once(
    kind: type[Predictor[Any]], path: str, threads: int, fingerprint: str
) -> Predictor[Any]:
    model = kind.load(path, threads=threads)
    if model.fingerprint != fingerprint:
        raise ModelError(
            f"{path} is not the model that was sent to this process: it was replaced, or is "
            "another one on this machine",
            "load the model again, and copy it to all machines",
        )
    return model


def with_settings(config: Config, settings: Mapping[str, object]) -> Config:
    """Return a config with some of its fields replaced.

    Raises:
        ConfigError: there is no such setting, or its value cannot work.

    """
    require_names(settings, type(config))
    return replace(config, **settings)  # type: ignore[arg-type]  # the names were checked
