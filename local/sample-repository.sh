#!/bin/sh
# Builds the repository that events/ speaks of. Names and dates are fixed, so that its commits have
# the same ids on every machine.
#   sample-repository.sh FOLDER      makes FOLDER, which must not exist yet
set -eu

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=Mary GIT_AUTHOR_EMAIL=mary@example.com
export GIT_COMMITTER_NAME=Mary GIT_COMMITTER_EMAIL=mary@example.com
export LC_ALL=C TZ=UTC
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_DEFAULT_HASH

clock=1560335000
commit() {
    clock=$((clock + 60))
    git add --all
    GIT_AUTHOR_DATE="$clock +0000" GIT_COMMITTER_DATE="$clock +0000" git commit --quiet --message "$1"
}

git init --quiet --initial-branch=main "$1"
cd "$1"
git config core.autocrlf false
git config core.fileMode true

mkdir -p bin src docs
printf '#!/bin/sh\nexec cat src/greeting.txt\n' > bin/greet
chmod 755 bin/greet
printf 'Hello\n' > src/greeting.txt
printf '# Sample\n' > README.md
ln -s ../README.md docs/readme
printf 'version: 0.2\nphases:\n  build:\n    commands:\n      - bin/greet\n' > buildspec.yml
commit 'Greet'

printf 'Hello, world\n' > src/greeting.txt
commit 'Greet the world'
git tag v1.0

git checkout --quiet -b feature/politeness
printf 'Good morning, world\n' > src/greeting.txt
mkdir -p 'docs/with space'
printf 'Mind the hour.\n' > 'docs/with space/§ hours.txt'
commit 'Greet by the hour'

git checkout --quiet main
printf 'Hello, world!\n' > src/greeting.txt
commit 'Mean it'

clock=$((clock + 60))
GIT_AUTHOR_DATE="$clock +0000" GIT_COMMITTER_DATE="$clock +0000" \
    git merge --quiet --no-ff --strategy ours --message 'Merge feature/politeness' feature/politeness

git branch develop main
