"""CodeCommit: bare Git repositories. Making, committing and deleting is done here. What moves a reference is told to
EventBridge, also when Git pushed it."""

import base64
import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

from deployment import REGION, account, push
from local_aws import LocalAws

from .refused import Refused

if TYPE_CHECKING:
    from .server import CodeStandIn

Given = dict[str, Any]
ZERO = "0" * 40
ID = "12345678-1234-5678-abcd-12345678abcd"
PAGE = 100
MODES = {"EXECUTABLE": b"100755", "NORMAL": b"100644", "SYMLINK": b"120000"}


class Commits:
    def __init__(self, stand_in: "CodeStandIn"):
        self.stand_in, self.folder = stand_in, stand_in.folder
        self.served: dict[str, LocalAws] = {}

    def close(self, kind: Any) -> None:
        for served in self.served.values():
            served.__exit__(kind)

    def served_at(self, repository: str) -> str:
        if repository not in self.served:
            raise Refused("RepositoryDoesNotExistException", f"no {repository}")
        return self.served[repository].endpoint

    def git(self, repository: str, *arguments: str, stdin: bytes | None = None) -> str:
        command = ["git", "-C", str(self.folder / repository), *arguments]
        return subprocess.run(command, check=True, capture_output=True, input=stdin, timeout=60).stdout.decode().strip()

    def received(self, repository: str, lines: str) -> None:
        """What Git pushed, as its post-receive hook says."""
        for line in lines.splitlines():
            old, new, reference = line.split(" ")
            self.tell(repository, reference, old, new)

    def tell(self, repository: str, reference: str, old: str, new: str) -> None:
        """What CodeCommit says of a reference that moved. A tag's event names its commit, which is a guess."""
        kind, name = reference.removeprefix("refs/").split("/", 1)
        detail = {
            "referenceType": {"heads": "branch", "tags": "tag"}[kind], "referenceFullName": reference, "repositoryId": ID,
            "commitId": None if new == ZERO else self.git(repository, "rev-parse", f"{new}^{{commit}}"),
            "oldCommitId": None if old == ZERO else old,
        }
        event = "referenceDeleted" if new == ZERO else "referenceCreated" if old == ZERO else "referenceUpdated"
        self.stand_in.client("events").put_events(Entries=[push(repository, name, event, **detail)])

    def metadata(self, name: str) -> dict[str, str]:
        arn = f"arn:aws:codecommit:{REGION}:{account()}:{name}"
        return {"repositoryName": name, "repositoryId": ID, "accountId": account(), "Arn": arn}

    def head(self, repository: str, branch: str) -> str | None:
        return self.git(repository, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}") or None

    def on_CreateRepository(self, given: Given) -> Given:  # noqa: N802
        name = given["repositoryName"]
        if name in self.served:
            raise Refused("RepositoryNameExistsException", f"{name} exists")
        path = self.folder / name
        subprocess.run(["git", "init", "--quiet", "--bare", path], check=True)
        hook = path / "hooks/post-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(
            f"#!/bin/sh\nexec curl -sS --max-time 60 --noproxy '*' --data-binary @- {self.stand_in.endpoint}/_pushed/{name}\n"
        )
        hook.chmod(0o755)
        self.served[name] = LocalAws(None, str(path)).__enter__()
        return {"repositoryMetadata": self.metadata(name)}

    def on_GetRepository(self, given: Given) -> Given:  # noqa: N802
        self.served_at(given["repositoryName"])
        return {"repositoryMetadata": self.metadata(given["repositoryName"])}

    def on_DeleteRepository(self, given: Given) -> Given:  # noqa: N802
        self.served.pop(given["repositoryName"]).__exit__(None)
        shutil.rmtree(self.folder / given["repositoryName"])
        return {"repositoryId": ID}

    def on_GetBranch(self, given: Given) -> Given:  # noqa: N802
        name = given["branchName"]
        return {"branch": {"branchName": name, "commitId": self.head(given["repositoryName"], name)}}

    def on_ListBranches(self, given: Given) -> Given:  # noqa: N802
        names = self.git(given["repositoryName"], "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads")
        return {"branches": names.splitlines()}

    def on_CreateBranch(self, given: Given) -> Given:  # noqa: N802
        repository, reference = given["repositoryName"], f"refs/heads/{given['branchName']}"
        self.git(repository, "update-ref", reference, given["commitId"])
        self.tell(repository, reference, ZERO, given["commitId"])
        return {}

    def on_DeleteBranch(self, given: Given) -> Given:  # noqa: N802
        repository, name = given["repositoryName"], given["branchName"]
        commit = self.head(repository, name)
        self.git(repository, "update-ref", "-d", f"refs/heads/{name}")
        self.tell(repository, f"refs/heads/{name}", commit or ZERO, ZERO)
        return {"deletedBranch": {"branchName": name, "commitId": commit}}

    def on_CreateCommit(self, given: Given) -> Given:  # noqa: N802
        repository, branch = given["repositoryName"], given["branchName"]
        if len(given["putFiles"]) > 100:
            raise Refused("MaximumFileEntriesExceededException", "at most 100 files in a commit")
        before = self.head(repository, branch)
        if before != given.get("parentCommitId"):
            raise Refused("ParentCommitIdOutdatedException", "the branch has moved")
        stream = f"commit refs/heads/{branch}\ncommitter a <a@example.invalid> {int(time.time())} +0000\ndata 0\n".encode()
        stream += f"from {before}\n".encode() if before else b""
        for file in given["putFiles"]:
            content = base64.b64decode(file["fileContent"])
            quoted = json.dumps(file["filePath"], ensure_ascii=False).encode()
            stream += b"M %s inline %s\ndata %d\n%s\n" % (MODES[file["fileMode"]], quoted, len(content), content)
        self.git(repository, "fast-import", "--quiet", stdin=stream)
        commit = self.head(repository, branch) or ZERO
        self.tell(repository, f"refs/heads/{branch}", before or ZERO, commit)
        return {"commitId": commit, "treeId": self.git(repository, "rev-parse", f"{commit}^{{tree}}")}

    def on_GetDifferences(self, given: Given) -> Given:  # noqa: N802
        """All pages, of which `cargo local serve` has the first. That one has a hundred changes is a guess."""
        if given.get("MaxResults", PAGE) > PAGE:
            raise Refused("InvalidMaxResultsException", f"at most {PAGE}")
        before = given.get("beforeCommitSpecifier") or self.git(given["repositoryName"], "hash-object", "-t", "tree", "/dev/null")
        words = self.git(
            given["repositoryName"], "diff-tree", "-r", "-z", "--no-renames", before, given["afterCommitSpecifier"]
        ).split("\0")
        differences = []
        for description, path in zip(words[::2], words[1::2]):
            old_mode, mode, old_blob, blob, change = description.removeprefix(":").split(" ")
            sides = {"beforeBlob": (old_mode, old_blob), "afterBlob": (mode, blob)}
            differences.append({"changeType": {"T": "M"}.get(change, change), **{
                side: {"blobId": id, "path": path, "mode": mode} for side, (mode, id) in sides.items() if id != ZERO
            }})
        begin = int(given.get("NextToken", 0))
        rest = {"NextToken": str(begin + PAGE)} if len(differences) > begin + PAGE else {}
        return {"differences": differences[begin:begin + PAGE], **rest}
