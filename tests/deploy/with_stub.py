"""A stub in the function's place: everything around the function, seen. Part of `end_to_end.py`."""

import json
import re
import time

import other_accounts
from deployment import REPOSITORIES, new_commit_id, push
from local_aws import ROOT, step, wait_for


def template_variables(handler):
    """A function's environment variables, as template.yaml names them: both functions', and its own."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    function = text[text.index(f"Handler: {handler}\n"):]
    blocks = [re.search(r"\n( +)Variables:\n((?:\1  \S.*\n)+)", part)[2] for part in (text, function)]
    return re.findall(r"^ +(\w+):(?! !Ref AWS::NoValue$)", "".join(blocks), re.M)


class Stub:
    """What a stub in the function's place can show: everything around the function."""

    REPOSITORIES = ",".join(REPOSITORIES)

    def __init__(self, aws):
        self.aws = aws

    def arrived(self, name, commit):
        """Whether a push came out at the far end."""
        return [body for body in self.bodies() if body["detail"].get("commitId") == commit]

    def commit(self, name, text):
        return new_commit_id()

    def deploy(self):
        self.template = self.aws.stub_template()
        self.aws.deploy(self.template, Repositories=self.REPOSITORIES)
        # The stub leaves visibility alone, and half an hour is too long to wait for a redelivery.
        self.visibility(10)

    def visibility(self, seconds):
        for queue in ("IntakeQueueUrl", "PushQueueUrl"):
            self.aws.client("sqs").set_queue_attributes(
                QueueUrl=self.aws.outputs[queue], Attributes={"VisibilityTimeout": str(seconds)}
            )

    def records(self, handler="publish"):
        """Every record that a function was handed, in order."""
        path = self.aws.notes / f"batches-{handler}"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [record for line in text.splitlines() for record in json.loads(line)["Records"]]

    def environment(self, handler):
        return dict(line.split("=", 1) for line in (self.aws.notes / f"environment-{handler}").read_text().splitlines())

    def bodies(self):
        return [json.loads(record["body"]) for record in self.records()]

    def receives(self, handler, event):
        return [r["attributes"]["ApproximateReceiveCount"] for r in self.records(handler) if event in r["body"]]

    def check(self):
        step("a push goes through both queues as the event it was, and comes out in its reference's message group")
        ids = self.aws.put(*(push(name, "feature/x", commitId=new_commit_id()) for name in REPOSITORIES))
        wait_for("both pushes", lambda: len(self.records()) == 2)
        assert {body["id"] for body in self.bodies()} == set(ids)
        for record in self.records():
            body = json.loads(record["body"])
            group = f"{body['account']}/{body['detail']['repositoryName']}/feature/x"
            assert record["attributes"]["MessageGroupId"] == group, record
            assert body["detail"]["referenceName"] == "feature/x" and body["source"] == "aws.codecommit", body
        assert {r["attributes"]["MessageGroupId"] for r in self.records("intake")} == {"pushes"}

        step("the functions have the variables of the template and no others")
        for handler, output in (("intake", "IntakeFunctionName"), ("publish", "FunctionName")):
            given = self.environment(handler)
            configured = self.aws.client("lambda").get_function_configuration(
                FunctionName=self.aws.outputs[output]
            )["Environment"]["Variables"]
            assert sorted(configured) == sorted(template_variables(handler)), configured
            assert all(given[name] == value for name, value in configured.items())
            assert given["_HANDLER"] == handler and given["REPOSITORIES"] == self.REPOSITORIES
        assert self.environment("publish")["CODE_BUCKET"] == self.aws.outputs["BucketName"]
        assert self.environment("intake")["PUSH_QUEUE_URL"] == self.aws.outputs["PushQueueUrl"]

        step("only pushes arrive, of whatever repository: which are built, the function says")
        self.aws.put(push("one", event="referenceDeleted", commitId=None), push("one", event="unreferencedMergeCommitCreated"))
        (other,) = self.aws.put(push("another"))
        wait_for("the other repository's push", lambda: other in [body["id"] for body in self.bodies()])
        time.sleep(2)
        assert len(self.records()) == len(self.records("intake")) == 3 and self.aws.waiting() == 0

        step("what fails in the intake is delivered twice, what fails behind it five times; then both are dead letters")
        self.visibility(1)
        (corrupt,) = self.aws.put(push("one", "intake-poison"))
        (poison,) = self.aws.put(push("one", "publish-poison"))
        (other,) = self.aws.put(push("two.and-more"))
        wait_for("the other repository's push", lambda: other in [body["id"] for body in self.bodies()], 20)
        letters = []
        wait_for("two dead letters", lambda: letters.extend(self.aws.dead_letters()) or len(letters) == 2)
        assert {letter["id"] for letter in letters} == {corrupt, poison}, letters
        assert self.receives("intake", corrupt) == ["1", "2"], self.receives("intake", corrupt)
        assert self.receives("publish", poison) == ["1", "2", "3", "4", "5"], self.receives("publish", poison)

        step("an event that EventBridge may not send to the intake is kept, and is not lost")
        queue = self.aws.client("sqs")
        intake = self.aws.outputs["IntakeQueueUrl"]
        policy = queue.get_queue_attributes(QueueUrl=intake, AttributeNames=["Policy"])["Attributes"]
        queue.set_queue_attributes(QueueUrl=intake, Attributes={"Policy": ""})
        (lost,) = self.aws.put(push("one"))
        url = self.aws.outputs["UndeliverableQueueUrl"]
        (kept,) = wait_for("an undeliverable event", lambda: queue.receive_message(QueueUrl=url).get("Messages"))
        assert json.loads(kept["Body"])["id"] == lost, kept
        queue.set_queue_attributes(QueueUrl=intake, Attributes=policy)

    def check_sender(self, account, region):
        body = self.bodies()[-1]
        assert (body["account"], body["region"]) == (account, region), body

    def check_reader(self, role):
        given = self.environment("publish")
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        other_accounts.check_trust(self.aws, {name: given[name.upper()] for name in names}, role)
