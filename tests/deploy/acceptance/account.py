"""The deployed stack, the pushes of this run, and what came of them."""

import fnmatch
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws import wait_for

from .content import BUILDSPEC, ODD_BRANCHES, Files
from .interruption import Interruption

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "tools"))

from build import event as push_event  # noqa: E402 (tools/build.py)

Build = dict[str, Any]
# Seconds until a push that failed for want of its commit comes back; twice as long each time (src/batch/visibility.rs).
FIRST_BACK_OFF, LONGEST_BACK_OFF = 15, 900
BRANCHES = ("main", "feature/accept", "broken", "beside", "after", "larger", "deep", "submodule", *ODD_BRANCHES)


@dataclass(frozen=True)
class Pushed:
    """A push that is to get its build, unless it is `broken`."""

    commit: str
    reference: str

    @property
    def name(self) -> str:
        return self.reference.removeprefix("refs/heads/").removeprefix("refs/tags/")


class Account:
    """Clients, the stack's parameters and outputs, and what was pushed. `patience` is seconds."""

    def __init__(self, session: Any, stack_name: str, repository: str, patience: int, interruption: Interruption):
        self.patience, self.interruption = patience, interruption
        self.codecommit, self.codebuild = session.client("codecommit"), session.client("codebuild")
        self.s3, self.sqs, self.logs = session.client("s3"), session.client("sqs"), session.client("logs")
        self.cloudformation = session.client("cloudformation")
        (stack,) = self.cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self.parameters = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
        self.repository, self.project = repository, repository.replace(".", "-")
        self.bucket = self.outputs["BucketName"]
        self.begun = time.time()
        self.metadata: dict[str, str] = {}  # the repository's, once it is there
        self.trees: dict[str, str] = {}  # by commit, what its build has to find
        self.pushed: list[Pushed] = []  # to be built
        self.under_way: set[Pushed | str] = set()  # pushes and bodies that have not ended yet
        self.own_builds: set[str] = set()  # that this test started without a push
        excluded = self.parameters["ExcludeReferences"].split(",")
        self.excluded = next((name for name in excluded if name and not set(name) & set("*?[{/")), "")

    def unfit(self) -> str | None:
        """Why the stack cannot be tested."""
        def given(name: str) -> list[str]:
            return [part.strip() for part in self.parameters[name].split(",")]

        if not any(fnmatch.fnmatchcase(self.repository, pattern) for pattern in given("Repositories")):
            return (f"the stack builds {', '.join(given('Repositories'))}, and not {self.repository}: add a pattern that it "
                    "matches to the parameter Repositories for the time of the test, or name another with --repository")
        if self.parameters["BuildProject"] != "{repository}":
            return "BuildProject is not {repository}, and the test would start builds of your project"
        if "refs/heads/**" not in given("IncludeReferences"):
            return "IncludeReferences does not hold refs/heads/**, and the test's branches would not be built"
        if self.s3.list_object_versions(Bucket=self.bucket, Prefix=f"{self.repository}/", MaxKeys=1).get("Versions"):
            return f"{self.bucket} holds bundles of {self.repository}, which the test would delete: name another repository"
        if not self.excluded:
            return "ExcludeReferences names no branch, which the test needs for commits that are not to be built"
        lost = [name for name in BRANCHES if any(fnmatch.fnmatch(name, glob) for glob in given("ExcludeReferences"))]
        return f"ExcludeReferences holds the test's branches {', '.join(lost)}" if lost else None

    def seconds_of_retries(self) -> int:
        """How long a push fails before it is a dead letter."""
        deliveries = int(self.parameters["MaxReceiveCount"])
        return sum(min(FIRST_BACK_OFF * 2**earlier, LONGEST_BACK_OFF) for earlier in range(deliveries))

    # ---- what is pushed ----

    def commit(self, branch: str, files: Files, parent: str | None = None) -> str:
        """CreateCommit; the commit."""
        with self.interruption.deferred():
            answer = self.codecommit.create_commit(
                repositoryName=self.repository, branchName=branch, commitMessage="pushbuild's acceptance test",
                putFiles=[{"filePath": path, "fileMode": mode, "fileContent": content}
                          for path, (mode, content) in files.items()],
                **({"parentCommitId": parent} if parent else {}),
            )
            self.trees[answer["commitId"]] = answer["treeId"]
            if branch != self.excluded:
                self.note(answer["commitId"], f"refs/heads/{branch}")
        return answer["commitId"]

    def branch(self, name: str, commit: str) -> None:
        with self.interruption.deferred():
            self.codecommit.create_branch(repositoryName=self.repository, branchName=name, commitId=commit)
            self.note(commit, f"refs/heads/{name}")

    def note(self, commit: str, reference: str) -> None:
        """A push was made, and is to be built."""
        push = Pushed(commit, reference)
        self.pushed.append(push)
        self.under_way.add(push)

    def event(self, branch: str, commit: str, **changed: str) -> str:
        return json.dumps({**push_event(self.metadata, "branch", branch, commit), **changed})

    def send(self, body: str, queue: str = "IntakeQueueUrl") -> None:
        """Puts a body into a queue, past EventBridge. Without an id of its own SQS would drop a repeated body."""
        self.sqs.send_message(
            QueueUrl=self.outputs[queue], MessageBody=body, MessageGroupId=self.repository,
            MessageDeduplicationId=str(uuid.uuid4()),
        )

    # ---- what came of it ----

    def wait(self, what: str, question: Callable[[], Any], seconds: int | None = None) -> Any:
        """The first answer that is not empty."""
        return wait_for(what, question, seconds or self.patience, pause=1)

    def builds(self) -> list[Build]:
        pages = self.codebuild.get_paginator("list_builds_for_project").paginate(projectName=self.project)
        ids = [build for page in pages for build in page["ids"]]
        batches = [ids[start:start + 100] for start in range(0, len(ids), 100)]
        return [build for batch in batches for build in self.codebuild.batch_get_builds(ids=batch)["builds"]]

    def builds_of(self, push: Pushed) -> list[Build]:
        wanted = {("COMMIT_ID", push.commit), ("REFERENCE_NAME", push.reference)}
        return [build for build in self.builds() if wanted <= set(variables(build).items())]

    def built(self, push: Pushed) -> Build:
        """A push's build, once it is over. Whether there is another one, the last promise tells."""
        def over() -> list[Build]:
            return [build for build in self.builds_of(push) if build["buildComplete"]]

        build = self.wait(f"the end of a build of {push.commit} on {push.name}", over)[-1]
        self.under_way.discard(push)
        assert build["buildStatus"] == "SUCCEEDED", f"{build['id']} ended as {build['buildStatus']}"
        return build

    def finished(self, build: str) -> Build:
        """A build of the test's own, once it is over."""
        def over() -> Build | None:
            (now,) = self.codebuild.batch_get_builds(ids=[build])["builds"]
            return now if now["buildComplete"] else None

        return self.wait(f"the end of build {build}", over)

    def start_build(self, **more: Any) -> str:
        """A build that no push asked for, of the project's own source if no other is named; its id."""
        with self.interruption.deferred():
            answer = self.codebuild.start_build(
                projectName=self.project, artifactsOverride={"type": "NO_ARTIFACTS"}, **more
            )
            self.own_builds.add(answer["build"]["id"])
        return answer["build"]["id"]

    def build_bundle(self, name: str, bundle: bytes, buildspec: str = BUILDSPEC.decode()) -> Build:
        """A build of a bundle that the test made; the build, once it is over."""
        key = f"{self.repository}/{name}.zip"
        version = self.s3.put_object(Bucket=self.bucket, Key=key, Body=bundle)["VersionId"]
        return self.finished(self.start_build(
            sourceTypeOverride="S3", sourceLocationOverride=f"{self.bucket}/{key}", sourceVersion=version,
            buildspecOverride=buildspec,
        ))

    def lines(self, word: str, **fields: Any) -> list[dict[str, Any]]:
        """The functions' log lines that have this word in them, and these fields."""
        found = log_lines(self.logs, self.outputs["LogGroupName"], word, self.begun - 60)
        return [line for line in found if fields.items() <= line.items()]

    def line(self, word: str, **fields: Any) -> dict[str, Any]:
        return self.wait(f"a log line of {word} with {fields}", lambda: self.lines(word, **fields))[0]

    def letters(self, delete: bool = False) -> list[str]:
        """This run's bodies in the dead-letter queue. Those of others are left, and visible again at once."""
        url, ours = self.outputs["DeadLetterQueueUrl"], []
        for _ in range(10):
            messages = self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=5
            ).get("Messages", [])
            for message in messages:
                handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
                if self.repository not in message["Body"]:
                    self.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
                    continue
                ours.append(message["Body"])
                if delete:
                    self.sqs.delete_message(**handle)
            if not messages:
                break
        return ours

    def dead_letter(self, word: str, seconds: int | None = None) -> str:
        """The body that has this word in it, taken out of the dead-letter queue once it is there."""
        def look() -> list[str]:
            return [body for body in self.letters(delete=True) if word in body]

        (body, *_) = self.wait(f"{word} in the dead-letter queue", look, seconds)
        return body


def log_lines(logs: Any, group: str, word: str, since: float = 0) -> Iterator[dict[str, Any]]:
    """The lines about pushes in a log group that have this word in them. An event may hold several lines."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since * 1000), filterPattern=f'"{word}"',
    )
    texts = [line for page in pages for event in page["events"] for line in event["message"].splitlines()]
    for text in texts:
        if word in text and text.startswith("{"):
            line = json.loads(text)
            if "outcome" in line:
                yield line


def variables(build: Build) -> dict[str, str]:
    """A build's environment variables."""
    return {one["name"]: one["value"] for one in build["environment"]["environmentVariables"]}


def exported(build: Build, name: str) -> str | None:
    """What a build's commands exported."""
    return {one["name"]: one["value"] for one in build.get("exportedEnvironmentVariables", [])}.get(name)
