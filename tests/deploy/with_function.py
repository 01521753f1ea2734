"""The real function, seen working in the deployed stack. Part of `end_to_end.py`."""

import io
import pathlib
import subprocess
import time
import zipfile

from acceptance.account import log_lines
from deployment import REPOSITORIES, push
from local_aws import LocalAws, free_port, step, wait_for

# What the release profile in Cargo.toml is there for.
LARGEST_BINARY = 12 * 2**20


class CodeCommit:
    """`cargo local serve` over repositories, of which more can be made."""

    def __init__(self, faults, *paths):
        self.faults, self.paths, self.port = faults, [str(path) for path in paths], free_port()

    def __enter__(self):
        self.served = LocalAws(self.faults, *self.paths, port=self.port).__enter__()
        self.endpoint, self.calls = self.served.endpoint, self.served.calls
        return self

    def __exit__(self, kind, *_):
        self.served.__exit__(kind)

    def add(self, *paths):
        """Begins anew, with more repositories and no faults."""
        self.served.__exit__(None)
        self.faults = None
        self.paths += map(str, paths)
        self.__enter__()


class Function:
    """The real function, built by `sam build`, over repositories that `cargo local serve` serves."""

    # Every repository that has a project, and one that has to have one.
    NAMED = "named.here"
    REPOSITORIES = f"*,{NAMED}"
    # The push to "one" that the second step sends finds CodeCommit without its commit, once.
    FAULTS = [
        {"when": {"operation": "GetCommit", "detail": "one:", "first": 2, "last": 2},
         "do": {"exception": {"code": "CommitIdDoesNotExistException", "message": "not yet"}}},
    ]

    def __init__(self, aws, codecommit, repositories, built):
        self.aws, self.codecommit, self.repositories, self.built = aws, codecommit, repositories, built

    def deploy(self):
        self.template = self.built or self.aws.build()
        # One binary for both functions, whose handlers tell them what they are.
        (binary,) = {path.read_bytes() for path in pathlib.Path(self.template).parent.rglob("bootstrap")}
        step(f"the functions' binary has {len(binary) / 2**20:.1f} MiB")
        assert len(binary) <= LARGEST_BINARY, "a cold start loads it: see docs/performance.md"
        # ELF's e_type: 3 is a program that may be loaded at any address. It feeds strangers' bytes to C code.
        assert binary[16] == 3, "the binary is linked at a fixed address"
        self.aws.deploy(self.template, Repositories=self.REPOSITORIES)
        for name in REPOSITORIES:
            self.create_project(name)

    def create_project(self, name):
        bucket = self.aws.outputs["BucketName"]
        self.aws.create(f"{project(name)}-build", "docs/build-project.yaml", Repository=name, Bucket=bucket)

    def commit(self, name, text):
        return commit_to(self.repositories / name, text)

    def push(self, name, text, branch="feature/x"):
        """A commit in a repository and the event of its push; the commit."""
        commit = self.commit(name, text)
        self.aws.put(push(name, branch, commitId=commit))
        return commit

    def arrived(self, name, commit):
        """Whether a push of another account or Region came out at the far end."""
        bundles = self.aws.client("s3").list_objects_v2(Bucket=self.aws.outputs["BucketName"]).get("Contents", [])
        return any(f"/{commit}" in bundle["Key"] for bundle in bundles)

    def bundle(self, name, commit, branch="feature/x"):
        """The names in a push's bundle, once it is there."""
        key = f"{name}/{branch}/{commit}.zip"
        s3, bucket = self.aws.client("s3"), self.aws.outputs["BucketName"]
        if key not in [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]:
            return None
        with zipfile.ZipFile(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as bundle:
            assert bundle.comment.decode() == commit and bundle.testzip() is None
            return bundle.namelist()

    def builds(self, name):
        codebuild = self.aws.client("codebuild")
        return codebuild.list_builds_for_project(projectName=project(name))["ids"]

    def lines(self, commit):
        """What the functions' log says of a push: the intake's line and the other's."""
        found = log_lines(self.aws.client("logs"), self.aws.outputs["LogGroupName"], commit)
        return [line for line in found if line.get("commit") == commit]

    def line(self, commit, outcome):
        """The line with this outcome, once it is there."""
        def found():
            return [line for line in self.lines(commit) if line["outcome"] == outcome]

        return wait_for(f"a line that says {outcome}", found, 90)[0]

    def check(self):
        step("an event on the bus comes out as a bundle in S3 and a started build in CodeBuild, for each repository")
        commits = {name: self.push(name, "first") for name in REPOSITORIES}
        for name, commit in commits.items():
            names = wait_for(f"the bundle of {name}", lambda: self.bundle(name, commit))  # noqa: B023
            assert names == ["file", "folder/", "folder/other"], names
            wait_for(f"the build of {name}", lambda: len(self.builds(name)) == 1)  # noqa: B023
        assert self.line(commits["one"], "forwarded") and self.line(commits["one"], "built")

        step("a failing push is redelivered, and another branch of its repository does not wait for it")
        failing = self.push("one", "second")
        begun = time.monotonic()
        other = self.push("one", "third", "feature/y")
        wait_for("the other branch's bundle", lambda: self.bundle("one", other, "feature/y"), 30)
        waited = time.monotonic() - begun
        assert not self.bundle("one", failing)
        wait_for("the failed push's bundle", lambda: self.bundle("one", failing), 150)
        print(f"      the other branch's bundle after {waited:.1f} s, the failed push's after {time.monotonic() - begun:.1f} s")
        wait_for("their builds", lambda: len(self.builds("one")) == 3)
        failed = [call for call in self.codecommit.calls("GetCommit") if call["error"]]
        assert len(failed) == 1 and failed[0]["detail"] == f"one:{failing}", failed
        assert not self.aws.dead_letters()

        step("a message that is not a push ends in the dead-letter queue, and holds up no other")
        (poison,) = self.aws.put(push("one", "main", commitId=None))
        fourth = self.push("one", "fourth")
        wait_for("the bundle of the push behind it", lambda: self.bundle("one", fourth), 30)
        (letter,) = wait_for("a dead letter", self.aws.dead_letters)
        assert letter["id"] == poison, letter

        step("a repository that only a pattern matches and that has no project is skipped, before its folders are listed")
        self.codecommit.add(*(self.create(name) for name in ("later", self.NAMED)))
        skipped = self.push("later", "first")
        line = self.line(skipped, "skipped")
        assert line["class"] == "no_project", line
        fetched = [call for operation in ("GetFolder", "GetFile", "GetBlob") for call in self.codecommit.calls(operation)]
        assert not fetched and not self.bundle("later", skipped), fetched

        step("made afterwards, it is served without a deployment, once it has a project")
        self.create_project("later")
        time.sleep(60)  # for so long the function remembers that there was none
        commit = self.push("later", "second")
        wait_for("its bundle", lambda: self.bundle("later", commit))
        wait_for("its build", lambda: len(self.builds("later")) == 1)

        step("one that is named and has no project fails, with a reason")
        line = self.line(self.push(self.NAMED, "first"), "failed")
        assert line["class"] == "refused_by_aws", line
        assert "StartBuild" in line["error"] and project(self.NAMED) in line["error"], line
        # It comes back each minute, and nothing else waits for it; here it need not.
        self.aws.client("sqs").purge_queue(QueueUrl=self.aws.outputs["PushQueueUrl"])

    def create(self, name):
        """A repository; its path."""
        commit_to(self.repositories / name, "zeroth")
        return self.repositories / name

    def check_sender(self, account, region):
        """The last repository was read under another account's role, in the Region of its push."""
        call = self.codecommit.calls("GetCommit")[-1]
        assert call["region"] == region and not call["error"], call
        assert call["access_key_id"] != self.codecommit.calls("GetCommit")[0]["access_key_id"], call

    def check_reader(self, role):
        """That it could assume the role was seen; who else could is the stub's to show."""


def project(repository):
    return repository.replace(".", "-")


def commit_to(folder, text):
    """A commit with two files; its id."""
    def git(*arguments):
        command = ["git", "-C", str(folder), "-c", "user.name=e2e", "-c", "user.email=e2e@example.invalid", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    if not folder.exists():
        folder.mkdir(parents=True)
        git("init", "--quiet", "--initial-branch", "main")
    (folder / "folder").mkdir(exist_ok=True)
    (folder / "file").write_text(text)
    (folder / "folder/other").write_text("the same each time")
    git("add", ".")
    git("commit", "--quiet", "--message", text)
    return git("rev-parse", "HEAD")
