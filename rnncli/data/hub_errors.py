"""What the Hugging Face hub answers where it has no such model, or has it not for everybody."""

import huggingface_hub
from huggingface_hub import errors


def refusal(error: Exception, name: str) -> tuple[str, str] | None:
    """Return what is wrong with the name of a model on the hub, and a hint; None of other errors.

    ``name`` is ``org/name``, with or without ``@revision``.
    """
    repository, _, revision = name.partition("@")
    endpoint = huggingface_hub.constants.ENDPOINT
    page = f"{endpoint}/{repository}"
    if isinstance(error, errors.GatedRepoError):
        return (
            f"{repository} is open only to those who have accepted its terms",
            f"accept them at {page}, then: hf auth login",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repository} has no revision {revision}", f"its revisions: {page}/commits/main"
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return (
            f"the hub has no model {name}, or only for its owners",
            f"look it up: {endpoint}/models?search={repository.rpartition('/')[2]}\n"
            "or, if it is yours: hf auth login",
        )
    return None
