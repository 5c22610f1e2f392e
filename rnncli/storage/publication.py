"""Publish a model that was made here, with its sources and licences."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.card import format_card
from rnncli.storage.layout import Layout
from rnncli.storage.reading import read_description
from rnncli.text.files import sha256


@dataclass(frozen=True)
class Publication:
    """What description and card of a model say in place of what its training wrote."""

    data: str  # what it was trained on
    licence: str  # of the data, with its sources
    arguments: tuple[str, ...]  # of the command, which name the data
    command: str
    summary: str  # see `format_card`
    scores: Mapping[str, float]
    scored_on: str | None = None  # None: on the held-out part
    languages: tuple[str, str] | None = None  # of source and target


def publish(path: Path, publication: Publication) -> None:
    """Rewrite description and card of a model, and remove the curves of its training.

    Its tokenizers are written without line breaks and spaces: at half the size.
    """
    layout = Layout(path)
    description = json.loads(layout.config.read_text(encoding="utf-8"))
    description["scores"] = dict(publication.scores)
    description["data"] |= {
        "name": publication.data,
        "licence": publication.licence,
        "arguments": publication.arguments,
        "languages": publication.languages,
    }
    description["training"] |= {"command": publication.command, "finished": True}
    for file in filter(Path.exists, (layout.tokenizer, layout.target_tokenizer)):
        _compact(file)
        description["files"][file.name] = sha256(file)
    write_bytes(layout.config, (json.dumps(description, indent=2) + "\n").encode())
    card = format_card(read_description(path), publication.summary, scored_on=publication.scored_on)
    write_bytes(layout.card, card.encode())
    for file in (layout.metrics, layout.curve):
        file.unlink(missing_ok=True)


def _compact(file: Path) -> None:
    """Remove what JSON does not need."""
    content = json.loads(file.read_text(encoding="utf-8"))
    write_bytes(file, json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
