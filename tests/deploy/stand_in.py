"""MiniStack, as the end-to-end test needs it, on loopback.

    stand_in.py PORT        with AWS_ENDPOINT_URL_CODECOMMIT set to where CodeCommit is

What differs from `ministack` on the command line, so that the templates under test need no parameter for tests:

- PutEvents takes events whose source is `aws.codecommit`. AWS itself sends those; from anyone else it refuses them, and so
  does MiniStack.
- A function finds the other services: it gets this process's environment, thus AWS_ENDPOINT_URL.
- CloudFormation knows AWS::Events::EventBusPolicy, by way of PutPermission; and, in conditions, the Region and `Fn::Join`.
- Requests need permission (AUTH=true), as in AWS: the function has its role's policies and no others. Loopback counts
  as TLS, which the bucket's and the queues' policies ask for. Two questions are put as IAM puts them, and MiniStack
  does not: SQS's batches need the permission of the single call ("Amazon SQS API permissions: Actions and resource
  reference"), and BatchGetBuilds is about projects ("Actions, resources, and condition keys for AWS CodeBuild").
- EventBridge's deliveries need permission, and reach other accounts: `deliveries.py`.
- A function's log line belongs to the invocation that wrote it, also on a busy machine: MiniStack waits 5 ms for the
  next line, and keeps later ones for the next invocation.
- The accounts that ORGANIZATION names (`o-id:account,account`) are of one organization, and no others.
"""

import functools
import json
import os
import sys

port = sys.argv[1]
os.environ.update(
    BIND_HOST="127.0.0.1",
    GATEWAY_PORT=port,
    MINISTACK_HOST="127.0.0.1",
    IOT_MTLS_ENABLED="0",
    AUTH="true",
    AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
)

import deliveries  # noqa: E402,F401 (for what it does when it is imported)
from ministack import app  # noqa: E402 (it reads the environment when it is imported)
from ministack.core import iam_actions, iam_evaluator  # noqa: E402
from ministack.core.lambda_runtime import ProvidedWorker  # noqa: E402
from ministack.services import eventbridge  # noqa: E402
from ministack.core.responses import get_region  # noqa: E402
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks  # noqa: E402

put_events = eventbridge._put_events
if "allow_aws_source" not in put_events.__code__.co_varnames:
    sys.exit("this MiniStack's PutEvents is another than the one that this script was written for")


def put_events_of_aws_too(data, allow_aws_source=True):
    return put_events(data, allow_aws_source=allow_aws_source)


def create_bus_policy(logical_id, properties, stack_name):
    bus, statement = properties["EventBusName"], properties["StatementId"]
    eventbridge._put_permission({"EventBusName": bus, "StatementId": statement, **properties["Statement"]})
    return f"{bus}|{statement}", {}


def delete_bus_policy(physical_id, properties):
    bus, statement = physical_id.split("|")
    eventbridge._remove_permission({"EventBusName": bus, "StatementId": statement})


eventbridge._put_events = put_events_of_aws_too
provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {
    "create": create_bus_policy, "delete": delete_bus_policy,
}
def extract_iam_action(service, *request):
    action = action_of(service, *request)
    return action.removesuffix("Batch") if action and service == "sqs" else action


def extract_resource_arn(service, method, path, headers, body, query, region, account):
    if headers.get("x-amz-target", "").endswith(".BatchGetBuilds"):
        (project,) = {build.split(":")[0] for build in json.loads(body)["ids"]}
        return f"arn:aws:codebuild:{region}:{account}:project/{project}"
    return resource_of(service, method, path, headers, body, query, region, account)


def evaluate_conditions(template, parameters):
    def known(node):
        if isinstance(node, list):
            return [known(item) for item in node]
        if not isinstance(node, dict):
            return node
        if node == {"Ref": "AWS::Region"}:
            return get_region()
        if "Fn::Join" in node:
            delimiter, parameter = node["Fn::Join"]
            return delimiter.join(parameters[parameter["Ref"]]["Value"].split(","))
        return {key: known(value) for key, value in node.items()}

    return evaluate({**template, "Conditions": known(template.get("Conditions", {}))}, parameters)


evaluate = engine._evaluate_conditions
for module in (changesets, engine, handlers, stacks):
    module._evaluate_conditions = evaluate_conditions


def organization_of(account):
    name, accounts = os.environ["ORGANIZATION"].split(":")
    return name if account in accounts.split(",") else None


def resolve_condition_key(key, context):
    if key.lower() == "aws:resourceorgid":
        return organization_of(context.resource_arn.split(":")[4])
    return resolve(key, context)


resolve = iam_evaluator._resolve_condition_key
iam_evaluator._resolve_condition_key = resolve_condition_key
iam_evaluator._principal_org_id = organization_of
action_of, resource_of = iam_actions.extract_iam_action, iam_actions.extract_resource_arn
iam_actions.extract_iam_action, iam_actions.extract_resource_arn = extract_iam_action, extract_resource_arn
ProvidedWorker._drain_stderr_bounded = functools.partialmethod(
    ProvidedWorker._drain_stderr_bounded, first_line_wait=0.5, idle_confirm=0.1, hard_cap=5,
)
pin_request_origin = app.pin_request_origin
app.pin_request_origin = lambda address, _tls: pin_request_origin(address, True)
sys.argv = ["ministack"]
app.main()
