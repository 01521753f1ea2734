"""`sam local invoke` over `cargo local serve`. `local_invoke.sh` runs it, with a container engine at DOCKER_HOST and in a
network of its own."""

import argparse
import contextlib
import json
import subprocess
import sys
from pathlib import Path

from local_aws import ROOT, LocalAws, failures, step, template_with_binary

FUNCTION = "PublishFunction"
PORT = 4566  # of `cargo local serve`, and in events/local-aws.json
BRIDGE = "10.88.0.1"  # this machine, as podman's containers see it
# What the README says for Linux, where a container does not reach the host's loopback.
RELAY = ["socat", f"TCP-LISTEN:{PORT},bind={BRIDGE},fork,reuseaddr", f"TCP:127.0.0.1:{PORT}"]
HOST = ["--add-host", f"host.docker.internal:{BRIDGE}"]


class Sam:
    """The SAM CLI and a built template."""

    def __init__(self, given):
        self.python, self.work, self.config = given.python, Path(given.work), str(ROOT / "samconfig.toml")
        built = ROOT / ".aws-sam/build/template.yaml"
        self.template = template_with_binary(given.binary, self.work) if given.binary else built
        self.invocations = 0

    def invoke(self, event, variables=None):
        """What the function answered, and everything that it and SAM wrote besides."""
        command = [
            self.python, "-B", str(Path(__file__).with_name("sam_on_podman.py")), "local", "invoke", FUNCTION,
            "--config-file", self.config, "--template", str(self.template),
            "--event", str(ROOT / "events" / f"{event}.json"), "--skip-pull-image", *HOST,
        ]
        if variables is not None:  # else those that samconfig.toml names
            path = self.work / "variables.json"
            path.write_text(json.dumps({"Parameters": variables}), encoding="utf-8")
            command += ["--env-vars", str(path)]
        self.invocations += 1
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        # A function that fails leaves SAM with status 0: the answer tells.
        assert done.returncode == 0, done.stdout + done.stderr
        answer = done.stdout.strip().splitlines()[-1:] or ["null"]
        return json.loads(answer[0]), done.stderr


def log_with(text, sam, event, variables=None):
    """An answer whose log has this text. SAM waits a second for the log of an invocation, and on a busy machine shows
    nothing of it: such a try is made again."""
    for _ in range(5):
        answer, log = sam.invoke(event, variables)
        if text in log:
            return answer, log
    raise AssertionError(f"{text!r} is in none of the logs; the last one: {log}")


def reported(answer, log):
    """The messages that came back; prints the log if the function gave no answer."""
    try:
        return failures(answer)
    except AssertionError:
        print(log)
        raise


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--python", required=True, help="of the SAM CLI's environment")
    arguments.add_argument("--work", required=True)
    arguments.add_argument("--binary")
    sam = Sam(arguments.parse_args())

    given = json.loads((ROOT / "events/local-aws.json").read_text(encoding="utf-8"))["Parameters"]
    # The bridge is there once there was a container.
    relay = [RELAY[0], RELAY[1] + ",ip-freebind", RELAY[2]]
    with LocalAws(port=PORT) as aws, contextlib.ExitStack() as stack:
        process = subprocess.Popen(relay)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        assert given["CODE_BUCKET"] == aws.environment()["CODE_BUCKET"]

        step("a push becomes a bundle and a build")
        answer, log = log_with('"outcome":"built"', sam, "push")
        assert reported(answer, log) == [], log
        # The container is stopped after each invocation: what the function logs then must not read as a failed start.
        assert "cannot start" not in log, log
        builds, bundles = aws.calls("StartBuild"), aws.calls("PutObject")
        assert len(builds) == len(bundles) == sam.invocations, (builds, bundles)
        for build, bundle in zip(builds, bundles):
            assert build["detail"] == "sample" and not build["error"], build
            # SAM's function has an account and a Region of its own, so that the event's are others to it.
            key = bundle["detail"].removeprefix("pushbuild-bundles/")
            assert key.startswith("sample!000000000000.eu-west-1/main/"), bundle

        step("a message that is not an event is reported")
        answer, log = sam.invoke("not-json")
        assert len(reported(answer, log)) == 1, log

        step("an excluded branch is skipped")
        answer, log = log_with('"class":"excluded"', sam, "excluded-branch")
        assert reported(answer, log) == [], log
        assert len(aws.calls("StartBuild")) == len(builds)

        step("a variable that is missing is named")
        _, log = log_with("pushbuild cannot start", sam, "push", {**given, "CODE_BUCKET": ""})
        assert "CODE_BUCKET" in log, log

        step("without events/local-aws.json the function does not start, instead of calling AWS")
        before = len(aws.calls("GetCommit"))
        log_with("AWS_ENDPOINT_URL is not set", sam, "push", {"CODE_BUCKET": given["CODE_BUCKET"]})
        assert len(aws.calls("GetCommit")) == before
    print("invoked by sam local")


if __name__ == "__main__":
    sys.exit(main())
