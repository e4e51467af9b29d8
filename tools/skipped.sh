#!/usr/bin/env bash
# skipped.sh WHAT NEED: says that a step leaves something out, and what it would need. "make test" sets SKIPPED to the name of
# a file, and prints that file at its end.
set -euo pipefail

line="$1: needs $2"
printf '\n!!! SKIPPED: %s\n\n' "$line" >&2
[ -z "${SKIPPED:-}" ] || printf '%s\n' "$line" >>"$SKIPPED"
