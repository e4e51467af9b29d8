#!/usr/bin/env bash
# prerequisites.sh [compilers] [python]: lists everything that is missing of these, all at once, and how to install it.
set -euo pipefail

python=${PYTHON:-python3}
missing=()

compilers() {
    command -v rustup >/dev/null || command -v cargo >/dev/null || missing+=("rustup: https://rustup.rs")
    command -v cc >/dev/null || missing+=("a C compiler, as cc (Debian, Ubuntu: apt-get install gcc libc6-dev; macOS: xcode-select --install)")
    command -v git >/dev/null || missing+=("git (Debian, Ubuntu: apt-get install git)")
}

python() {
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        missing+=("Python 3.11 or later, as $python (or make PYTHON=/path/to/python)")
    elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        missing+=("Python's venv (Debian, Ubuntu: apt-get install python3-venv)")
    fi
}

for what in "$@"; do
    case $what in
        compilers) compilers ;;
        python) python ;;
        *) echo "usage: prerequisites.sh [compilers] [python]" >&2 && exit 2 ;;
    esac
done
[ "${#missing[@]}" = 0 ] && exit
echo "Missing, and needed here:" >&2
printf '  %s\n' "${missing[@]}" >&2
exit 1
