"""`accept.py` against the stack as the real SAM CLI deploys it to a local AWS, and against what it must notice: users of one
stack, side by side. `rehearsal.sh` runs it.

    rehearsal.py --sam SAM --binary PATH [--reports FOLDER]
"""

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3

from acceptance.account import variables
from acceptance.content import NOTHING
from code_services import CodeStandIn
from deployment import REGION, Deployment
from local_aws import ROOT, step, template_with_binary, wait_for

HERE = Path(__file__).parent
EXACT = {"The bundle is exactly the commit", "Every build got exactly its commit"}
# What goes wrong in CodeBuild's part, and the promises that are then broken, which no others may be.
SPOILS = {
    "byte": ("a changed byte", EXACT),
    "mode": ("a lost executable bit", EXACT),
    "build": ("a build too many", {"There is one build for each push"}),
}
SECONDS = 400  # for a run of accept.py


def environment(code: CodeStandIn, aws: Deployment) -> dict[str, str]:
    """What sends a tool's calls here instead of to AWS."""
    return {
        **os.environ, "AWS_ENDPOINT_URL": aws.endpoint, "AWS_ENDPOINT_URL_CODECOMMIT": code.endpoint,
        "AWS_ENDPOINT_URL_CODEBUILD": code.endpoint,
    }


class Accept:
    """A run of accept.py with a repository of its own. It is started when this is made."""

    def __init__(self, name: str, code: CodeStandIn, aws: Deployment, reports: Path, *more: str):
        self.report = reports / f"{name}.md"
        self.output = aws.folder / f"{name}.txt"
        repository = f"pushbuild-accept-{name}"
        command = [
            sys.executable, "-B", str(HERE / "accept.py"), "--yes", "--region", REGION, "--repository", repository,
            "--report", str(self.report), "--git-url", f"file://{code.folder / repository}", "--patience", "120", *more,
        ]
        with open(self.output, "w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                command, env=environment(code, aws), stdout=output, stderr=subprocess.STDOUT
            )

    def printed(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def wait(self) -> int:
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"accept.py: not within {SECONDS} s\n{self.printed()}") from None
        finally:
            self.process.kill()

    def broken(self) -> set[str]:
        """The promises that its report calls broken, up to the colon or comma."""
        text = self.report.read_text(encoding="utf-8")
        return set(re.findall(r"^\| ([^|:,]+?)(?:[:,][^|]*)? \| \*\*broken\*\* ", text, re.M))


def holds(*where) -> str:
    run = Accept("good", *where, "--files", "250")
    assert run.wait() == 0, run.printed()
    text = run.report.read_text(encoding="utf-8")
    # The local Git speaks protocol 2.
    otherwise = re.findall(r"^\| (.*) \| otherwise \|", text, re.M)
    assert len(otherwise) == 1 and otherwise[0].startswith("Git's endpoint"), text
    return text


def is_noticed(spoil: str, *where) -> str:
    what, promises = SPOILS[spoil]
    run = Accept(spoil, *where, "--quick", "--files", "10")
    assert run.wait() == 1 and run.broken() == promises, f"{what}: {run.broken()}\n{run.printed()}"
    return run.report.read_text(encoding="utf-8")


def is_interrupted(name: str, word: str, *where) -> str:
    """By Ctrl-C once it has printed this word, and again while it deletes."""
    run = Accept(name, *where, "--files", "10")
    try:
        wait_for(word, lambda: word in run.printed() or run.process.poll() is not None, 120)
        run.process.send_signal(signal.SIGINT)
        wait_for("the end", lambda: "it was interrupted" in run.printed() or run.process.poll() is not None)
        run.process.send_signal(signal.SIGINT)
    finally:
        status = run.wait()
    text = run.report.read_text(encoding="utf-8")
    assert status == 1 and "it was interrupted" in text and "Everything made was deleted" in text, run.printed()
    return text


def check_nothing_is_left(code: CodeStandIn, aws: Deployment) -> None:
    versions = aws.client("s3").list_object_versions(Bucket=aws.outputs["BucketName"])
    left = [one["Key"] for one in versions.get("Versions", []) + versions.get("DeleteMarkers", [])]
    left += [*code.commits.served, *code.builds.builds]
    stacks = aws.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"]
    # The SAM CLI keeps a stack of its own.
    left += [one["StackName"] for one in stacks if one["StackName"] not in ("pushbuild", "aws-sam-cli-managed-default")]
    left += aws.client("codebuild").list_projects()["projects"]
    assert not left, f"accept.py left {left}"
    assert not aws.waiting("IntakeQueueUrl", "PushQueueUrl", "DeadLetterQueueUrl"), "accept.py left messages"


def check_build_on_demand(code: CodeStandIn, aws: Deployment) -> None:
    """tools/build.py builds a commit of a branch that pushes do not build, as another branch's."""
    name = "pushbuild-accept-demand"
    codecommit = boto3.client("codecommit", endpoint_url=code.endpoint, region_name=REGION)
    codecommit.create_repository(repositoryName=name)
    aws.create(f"{name}-build", "docs/build-project.yaml", Repository=name, Bucket=aws.outputs["BucketName"])
    commit = codecommit.create_commit(
        repositoryName=name, branchName="test",
        putFiles=[{"filePath": "buildspec.yml", "fileMode": "NORMAL", "fileContent": NOTHING.encode()}],
    )["commitId"]

    def tool(*arguments: str) -> str:
        command = [sys.executable, "-B", str(ROOT / "tools/build.py"), name, "--region", REGION, *arguments]
        done = subprocess.run(command, env=environment(code, aws), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert [json.loads(line)["detail"]["commitId"] for line in tool("--print").splitlines()] == [commit]
    assert commit[:10] in tool("--branch", "main", "--commit", commit)
    (build,) = wait_for("its build", lambda: [one for one in code.builds.builds.values() if one["buildComplete"]])
    values = variables(build)
    assert (values["COMMIT_ID"], values["BRANCH_NAME"], build["buildStatus"]) == (commit, "main", "SUCCEEDED"), build


def check_existing_repository_is_left(*where) -> None:
    """The one of the check before, whose bundles are deleted to see what the repository itself does."""
    code, aws, _ = where
    refused = Accept("demand", *where)
    assert refused.wait() == 1 and "holds bundles" in refused.printed(), refused.printed()
    s3, bucket = aws.client("s3"), aws.outputs["BucketName"]
    for one in s3.list_object_versions(Bucket=bucket)["Versions"]:
        s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    refused = Accept("demand", *where)
    assert refused.wait() == 1 and "RepositoryNameExistsException" in refused.printed(), refused.printed()
    assert "pushbuild-accept-demand" in code.commits.served and code.builds.builds, refused.printed()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--sam", required=True)
    arguments.add_argument("--binary", required=True, type=Path)
    arguments.add_argument("--reports", type=Path, default=ROOT / "target/acceptance")
    given = arguments.parse_args()
    given.reports.mkdir(parents=True, exist_ok=True)
    assert f"boto3=={boto3.__version__}" in (HERE / "accept.py").read_text(), "accept.py names another version of boto3"

    begun = time.monotonic()
    spoils = {f"pushbuild-accept-{spoil}": spoil for spoil in SPOILS}
    with contextlib.ExitStack() as stack:
        code = stack.enter_context(CodeStandIn(spoils))
        built = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aws = stack.enter_context(Deployment(given.sam, code.endpoint, AWS_ENDPOINT_URL_CODEBUILD=code.endpoint))
        code.aws = aws.endpoint
        step("sam deploy")
        aws.deploy(
            template_with_binary(given.binary, built), Repositories="pushbuild-accept-*",
            IncludeReferences="refs/heads/**,refs/tags/**", MaxReceiveCount="2",
        )
        where = code, aws, given.reports
        with ThreadPoolExecutor() as threads:
            good = threads.submit(holds, *where)
            failing = threads.submit(is_interrupted, "interrupted", "A failing branch", *where)
            is_interrupted("interrupted-early", "alarm for dead letters", *where)
            for spoil, (what, _) in SPOILS.items():
                is_noticed(spoil, *where)
                step(f"it is noticed: {what}")
            failing.result()
            step("after Ctrl-C everything made is deleted, too: at the beginning, and while a push is failing")
            print(good.result())
        step("the promises hold")
        check_nothing_is_left(code, aws)
        check_build_on_demand(code, aws)
        step("tools/build.py builds a commit that was not pushed just now")
        check_existing_repository_is_left(*where)
        step("a repository that exists is refused, and left as it is")
    print(f"rehearsed in {time.monotonic() - begun:.0f} s; the reports are in {given.reports}")


if __name__ == "__main__":
    main()
