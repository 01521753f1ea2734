#!/usr/bin/env bash
# Lints both templates, as they are written and as CloudFormation gets them.
#
#     tests/deploy/lint.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/deploy/tools.sh
tool sam; tool ministack; tool checkov

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
translate() { "$tools/ministack/bin/python" tests/deploy/translate.py "${@:2}" >"$translated/$1.json"; }
reader='arn:aws:iam::{account}:role/pushbuild-reader'
translate plain template.yaml Repositories=one,two.and-more
key=arn:aws:kms:eu-central-1:111122223333:key/some
translate accounts template.yaml Repositories=one,two.and-more BucketKeyArn=$key RepositoryKeyArns=$key \
  SourceAccounts=222233334444,333344445555 "ReaderRoleArn=$reader" ReaderExternalId=external
translate source source-account.yaml Repositories=one,two.and-more RepositoryKeyArns=$key
# W1020, W7001: what the expansion has filled in, it leaves standing as a substitution of nothing and an unused mapping.
"$tools/sam/bin/cfn-lint" --ignore-checks W1020 W7001 -- "$translated"/*.json
"$tools/checkov/bin/checkov" --config-file tests/deploy/checkov.yaml --directory "$translated"

echo "== what no linter knows"
"$tools/ministack/bin/python" -m unittest discover --start-directory tests/deploy --pattern 'test_*.py'
