#!/usr/bin/env bash
# skipped.sh WHAT NEED: says that a step leaves something out, and what it would need. "make test" names the file SKIPPED, and
# ends with everything in it.
set -euo pipefail

line="$1: needs $2"
printf '\n!!! SKIPPED: %s\n\n' "$line" >&2
[ -z "${SKIPPED:-}" ] || printf '%s\n' "$line" >>"$SKIPPED"
