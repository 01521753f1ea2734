"""Holds the AWS calls that the function made in the test suite against what the templates let it do.

    least_privilege.py RECORD      the folder that PUSHBUILD_CALL_RECORD named (local/src/calls/record.rs)

Fails on a call that the policies would have denied, and on an action that they allow and nothing called.
"""

import fnmatch
import functools
import json
import sys
import urllib.parse
from pathlib import Path

from policies import ACCOUNT, granted
from translate import REGION, translate

ROOT = Path(__file__).parents[2]

# What Lambda itself does with the function's role: the event source mapping's polling, the log, the traces. Sources:
# "Configuring permissions" in Lambda's guide to SQS, and AWSLambdaBasicExecutionRole, AWSXRayDaemonWriteAccess.
LAMBDAS_OWN = {
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "logs:CreateLogStream", "logs:PutLogEvents",
    "xray:PutTraceSegments", "xray:PutTelemetryRecords",
}
READER = {"OrganizationId": "o-exampleorg", "ReaderRoleArn": "arn:aws:iam::{account}:role/pushbuild-reader"}
# Customer-managed keys, so that the permission to use them is checked, too.
KEYS = {
    "BucketKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/bucket",
    "RepositoryKeyArns": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/repositories",
}


def needs_of_keys(call):
    """What KMS is asked for on behalf of a call. Sources: "Using server-side encryption with AWS KMS keys" in S3's guide
    (an upload in parts decrypts, too), "AWS KMS and encryption for AWS CodeCommit repositories" in CodeCommit's."""
    key = KEYS.get({"s3": "BucketKeyArn", "codecommit": "RepositoryKeyArns"}.get(call["service"]))
    operation = call["operation"]
    if operation in ("GetObject", "GetCommit", "GetFolder", "GetFile", "GetBlob", "GetDifferences"):
        return [("kms:Decrypt", key)]
    if operation == "PutObject":
        return [("kms:GenerateDataKey", key)]
    if operation in ("CopyObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy"):
        return [("kms:GenerateDataKey", key), ("kms:Decrypt", key)]
    return []


def needs(call, world):
    """The actions and resources that IAM asks for; "Actions, resources, and condition keys" of each service."""
    service, operation, detail = call["service"], call["operation"], call["detail"]
    if service == "s3":
        bucket, _, key = detail.partition("/")
        bucket = "arn:aws:s3:::" + ("bucket" if bucket == world.bucket else bucket)
        item = f"{bucket}/{key}"
        source = copied_from(call["copied_from"] or "", world)
        # Without ListBucket a missing object answers "denied", and a redelivery would stop at it.
        read = [("s3:GetObject", item), ("s3:ListBucket", bucket)]
        return {
            "HeadObject": read,
            "GetObject": read,
            "CopyObject": [source, ("s3:PutObject", item)],
            "UploadPartCopy": [source, ("s3:PutObject", item)],
            "ListObjectsV2": [("s3:ListBucket", bucket)],
            "CreateMultipartUpload": [("s3:PutObject", item)],
            "UploadPart": [("s3:PutObject", item)],
            "CompleteMultipartUpload": [("s3:PutObject", item)],
        }.get(operation, [(f"s3:{operation}", item)])
    if service == "codecommit":
        account = world.here(call["role"].split(":")[4]) if call["role"] else ACCOUNT
        region = REGION if call["region"] == world.region else call["region"]
        return [(f"codecommit:{operation}", f"arn:aws:codecommit:{region}:{account}:{detail.split(':')[0]}")]
    if service == "codebuild":
        projects = {build.split(":")[0] for build in detail.split(",")}
        return [(f"codebuild:{operation}", f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/{name}") for name in projects]
    if service == "sqs":
        queue = world.queues.get(detail, detail)
        return [(f"sqs:{operation.removesuffix('Batch')}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")]
    if service == "sts":
        parts = detail.split(":")
        return [(f"sts:{operation}", ":".join([*parts[:4], world.here(parts[4]), *parts[5:]]))]
    raise AssertionError(f"nothing is known of {service}")


def copied_from(source, world):
    """What reading the source of a copy asks for: `bucket/key`, percent-encoded, and perhaps a version."""
    path, _, version = source.partition("?versionId=")
    bucket, _, key = urllib.parse.unquote(path.removeprefix("/")).partition("/")
    bucket = "bucket" if bucket == world.bucket else bucket
    return "s3:GetObjectVersion" if version else "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"


class World:
    """One local AWS of the test suite: what was deployed on it, and what its function called."""

    def __init__(self, path):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        self.calls = [line for line in lines if "operation" in line]
        # The local AWS's own tests have functions of their own, or play one.
        deployed = [line for line in lines if line.get("program") == "pushbuild"]
        if not deployed:
            self.calls = []
            return
        (deployed,) = deployed
        *_, self.region, self.account, queue = deployed["queue"].split(":")
        self.queues = {queue: "PushQueue.fifo", deployed["intake_queue"].split(":")[-1]: "IntakeQueue.fifo"}
        if queue.startswith("garbled-"):
            # tests/it/answers.rs: after a changed answer, calls are about names that do not exist.
            self.calls = []
            return
        environment = deployed["environment"]
        self.bucket = environment["CODE_BUCKET"]
        # One that has no project is skipped before it is read.
        telling = [call for call in self.calls if call["service"] == "codecommit" or call["operation"] == "ListBuildsForProject"]
        self.repositories = {call["detail"].split(":")[0] for call in telling}
        self.parameters = dict(KEYS)
        if "CODEBUILD_PROJECT" in environment:
            self.parameters["BuildProject"] = environment["CODEBUILD_PROJECT"]
        if any(call["service"] == "sts" for call in self.calls):
            self.parameters.update(OrganizationId="o-exampleorg", ReaderRoleArn=environment["CODECOMMIT_ROLE_ARN"])

    def here(self, account):
        """The account as policies.py calls it."""
        return ACCOUNT if account == self.account else account


@functools.cache
def statements(template, role, parameters):
    found = granted(translate(str(ROOT / template)), dict(parameters), role)
    assert all(statement["Effect"] == "Allow" for statement in found), "this script knows Allow only"
    return found


def role_of(call):
    """Whose call it is."""
    return "ReaderRole" if call["role"] else {"intake": "IntakeRole", "publish": "PublishRole"}[call["function"]]


def allowed(role, repositories, parameters):
    """What a role may do where exactly these repositories are named."""
    given = {**parameters, "Repositories": ",".join(sorted(repositories)) or "*"}
    template = "template.yaml"
    if role == "ReaderRole":
        template = "source-account.yaml"
        given |= {"FunctionRoleArn": "arn:aws:iam::111122223333:role/f", "ReaderExternalId": "id"}
    return statements(template, role, tuple(sorted(given.items())))


def allows(statement, action, resource):
    """The one condition that a call could fail here is the Region's: an account's organization is not on record."""
    region = statement.get("Condition", {}).get("StringEquals", {}).get("aws:RequestedRegion")
    return (
        any(fnmatch.fnmatchcase(action, pattern) for pattern in statement["Action"])
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        and region in (None, resource.split(":")[3])
    )


def main(folder):
    worlds = [World(path) for path in sorted(Path(folder).glob("*.jsonl"))]
    worlds = [world for world in worlds if world.calls]
    assert worlds, f"{folder} holds no calls"
    denied, used = set(), {role: set() for role in ("IntakeRole", "PublishRole", "ReaderRole")}
    given = {role: allowed(role, set(), {**KEYS, **READER}) for role in used}
    for world in worlds:
        for call in world.calls:
            role = role_of(call)
            found = allowed(role, world.repositories, world.parameters)
            for action, resource in needs(call, world) + needs_of_keys(call):
                used[role].add(action)
                if not any(allows(statement, action, resource) for statement in found):
                    denied.add((role, action, resource))
    unused = {
        (role, action) for role, found in given.items() for statement in found for action in statement["Action"]
        if action not in used[role] | LAMBDAS_OWN
    }
    calls = sum(len(world.calls) for world in worlds)
    actions = ", ".join(f"{len(used[role])} of {role}" for role in used)
    print(f"{calls} calls of {len(worlds)} deployments; actions: {actions}")
    for role, action, resource in sorted(denied):
        print(f"denied to {role}: {action} on {resource}")
    for role, action in sorted(unused):
        print(f"allowed to {role}, and never called: {action}")
    return bool(denied or unused)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
