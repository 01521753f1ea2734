"""Repositories in other accounts and in another Region, as docs/deploy.md connects them: part of `end_to_end.py`."""

import time

from botocore.exceptions import ClientError

from deployment import MEMBERS, ORGANIZATION, REGION, REPOSITORIES, SOURCE_STACK, account, push
from local_aws import step, wait_for

SOURCES = MEMBERS
STRANGER = "444455556666"
FAR = "eu-west-1"
EXTERNAL_ID = "known-to-both"


def check(subject):
    aws, names = subject.aws, ",".join(REPOSITORIES)

    step("the stack and source-account.yaml, as docs/deploy.md deploys them: two accounts, one of them in two Regions")
    aws.deploy(
        subject.template, Repositories=subject.REPOSITORIES, OrganizationId=ORGANIZATION,
        ReaderRoleArn="arn:aws:iam::{account}:role/pushbuild-reader", ReaderExternalId=EXTERNAL_ID, ExcludeReferences='""',
    )
    function = aws.client("lambda").get_function_configuration(FunctionName=aws.outputs["FunctionName"])
    assert function["Environment"]["Variables"]["EXCLUDE_REFERENCES"] == "", function
    # The same for all, as a StackSet has it.
    given = {
        "Repositories": names, "EventBusArn": aws.outputs["EventBusArn"], "ReaderRegion": REGION,
        "FunctionRoleArn": aws.outputs["FunctionRoleArn"], "ReaderExternalId": EXTERNAL_ID,
    }
    for source in SOURCES:
        outputs = aws.deploy_source(source, REGION, **given)
        assert outputs["ReaderRoleArn"] == f"arn:aws:iam::{source}:role/pushbuild-reader", outputs
    assert not aws.deploy_source(SOURCES[0], FAR, **given)

    step("their pushes come out here, through their rules, this account's bus, its rule and its queues")
    for place, (source, region) in enumerate([(SOURCES[0], REGION), (SOURCES[1], REGION), (SOURCES[0], FAR)]):
        commit = send(subject, source, region, REPOSITORIES[place % 2], f"from {source} in {region}")
        wait_for(f"the push of {source}", lambda: subject.arrived(REPOSITORIES[place % 2], commit))  # noqa: B023
        subject.check_sender(source, region)

    step("no push of an account that is not of the organization")
    aws.deploy_source(STRANGER, REGION, **given)
    refused = send(subject, STRANGER, REGION, REPOSITORIES[0], "refused")
    time.sleep(3)
    assert aws.waiting() == 0 and not aws.dead_letters()
    assert not subject.arrived(REPOSITORIES[0], refused)

    subject.check_reader(f"arn:aws:iam::{SOURCES[0]}:role/pushbuild-reader")

    for source, region in [*((source, REGION) for source in [*SOURCES, STRANGER]), (SOURCES[0], FAR)]:
        aws.delete(SOURCE_STACK, source, region)
        assert not aws.client("events", source, region).list_rules()["Rules"]


def send(subject, source, region, repository, text):
    """A push in another account; the commit."""
    commit = subject.commit(repository, text)
    event = push(repository, "feature/x", sender=source, region=region, commitId=commit)
    subject.aws.put(event, account=source, region=region)
    return commit


def check_trust(aws, function, reader):
    """Who may assume the reader role. `function` are the credentials that the function was given."""
    step("the reader role is assumed by exactly the function's role, with the external id")
    session = {"RoleArn": reader, "RoleSessionName": "pushbuild"}
    sts = aws.client("sts", **function)
    arn = sts.assume_role(**session, ExternalId=EXTERNAL_ID)["AssumedRoleUser"]["Arn"]
    assert arn == f"arn:aws:sts::{SOURCES[0]}:assumed-role/pushbuild-reader/pushbuild", arn
    refuses(sts, **session)
    refuses(sts, **session, ExternalId="guessed")
    # Not the account that the function is in, and no other role there, though it may assume whatever trusts it.
    refuses(aws.client("sts"), **session, ExternalId=EXTERNAL_ID)
    iam = aws.client("iam")
    trust = f'{{"Statement": {{"Effect": "Allow", "Principal": {{"AWS": "{account()}"}}, "Action": "sts:AssumeRole"}}}}'
    other = iam.create_role(RoleName="other", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    anything = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
    iam.put_role_policy(RoleName="other", PolicyName="anything", PolicyDocument=anything)
    keys = aws.client("sts").assume_role(RoleArn=other, RoleSessionName="other")["Credentials"]
    refuses(aws.client("sts", **credentials(keys)), **session, ExternalId=EXTERNAL_ID)


def refuses(sts, **session):
    try:
        sts.assume_role(**session)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied", error
    else:
        raise AssertionError(f"assumed: {session}")


def credentials(keys):
    return {
        "aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
