"""The real function, seen working in the deployed stack. Part of `end_to_end.py`."""

import io
import pathlib
import subprocess
import zipfile

from deployment import REPOSITORIES, push
from local_aws import step, wait_for

# What the release profile in Cargo.toml is there for.
LARGEST_BINARY = 12 * 2**20


class Function:
    """The real function, built by `sam build`, over repositories that `cargo local serve` serves."""

    # The push to "one" that the second step sends finds CodeCommit without its commit, once.
    FAULTS = [
        {"when": {"operation": "GetCommit", "detail": "one:", "first": 2, "last": 2},
         "do": {"exception": {"code": "CommitIdDoesNotExistException", "message": "not yet"}}},
    ]

    def __init__(self, aws, codecommit, repositories, built):
        self.aws, self.codecommit, self.repositories, self.built = aws, codecommit, repositories, built

    def deploy(self):
        self.template = self.built or self.aws.build()
        (binary,) = pathlib.Path(self.template).parent.rglob("bootstrap")
        step(f"the function's binary has {binary.stat().st_size / 2**20:.1f} MiB")
        assert binary.stat().st_size <= LARGEST_BINARY, "a cold start loads it: see docs/performance.md"
        self.aws.deploy(self.template, Repositories=",".join(REPOSITORIES))
        for name in REPOSITORIES:
            bucket = self.aws.outputs["BucketName"]
            self.aws.create(f"{project(name)}-build", "docs/build-project.yaml", Repository=name, Bucket=bucket)

    def commit(self, name, text):
        return commit_to(self.repositories / name, text)

    def push(self, name, text):
        """A commit in a repository and the event of its push; the commit."""
        commit = self.commit(name, text)
        self.aws.put(push(name, "feature/x", commitId=commit))
        return commit

    def arrived(self, name, commit):
        """Whether a push came out at the far end."""
        return self.bundle(name, commit)

    def bundle(self, name, commit):
        """The names in a push's bundle, once it is there."""
        key = f"{name}/feature/x/{commit}.zip"
        s3, bucket = self.aws.client("s3"), self.aws.outputs["BucketName"]
        if key not in [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]:
            return None
        with zipfile.ZipFile(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as bundle:
            assert bundle.comment.decode() == commit and bundle.testzip() is None
            return bundle.namelist()

    def builds(self, name):
        codebuild = self.aws.client("codebuild")
        return codebuild.list_builds_for_project(projectName=project(name))["ids"]

    def check(self):
        step("an event on the bus comes out as a bundle in S3 and a started build in CodeBuild, for each repository")
        commits = {name: self.push(name, "first") for name in REPOSITORIES}
        for name, commit in commits.items():
            names = wait_for(f"the bundle of {name}", lambda: self.bundle(name, commit))  # noqa: B023
            assert names == ["file", "folder/", "folder/other"], names
            wait_for(f"the build of {name}", lambda: len(self.builds(name)) == 1)  # noqa: B023

        step("a failing push is redelivered, and the other repository does not wait for it")
        failing, other = self.push("one", "second"), self.push("two.and-more", "second")
        wait_for("the other repository's build", lambda: len(self.builds("two.and-more")) == 2)
        assert self.bundle("two.and-more", other)
        wait_for("the failed push's build", lambda: len(self.builds("one")) == 2, 120)
        assert self.bundle("one", failing)
        failed = [call for call in self.codecommit.calls("GetCommit") if call["error"]]
        assert len(failed) == 1 and failed[0]["detail"] == f"one:{failing}", failed
        assert not self.aws.dead_letters()

        step("a poison message ends in the dead-letter queue, and holds up nobody")
        (poison,) = self.aws.put(push("one", "main", commitId=None))
        third = self.push("one", "third")
        (letter,) = wait_for("a dead letter", self.aws.dead_letters)
        assert letter["id"] == poison, letter
        wait_for("the bundle of the push behind it", lambda: self.bundle("one", third))

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
