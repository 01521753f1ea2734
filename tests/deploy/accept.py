#!/usr/bin/env python3
"""Finds out on your own AWS account whether pushbuild's deployed stack keeps what README promises.

    python3 -m venv accept && accept/bin/pip install boto3==1.43.106
    accept/bin/python tests/deploy/accept.py --stack-name pushbuild

It makes a CodeCommit repository of a random name and a CodeBuild project for it, pushes, looks at what CodeBuild was
given, and deletes what it made, also after Ctrl-C. It takes some minutes (a quarter of an hour, by estimate) and about
twenty small builds. The report is in Markdown; the status is 1 if a promise does not hold. docs/deploy.md#acceptance has
more; tests/deploy/rehearsal.sh runs it against a local AWS.
"""

import argparse
import sys
import time
import uuid

import boto3
import botocore.session
from botocore.config import Config

from acceptance.account import Account
from acceptance.beliefs import CodeCommitBeliefs
from acceptance.building import BuildingBeliefs
from acceptance.git import Git, signed_url
from acceptance.interruption import Interruption
from acceptance.promises import Promises
from acceptance.report import FAILURES, Report
from acceptance.resources import AWS_ERRORS, Resources

# No call hangs, and none is given up for a throttle.
CALLS = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard", "max_attempts": 8})


def parsed() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--stack-name", default="pushbuild")
    arguments.add_argument("--region")
    arguments.add_argument("--profile")
    arguments.add_argument("--repository", default=f"pushbuild-accept-{uuid.uuid4().hex[:8]}", help="its name; random if left out")
    arguments.add_argument("--files", type=int, default=3000, help="in one folder; CreateCommit takes 100 a call")
    arguments.add_argument("--patience", type=int, default=600, help="seconds to wait for each thing")
    arguments.add_argument("--quick", action="store_true", help="the first pushes alone, some five minutes")
    arguments.add_argument("--keep", action="store_true", help="delete nothing")
    arguments.add_argument("--yes", action="store_true", help="do not ask")
    arguments.add_argument("--report", default="acceptance.md")
    arguments.add_argument("--git-url", help=argparse.SUPPRESS)
    return arguments.parse_args()


def may_begin(given: argparse.Namespace, identity: str, account: Account, resources: Resources) -> bool:
    print(f"This makes, in account {identity} and Region {account.s3.meta.region_name}, and deletes again:\n"
          f"  the CodeCommit repository {account.repository}, with about {given.files} small files\n"
          f"  the CodeBuild project {account.project} and its role, as the stack {resources.stack}\n"
          f"  bundles under {account.repository}/ in {account.bucket}, builds, and messages in the stack's queues\n"
          "The stack's alarm for dead letters goes off meanwhile.")
    return given.yes or input("Go on? [y/N] ").strip().lower() in ("y", "yes")


def run(given: argparse.Namespace, account: Account, resources: Resources, git: Git, report: Report) -> None:
    resources.make()
    promises = Promises(account, given.files)
    for name, step in promises.first(given.quick):
        report.promise(name, step)
    if not given.quick:
        for belief in [*CodeCommitBeliefs(account, promises, git).all(),
                       *BuildingBeliefs(account, resources, promises, git).all()]:
            report.belief(belief)
    for name, step in promises.last(given.quick):
        report.promise(name, step)


def main() -> int:
    given = parsed()
    interruption, report, begun = Interruption(), Report(), time.monotonic()
    try:
        core = botocore.session.Session(profile=given.profile)
        core.set_default_client_config(CALLS)
        session = boto3.Session(botocore_session=core, region_name=given.region)
        account = Account(session, given.stack_name, given.repository, given.patience, interruption)
        resources = Resources(account)
        identity = session.client("sts").get_caller_identity()["Account"]
        if unfit := account.unfit():
            sys.exit(unfit)
        if not may_begin(given, identity, account, resources):
            sys.exit("nothing was made")
    except (KeyboardInterrupt, EOFError):
        sys.exit("\nnothing was made")
    except AWS_ERRORS as error:
        sys.exit(f"nothing was made: {error}")

    git = Git(lambda: given.git_url or signed_url(given.repository, session.region_name, session.get_credentials()))
    try:
        run(given, account, resources, git, report)
    except KeyboardInterrupt:
        report.stopped = "it was interrupted"
    except FAILURES as error:
        report.stopped = str(error) or repr(error)
    finally:
        interruption.ignore()
        git.close()
        print(report.stopped, end="\n" if report.stopped else "", flush=True)
        report.kept = given.keep
        report.left = [] if given.keep else resources.unmake()
        about = (f"Stack `{given.stack_name}` in account {identity}, Region {session.region_name}, "
                 f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {time.monotonic() - begun:.0f} s.")
        with open(given.report, "w", encoding="utf-8") as file:
            file.write(report.markdown(about))
        print(f"the report is in {given.report}", flush=True)
    return 0 if report.is_good() else 1


if __name__ == "__main__":
    sys.exit(main())
