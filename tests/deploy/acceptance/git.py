"""Pushes by Git itself, for what CodeCommit's API cannot make."""

import datetime
import hashlib
import hmac
import os
import re
import shutil
import subprocess
import tempfile
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS = 300  # for one command


def signed_url(repository: str, region: str, credentials: Any) -> str:
    """CodeCommit's HTTPS address with a signature as its password, as `aws codecommit credential-helper` makes it."""
    host, path = f"git-codecommit.{region}.amazonaws.com", f"/v1/repos/{repository}"
    if region.startswith("cn-"):
        host += ".cn"
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%S")
    scope = f"{stamp[:8]}/{region}/codecommit/aws4_request"
    request = f"GIT\n{path}\n\nhost:{host}\n\nhost\n"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    user = credentials.access_key + (f"%{credentials.token}" if credentials.token else "")
    return f"https://{urllib.parse.quote(user, safe='')}:{stamp}Z{signature}@{host}{path}"


class Git:
    """A work tree of the branch `main`. `address` makes a fresh URL for each command, since a signature lasts minutes."""

    def __init__(self, address: Callable[[], str]):
        self.address, self.folder = address, Path(tempfile.mkdtemp(prefix="pushbuild-accept-"))

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments: str, **variables: str) -> str:
        return self._done(*arguments, **variables).stdout.strip()

    def _done(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        assert shutil.which("git"), "there is no git on this machine"
        # No helper may keep the password, which is good for minutes only.
        settings = ["credential.helper=", "user.name=accept", "user.email=accept@example.invalid"]
        command = ["git", "-C", str(self.folder), *(word for one in settings for word in ("-c", one))]
        try:
            done = subprocess.run(
                [*command, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS,
                env={**os.environ, "GIT_TERMINAL_PROMPT": "0", **variables},
            )
        except subprocess.TimeoutExpired:
            raise AssertionError(f"git {arguments[0]}: not within {SECONDS} s") from None
        # The address holds a signature.
        assert done.returncode == 0, f"git {arguments[0]}: {re.sub('//[^@ ]*@', '//', done.stderr).strip()}"
        return done

    def start(self) -> None:
        if not (self.folder / ".git").exists():
            self.run("init", "--quiet")
            self.run("fetch", "--quiet", "--depth", "1", self.address(), "refs/heads/main")
            self.run("tag", "start", "FETCH_HEAD")
        self.run("-c", "core.autocrlf=false", "checkout", "--quiet", "--force", "start")

    def commit(self, message: str) -> tuple[str, str]:
        """A commit of the index; its id and its tree's."""
        self.run("commit", "--quiet", "--message", message)
        return self.run("rev-parse", "HEAD"), self.run("rev-parse", "HEAD^{tree}")

    def push(self, reference: str) -> None:
        self.run("push", "--quiet", self.address(), f"HEAD:{reference}")

    def larger(self, size: int) -> tuple[str, str, str]:
        """A commit with one file of so many bytes; commit, tree and the blob. CodeBuild's clone applies attributes, so it has
        none."""
        self.start()
        self.run("rm", "--quiet", ".gitattributes")
        (self.folder / "larger").write_bytes(b"x" * size)
        self.run("add", "larger")
        return *self.commit("a larger file"), self.run("rev-parse", "HEAD:larger")

    def deep(self, folders: int) -> tuple[str, str]:
        """A commit with a file in so many folders; commit and tree."""
        self.start()
        path = self.folder / "/".join(["deeper"] * folders) / "file"
        path.parent.mkdir(parents=True)
        path.write_text("deep\n")
        self.run("add", "deeper")
        return self.commit("a deep folder")

    def submodule(self) -> tuple[str, str, str]:
        """A commit with a submodule; the commit, the tree without the submodule, and the submodule's commit."""
        self.start()
        tree, linked = self.run("rev-parse", "HEAD^{tree}"), self.run("rev-parse", "HEAD")
        self.run("update-index", "--add", "--cacheinfo", f"160000,{linked},submodule")
        commit, _ = self.commit("a submodule")
        return commit, tree, linked

    def push_tag(self, name: str) -> tuple[str, str]:
        """Pushes an annotated tag; the tag object and its commit."""
        self.start()
        self.run("tag", "--annotate", "--message", name, name)
        self.run("push", "--quiet", self.address(), f"refs/tags/{name}")
        return self.run("rev-parse", name), self.run("rev-parse", f"{name}^{{commit}}")

    def capabilities(self) -> set[str]:
        """What the server says that it can do, over whatever protocol it chooses."""
        self.start()
        trace = self._done("ls-remote", self.address(), "refs/heads/main", GIT_TRACE_PACKET="1").stderr
        packets = [line.split("< ", 1)[1] for line in trace.splitlines() if "< " in line]
        told = packets[:packets.index("0000")] if "0000" in packets else packets
        words = told if told[:1] == ["version 2"] else told[0].split("\\0")[-1].split(" ")
        return set(words)
