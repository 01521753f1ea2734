"""A local AWS with the stack deployed to it: what the end-to-end test works with."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import boto3

from local_aws import ROOT, free_port, is_open, template_with, wait_for

HERE = Path(__file__).parent
STACK = "pushbuild"
REPOSITORIES = ["one", "two.and-more"]
SOURCE_STACK = "pushbuild-source"
ORGANIZATION, MEMBERS = "o-exampleorg", ["222233334444", "333344445555"]
EACH_SECOND = {"Delay": 1, "MaxAttempts": 60}
REGION = os.environ["AWS_DEFAULT_REGION"]


def push(
    repository: str, reference: str = "main", event: str = "referenceUpdated", sender: str | None = None, region: str = REGION,
    **detail: Any,
) -> dict[str, Any]:
    """An event as CodeCommit sends it, for PutEvents. `commitId=None` leaves a field out."""
    detail = {
        "event": event,
        "repositoryName": repository,
        "referenceType": "branch",
        "referenceName": reference,
        "referenceFullName": f"refs/heads/{reference}",
        "commitId": "5ed1" * 10,
        **detail,
    }
    return {
        "Source": "aws.codecommit",
        "DetailType": "CodeCommit Repository State Change",
        "Resources": [f"arn:aws:codecommit:{region}:{sender or account()}:{repository}"],
        "Detail": json.dumps({key: value for key, value in detail.items() if value is not None}),
    }


def account() -> str:
    return "000000000000"  # MiniStack's, for credentials that name none


class Deployment:
    """The processes, the clients and the stack's outputs. A context manager that leaves nothing running."""

    def __init__(self, sam: str, codecommit: str | None = None, **variables: str):
        self.sam = sam
        self.folder = Path(tempfile.mkdtemp(prefix="pushbuild-e2e-"))
        self.notes = self.folder / "notes"
        self.notes.mkdir()
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.log = open(self.folder / "aws.log", "w+", encoding="utf-8")
        environment = {
            **os.environ, "TMPDIR": str(self.folder), "STUB_NOTES": str(self.notes), "STUB_PYTHON": sys.executable,
            "ORGANIZATION": f"{ORGANIZATION}:{account()},{','.join(MEMBERS)}", **variables,
        }
        if codecommit:
            environment["AWS_ENDPOINT_URL_CODECOMMIT"] = codecommit
        self.process = subprocess.Popen(
            [sys.executable, "-B", HERE / "stand_in.py", str(port)],
            env=environment, cwd=self.folder, stdout=self.log, stderr=subprocess.STDOUT,
        )
        self.outputs: dict[str, str] = {}
        try:
            wait_for("the local AWS's port", lambda: self._answers(port))
        except AssertionError:
            self.__exit__(AssertionError)
            raise

    def _answers(self, port: int) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the local AWS ended; see {self.log.name}")
        return is_open(port)

    def __enter__(self) -> "Deployment":
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
        if kind is None:
            shutil.rmtree(self.folder)
        else:
            print(f"what happened is in {self.folder}", file=sys.stderr)

    def client(self, service: str, account: str | None = None, region: str = REGION, **credentials: str) -> Any:
        """A client, of another account if one is given: MiniStack takes the account for its root's key."""
        if account:
            credentials.update(aws_access_key_id=account, aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"])
        return boto3.client(service, endpoint_url=self.endpoint, region_name=region, **credentials)

    def stub_template(self) -> Path:
        """The real template, its code replaced as `sam build` replaces it."""
        return template_with(HERE / "stub", self.folder / "template.yaml")

    def build(self) -> Path:
        """`sam build` as a user types it, into a folder of its own."""
        self._sam("build", "--build-dir", str(self.folder / "build"), endpoint=False)
        return self.folder / "build" / "template.yaml"

    def deploy(self, template: Path | str, **parameters: str) -> str:
        """`sam deploy` with what samconfig.toml says; what it printed."""
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        printed = self._sam(
            "deploy", "--template", str(template), "--no-confirm-changeset", "--parameter-overrides", *overrides
        )
        (stack,) = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        return printed

    def deploy_source(self, account: str, region: str, **parameters: str) -> dict[str, str]:
        """`source-account.yaml` in another account, as docs/deploy.md has it; the stack's outputs."""
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        self._sam(
            "deploy", "--template", str(ROOT / "source-account.yaml"), "--stack-name", SOURCE_STACK,
            "--no-confirm-changeset", "--capabilities", "CAPABILITY_NAMED_IAM",
            "--parameter-overrides", *overrides,
            AWS_ACCESS_KEY_ID=account, AWS_DEFAULT_REGION=region,
        )
        (stack,) = self.client("cloudformation", account, region).describe_stacks(StackName=SOURCE_STACK)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def create(self, stack: str, template: str, **parameters: str) -> None:
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=stack, TemplateBody=(ROOT / template).read_text(encoding="utf-8"),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=EACH_SECOND)

    def delete(self, stack: str = STACK, account: str | None = None, region: str = REGION) -> None:
        cloudformation = self.client("cloudformation", account, region)
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig=EACH_SECOND)

    def _sam(self, *arguments: str, endpoint: bool = True, **variables: str) -> str:
        command = [self.sam, *arguments, "--config-file", str(ROOT / "samconfig.toml")]
        environment = {**os.environ, **({"AWS_ENDPOINT_URL": self.endpoint} if endpoint else {}), **variables}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def put(self, *events: dict[str, Any], account: str | None = None, region: str = REGION) -> list[str]:
        """Puts events on an account's own bus; their ids."""
        answer = self.client("events", account, region).put_events(Entries=list(events))
        assert answer["FailedEntryCount"] == 0, answer
        return [entry["EventId"] for entry in answer["Entries"]]

    def dead_letters(self) -> list[Any]:
        """The bodies in the dead-letter queue, taken out of it."""
        queue = self.client("sqs")
        url = self.outputs["DeadLetterQueueUrl"]
        messages = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    def waiting(self, *outputs: str) -> int:
        """The messages in these queues; in those that feed the functions, if none is named."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = [
            self.client("sqs").get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=names)["Attributes"]
            for output in outputs or ("IntakeQueueUrl", "PushQueueUrl")
        ]
        return sum(int(size) for sizes in attributes for size in sizes.values())


def new_commit_id() -> str:
    return uuid.uuid4().hex + "0" * 8
