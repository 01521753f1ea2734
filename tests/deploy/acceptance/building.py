"""What is believed of CodeBuild and of delivery: `beliefs.py` says how."""

from botocore.exceptions import ClientError

from .account import Account, Pushed, exported
from .beliefs import Finding, finding
from .content import BUILDSPEC, ODD_BRANCHES, SLEEP, zipped
from .git import Git
from .promises import Promises
from .report import NOT_FOUND_OUT, OTHERWISE, Belief
from .resources import Resources

ENTRIES = 65_536  # one more than a zip without zip64 can count


class BuildingBeliefs:
    def __init__(self, account: Account, resources: Resources, promises: Promises, git: Git):
        self.account, self.resources, self.promises, self.git = account, resources, promises, git

    def all(self) -> list[Belief]:
        return [
            Belief("CodeBuild takes a bundle in zip64",
                   "Commits of more than 65,535 entries, or of 4 GiB, cannot be built.", self.zip64),
            Belief("Odd characters in a branch's name reach CodeBuild by way of S3's key",
                   "Such branches get no build.", self.odd_branches),
            Belief("A batch may hold pushes of several branches",
                   "Each branch's push is an invocation of its own, which costs more of them.", self.batches),
            Belief("StartBuild with another request's token is refused with InvalidInputException",
                   "A push that was started with other parameters before is retried, and ends as a dead letter.", self.token),
            Belief("A project at its limit refuses with AccountLimitExceededException",
                   "It is recognized by its message, if that speaks of a limit of builds.", self.limit),
            Belief("ListBuildsForProject refuses sortOrder with nextToken", "Nothing: they are never sent together.",
                   self.sort_order),
            Belief("A new role can be used at once", "A push to a project that was just made may need a second delivery.",
                   self.new_role),
            Belief("An annotated tag's event names the tag's commit",
                   "The function finds the commit that the tag points to, with a warning.", self.tag_event),
        ]

    def zip64(self) -> Finding:
        files = {f"{number // 256:03}/{number:05}": b"" for number in range(ENTRIES)}
        status = self.account.build_bundle("zip64", zipped(files), BUILDSPEC.decode())["buildStatus"]
        return finding(status == "SUCCEEDED", f"{ENTRIES:,} entries: {status}")

    def odd_branches(self) -> Finding:
        account, commit, lost = self.account, self.promises.head, []
        for name in ODD_BRANCHES:
            account.branch(name, commit)
        for name in ODD_BRANCHES:
            try:
                found = exported(account.built(Pushed(commit, f"refs/heads/{name}")), "ACCEPT_BRANCH")
            except AssertionError as error:
                lost.append(f"`{name}`: {error}")
            else:
                lost += [] if found == name else [f"`{name}`: the build got `{found}`"]
        return (OTHERWISE, "; ".join(lost)) if lost else finding(True, ", ".join(f"`{name}`" for name in ODD_BRANCHES))

    def batches(self) -> Finding:
        """Of the pushes of the row before."""
        names: dict[str, set[str]] = {}
        for line in self.account.lines(self.promises.head, outcome="built"):
            names.setdefault(line["request_id"], set()).add(line["reference"])
        largest = max(len(references) for references in names.values())
        return finding(largest > 1, f"{sum(map(len, names.values()))} pushes in {len(names)} invocations, at most {largest} in one")

    def token(self) -> Finding:
        token = f"accept-{self.account.repository}"
        self.account.start_build(idempotencyToken=token, buildspecOverride=SLEEP)
        try:
            self.account.start_build(idempotencyToken=token, buildspecOverride=SLEEP + "\n")
        except ClientError as error:
            return finding(error.response["Error"]["Code"] == "InvalidInputException", str(error))
        return finding(False, "a second build was started, or the first one returned")

    def limit(self) -> Finding:
        account = self.account
        account.codebuild.update_project(name=account.project, concurrentBuildLimit=1)
        try:
            for _ in range(2):
                account.start_build(buildspecOverride=SLEEP)
        except ClientError as error:
            return finding(error.response["Error"]["Code"] == "AccountLimitExceededException", str(error))
        finally:
            account.codebuild.update_project(name=account.project, concurrentBuildLimit=-1)
        return finding(False, "both builds were started")

    def sort_order(self) -> Finding:
        """The token is made up, so the call is refused in any case; the message tells which of the two was refused."""
        try:
            self.account.codebuild.list_builds_for_project(
                projectName=self.account.project, sortOrder="DESCENDING", nextToken="none"
            )
        except ClientError as error:
            return finding("sort" in str(error).lower(), str(error))
        return finding(False, "it answers")

    def new_role(self) -> Finding:
        probes = self.resources.probes
        return finding(probes == 1, f"build {probes} succeeded")

    def tag_event(self) -> Finding:
        account = self.account
        if "refs/tags/**" not in account.parameters["IncludeReferences"]:
            return NOT_FOUND_OUT, "the stack builds no tags (IncludeReferences)"
        with account.interruption.deferred():
            tag, commit = self.git.push_tag("accept-tag")
            account.note(commit, "refs/tags/accept-tag")
        account.built(Pushed(commit, "refs/tags/accept-tag"))
        named = account.lines(tag)
        return finding(not named, f"it names {'the tag' if named else 'its commit'}; its commit was built")
