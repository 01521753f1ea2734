# A function for the tests, in plain Python: it does what its event's "do" says, through the same
# Runtime API that lambda_runtime uses. The first record's body is taken where there are records.
import json, os, signal, sys, time, urllib.request

API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"


def post(path, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        return urllib.request.urlopen(urllib.request.Request(API + path, data=data)).status
    except urllib.error.HTTPError as error:
        return error.code


print("toy starts", file=sys.stderr, flush=True)
if os.environ.get("TOY_INIT") == "error":
    post("init/error", {"errorType": "Config", "errorMessage": "CODE_BUCKET is not set"})
    sys.exit(1)
if os.environ.get("TOY_INIT") == "exit":
    print("no such variable", file=sys.stderr, flush=True)
    sys.exit(3)
while True:
    with urllib.request.urlopen(API + "invocation/next") as answer:
        headers, event = dict(answer.headers), json.load(answer)
    request = headers["Lambda-Runtime-Aws-Request-Id"]
    bodies = [json.loads(record["body"]) for record in event.get("Records", [])]
    order = bodies[0] if bodies else event
    do = order.get("do", "echo")
    if do == "echo":
        answer = {"event": event, "headers": headers, "pid": os.getpid(), "env": dict(os.environ)}
        post(f"invocation/{request}/response", {} if bodies else answer)
    elif do == "answer":
        post(f"invocation/{request}/response", order["answer"].encode())
    elif do == "fail":
        wrong = [r["messageId"] for r, b in zip(event["Records"], bodies) if b.get("fail")]
        failures = [{"itemIdentifier": id} for id in wrong]
        post(f"invocation/{request}/response", {"batchItemFailures": failures})
    elif do == "error":
        post(f"invocation/{request}/error", {"errorType": "Toy", "errorMessage": "as told"})
    elif do == "sleep":
        time.sleep(order["s"])
        post(f"invocation/{request}/response", {})
    elif do == "wrong id":
        status = post("invocation/00000000-0000-0000-0000-000000000000/response", {})
        post(f"invocation/{request}/response", {"status": status})
    elif do == "die":
        print("last words", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
