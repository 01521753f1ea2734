#!/usr/bin/env python3
"""Makes what a release consists of, under target/release-files/. `just release` runs it, with cargo-lambda on the PATH.

- pushbuild-x86_64.zip, and pushbuild-arm64.zip where this machine has that Rust target: the function, as Lambda takes it
- pushbuild.yaml: template.yaml, but the function's code comes from a bucket, so that it needs no SAM CLI and no Rust
- source-account.yaml, as it is
- SHA256SUMS, and NOTES.md: the version's section of CHANGELOG.md

    tools/release.py                      all of it
    tools/release.py --template FILE      writes pushbuild.yaml to FILE and ends
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "target/release-files"
RUST_TARGETS = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}

CODE = """\
  CodeBucket:
    Type: String
    Description: Bucket in this Region that holds the function's zip.
  CodeKey:
    Type: String
    Default: pushbuild-x86_64.zip
    Description: The zip's key. Lambda loads it anew where this changes, so give each version a key of its own.
  Architecture:
    Type: String
    Default: x86_64
    AllowedValues: [x86_64, arm64]
    Description: What the zip was built for.
"""


def packaged(template):
    """The template with its code in a bucket."""
    def replace(pattern, by, text):
        replaced, count = re.subn(pattern, by, text, flags=re.M)
        assert count, f"template.yaml has nothing like {pattern}"
        return replaced

    text = replace(r"^(\s+)CodeUri: \.$", r"\1CodeUri: {Bucket: !Ref CodeBucket, Key: !Ref CodeKey}", template)
    # What `sam build` would build, and why the architecture is not a parameter there.
    text = replace(r"^ {4}Metadata: \{BuildMethod.*\n", "", text)
    text = replace(r"(?:^ *#.*\n)*^(\s+)Architectures: \[x86_64\]$", r"\1Architectures: [!Ref Architecture]", text)
    return replace(r"^Parameters:\n", f"Parameters:\n{CODE}", text)


def version():
    """The workspace's version."""
    found = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.M)
    return found[1]


def notes(changelog, of):
    """The changelog's section of this version."""
    found = re.search(rf"^## {re.escape(of)}\b.*\n((?:(?!## ).*\n?)*)", changelog, re.M)
    if not found:
        sys.exit(f"CHANGELOG.md has no section `## {of}`: rename `## Unreleased` first")
    return found[1].strip()


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def build(architecture):
    """The zip of the function, or why there is none."""
    target = RUST_TARGETS[architecture]
    if not (Path(run("rustc", "--print", "sysroot")) / "lib/rustlib" / target / "lib").is_dir():
        return None, f"this machine's Rust has no target {target} (`rustup target add {target}`)"
    flags = ["--arm64"] if architecture == "arm64" else []
    command = ["cargo", "lambda", "build", "--release", "--locked", "--package", "pushbuild", "--output-format", "zip", *flags]
    subprocess.run(command, cwd=ROOT, check=True)
    path = OUTPUT / f"pushbuild-{architecture}.zip"
    shutil.copy(ROOT / "target/lambda/pushbuild/bootstrap.zip", path)
    return path, None


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--template", type=Path)
    given = arguments.parse_args()
    template = packaged((ROOT / "template.yaml").read_text(encoding="utf-8"))
    if given.template:
        given.template.write_text(template, encoding="utf-8")
        return

    text = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version())
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    for architecture in RUST_TARGETS:
        path, why_not = build(architecture)
        if why_not:
            print(f"pushbuild-{architecture}.zip is left out: {why_not}")
            text += f"\n\nWithout pushbuild-{architecture}.zip: it was built on a machine that cannot make it."
        else:
            print(f"{path.name}: {path.stat().st_size:,} bytes")
    (OUTPUT / "pushbuild.yaml").write_text(template, encoding="utf-8")
    shutil.copy(ROOT / "source-account.yaml", OUTPUT)
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(OUTPUT.iterdir())]
    (OUTPUT / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    (OUTPUT / "NOTES.md").write_text(f"# pushbuild {version()}\n\n{text}\n", encoding="utf-8")
    print(f"in {OUTPUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
