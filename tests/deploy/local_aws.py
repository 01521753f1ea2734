"""`cargo local serve`, and other processes beside it, for the scripts here. The standard library is enough."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# Loopback is never a proxy's business.
WEB = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what: str, question: Callable[[], Any], seconds: float = 60, pause: float = 0.2) -> Any:
    """The first answer of `question` that is not empty."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(pause)
    raise AssertionError(f"not within {seconds} s: {what}")


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def template_with(code: Path, path: Path) -> Path:
    """template.yaml as `sam build` leaves it, with this folder as both functions' code."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert text.count("CodeUri: .\n") == 1
    path.write_text(text.replace("CodeUri: .\n", f"CodeUri: {code}\n"), encoding="utf-8")
    return path


def template_with_binary(binary: Path, folder: Path) -> Path:
    """The same with a binary; both are put into the folder."""
    code = folder / "code"
    code.mkdir()
    shutil.copy(binary, code / "bootstrap")
    return template_with(code, folder / "template.yaml")


def step(text: str) -> None:
    print(f"   {text}", flush=True)


class Process:
    """A process and its port; ended when left, and what it wrote is shown if the test failed."""

    def __init__(self, command: list[str], port: int, **environment: str):
        self.port = port
        self.log = tempfile.NamedTemporaryFile("w+", prefix="pushbuild-")
        self.process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=ROOT, stdout=self.log, stderr=subprocess.STDOUT
        )
        self.command = command

    def __enter__(self) -> Any:
        try:
            wait_for(f"port {self.port} of {self.command[0]}", self._answers)
        except AssertionError:
            self.__exit__(AssertionError)
            raise
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"{self.command} ended"
        return is_open(self.port)

    def __exit__(self, kind: Any, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        if kind is not None:
            print(f"--- {self.command[0]} wrote:\n{self.text()}---", flush=True)
        self.log.close()

    def text(self) -> str:
        # Opened anew: the process writes at the position of the file that it shares with this one.
        return Path(self.log.name).read_text(encoding="utf-8", errors="replace")


class LocalAws(Process):
    """`cargo local serve`, built before, with a store of its own."""

    def __init__(self, faults: list[Any] | None = None, *repositories: str, port: int | None = None):
        self.folder = Path(tempfile.mkdtemp(prefix="pushbuild-local-"))
        port = port or free_port()
        command = [str(TARGET / "debug/pushbuild-local"), "serve", "--port", str(port)]
        command += repositories
        if faults:
            path = self.folder / "faults.json"
            path.write_text(json.dumps(faults))
            command += ["--faults", str(path)]
        super().__init__(command, port, TMPDIR=str(self.folder), CARGO_MANIFEST_DIR=str(self.folder / "package"))
        self.endpoint = f"http://127.0.0.1:{port}"

    def __exit__(self, kind: Any, *_: object) -> None:
        super().__exit__(kind)
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        """What it prints for a shell to export."""
        wait_for("its last line", lambda: "Ctrl-C ends it" in self.text())
        lines = [line.removeprefix("export ") for line in self.text().splitlines() if line.startswith("export ")]
        return dict(line.split("=", 1) for line in lines)

    def calls(self, operation: str) -> list[dict[str, Any]]:
        with WEB.open(f"{self.endpoint}/_local/calls") as answer:
            return [call for call in json.load(answer) if call["operation"] == operation]


def post(url: str, body: bytes) -> Any:
    """The JSON that a POST is answered with."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with WEB.open(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def failures(answer: Any) -> list[str]:
    """The message ids in a batch's answer."""
    assert isinstance(answer, dict) and "errorType" not in answer, answer
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def event(name: str) -> bytes:
    return (ROOT / "events" / f"{name}.json").read_bytes()
