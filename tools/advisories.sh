#!/usr/bin/env bash
# Checks the dependencies against the RustSec advisories. If their database can't be reached, the check is reported as skipped,
# which is not a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

database=https://github.com/RustSec/advisory-db
if timeout 30 git ls-remote --exit-code "$database" HEAD >/dev/null 2>&1; then
    .venv/tools/bin/cargo-deny --locked check --hide-inclusion-graph advisories
else
    tools/skipped.sh "security advisories of the crates" "a connection to $database"
fi
