"""What is made for the test, and deleted again."""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from .account import ROOT, Account, Pushed
from .content import NOTHING, zipped

AWS_ERRORS = (ClientError, BotoCoreError, WaiterError)
EVERY_TWO_SECONDS = {"Delay": 2, "MaxAttempts": 150}


class Resources:
    """The repository, the stack with its project, and what grows in them."""

    def __init__(self, account: Account):
        self.account = account
        self.stack = f"{account.project}-build"
        self.undo: list[tuple[str, Callable[[], Any]]] = []
        self.probes = 0  # builds until the project's role could read the bucket

    def make(self) -> None:
        account, interruption = self.account, self.account.interruption
        with interruption.deferred():
            answer = account.codecommit.create_repository(
                repositoryName=account.repository, repositoryDescription="pushbuild's acceptance test; may be deleted"
            )
            account.metadata = answer["repositoryMetadata"]
            self.undo.append(("deleting the repository", self.delete_repository))
            self.undo.append(("deleting the bundles", self.delete_bundles))
        with interruption.deferred():
            account.cloudformation.create_stack(
                StackName=self.stack, TemplateBody=(ROOT / "docs/build-project.yaml").read_text(encoding="utf-8"),
                Capabilities=["CAPABILITY_IAM"],
                Parameters=[{"ParameterKey": "Repository", "ParameterValue": account.repository},
                            {"ParameterKey": "Bucket", "ParameterValue": account.bucket}],
            )
            self.undo.append(("deleting the build project and its role", self.delete_stack))
            self.undo.append(("deleting the builds", self.delete_builds))
            self.undo.append(("waiting for what is under way", self.end_what_is_under_way))
        account.cloudformation.get_waiter("stack_create_complete").wait(
            StackName=self.stack, WaiterConfig=EVERY_TWO_SECONDS
        )
        self.probe()

    def probe(self) -> None:
        """Builds something, so that an account without builds, or a role that is not known everywhere yet, is not taken
        for a broken promise."""
        for self.probes in range(1, 7):
            if self.account.build_bundle("probe", zipped({"file": b""}), NOTHING)["buildStatus"] == "SUCCEEDED":
                return
        raise AssertionError("CodeBuild does not build at all: see the project's builds, made with docs/build-project.yaml")

    def unmake(self) -> list[str]:
        """Deletes everything that was made, the newest first; what could not be deleted."""
        left = []
        while self.undo:
            what, undo = self.undo.pop()
            print(f"  {what}", flush=True)
            try:
                undo()
            except (AssertionError, *AWS_ERRORS) as error:
                left.append(f"{what}: {error}")
        return left

    def end_what_is_under_way(self) -> None:
        """Pushes are built within moments, and what fails is a dead letter at last, which is deleted."""
        account, letters = self.account, []
        seconds = account.patience + account.seconds_of_retries()
        end = time.monotonic() + seconds
        if account.under_way:
            print(f"    {len(account.under_way)} pushes and messages: {seconds} s at most", flush=True)

        def ended(message: Pushed | str) -> bool:
            word = message.commit if isinstance(message, Pushed) else message
            letters.extend(account.letters(delete=True))
            if any(word in letter for letter in letters):
                return True
            if not isinstance(message, Pushed):
                return False
            ends = [line for line in account.lines(word) if line["outcome"] not in ("forwarded", "failed")]
            return any(line["reference"] == message.reference for line in ends)

        for message in list(account.under_way):
            rest = max(1, round(end - time.monotonic()))
            account.wait(f"the end of {message}, a dead letter at last", lambda: ended(message), rest)  # noqa: B023
            account.under_way.discard(message)
        account.letters(delete=True)

    def delete_builds(self) -> None:
        account = self.account
        try:
            builds = account.builds()
        except account.codebuild.exceptions.ResourceNotFoundException:
            return  # it was interrupted before there was a project
        for build in builds:
            if not build["buildComplete"]:
                account.codebuild.stop_build(id=build["id"])
        # One that has just been stopped cannot be deleted yet.
        account.wait("the end of the builds", lambda: all(build["buildComplete"] for build in account.builds()))
        for group in {build.get("logs", {}).get("groupName") for build in builds} - {None}:
            try:
                account.logs.delete_log_group(logGroupName=group)
            except account.logs.exceptions.ResourceNotFoundException:
                pass
        ids = [build["id"] for build in builds]
        for start in range(0, len(ids), 100):
            account.codebuild.batch_delete_builds(ids=ids[start:start + 100])

    def delete_stack(self) -> None:
        cloudformation = self.account.cloudformation
        cloudformation.delete_stack(StackName=self.stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.stack, WaiterConfig=EVERY_TWO_SECONDS)

    def delete_bundles(self) -> None:
        account = self.account
        pages = account.s3.get_paginator("list_object_versions").paginate(
            Bucket=account.bucket, Prefix=f"{account.repository}/"
        )
        for page in pages:
            for one in page.get("Versions", []) + page.get("DeleteMarkers", []):
                account.s3.delete_object(Bucket=account.bucket, Key=one["Key"], VersionId=one["VersionId"])

    def delete_repository(self) -> None:
        self.account.codecommit.delete_repository(repositoryName=self.account.repository)
