"""CodeBuild: builds run. A bundle is fetched by its version and unpacked with unzip, a CodeCommit source is checked out;
then the commands of its buildspec run in bash, and the exported variables are kept. Projects are the local AWS's."""

import io
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from botocore.exceptions import ClientError

from .refused import Refused

if TYPE_CHECKING:
    from .server import CodeStandIn

Given = dict[str, Any]
Build = dict[str, Any]
SECONDS = 60  # for a build
# The SDK takes no answer without it.
ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "local", "computeType": "BUILD_GENERAL1_SMALL"}
FAILURES = (subprocess.SubprocessError, ClientError, OSError, KeyError, zipfile.BadZipFile)


class Builds:
    """`spoils`: `byte` changes a byte of a bundle, `mode` takes an executable bit, `build` starts a second build."""

    def __init__(self, stand_in: "CodeStandIn", spoils: Mapping[str, str]):
        self.stand_in, self.spoils = stand_in, spoils
        self.builds: dict[str, Build] = {}
        self.tokens: dict[str, tuple[Given, str]] = {}  # requests and builds
        self.limits: dict[str, int] = {}
        self.lock = threading.RLock()

    def require_project(self, name: str) -> None:
        if not self.stand_in.client("codebuild").batch_get_projects(names=[name])["projects"]:
            raise Refused("ResourceNotFoundException", f"Project cannot be found: {name}")

    def on_StartBuild(self, given: Given) -> Given:  # noqa: N802
        name, token = given["projectName"], given.pop("idempotencyToken", None)
        self.require_project(name)
        with self.lock:
            if token in self.tokens:
                earlier, started = self.tokens[token]
                if earlier != given:
                    raise Refused("InvalidInputException", "parameter mismatch")
                return {"build": self.builds[started]}
            running = [one for one in self.builds.values() if one["projectName"] == name and not one["buildComplete"]]
            if len(running) >= self.limits.get(name, 60):
                raise Refused("AccountLimitExceededException", f"Cannot have more than {self.limits[name]} builds in queue")
            too_many = self.spoils.get(name) == "build" and "environmentVariablesOverride" in given
            builds = [self.new_build(given) for _ in range(2 if too_many else 1)]
            if token:
                self.tokens[token] = given, builds[0]["id"]
        for build in builds:
            threading.Thread(target=self.run, args=(build, given), daemon=True).start()
        return {"build": builds[0]}

    def new_build(self, given: Given) -> Build:
        build = {
            "id": f"{given['projectName']}:{uuid.uuid4()}", "projectName": given["projectName"], "startTime": time.time(),
            "buildStatus": "IN_PROGRESS", "buildComplete": False, "currentPhase": "BUILD",
            "source": {"type": given.get("sourceTypeOverride", "CODECOMMIT"), "location": given.get("sourceLocationOverride", "")},
            "sourceVersion": given.get("sourceVersion", ""),
            "environment": {**ENVIRONMENT, "environmentVariables": given.get("environmentVariablesOverride", [])},
            "logs": {"groupName": f"/aws/codebuild/{given['projectName']}"},
        }
        self.builds[build["id"]] = build
        return build

    def on_ListBuildsForProject(self, given: Given) -> Given:  # noqa: N802
        if "sortOrder" in given and "nextToken" in given:
            raise Refused("InvalidInputException", "Sort order can't be specified when passing a nextToken")
        self.require_project(given["projectName"])
        with self.lock:
            ids = [id for id, build in self.builds.items() if build["projectName"] == given["projectName"]]
        return {"ids": ids[::-1]}

    def on_BatchGetBuilds(self, given: Given) -> Given:  # noqa: N802
        with self.lock:
            return {"builds": [self.builds[id] for id in given["ids"] if id in self.builds], "buildsNotFound": []}

    def on_UpdateProject(self, given: Given) -> Given:  # noqa: N802
        limit = given["concurrentBuildLimit"]
        self.limits[given["name"]] = 60 if limit == -1 else limit
        return {"project": {"name": given["name"]}}

    def on_StopBuild(self, given: Given) -> Given:  # noqa: N802
        build = self.builds[given["id"]]
        build.update(buildStatus="STOPPED", buildComplete=True)
        return {"build": build}

    def on_BatchDeleteBuilds(self, given: Given) -> Given:  # noqa: N802
        with self.lock:
            return {"buildsDeleted": [id for id in given["ids"] if self.builds.pop(id, None)]}

    def run(self, build: Build, given: Given) -> None:
        if "sourceTypeOverride" not in given:
            return  # accept.py only wants one that is not over yet
        try:
            with tempfile.TemporaryDirectory() as folder:
                build["exportedEnvironmentVariables"] = self.commands(Path(folder), build, given)
            build["buildStatus"] = "SUCCEEDED"
        except FAILURES as error:
            build["buildStatus"] = "FAILED"
            print(f"build failed: {error} {getattr(error, 'stderr', '')}", flush=True)
        build["buildComplete"] = True

    def commands(self, folder: Path, build: Build, given: Given) -> list[dict[str, str]]:
        """Runs what the buildspec says; the exported variables."""
        source = folder / "src"
        source.mkdir()
        if build["source"]["type"] == "S3":
            bucket, _, key = build["source"]["location"].partition("/")
            body = self.stand_in.client("s3").get_object(Bucket=bucket, Key=key, VersionId=build["sourceVersion"])["Body"]
            bundle = folder / "bundle.zip"
            bundle.write_bytes(spoiled(body.read(), self.spoils.get(build["projectName"])))
            subprocess.run(["unzip", "-q", bundle, "-d", source], check=True, capture_output=True, timeout=SECONDS)
        else:
            self.check_out(source, build)
        spec = yaml.safe_load(given.get("buildspecOverride") or (source / "buildspec.yml").read_text())
        exported = spec.get("env", {}).get("exported-variables", [])
        lines = ["set -e", *(line for phase in spec["phases"].values() for line in phase["commands"])]
        lines += [f'printf "%s\\0" "${name}" >>"{folder}/exported"' for name in exported]
        variables = {one["name"]: one["value"] for one in given.get("environmentVariablesOverride", [])}
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "CODEBUILD_SRC_DIR": str(source)}
        subprocess.run(
            ["bash", "-c", "\n".join(lines)], cwd=source, env={**environment, **variables}, check=True, capture_output=True,
            timeout=SECONDS,
        )
        values = (folder / "exported").read_text().split("\0") if exported else []
        return [{"name": name, "value": value} for name, value in zip(exported, values)]

    def check_out(self, source: Path, build: Build) -> None:
        commits = self.stand_in.commits
        repository = build["source"]["location"].rsplit("/", 1)[-1] or build["projectName"]
        _, commit = build["sourceVersion"].removesuffix("}").split("^{")  # refs/heads/x^{commit}
        for command in (["clone", "--quiet", "--no-checkout", commits.folder / repository, source],
                        ["-C", source, "checkout", "--quiet", commit]):
            subprocess.run(["git", *command], check=True, capture_output=True, timeout=SECONDS)
        shutil.rmtree(source / ".git")


def spoiled(bundle: bytes, how: str | None) -> bytes:
    """The bundle with one byte of `text.txt` changed, or without the executable bits of `run`; else as it is."""
    if how not in ("byte", "mode"):
        return bundle
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle)) as before, zipfile.ZipFile(held, "w") as after:
        for entry in before.infolist():
            content = before.read(entry)
            if how == "byte" and entry.filename == "text.txt":
                content = bytes([content[0] ^ 1]) + content[1:]
            if how == "mode" and entry.filename == "run":
                entry.external_attr &= ~(0o111 << 16)
            after.writestr(entry, content)
    return held.getvalue()
