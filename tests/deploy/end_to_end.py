"""The stack, deployed and seen working. `ministack.sh` runs it."""

import argparse
import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import other_accounts
from deployment import Deployment, new_commit_id, push
from local_aws import ROOT, LocalAws, step, wait_for

REPOSITORIES = ["one", "two.and-more"]


def template_variables():
    """The function's environment variables, as template.yaml names them."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    block = re.search(r"\n        Variables:\n((?:          \S.*\n)+)", text)[1]
    return re.findall(r"^ {10}(\w+):", block, re.M)


class Stub:
    """What a stub in the function's place can show: everything around the function."""

    def __init__(self, aws):
        self.aws = aws

    def arrived(self, name, commit):
        """Whether a push came out at the far end."""
        return [body for body in self.bodies() if body["detail"].get("commitId") == commit]

    def commit(self, name, text):
        return new_commit_id()

    def deploy(self):
        self.template = self.aws.stub_template()
        self.aws.deploy(self.template, Repositories=",".join(REPOSITORIES))
        # The stub leaves visibility alone, and half an hour is too long to wait for a redelivery.
        self.aws.client("sqs").set_queue_attributes(
            QueueUrl=self.aws.outputs["QueueUrl"], Attributes={"VisibilityTimeout": "10"}
        )

    def records(self):
        """Every record that the function was handed, in order."""
        path = self.aws.notes / "batches"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [record for line in text.splitlines() for record in json.loads(line)["Records"]]

    def environment(self):
        return dict(line.split("=", 1) for line in (self.aws.notes / "environment").read_text().splitlines())

    def bodies(self):
        return [json.loads(record["body"]) for record in self.records()]

    def check(self):
        step("a push arrives as the event it was, in its repository's message group")
        ids = self.aws.put(*(push(name, "feature/x", commitId=new_commit_id()) for name in REPOSITORIES))
        wait_for("both pushes", lambda: len(self.records()) == 2)
        assert {body["id"] for body in self.bodies()} == set(ids)
        for record in self.records():
            body = json.loads(record["body"])
            assert record["attributes"]["MessageGroupId"] == body["detail"]["repositoryName"], record
            assert body["detail"]["referenceName"] == "feature/x" and body["source"] == "aws.codecommit", body

        step("the function has the variables of the template and no other")
        given = self.environment()
        configured = self.aws.client("lambda").get_function_configuration(
            FunctionName=self.aws.outputs["FunctionName"]
        )["Environment"]["Variables"]
        assert sorted(configured) == sorted(template_variables()), configured
        assert all(given[name] == value for name, value in configured.items())
        assert given["CODE_BUCKET"] == self.aws.outputs["BucketName"]

        step("only pushes of these repositories arrive")
        before = len(self.records())
        self.aws.put(
            push("another"), push("one", event="referenceDeleted", commitId=None),
            push("one", event="unreferencedMergeCommitCreated"),
        )
        time.sleep(3)
        assert len(self.records()) == before and self.aws.waiting() == 0

        step("a poison message is redelivered once, then is in the dead-letter queue; its neighbours are not held up")
        (poison,) = self.aws.put(push("one", "poison"))
        (other,) = self.aws.put(push("two.and-more"))
        wait_for("the other repository's push", lambda: other in [body["id"] for body in self.bodies()], 8)
        (letter,) = wait_for("a dead letter", self.aws.dead_letters)
        assert letter["id"] == poison
        receives = [r["attributes"]["ApproximateReceiveCount"] for r in self.records() if poison in r["body"]]
        assert receives == ["1", "2"], receives

    def check_sender(self, account, region):
        body = self.bodies()[-1]
        assert (body["account"], body["region"]) == (account, region), body

    def check_reader(self, role):
        given = self.environment()
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        other_accounts.check_trust(self.aws, {name: given[name.upper()] for name in names}, role)


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
        for name in REPOSITORIES:
            self.aws.client("codebuild").create_project(
                name=project(name), source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
                artifacts={"type": "NO_ARTIFACTS"}, serviceRole="arn:aws:iam::000000000000:role/build",
                environment={"type": "LINUX_CONTAINER", "image": "image", "computeType": "BUILD_GENERAL1_SMALL"},
            )
        self.template = self.built or self.aws.build()
        self.aws.deploy(self.template, Repositories=",".join(REPOSITORIES))

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


def check_redeployment_and_deletion(subject):
    aws = subject.aws
    step("a second deployment changes nothing")
    printed = aws.deploy(subject.template, Repositories=",".join(REPOSITORIES))
    assert "is up to date" in printed, printed

    other_accounts.check(subject, REPOSITORIES)

    step("deletion leaves the bucket")
    bucket = aws.outputs["BucketName"]
    aws.client("s3").put_object(Bucket=bucket, Key="one/main/kept.zip", Body=b"bundle")
    aws.delete()
    assert aws.client("s3").head_object(Bucket=bucket, Key="one/main/kept.zip")
    assert not aws.client("lambda").list_functions()["Functions"]
    assert not aws.client("sqs").list_queues().get("QueueUrls")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--sam", required=True)
    arguments.add_argument("--stub", action="store_true")
    arguments.add_argument("--built", help="the template of a `sam build` that was run before")
    given = arguments.parse_args()
    with contextlib.ExitStack() as stack:
        if given.stub:
            aws = stack.enter_context(Deployment(given.sam))
            subject = Stub(aws)
        else:
            repositories = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            for name in REPOSITORIES:
                commit_to(repositories / name, "zeroth")
            served = LocalAws(Function.FAULTS, *(str(repositories / name) for name in REPOSITORIES))
            codecommit = stack.enter_context(served)
            aws = stack.enter_context(Deployment(given.sam, codecommit.endpoint))
            subject = Function(aws, codecommit, repositories, given.built)
        step("sam deploy")
        subject.deploy()
        subject.check()
        check_redeployment_and_deletion(subject)
    print("deployed, worked, deleted")


if __name__ == "__main__":
    sys.exit(main())
