"""The stack, deployed and seen working. `ministack.sh` runs it."""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

import other_accounts
from deployment import REPOSITORIES, Deployment
from local_aws import step
from with_function import CodeCommit, Function, commit_to
from with_stub import Stub


def check_redeployment_and_deletion(subject):
    aws = subject.aws
    step("a second deployment changes nothing")
    printed = aws.deploy(subject.template, Repositories=subject.REPOSITORIES)
    assert "is up to date" in printed, printed

    other_accounts.check(subject)

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
            codecommit = stack.enter_context(CodeCommit(Function.FAULTS, *(repositories / name for name in REPOSITORIES)))
            aws = stack.enter_context(Deployment(given.sam, codecommit.endpoint))
            subject = Function(aws, codecommit, repositories, given.built)
        step("sam deploy")
        subject.deploy()
        subject.check()
        check_redeployment_and_deletion(subject)
    print("deployed, worked, deleted")


if __name__ == "__main__":
    sys.exit(main())
