"""A stand-in for the Hugging Face hub that serves a folder to its real clients, and takes models.

The folder holds repositories as ``org/name/``, their files as on the hub: a README.md with its
YAML, and the data. What ``load_dataset`` and ``huggingface_hub`` ask for is answered, and nothing
more. A repository whose card has an ``extra_gated_prompt`` is closed, as on the hub; one with a
file ``.private`` beside it is for those who send a token, as is all that writes.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from huggingface_hub import DatasetCard


@dataclass
class Traffic:
    """The files that were asked for, of which one may be held: sent by half, until it is released.

    ``is_held`` is set as soon as half of the file is sent.
    """

    held: str = ""
    is_held: Event = field(default_factory=Event)
    is_released: Event = field(default_factory=Event)
    files: list[str] = field(default_factory=list)


@contextmanager
def serve_hub(root: Path, seen: Traffic | None = None) -> Iterator[str]:
    """Serve ``root`` while the context lasts, and give the address for ``HF_ENDPOINT``."""

    class Handler(_Handler):
        folder = root
        traffic = seen or Traffic()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True  # clients keep connections open
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _RefusalError(Exception):
    """Carry the hub's own word for what is wrong; its clients raise the matching error."""

    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class _Repository:
    """One dataset at one commit; the commit is a sum over all its files."""

    def __init__(self, root: Path, name: str, revision: str) -> None:
        self.name = name
        self.folder = root / name
        if not self.folder.is_dir():
            raise _RefusalError(HTTPStatus.NOT_FOUND, "RepoNotFound")
        self.paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        contents = b"".join(path.name.encode() + path.read_bytes() for path in self.paths)
        self.commit = hashlib.sha1(contents).hexdigest()
        if revision not in ("main", self.commit):
            raise _RefusalError(HTTPStatus.NOT_FOUND, "RevisionNotFound")

    def card(self) -> dict[str, Any]:
        readme = self.folder / "README.md"
        return dict(DatasetCard.load(readme).data.to_dict()) if readme.is_file() else {}

    def info(self) -> dict[str, Any]:
        names = [path.relative_to(self.folder).as_posix() for path in self.paths]
        sizes = [path.stat().st_size for path in self.paths]
        return {
            "id": self.name,
            "sha": self.commit,
            "private": self.is_private,
            "cardData": self.card(),
            "siblings": [
                {"rfilename": name, "size": size} for name, size in zip(names, sizes, strict=True)
            ],
        }

    @property
    def is_private(self) -> bool:
        return self.folder.with_suffix(".private").exists()

    def entries(self, below: str) -> list[dict[str, Any]]:
        start = self.folder / below
        if not start.is_dir():
            raise _RefusalError(HTTPStatus.NOT_FOUND, "EntryNotFound")
        return [self.entry(path) for path in sorted(start.rglob("*"))]

    def entry(self, path: Path) -> dict[str, Any]:
        name = path.relative_to(self.folder).as_posix()
        if path.is_dir():
            return {"type": "directory", "path": name, "oid": _sum(name.encode()), "size": 0}
        content = path.read_bytes()
        return {"type": "file", "path": name, "oid": _sum(content), "size": len(content)}

    def content(self, name: str) -> bytes:
        if "extra_gated_prompt" in self.card():
            raise _RefusalError(HTTPStatus.UNAUTHORIZED, "GatedRepo")
        if not (self.folder / name).is_file():
            raise _RefusalError(HTTPStatus.NOT_FOUND, "EntryNotFound")
        return (self.folder / name).read_bytes()


def _sum(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path
    traffic: Traffic

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the tests' output clean."""

    def _answer(self) -> None:
        body = self._body().decode()
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        try:
            self._route(parts, body)
        except _RefusalError as refused:
            self._send(b"", refused.status, {"X-Error-Code": refused.code})

    def _body(self) -> bytes:
        """Read the body of a request; that of a commit is streamed in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _route(self, parts: list[str], body: str) -> None:
        match parts:
            case ["api", "repos", "create"]:
                self._create(json.loads(body))
            case ["api", "validate-yaml"]:
                self._send_json({"errors": [], "warnings": []})
            case ["api", "models", org, name, "preupload", "main"]:
                files = json.loads(body)["files"]
                plain = {"uploadMode": "regular", "shouldIgnore": False}
                self._send_json({"files": [{"path": file["path"], **plain} for file in files]})
            case ["api", "models", org, name, "commit", "main"]:
                self._commit(f"{org}/{name}", map(json.loads, body.splitlines()))
            case ["api", "datasets", org, name]:
                self._send_json(self._repository(org, name).info())
            case ["api", "datasets", org, name, "revision", revision]:
                self._send_json(self._repository(org, name, revision).info())
            case ["api", "datasets", org, name, "tree", revision, *path]:
                self._send_json(self._repository(org, name, revision).entries("/".join(path)))
            case ["api", "datasets", org, name, "paths-info", revision]:
                repository = self._repository(org, name, revision)
                asked = [repository.folder / path for path in parse_qs(body)["paths"]]
                self._send_json([repository.entry(path) for path in asked if path.exists()])
            case ["api", "models", org, name]:
                self._send_json(self._repository(org, name).info())
            case ["api", "models", org, name, "revision", revision]:
                self._send_json(self._repository(org, name, revision).info())
            case ["api", "models", org, name, "tree", revision, *path]:
                self._send_json(self._repository(org, name, revision).entries("/".join(path)))
            case ["datasets", org, name, "resolve", revision, *path]:
                self._send_file(self._repository(org, name, revision), "/".join(path))
            case [org, name, "resolve", revision, *path]:
                self._send_file(self._repository(org, name, revision), "/".join(path))
            case _:
                raise _RefusalError(HTTPStatus.NOT_FOUND, "EntryNotFound")

    def _repository(self, org: str, name: str, revision: str = "main") -> _Repository:
        repository = _Repository(self.folder, f"{org}/{name}", revision)
        if repository.is_private:
            self._require_token("RepoNotFound")
        return repository

    def _require_token(self, code: str = "") -> None:
        if not self.headers.get("Authorization", "").startswith("Bearer "):
            raise _RefusalError(HTTPStatus.UNAUTHORIZED, code)

    def _create(self, wanted: dict[str, Any]) -> None:
        self._require_token()
        folder = self.folder / wanted["organization"] / wanted["name"]
        status = HTTPStatus.CONFLICT if folder.exists() else HTTPStatus.OK
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / ".gitattributes").write_text("*.safetensors filter=lfs\n")
            if wanted.get("private") or wanted.get("visibility") == "private":
                folder.with_suffix(".private").touch()
        url = f"http://{self.headers['Host']}/{wanted['organization']}/{wanted['name']}"
        self._send(json.dumps({"url": url}).encode(), status)

    def _commit(self, name: str, lines: Iterator[dict[str, Any]]) -> None:
        self._require_token()
        folder = _Repository(self.folder, name, "main").folder
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                (folder / value["path"]).write_bytes(base64.b64decode(value["content"]))
            elif line["key"] == "deletedFile":
                (folder / value["path"]).unlink()
        commit = _Repository(self.folder, name, "main").commit
        url = f"http://{self.headers['Host']}/{name}/commit/{commit}"
        self._send_json({"commitUrl": url, "commitOid": commit})

    def _send_file(self, repository: _Repository, path: str) -> None:
        content = repository.content(path)
        if self.command == "GET":
            self.traffic.files.append(path)
        headers = {"ETag": f'"{_sum(content)}"', "X-Repo-Commit": repository.commit}
        is_held = path == self.traffic.held and not self.traffic.is_released.is_set()
        self._send(content, headers=headers, is_held=is_held)

    def _send_json(self, value: Any) -> None:
        self._send(json.dumps(value).encode())

    def _send(
        self,
        content: bytes,
        status: HTTPStatus = HTTPStatus.OK,
        headers: dict[str, str] | None = None,
        is_held: bool = False,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        half = len(content) // 2 if is_held else 0
        self.wfile.write(content[:half])
        if is_held:
            self.traffic.is_held.set()
            self.traffic.is_released.wait()
        with suppress(ConnectionError):  # whoever asked is gone
            self.wfile.write(content[half:])
