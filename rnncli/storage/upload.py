"""Upload a model to a repository of the Hugging Face hub, as one commit."""

from pathlib import Path

from rnncli.errors import ModelError
from rnncli.messages import first_line, name_list, stage
from rnncli.storage.layout import Layout

OF_THE_HUB = (".gitattributes",)  # what it puts into a new repository itself


def uploaded_files(path: Path) -> list[Path]:
    """Return the files of a model directory that are uploaded as they are: all but its card."""
    layout = Layout(path)
    return [file for file in (layout.config, *layout.model_files) if file.exists()]


@stage("uploading the model")
def upload(path: Path, card: str, repository: str, *, private: bool) -> str:
    """Replace the model in a repository, which is made if it is not there; return its address.

    Raises:
        ModelError: it holds something else, is not the person's, or cannot be reached.

    """
    import huggingface_hub
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, errors

    api = huggingface_hub.HfApi()
    try:
        url = api.create_repo(repository, private=private or None, exist_ok=True)
        info = api.model_info(repository)
        if private and not info.private:
            raise ModelError(
                f"{repository} is there already, and public",
                f"make it private at {url}/settings, or choose another name",
            )
        present = {file.rfilename for file in info.siblings or ()} - {*OF_THE_HUB}
        ours = {file.name for file in Layout(Path()).files}
        if others := sorted(present - ours):
            raise ModelError(
                f"{repository} holds other files, which are no model of rnncli: "
                f"{name_list(others, 3)}",
                "choose another name; a new repository is made for it",
            )
        files = {file.name: file for file in uploaded_files(path)}
        operations = [CommitOperationAdd(name, str(file)) for name, file in files.items()]
        operations.append(CommitOperationAdd(Layout(path).card.name, card.encode()))
        old = present - files.keys() - {Layout(path).card.name}
        api.create_commit(
            repository,
            [*operations, *map(CommitOperationDelete, sorted(old))],
            commit_message="Upload a model of rnncli",
        )
    except ModelError:
        raise
    except errors.HFValidationError as error:
        raise ModelError(
            f"{repository!r:.100} is no name of a repository", "write it like org/name"
        ) from error
    except Exception as error:  # whatever the HTTP library of the day raises
        raise _refusal(error, repository) from error
    return str(url)


def _refusal(error: Exception, repository: str) -> ModelError:
    from huggingface_hub import errors

    response = error.response if isinstance(error, errors.HfHubHTTPError) else None
    if response is not None and response.status_code in (401, 403, 404):
        return ModelError(
            f"the hub does not let you write to {repository}: {first_line(error)[:200]}",
            "log in with a token that may write: hf auth login",
        )
    return ModelError(
        f"{repository} cannot be written: {first_line(error)[:200]}",
        "check the connection, and run the same command again",
    )
