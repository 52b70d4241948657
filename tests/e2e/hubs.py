"""A small hub on loopback: models in folders, spoken to as Hugging Face's is."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 100_000
"""Bytes from which on a file is a large one, known by its SHA-256."""


@dataclass
class Hub:
    """What it holds, and what happens on the way.

    Attributes:
        root: folder of owner/name folders.
        cut: names of files whose first answer ends after three quarters.
        spoilt: names of files whose bytes are not what the hub says.
        asked: method, path and range of every request.
    """

    root: Path
    cut: set[str] = field(default_factory=set)
    spoilt: set[str] = field(default_factory=set)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def __enter__(self) -> "Hub":
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._get()

    def do_GET(self) -> None:
        self._get()

    def _get(self) -> None:
        self.hub.asked.append((self.command, self.path, self.headers.get("Range")))
        path = self.path.split("?")[0]
        if found := re.fullmatch(r"/api/models/(.+?/.+?)/revision/(.+)", path):
            self._info(found[1], found[2])
        elif found := re.fullmatch(r"/api/models/(.+?/.+?)/tree/(.+)", path):
            self._tree(found[1])
        elif found := re.fullmatch(r"/(.+?/.+?)/resolve/(.+?)/(.+)", path):
            self._file(found[1], found[2], found[3])
        else:
            self._error(404, "EntryNotFound")

    def _files(self, repository: str) -> list[Path]:
        folder = self.hub.root / repository
        return sorted(file for file in folder.rglob("*") if file.is_file())

    def _info(self, repository: str, revision: str) -> None:
        if not self._files(repository):
            return self._error(404, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return self._error(404, "RevisionNotFound")
        names = [{"rfilename": file.name} for file in self._files(repository)]
        return self._json({"id": repository, "sha": COMMIT, "siblings": names})

    def _tree(self, repository: str) -> None:
        entries = []
        for file in self._files(repository):
            size = file.stat().st_size
            entry: dict[str, Any] = {"type": "file", "path": file.name, "size": size,
                                     "oid": _git_oid(file)}  # fmt: skip
            if size >= LARGE:
                entry["lfs"] = {"oid": _sha256(file), "size": size, "pointerSize": 130}
            entries.append(entry)
        self._json(entries)

    def _file(self, repository: str, revision: str, name: str) -> None:
        file = self.hub.root / repository / name
        if revision not in ("main", COMMIT):
            return self._error(404, "RevisionNotFound")
        if not file.is_file():
            return self._error(404, "EntryNotFound")
        data = file.read_bytes()
        tag = _sha256(file) if len(data) >= LARGE else _git_oid(file)
        if name in self.hub.spoilt:
            data = data[:-1] + bytes([data[-1] ^ 1])
        given = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(given[1]) if given else 0
        end = int(given[2]) + 1 if given and given[2] else len(data)
        self.send_response(206 if given else 200)
        self.send_header("Content-Length", str(end - start))
        if given:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{tag}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if len(data) >= LARGE:
            self.send_header("X-Linked-ETag", f'"{tag}"')
            self.send_header("X-Linked-Size", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return None
        if name in self.hub.cut:
            self.hub.cut.discard(name)
            self.wfile.write(data[start : start + (end - start) * 3 // 4])
            self.close_connection = True
            return None
        self.wfile.write(data[start:end])
        return None

    def do_POST(self) -> None:
        self.hub.asked.append(("POST", self.path, None))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'owner'}/{asked['name']}"
            (self.hub.root / name).mkdir(parents=True)
            self._json({"url": f"{self.hub.address}/{name}"})
        elif found := re.fullmatch(r"/api/models/(.+?/.+?)/preupload/main", self.path):
            files = json.loads(body)["files"]
            modes = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                     for f in files]  # fmt: skip
            self._json({"files": modes})
        elif found := re.fullmatch(r"/api/models/(.+?/.+?)/commit/main", self.path.split("?")[0]):
            for line in body.decode().splitlines():
                item = json.loads(line)
                if item["key"] == "file":
                    data = base64.b64decode(item["value"]["content"])
                    (self.hub.root / found[1] / item["value"]["path"]).write_bytes(data)
            url = f"{self.hub.address}/{found[1]}/commit/{COMMIT}"
            self._json({"commitUrl": url, "commitOid": COMMIT, "pullRequestUrl": None})
        elif self.path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        else:
            self._error(404, "EntryNotFound")

    def _json(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _error(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _git_oid(file: Path) -> str:
    data = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
