"""What the test's repository holds, and what its builds run."""

import hashlib
import io
import zipfile

# Files by path, each a mode of CreateCommit and a content.
Files = dict[str, tuple[str, bytes]]

LARGEST = 6_291_456  # bytes of the largest file that CodeCommit's API hands out

# It unpacks nothing: what CodeBuild was given goes into a Git index as it is, whatever attributes and ignore rules say.
BUILDSPEC = b"""\
version: 0.2
env:
  exported-variables: [ACCEPT_TREE, ACCEPT_BRANCH]
phases:
  build:
    commands:
      - export GIT_DIR="$(mktemp -d)"
      - git init --quiet --bare "$GIT_DIR"
      - git config core.bare false
      - export GIT_WORK_TREE="$CODEBUILD_SRC_DIR"
      - git config core.fileMode true
      - git config core.symlinks true
      - git config core.autocrlf false
      - mkdir -p "$GIT_DIR/info"
      - echo '* -text -filter -ident -working-tree-encoding' >"$GIT_DIR/info/attributes"
      - cd "$CODEBUILD_SRC_DIR"
      - git add --all --force .
      - git ls-files --stage | cut -c 1-6 | sort | uniq -c
      - git ls-files --stage | grep -v '^100644' | head -n 50
      - export ACCEPT_TREE="$(git write-tree)" ACCEPT_BRANCH="${BRANCH_NAME-}"
"""
# A build that does nothing, and one that is not over for a while.
NOTHING = "version: 0.2\nphases:\n  build:\n    commands: ['true']\n"
SLEEP = "version: 0.2\nphases:\n  build:\n    commands: [sleep 60]\n"

ODD_NAMES = (
    "with space", "\u00fcn\u00ef", "quote'", "semi;colon", "dollar$(x)", "%41", "plus+", "#hash", "-dash", "~tilde",
    "amp&", "[a-c]", "\U0001f980",
)
ODD_BRANCHES = ("odd+plus", "odd%41", "odd#hash", "odd&amp", "odd=is", "odd,comma", "odd\u00fc", "odd$(x)")


def noise(size: int, seed: str) -> bytes:
    """Bytes that do not compress, the same each time."""
    blocks = (hashlib.sha256(f"{seed} {number}".encode()).digest() for number in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def first_files() -> Files:
    """The first commit's files, of which CodeCommit refuses none."""
    return {
        "buildspec.yml": ("NORMAL", BUILDSPEC),
        ".gitattributes": ("NORMAL", b"*.txt text eol=crlf\n"),
        ".gitignore": ("NORMAL", b"ignored\n"),
        "ignored": ("NORMAL", b"committed all the same\n"),
        "text.txt": ("NORMAL", b"a\nb\n"),
        "run": ("EXECUTABLE", b"#!/bin/sh\necho run\n"),
        "empty": ("NORMAL", b""),
        "link": ("SYMLINK", b"run"),
        "folder/link": ("SYMLINK", b"../run"),
        "dangling": ("SYMLINK", b"nowhere/at all"),
        "a/b/c/d/e/f/g/h/i/j/deep": ("NORMAL", b"deep\n"),
    }


def doubtful_files() -> Files:
    """Files that CodeCommit may refuse: odd names, and one of the largest size."""
    files = {f"odd/{name}": ("NORMAL", name.encode()) for name in ODD_NAMES}
    return files | {
        f"odd folder/{ODD_NAMES[0]}": ("EXECUTABLE", b""),
        "limit": ("NORMAL", noise(LARGEST, "limit")),
    }


def many_files(count: int) -> list[Files]:
    """One folder with many entries, in the hundreds that CreateCommit takes."""
    files = {f"many/{number:05}": ("NORMAL", b"%d\n" % number) for number in range(count)}
    items = list(files.items())
    return [dict(items[start:start + 100]) for start in range(0, len(items), 100)]


def changed_files() -> Files:
    """What a second push changes."""
    return {
        "text.txt": ("NORMAL", b"c\n"),
        "run": ("EXECUTABLE", b"#!/bin/sh\n"),
        "many/00000": ("NORMAL", b"new\n"),
    }


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip of plain files; in zip64 where there are more than 65,535."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", allowZip64=True) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()
