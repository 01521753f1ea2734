"""The function under Lambda's own Runtime Interface Emulator. `emulator.sh` runs it.

    emulator.py EMULATOR BOOTSTRAP
"""

import json
import sys
import time

from local_aws import LocalAws, Process, event, failures, free_port, post, step


def emulated(aws, timeout, handler="publish", **variables):
    """The emulator with a function in it, as its handler's name says; it runs one invocation at a time."""
    port, runtime_api = free_port(), free_port()
    command = [
        sys.argv[1], "--runtime-api-address", f"127.0.0.1:{runtime_api}",
        "--runtime-interface-emulator-address", f"127.0.0.1:{port}", sys.argv[2], handler,
    ]
    environment = {
        **aws.environment(), "AWS_LAMBDA_FUNCTION_NAME": "pushbuild", "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024", "AWS_LAMBDA_LOG_FORMAT": "JSON", **variables,
    }
    return Process(command, port, **environment)


def invoke(function, body):
    return post(f"http://127.0.0.1:{function.port}/2015-03-31/functions/function/invocations", body)


def lines(function):
    """The function's lines about messages."""
    found = []
    for line in function.text().splitlines():
        try:
            line = json.loads(line)
        except ValueError:
            continue
        if isinstance(line, dict) and "outcome" in line:
            found.append(line)
    return found


def main():
    push = event("push")
    (pushed,) = [record["messageId"] for record in json.loads(push)["Records"]]
    with LocalAws() as aws, emulated(aws, 60) as function:
        step("a sample event succeeds")
        assert failures(invoke(function, push)) == []
        (build,) = aws.calls("StartBuild")
        assert build["status"] == 200 and build["detail"] == "sample", build
        (line,) = lines(function)
        assert line["outcome"] == "built" and line["_aws"] and line["FunctionName"] == "pushbuild", line

        step("a message that is not an event fails alone, and the log says why")
        not_json = event("not-json")
        assert failures(invoke(function, not_json)) == [json.loads(not_json)["Records"][0]["messageId"]]
        assert lines(function)[-1]["class"] == "reject"

        step("a record that Lambda could not be told about fails the invocation, and the function lives on")
        answer = invoke(function, b'{"Records": [{"body": "x"}]}')
        assert "messageId" in answer["errorMessage"], answer
        assert failures(invoke(function, event("excluded-branch"))) == []

    step("out of time: the push is reported before Lambda would kill the function, which serves the next one")
    stuck = [{"when": {"operation": "GetCommit", "times": 1}, "do": {"latency": {"ms": 60_000, "jitter-ms": 0}}}]
    with LocalAws(stuck) as aws, emulated(aws, 4) as function:
        begun = time.monotonic()
        assert failures(invoke(function, push)) == [pushed]
        assert time.monotonic() - begun < 60, "the answer waited for what is stuck"
        assert "out of time" in lines(function)[-1]["error"]
        assert failures(invoke(function, push)) == []

    with LocalAws() as aws, emulated(aws, 10, "intake") as function:
        step("the same binary is the intake by its handler's name: it forwards a push, and fetches nothing")
        assert failures(invoke(function, push)) == []
        assert failures(invoke(function, event("excluded-branch"))) == []
        assert failures(invoke(function, not_json)) == [json.loads(not_json)["Records"][0]["messageId"]]
        assert [line["outcome"] for line in lines(function)] == ["forwarded", "skipped", "failed"], lines(function)
        (sent,) = aws.calls("SendMessageBatch")
        assert sent["status"] == 200 and not sent["error"], sent
        assert not aws.calls("GetCommit")

    with LocalAws() as aws:
        step("a variable that cannot be used stops the start by name")
        with emulated(aws, 10, UNBUNDLABLE="maybe") as function:
            invoke_nothing(function, push)
            assert "UNBUNDLABLE" in function.text()
    print("emulated: succeeded, refused, ran out of time, forwarded")


def invoke_nothing(function, body):
    """Invokes a function that cannot start: whatever the emulator answers, it is no batch response."""
    try:
        answer = invoke(function, body)
    except (OSError, ValueError):
        return
    assert "batchItemFailures" not in (answer or {}), answer


if __name__ == "__main__":
    sys.exit(main())
