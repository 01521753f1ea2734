"""`cargo lambda watch` and `cargo lambda invoke` over `cargo local serve`, as the README tells. `watch.sh` runs it."""

import json
import subprocess
import sys

from local_aws import ROOT, LocalAws, Process, failures, free_port, step


def main():
    port = free_port()
    watch = ["cargo", "lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", str(port), "--ignore-changes"]

    def invoke(name):
        command = [
            "cargo", "lambda", "invoke", "--invoke-address", "127.0.0.1", "--invoke-port", str(port),
            "--data-file", f"events/{name}.json", "pushbuild",
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return failures(json.loads(done.stdout))

    with LocalAws() as aws:
        with Process(watch, port, **aws.environment()):
            step("the function is built and answers")
            # Its time runs while it is compiled, so the first invocation is one that needs none.
            assert invoke("excluded-branch") == []
            step("a push is built")
            assert invoke("push") == []
            assert [build["detail"] for build in aws.calls("StartBuild")] == ["sample"]
            step("a message that is not an event is reported")
            assert len(invoke("not-json")) == 1
        step("_HANDLER=intake makes it the intake: a push is forwarded")
        with Process(watch, port, _HANDLER="intake", **aws.environment()):
            assert invoke("excluded-branch") == [] and invoke("push") == []
            assert len(aws.calls("SendMessageBatch")) == 1 and len(aws.calls("StartBuild")) == 1
    print("watched and invoked")


if __name__ == "__main__":
    sys.exit(main())
