"""The port. What `commits.py` and `builds.py` do not answer is handed on: to the repository's `cargo local serve`, or to
the local AWS, which has the projects."""

import json
import shutil
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3

from deployment import REGION
from local_aws import WEB, free_port

from .builds import Builds
from .commits import Commits
from .refused import Refused


class CodeStandIn:
    """Both services. `aws` is the local AWS's endpoint, set once there is one. `spoils` says, by repository, what its builds
    get wrong."""

    def __init__(self, spoils: Mapping[str, str]):
        self.folder = Path(tempfile.mkdtemp(prefix="pushbuild-code-"))
        self.aws = ""
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.commits = Commits(self)
        self.builds = Builds(self, spoils)
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # noqa: N802
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # a client that was interrupted
                status, answer = stand_in.answer(self.path, self.headers, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True

    def __enter__(self) -> "CodeStandIn":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.commits.close(kind)
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.aws, region_name=REGION)

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        if path.startswith("/_pushed/"):
            self.commits.received(path.removeprefix("/_pushed/"), body.decode())
            return 200, b""
        service, _, operation = headers.get("X-Amz-Target", "").rpartition(".")
        given = json.loads(body or b"{}")
        services = self.builds if service.startswith("CodeBuild") else self.commits
        try:
            if own := getattr(services, f"on_{operation}", None):
                return 200, json.dumps(own(given)).encode()
            to = self.aws if services is self.builds else self.commits.served_at(given["repositoryName"])
        except Refused as refused:
            code, message = refused.args
            return 400, json.dumps({"__type": code, "message": message}).encode()
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length", "connection")}
        try:
            with WEB.open(urllib.request.Request(to + path, body, kept), timeout=60) as handed:
                return handed.status, handed.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
