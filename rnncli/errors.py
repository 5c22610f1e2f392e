"""The errors that rnncli explains to a person.

::

    RnncliError          exit 1: something is wrong, and the message says what to do about it
    ├── DataError        the data is missing, empty, malformed or unsuitable
    ├── InputError       (also a TypeError) a Python argument is not a list of texts
    ├── ModelError       a model directory is missing, damaged, too new or of another task
    ├── ConfigError      exit 2: settings that cannot work, alone or together
    └── RequirementError exit 3: a score is not what was required
"""


class RnncliError(Exception):
    """Say what is wrong, and in ``hint`` what to type next."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class DataError(RnncliError):
    """The data is missing, empty, malformed or unsuitable."""


class InputError(RnncliError, TypeError):
    """What a model was called with is not a list of texts."""


class ModelError(RnncliError):
    """A model directory is missing, damaged, too new or of another task."""


class ConfigError(RnncliError):
    """Settings cannot work, alone or together."""

    exit_code = 2


class RequirementError(RnncliError):
    """A score is not what was required."""

    exit_code = 3


# What libraries say where memory cannot be allocated: PyTorch's allocators, oneDNN, threads.
_OUT_OF_MEMORY = (
    "not enough memory",
    "out of memory",
    "annot allocate memory",  # also "Cannot"
    "could not create a memory",
    "could not create a primitive",
    "could not execute a primitive",
    "can't start new thread",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory cannot be allocated."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY)
    )
