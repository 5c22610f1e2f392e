"""Find the word vectors that were typed: a file, a folder, a repository of the hub, or a name."""

from pathlib import Path
from shlex import quote

import huggingface_hub

from rnncli.data.corpora import bundled_file
from rnncli.data.hub_errors import refusal
from rnncli.errors import DataError
from rnncli.messages import Announce, first_line, name_list, stage
from rnncli.text.static_models import FILES, read_static_model
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.vector_files import read_vectors, refuse_pickle
from rnncli.text.vectors import ENGLISH_FILE, Selection, WordVectors, prepare

BUNDLED = {"english": ENGLISH_FILE}
NONE = "none"
HUB = "hf:"
SUFFIXES = (".vec", ".txt", ".bin")  # of files of vectors, best first; each also .gz and .zip
NO_VECTORS = ("requirements", "vocab", "merges", "license", "licence", "readme", "pytorch_model")
TIMEOUT = 5.0  # seconds without an answer until the hub counts as out of reach


def bundled_vectors(name: str) -> WordVectors:
    """Return word vectors that come with rnncli.

    Raises:
        DataError: their file is missing.

    """
    return WordVectors.read(bundled_file(BUNDLED[name]))


def require_vectors(name: object) -> None:
    """Check that vectors of this name can be looked for, before any data is read.

    Raises:
        DataError: it is no name, there is no such file, or it may hold a pickle.

    """
    if not isinstance(name, str):  # of a state that was edited
        raise DataError(f"word vectors are called {name!r:.60}", "give a file or a name")
    if name in (*BUNDLED, NONE) or name.startswith(HUB):
        return
    path = Path(name)
    refuse_pickle(path)
    if not path.exists():
        raise DataError(
            f"there are no word vectors {name}",
            f"give a file, hf:org/name, or one of {', '.join((*BUNDLED, NONE))}",
        )


def read_word_vectors(
    name: str, tokenizer: Tokenizer, max_words: int, announce: Announce
) -> WordVectors:
    """Read the vectors of the words of a vocabulary, and of the most frequent others.

    Raises:
        DataError: they are not there, or cannot be read.

    """
    if name in BUNDLED:
        return bundled_vectors(name)
    require_vectors(name)
    path, licence = _download(name) if name.startswith(HUB) else (Path(name), None)
    selection = Selection(tokenizer, max_words)
    if path.is_dir():
        words, vectors = read_static_model(path, selection)
    else:
        words, vectors = read_vectors(path, selection, announce)
    return WordVectors(words, prepare(vectors), f"{name}, licence: {licence or 'not stated'}")


@stage("downloading the word vectors")
def _download(name: str) -> tuple[Path, str | None]:
    """Download the vectors of a repository; return their file or folder, and their licence."""
    repository, _, revision = name.removeprefix(HUB).partition("@")
    page = f"{huggingface_hub.constants.ENDPOINT}/{repository}"
    try:
        info = huggingface_hub.HfApi().model_info(
            repository, revision=revision or None, timeout=TIMEOUT
        )
        names = [sibling.rfilename for sibling in info.siblings or ()]
        files = [*FILES] if set(FILES) <= set(names) else _vector_files(names)[:1]
        if not files:
            raise DataError(
                f"{repository} has no file of word vectors: {name_list(names)}",
                f"look into it: {page}/tree/main",
            )
        folder = Path(
            huggingface_hub.snapshot_download(repository, revision=info.sha, allow_patterns=files)
        )
    except DataError:
        raise
    except Exception as error:  # whatever the HTTP library of the day raises
        reason = refusal(error, name.removeprefix(HUB)) or (
            f"the word vectors {name} cannot be downloaded: {first_line(error)}",
            f"try again, or download a file and name it: --vectors {quote('vectors.txt')}",
        )
        raise DataError(*reason) from error
    licence = info.card_data.license if info.card_data else None
    path = folder if len(files) > 1 else folder / files[0]
    return path, licence if isinstance(licence, str) else None


def _vector_files(names: list[str]) -> list[str]:
    """Return the files that may hold vectors, best first."""
    plain = {n: n.lower().removesuffix(".gz").removesuffix(".zip") for n in names}
    usable = [
        n for n in names if plain[n].endswith(SUFFIXES) and not plain[n].startswith(NO_VECTORS)
    ]
    return sorted(usable, key=lambda name: SUFFIXES.index(Path(plain[name]).suffix))
