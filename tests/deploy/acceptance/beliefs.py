"""What AWS documents nowhere, and the design believes: `Belief.otherwise` says what happens where it is not so. About
CodeCommit here, about CodeBuild and delivery in `building.py`."""

from typing import Any

from botocore.exceptions import ClientError

from .account import Account, Pushed, exported
from .content import LARGEST
from .git import Git
from .promises import Promises
from .report import AS_BELIEVED, NOT_FOUND_OUT, OTHERWISE, Belief

Finding = tuple[str, str]
LINKS = {"link", "folder/link", "dangling"}
DEEPER = 25  # folders; CodeCommit's limits name 20


def finding(as_believed: bool, note: str) -> Finding:
    return AS_BELIEVED if as_believed else OTHERWISE, note


class CodeCommitBeliefs:
    def __init__(self, account: Account, promises: Promises, git: Git):
        self.account, self.promises, self.git = account, promises, git
        self.at_first = {"repositoryName": account.repository, "commitSpecifier": promises.first_push.commit}

    def all(self) -> list[Belief]:
        return [
            Belief("CreateCommit takes every name that Git takes, links, and a file of 6,291,456 bytes",
                   "Only this test makes commits so; what was refused is not tested.", self.taken),
            Belief("GetFolder lists a folder of thousands of entries in one answer",
                   "Such a commit is built from CodeCommit, because its folder does not hash to its tree id.", self.one_answer),
            Belief("GetFolder's symbolicLinks have relativePath, and fileMode 120000 or SYMLINK",
                   "A link without relativePath does not make its folder's tree id: built from CodeCommit.", self.link_fields),
            Belief("absolutePath of a link is its own path", "Nothing: paths are made of relativePath.", self.link_path),
            Belief("GetFile of a link hands out its target's name",
                   "Nothing: links are fetched with GetBlob.", self.file_of_link),
            Belief("GetBlob hands out 6,291,456 bytes",
                   "A file of this size is built from CodeCommit.", self.largest_blob),
            Belief("GetBlob refuses a larger file with FileTooLargeException, and its commit is built from CodeCommit",
                   "Another refusal is retried, and the push ends as a dead letter.", self.larger),
            Belief("GetDifferences lists 100 changes on a page",
                   "With fewer, more pushes cost GetFolder calls; with more, fewer do.", self.page),
            Belief("GetDifferences refuses MaxResults over 100",
                   "A larger page could be asked for.", self.max_results),
            Belief("GetDifferences lists in the order of paths", "Nothing: the order is not relied on.", self.order),
            Belief("GetDifferences lists links", "A push that changes links costs GetFolder calls.", self.listed_links),
            Belief("GetDifferences and GetFolder list submodules",
                   "Such a commit costs GetFolder calls, or is built from CodeCommit.", self.submodule),
            Belief(f"A file {DEEPER} folders deep can be pushed and is built",
                   "The limit of 20 folders holds for Git, too, or such a commit is built from CodeCommit.", self.deep),
            Belief("CodeCommit's throttling comes as HTTP 400 with XML or JSON, from some hundred calls a second",
                   "", self.throttling),
            Belief("Git's endpoint speaks protocol 0 with shallow and allow-reachable-sha1-in-want, and knows no filter",
                   "Nothing: pushbuild does not use it.", self.endpoint),
        ]

    def taken(self) -> Finding:
        refused = [f"`{path}` ({why})" for path, why in self.promises.refused.items()]
        return finding(not refused, f"refused: {', '.join(refused)}" if refused else "all were taken")

    def folder(self, path: str) -> Any:
        return self.account.codecommit.get_folder(**self.at_first, folderPath=path)

    def one_answer(self) -> Finding:
        listed = len(self.folder("many")["files"])
        return finding(listed == self.promises.files, f"{listed} of {self.promises.files}")

    def link_fields(self) -> Finding:
        links = self.folder("")["symbolicLinks"]
        fits = [link for link in links if link.get("relativePath") and link.get("fileMode") in ("120000", "SYMLINK")]
        return finding(len(links) == len(fits) == 2, f"`{links[0] if links else 'no link is listed'}`")

    def link_path(self) -> Finding:
        links = self.folder("folder")["symbolicLinks"]
        paths = [link.get("absolutePath") for link in links]
        return finding(paths == ["folder/link"], f"`{paths}`")

    def file_of_link(self) -> Finding:
        answer = self.account.codecommit.get_file(**self.at_first, filePath="link")
        return finding(answer["fileContent"] == b"run", f"{len(answer['fileContent'])} bytes, mode {answer['fileMode']}")

    def largest_blob(self) -> Finding:
        account = self.account
        file = account.codecommit.get_file(**self.at_first, filePath="limit")
        blob = account.codecommit.get_blob(repositoryName=account.repository, blobId=file["blobId"])
        return finding(len(blob["content"]) == LARGEST, f"{len(blob['content']):,} bytes")

    def built_by_git(self, commit: str, tree: str, name: str) -> Any:
        """Pushes the work tree's commit to a branch; its build."""
        account = self.account
        with account.interruption.deferred():
            self.git.push(f"refs/heads/{name}")
            account.trees[commit] = tree
            account.note(commit, f"refs/heads/{name}")
        return account.built(Pushed(commit, f"refs/heads/{name}"))

    def larger(self) -> Finding:
        account = self.account
        if account.parameters["Unbundlable"] != "codecommit":
            return NOT_FOUND_OUT, "the stack rejects such commits (Unbundlable)"
        commit, tree, blob = self.git.larger(LARGEST + 1)
        build = self.built_by_git(commit, tree, "larger")
        try:
            account.codecommit.get_blob(repositoryName=account.repository, blobId=blob)
            code = "handed out"
        except ClientError as error:
            code = error.response["Error"]["Code"]
        source = build["source"]["type"]
        return finding((code, source) == ("FileTooLargeException", "CODECOMMIT"), f"{code}; built from {source}")

    def differences(self, commit: str, **more: Any) -> Any:
        return self.account.codecommit.get_differences(
            repositoryName=self.account.repository, afterCommitSpecifier=commit, **more
        )

    def page(self) -> Finding:
        answer = self.differences(self.promises.first_push.commit)
        listed = len(answer["differences"])
        if listed < 100 and not answer.get("NextToken"):
            return NOT_FOUND_OUT, f"there are only {listed} changes"
        return finding(listed == 100, f"{listed} on the first page")

    def max_results(self) -> Finding:
        try:
            answer = self.differences(self.promises.first_push.commit, MaxResults=101)
        except ClientError as error:
            return finding(error.response["Error"]["Code"] == "InvalidMaxResultsException", str(error))
        return finding(False, f"MaxResults=101 lists {len(answer['differences'])}")

    def order(self) -> Finding:
        listed = self.differences(self.promises.first_push.commit)["differences"]
        paths = [one["afterBlob"]["path"] for one in listed]
        return finding(paths == sorted(paths, key=str.encode), f"from `{paths[0]}` to `{paths[-1]}`")

    def listed_links(self) -> Finding:
        listed: set[str] = set()
        token = None
        while LINKS - listed:
            answer = self.differences(self.promises.first_push.commit, **({"NextToken": token} if token else {}))
            blobs = [one.get("afterBlob", {}) for one in answer["differences"]]
            listed |= {blob["path"] for blob in blobs if blob.get("mode") == "120000"}
            token = answer.get("NextToken")
            if not token:
                break
        return finding(listed == LINKS, f"{len(listed)} of {len(LINKS)}")

    def submodule(self) -> Finding:
        account = self.account
        commit, tree, linked = self.git.submodule()
        build = self.built_by_git(commit, tree, "submodule")
        folder = account.codecommit.get_folder(
            repositoryName=account.repository, commitSpecifier=commit, folderPath=""
        ).get("subModules", [])
        answer = self.differences(commit, beforeCommitSpecifier=self.promises.head)
        modes = {one.get("afterBlob", {}).get("mode") for one in answer["differences"]}
        fits = [one["commitId"] for one in folder] == [linked] and modes == {"160000"}
        return finding(fits, f"GetFolder `{folder}`, GetDifferences modes {modes}; built from {build['source']['type']}")

    def deep(self) -> Finding:
        commit, tree = self.git.deep(DEEPER)
        try:
            build = self.built_by_git(commit, tree, "deep")
        except AssertionError as error:
            return finding(False, str(error))
        found = exported(build, "ACCEPT_TREE")
        return finding(found == tree and build["source"]["type"] == "S3", f"built from {build['source']['type']}")

    def throttling(self) -> Finding:
        throttled = [line for line in self.account.lines(self.account.repository) if line.get("throttled")]
        if throttled:
            calls, refused = throttled[0]["calls"], throttled[0]["throttled"]
            return NOT_FOUND_OUT, f"a push of this test had {refused} of {calls} calls throttled, and was built"
        return NOT_FOUND_OUT, "no call was throttled; provoking it would slow down everybody in the account"

    def endpoint(self) -> Finding:
        known = self.git.capabilities()
        names = {word.split("=")[0] for word in known}
        fits = {"shallow", "allow-reachable-sha1-in-want"} <= names and not names & {"version 2", "filter"}
        return finding(fits, f"`{' '.join(sorted(known))}`")
