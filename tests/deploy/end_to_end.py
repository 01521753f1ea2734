"""The stack, deployed and seen working. `ministack.sh` runs it."""

import argparse
import json
import re
import sys
import time

from deployment import ROOT, STACK, Deployment, new_commit_id, push, wait_for

REPOSITORIES = ["one", "two.and-more"]


def step(text):
    print(f"   {text}", flush=True)


def template_variables():
    """The function's environment variables, as template.yaml names them."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    block = re.search(r"\n        Variables:\n((?:          \S.*\n)+)", text)[1]
    return re.findall(r"^ {10}(\w+):", block, re.M)


class Stub:
    """What a stub in the function's place can show: everything around the function."""

    def __init__(self, aws):
        self.aws = aws

    def deploy(self):
        self.template = self.aws.stub_template()
        self.aws.deploy(self.template, Repositories=",".join(REPOSITORIES))
        # The stub leaves visibility alone, and half an hour is too long to wait for a redelivery.
        self.aws.client("sqs").set_queue_attributes(
            QueueUrl=self.aws.outputs["QueueUrl"], Attributes={"VisibilityTimeout": "3"}
        )

    def records(self):
        """Every record that the function was handed, in order."""
        path = self.aws.notes / "batches"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [record for line in text.splitlines() for record in json.loads(line)["Records"]]

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
        given = dict(line.split("=", 1) for line in (self.aws.notes / "environment").read_text().splitlines())
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
        wait_for("the other repository's push", lambda: other in [body["id"] for body in self.bodies()], 3)
        (letter,) = wait_for("a dead letter", self.aws.dead_letters, 30)
        assert letter["id"] == poison
        receives = [r["attributes"]["ApproximateReceiveCount"] for r in self.records() if poison in r["body"]]
        assert receives == ["1", "2"], receives


class Function:
    """The real function. Waits for the binary and for `cargo local serve`: see docs/deploy.md, "Testing"."""

    def __init__(self, aws):
        self.aws = aws

    def deploy(self):
        for name in REPOSITORIES:
            self.aws.client("codebuild").create_project(
                name=name, source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
                artifacts={"type": "NO_ARTIFACTS"}, serviceRole="arn:aws:iam::000000000000:role/build",
                environment={"type": "LINUX_CONTAINER", "image": "image", "computeType": "BUILD_GENERAL1_SMALL"},
            )
        self.template = self.aws.build()
        self.aws.deploy(self.template, Repositories=",".join(REPOSITORIES))

    def check(self):
        raise NotImplementedError("waits for the function")


def check_redeployment_and_deletion(subject):
    aws = subject.aws
    step("a second deployment changes nothing")
    printed = aws.deploy(subject.template, Repositories=",".join(REPOSITORIES))
    assert "is up to date" in printed, printed

    step("deletion leaves the bucket")
    bucket = aws.outputs["BucketName"]
    aws.client("s3").put_object(Bucket=bucket, Key="one/main/kept.zip", Body=b"bundle")
    cloudformation = aws.client("cloudformation")
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    assert aws.client("s3").head_object(Bucket=bucket, Key="one/main/kept.zip")
    assert not aws.client("lambda").list_functions()["Functions"]
    assert not aws.client("sqs").list_queues().get("QueueUrls")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--sam", required=True)
    arguments.add_argument("--stub", action="store_true")
    arguments.add_argument("--codecommit", help="where CodeCommit is served")
    given = arguments.parse_args()
    with Deployment(given.sam, given.codecommit) as aws:
        subject = (Stub if given.stub else Function)(aws)
        step("sam deploy")
        subject.deploy()
        subject.check()
        check_redeployment_and_deletion(subject)
    print("deployed, worked, deleted")


if __name__ == "__main__":
    sys.exit(main())
