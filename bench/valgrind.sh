#!/usr/bin/env bash
# Prints where valgrind is. Where it is not installed, Debian's package is unpacked into .local, which needs no root; where that
# fails, too, nothing is printed, and the benchmark says what it leaves out.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

command -v valgrind && exit
folder=$PWD/.local/valgrind
[ -x "$folder/run" ] && echo "$folder/run" && exit
(
    set -e
    mkdir -p "$folder"
    cd "$folder"
    apt-get download valgrind
    dpkg -x valgrind_*.deb .
    rm valgrind_*.deb
    tools=$(dirname "$(find "$folder/usr" -name 'callgrind-*-linux' | head -n 1)")
    printf '#!/bin/sh\nVALGRIND_LIB=%q exec %q "$@"\n' "$tools" "$folder/usr/bin/valgrind" >run
    chmod +x run
    ./run --version
) >&2 || exit 0
echo "$folder/run"
