"""Stands in for both functions where only their surroundings are looked at.

It writes each batch, and the environment it was given, to the folder that STUB_NOTES names, and reports every message as
failed whose body says "poison". As the intake it forwards the others, each to a message group of its own reference.
"""

import json
import os
import urllib.request

import boto3

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
HANDLER, NOTES = os.environ["_HANDLER"], os.environ["STUB_NOTES"]
# Loopback is never a proxy's business.
web = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def forward(body):
    event = json.loads(body)
    detail = event["detail"]
    boto3.client("sqs").send_message(
        QueueUrl=os.environ["PUSH_QUEUE_URL"], MessageBody=body, MessageDeduplicationId=event["id"],
        MessageGroupId=f"{event['account']}/{detail['repositoryName']}/{detail['referenceName']}",
    )


def failed(record):
    if f"{HANDLER}-poison" in record["body"]:
        return True
    if HANDLER == "intake":
        forward(record["body"])
    return False


with open(f"{NOTES}/environment-{HANDLER}", "w", encoding="utf-8") as file:
    file.writelines(f"{name}={value}\n" for name, value in os.environ.items() if "\n" not in value)
while True:
    with web.open(f"{API}/next") as answer:
        batch, request = json.load(answer), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    with open(f"{NOTES}/batches-{HANDLER}", "a", encoding="utf-8") as file:
        file.write(json.dumps(batch) + "\n")
    failures = [{"itemIdentifier": record["messageId"]} for record in batch["Records"] if failed(record)]
    web.open(f"{API}/{request}/response", json.dumps({"batchItemFailures": failures}).encode()).close()
