"""What EventBridge does and MiniStack leaves out, put in its place when `stand_in.py` imports this.

- It asks for permission: a queue's policy has to let the rule send. MiniStack sends whatever the policy says. What it may
  not send goes, untried, to the target's dead-letter queue, which has to be a standard one ("Using dead-letter queues to
  process undelivered events in EventBridge").
- It forwards to the buses of other accounts and Regions, by the target's role, if the bus's policy lets that account.
  MiniStack delivers within one account and Region only, and drops the rest with "event bus not found"
  (`_dispatch_to_event_bus`). The event stays as it was, its account and Region included; it is a new one to the other
  bus's rules.

Policies are evaluated by MiniStack's own evaluator, which also judges its requests (AUTH=true).
"""

import json

from ministack.core import iam_evaluator
from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eventbridge, iam, sqs

EVENTS = "events.amazonaws.com"
invoke_target = eventbridge._invoke_target


def context(principal, action, resource, **keys):
    return iam_evaluator.EvalContext(
        principal_arn=principal, principal_type="AssumedRole", principal_account=get_account_id(), action=action,
        resource_arn=resource, region=get_region(), secure_transport=True,
        service_context={"aws:sourceaccount": get_account_id(), **keys},
    )


def may_send(queue, rule):
    policy = sqs.queue_policy_for_arn(queue)
    asked = context(EVENTS, "sqs:SendMessage", queue, **{"aws:sourcearn": rule["Arn"]})
    return bool(policy) and iam_evaluator.evaluate_resource_policy(policy[0], asked, EVENTS).decision == "Allow"


def may_forward(role_arn, bus, event):
    """The role trusts EventBridge and may put events on the bus, and the bus takes this one from the role's account."""
    name = (role_arn or "").rsplit("/", 1)[-1]
    role = iam._roles.get(name)
    if not role:
        return False
    trust = role["AssumeRolePolicyDocument"]
    trust = json.loads(trust) if isinstance(trust, str) else trust
    trust = {"Statement": [{**statement, "Resource": "*"} for statement in trust["Statement"]]}
    asked = context(EVENTS, "sts:AssumeRole", role_arn)
    if iam_evaluator.evaluate_resource_policy(trust, asked, EVENTS).decision != "Allow":
        return False
    asked = context(
        f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/events", "events:PutEvents", str(bus),
        **{"events:source": event["Source"], "events:detail-type": event["DetailType"]},
    )
    if iam_evaluator.evaluate(asked, iam_evaluator._gather_role_policies(name, get_account_id())).decision != "Allow":
        return False
    with request_scope(bus.account_id, bus.region):
        policy = eventbridge._event_bus_policies.get(bus.resource.split("/")[1])
    return iam_evaluator.evaluate_resource_policy(policy, asked).decision == "Allow"


def invoke_permitted_target(target, event, rule, view=None):
    spec = parse_arn(target["Arn"])
    here = (spec.account_id, spec.region) == (get_account_id(), get_region())
    if spec.service == "sqs" and not may_send(target["Arn"], rule):
        print(f"the queue's policy refuses {rule['Arn']}", flush=True)
        dead = target.get("DeadLetterConfig", {}).get("Arn", "")
        if dead and not dead.endswith(".fifo") and may_send(dead, rule):
            invoke_target({"Id": target["Id"], "Arn": dead}, event, rule, view)
    elif spec.service == "events" and not here:
        if not may_forward(target.get("RoleArn"), spec, event):
            print(f"{rule['Arn']} may not forward to {target['Arn']}", flush=True)
            return
        with request_scope(spec.account_id, spec.region):
            eventbridge._dispatch_event({**event, "EventBusName": spec.resource.split("/")[1]})
    else:
        invoke_target(target, event, rule, view)


eventbridge._invoke_target = invoke_permitted_target
