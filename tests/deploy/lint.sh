#!/usr/bin/env bash
# Lints both templates, as they are written and as CloudFormation gets them, and the Python here.
#
#     tests/deploy/lint.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/deploy/tools.sh
tool sam; tool ministack; tool checkov; tool ruff

echo "== the Python"
"$tools/ruff/bin/ruff" check --quiet --no-cache tests tools docs

echo "== as written"
for template in template.yaml source-account.yaml; do
  "$tools/sam/bin/sam" validate --template "$template"
  "$tools/sam/bin/cfn-lint" "$template"
done

"$tools/sam/bin/cfn-lint" docs/build-project.yaml

echo "== as released"
released=$(mktemp --suffix=.yaml)
python3 -B tools/release.py --template "$released"
"$tools/sam/bin/cfn-lint" "$released"
rm "$released"

echo "== as deployed"
translated=$(mktemp -d)
trap 'rm -rf "$translated"' EXIT
for template in template.yaml source-account.yaml; do
  "$tools/ministack/bin/python" tests/deploy/translate.py "$template" >"$translated/$template.json"
done
"$tools/sam/bin/cfn-lint" -- "$translated"/*.json

echo "== with every value filled in: with the defaults, and with all that can be asked for"
key=arn:aws:kms:eu-central-1:111122223333:key/some
fill() { "$tools/ministack/bin/python" tests/deploy/policies.py "${@:2}" >"$translated/$1.json"; }
rm "$translated"/*
fill plain template.yaml Repositories=one,two.and-more
fill all template.yaml 'Repositories=*' BucketKeyArn=$key RepositoryKeyArns=$key OrganizationId=o-1234567890 \
  'ReaderRoleArn=arn:aws:iam::{account}:role/pushbuild-reader' ReaderExternalId=external PermissionsBoundary=boundary \
  SubnetIds=subnet-1 SecurityGroupIds=sg-1
fill source source-account.yaml Repositories=one,two.and-more RepositoryKeyArns=$key EventBusArn=bus FunctionRoleArn=role
"$tools/checkov/bin/checkov" --config-file tests/deploy/checkov.yaml --directory "$translated"

echo "== what no linter knows"
python3 -B docs/pictures/draw.py --check
"$tools/ministack/bin/python" -m unittest discover --start-directory tests/deploy --pattern 'test_*.py'
