#!/bin/sh
# Builds a repository for the benchmarks: text of a size and shape that source code has, and
# three small pushes at the end. The same arguments make the same commits on every machine.
#   repository.sh FOLDER FILES      makes FOLDER, which must not exist yet
set -eu

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null LC_ALL=C
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_DEFAULT_HASH

git init --quiet --bare --initial-branch=main "$1"
awk -v files="$2" '
function random() { state = (state * 16807) % 2147483647; return state }
function content(seed,   text, words, i) {
    state = seed * 7919 + 1
    words = 60 + random() % 900
    text = ""
    for (i = 0; i < words; i++)
        text = text word[random() % 400] ((i % 9) == 8 ? "\n" : " ")
    return text "\n"
}
function begin(n) {
    printf "commit refs/heads/main\ncommitter M <m@example.com> %d +0000\ndata 0\n", 1560335000 + n
}
function put(number, seed,   text) {
    text = content(seed)
    printf "M 100644 inline src/%d/%d/%d.txt\ndata %d\n%s\n", number % 20, int(number / 20) % 25, number, length(text), text
}
BEGIN {
    state = 42
    for (i = 0; i < 400; i++) {
        word[i] = ""
        for (j = 2 + random() % 8; j > 0; j--) word[i] = word[i] sprintf("%c", 97 + random() % 26)
    }
    begin(0)
    for (n = 0; n < files; n++) put(n, n)
    for (push = 1; push <= 3; push++) {
        begin(push)
        for (n = 0; n < 3; n++) put(n * 7 + push, files + push * 10 + n)
    }
}' /dev/null | git -C "$1" fast-import --quiet
