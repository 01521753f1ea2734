#!/usr/bin/env python3
"""Has pushbuild build what was not pushed: one commit, one branch as it is now, or all branches' heads, as after installing.

It sends the events that CodeCommit would have sent, so each build is made like any other: a branch that the stack
excludes is skipped, an earlier bundle is reused. Needs boto3 and the permission to send to the stack's queue.

    tools/build.py app                             all branches
    tools/build.py app --branch main               one
    tools/build.py app --branch main --commit ID   that commit, as if the branch pointed to it
    tools/build.py app --tag v1 --commit ID        a tag
    tools/build.py app --print                     the events only, for `aws sqs send-message`
"""

import argparse
import datetime
import json
import sys
import uuid

import boto3


def event(repository, kind, name, commit):
    """A push as CodeCommit tells of it. `repository` is GetRepository's metadata."""
    _, _, _, region, account, _ = repository["Arn"].split(":", 5)
    prefix = {"branch": "refs/heads/", "tag": "refs/tags/"}[kind]
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "CodeCommit Repository State Change",
        "source": "aws.codecommit",
        "account": account,
        "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [repository["Arn"]],
        "detail": {
            "event": "referenceCreated",
            "repositoryName": repository["repositoryName"],
            "repositoryId": repository["repositoryId"],
            "referenceType": kind,
            "referenceName": name,
            "referenceFullName": prefix + name,
            "commitId": commit,
        },
    }


def references(codecommit, given):
    """What to build, as kind, name and commit."""
    if given.tag:
        if not given.commit:
            sys.exit("--tag needs --commit: CodeCommit's API knows no tags")
        return [("tag", given.tag, given.commit)]
    if given.commit and not given.branch:
        sys.exit("--commit needs --branch or --tag: a build is of a reference")
    if given.commit:
        return [("branch", given.branch, given.commit)]
    pages = codecommit.get_paginator("list_branches").paginate(repositoryName=given.repository)
    names = [given.branch] if given.branch else [name for page in pages for name in page["branches"]]
    head = codecommit.get_branch
    return [
        ("branch", name, head(repositoryName=given.repository, branchName=name)["branch"]["commitId"]) for name in names
    ]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("repository")
    arguments.add_argument("--branch")
    arguments.add_argument("--tag")
    arguments.add_argument("--commit")
    arguments.add_argument("--stack-name", default="pushbuild")
    arguments.add_argument("--region", help="of the stack")
    arguments.add_argument("--repository-region", help="of the repository, if it is another")
    arguments.add_argument("--profile")
    arguments.add_argument("--print", action="store_true", help="print the events, one a line, and send nothing")
    given = arguments.parse_args()

    session = boto3.Session(profile_name=given.profile, region_name=given.region)
    codecommit = session.client("codecommit", region_name=given.repository_region)
    repository = codecommit.get_repository(repositoryName=given.repository)["repositoryMetadata"]
    events = [event(repository, *reference) for reference in references(codecommit, given)]
    if given.print:
        for one in events:
            print(json.dumps(one))
        return
    (stack,) = session.client("cloudformation").describe_stacks(StackName=given.stack_name)["Stacks"]
    (queue,) = [output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == "IntakeQueueUrl"]
    sqs = session.client("sqs")
    for one in events:
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(one), MessageGroupId="pushes")
        print(f"{one['detail']['referenceFullName']} at {one['detail']['commitId'][:10]}: event {one['id']}")


if __name__ == "__main__":
    main()
