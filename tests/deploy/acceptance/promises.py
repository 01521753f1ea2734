"""What README promises, one step each. A step that does not hold raises AssertionError."""

import time
import uuid
from collections import Counter
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from .account import Account, Pushed, exported, variables
from .content import Files, changed_files, doubtful_files, first_files, many_files

Step = tuple[str, Callable[[], str]]


class Promises:
    """The steps in order; each may use what the ones before it left."""

    def __init__(self, account: Account, files: int):
        self.account, self.files = account, files
        self.scratch: list[str] = []  # commits on the excluded branch
        self.refused: dict[str, str] = {}  # files that CreateCommit refused: path and why

    def first(self, quick: bool) -> list[Step]:
        steps = [
            ("The bundle is exactly the commit: Git inside CodeBuild finds the commit's tree", self.exact),
            ("An excluded branch gets no build", self.excluded),
            ("A second push costs what it changed", self.second),
            ("A branch with a slash keeps its name", self.slash),
        ]
        if not quick:
            steps += [
                ("A failing branch does not hold up another one", self.beside_a_failure),
                ("A deleted branch gets no build and is no failure", self.deletion),
                ("A poison message goes to the dead-letter queue, and again after a redrive", self.poison),
            ]
        return steps

    def last(self, quick: bool) -> list[Step]:
        """What takes long, or looks back."""
        waiting = [
            ("A push that comes twice is built once", self.twice),
            ("A push that keeps failing goes to the dead-letter queue, with a reason in the log", self.failing_ends),
        ]
        return [*([] if quick else waiting),
                ("Every build got exactly its commit", self.all_exact),
                ("There is one build for each push, and no other", self.counted)]

    def exact(self) -> str:
        account = self.account
        self.grow(first_files())
        self.grow(doubtful_files())
        for files in many_files(self.files):
            self.grow(files)
        self.first_push = Pushed(self.scratch[-1], "refs/heads/main")
        self.pushed_at = time.time()
        account.branch("main", self.first_push.commit)
        self.first_build = account.built(self.first_push)
        found, tree = exported(self.first_build, "ACCEPT_TREE"), account.trees[self.first_push.commit]
        assert found == tree, f"{self.first_build['id']} got tree {found}, and the commit's is {tree}"
        line = account.line(self.first_push.commit, outcome="built")
        return (f"tree {tree[:10]}; {line['files']} files, {line['bytes_fetched']:,} bytes, with {line['calls']} calls in "
                f"{line['ms'] / 1000:.1f} s")

    def grow(self, files: Files) -> None:
        """Adds files on the excluded branch; where CreateCommit refuses some, one by one."""
        account = self.account

        def commit(some: Files) -> None:
            parent = self.scratch[-1] if self.scratch else None
            self.scratch.append(account.commit(account.excluded, some, parent))

        try:
            commit(files)
        except (ClientError, BotoCoreError):
            for path, file in files.items():
                try:
                    commit({path: file})
                except (ClientError, BotoCoreError) as error:
                    self.refused[path] = str(error)

    def excluded(self) -> str:
        account = self.account
        for commit in (self.scratch[0], self.scratch[-1]):
            line = account.line(commit, outcome="skipped")
            assert line["class"] == "excluded", line
        builds = [variables(build).get("REFERENCE_NAME") for build in account.builds()]
        assert f"refs/heads/{account.excluded}" not in builds, f"{account.excluded} was built"
        return f"{len(self.scratch)} pushes to `{account.excluded}`"

    def second(self) -> str:
        account, changed = self.account, changed_files()
        self.head = account.commit("main", changed, self.first_push.commit)
        account.built(Pushed(self.head, "refs/heads/main"))
        line = account.line(self.head, outcome="built")
        assert line["fetched"] <= len(changed), f"{line['fetched']} files were fetched for {len(changed)} that changed"
        return (f"{len(changed)} files changed: {line['fetched']} fetched, {line['reused']} reused, {line['calls']} calls, "
                f"{line['ms'] / 1000:.1f} s")

    def slash(self) -> str:
        account, push = self.account, Pushed(self.head, "refs/heads/feature/accept")
        account.branch(push.name, push.commit)
        build = account.built(push)
        key = f"{account.repository}/{push.name}/{push.commit}.zip"
        location = build["source"].get("location", "")
        assert location.endswith(f"/{key}"), f"the bundle is at {location}, and not at {key}"
        assert variables(build)["BRANCH_NAME"] == push.name, variables(build)
        return f"`{key.replace(push.commit, '…')}`"

    def beside_a_failure(self) -> str:
        """A push of a commit that does not exist fails each time."""
        account = self.account
        self.broken = Pushed(uuid.uuid4().hex + "0" * 8, "refs/heads/broken")
        with account.interruption.deferred():
            account.send(account.event(self.broken.name, self.broken.commit))
            account.under_way.add(self.broken)
        account.line(self.broken.commit, outcome="failed")
        begun = time.monotonic()
        self.push_head("beside")
        return f"built within {time.monotonic() - begun:.0f} s while `broken` fails"

    def push_head(self, name: str) -> None:
        self.account.branch(name, self.head)
        self.account.built(Pushed(self.head, f"refs/heads/{name}"))

    def deletion(self) -> str:
        """Seen once a later push of another branch has its build."""
        account = self.account
        account.codecommit.delete_branch(repositoryName=account.repository, branchName="beside")
        self.push_head("after")
        assert len(account.builds_of(Pushed(self.head, "refs/heads/beside"))) == 1, "a build was started"
        assert not [body for body in account.letters() if "referenceDeleted" in body], "it is in the dead-letter queue"
        return "a later push of another branch was built meanwhile"

    def poison(self) -> str:
        """Redriven by hand: StartMessageMoveTask would move other people's messages too."""
        account, word = self.account, str(uuid.uuid4())
        with account.interruption.deferred():
            account.send(f"poison {word} of {account.repository}")
            account.under_way.add(word)
        account.send(account.dead_letter(word))
        account.dead_letter(word)
        account.under_way.discard(word)
        return "its second end is the dead-letter queue, too"

    def twice(self) -> str:
        """The event's second message goes to the push queue, past the deduplication that would keep it from the function.
        It says that the push was a minute ago, which is when the function looks for a build."""
        account, values = self.account, variables(self.first_build)
        time.sleep(max(0.0, self.pushed_at + 61 - time.time()))
        account.send(account.event(
            self.first_push.name, self.first_push.commit, id=values["PUSH_EVENT_ID"],
            time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.pushed_at)),
        ), "PushQueueUrl")
        line = account.line(self.first_push.commit, outcome="already_built")
        assert line["build_id"] == self.first_build["id"], line
        return "the second delivery found its build"

    def failing_ends(self) -> str:
        account = self.account
        account.dead_letter(self.broken.commit, account.patience + account.seconds_of_retries())
        account.under_way.discard(self.broken)
        lines = account.lines(self.broken.commit, outcome="failed")
        assert all(line.get("error") and line.get("advice") for line in lines), lines
        return f"after {len(lines)} deliveries: “{lines[-1]['error']}”"

    def all_exact(self) -> str:
        """Of every build of a push, whatever it was pushed for."""
        account = self.account
        builds = [build for build in account.builds() if build["id"] not in account.own_builds]
        wrong = []
        for build in builds:
            found, commit = exported(build, "ACCEPT_TREE"), variables(build)["COMMIT_ID"]
            if found != account.trees.get(commit):
                wrong.append(f"{build['id']} got tree {found} for commit {commit}")
        assert not wrong, "; ".join(wrong)
        return f"{len(builds)} builds"

    def counted(self) -> str:
        """After everything else."""
        account = self.account
        builds = [variables(build) for build in account.builds() if build["id"] not in account.own_builds]
        found = Counter(Pushed(build["COMMIT_ID"], build["REFERENCE_NAME"]) for build in builds)
        wanted = Counter(account.pushed)
        wrong = [f"{found[push]} of {push.commit} on {push.name}" for push in found | wanted if found[push] != wanted[push]]
        assert not wrong, f"builds: {'; '.join(wrong)}"
        return f"{len(builds)} builds for {len(account.pushed)} pushes"
