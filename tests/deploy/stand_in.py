"""MiniStack, as the end-to-end test needs it, on loopback.

    stand_in.py PORT        with AWS_ENDPOINT_URL_CODECOMMIT set to where CodeCommit is

What differs from `ministack` on the command line, so that the templates under test need no parameter for tests:

- PutEvents takes events whose source is `aws.codecommit`. AWS itself sends those; from anyone else it refuses them, and so
  does MiniStack.
- A function finds the other services: it gets this process's environment, thus AWS_ENDPOINT_URL.
- CloudFormation knows AWS::Events::EventBusPolicy, by way of PutPermission.
- Requests need permission (AUTH=true), as in AWS: the function has its role's policies and no others. Loopback counts
  as TLS, which the bucket's and the queues' policies ask for. Two questions are put as IAM puts them, and MiniStack
  does not: SQS's batches need the permission of the single call ("Amazon SQS API permissions: Actions and resource
  reference"), and BatchGetBuilds is about projects ("Actions, resources, and condition keys for AWS CodeBuild").
- EventBridge's deliveries need permission, and reach other accounts: `deliveries.py`.
"""

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
from ministack.core import iam_actions  # noqa: E402
from ministack.services import eventbridge  # noqa: E402
from ministack.services.cloudformation import provisioners  # noqa: E402

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


action_of, resource_of = iam_actions.extract_iam_action, iam_actions.extract_resource_arn
iam_actions.extract_iam_action, iam_actions.extract_resource_arn = extract_iam_action, extract_resource_arn
pin_request_origin = app.pin_request_origin
app.pin_request_origin = lambda address, _tls: pin_request_origin(address, True)
sys.argv = ["ministack"]
app.main()
