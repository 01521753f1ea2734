"""A stub in the function's place: everything around the function, seen. Part of `end_to_end.py`."""

import json
import re
import time

import other_accounts
from deployment import REPOSITORIES, new_commit_id, push
from local_aws import ROOT, step, wait_for


def template_variables():
    """The function's environment variables, as template.yaml names them."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    block = re.search(r"\n        Variables:\n((?:          \S.*\n)+)", text)[1]
    return re.findall(r"^ {10}(\w+):(?! !Ref AWS::NoValue$)", block, re.M)


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
