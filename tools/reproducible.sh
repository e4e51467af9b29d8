#!/usr/bin/env bash
# Builds the last commit twice, from scratch, in two folders of different depth, and compares every byte: the binaries and
# the zips of both architectures. Only the crates' sources and the toolchain are shared.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
folders=("$scratch/one" "$scratch/some/other/folder")
architectures=(arm64 x86_64)

built() {
    echo "$1/target/lambda/$2/bootstrap"
}

zip_of() {
    PYTHONPATH="$root/tools" python3 -c '
import pathlib, sys, function_zip
sys.stdout.buffer.write(function_zip.function_zip(pathlib.Path(sys.argv[1]).read_bytes()))' "$1"
}

echo "Building $(git -C "$root" rev-parse --short=12 HEAD) twice for both architectures, in $scratch"
for folder in "${folders[@]}"; do
    git clone --quiet --no-hardlinks "$root" "$folder"
    for architecture in "${architectures[@]}"; do
        # The linker's caches, too, are new each time.
        ZIG_GLOBAL_CACHE_DIR="$folder/.zig" ZIG_LOCAL_CACHE_DIR="$folder/.zig" CARGO_ZIGBUILD_CACHE_DIR="$folder/.zig" \
            make -C "$folder" build ARCH="$architecture"
    done
done

differ=0
for architecture in "${architectures[@]}"; do
    for folder in "${folders[@]}"; do
        zip_of "$(built "$folder" "$architecture")" >"$folder/$architecture.zip"
        sha256sum "$(built "$folder" "$architecture")" "$folder/$architecture.zip"
    done
    cmp "$(built "${folders[0]}" "$architecture")" "$(built "${folders[1]}" "$architecture")" || differ=1
    cmp "${folders[0]}/$architecture.zip" "${folders[1]}/$architecture.zip" || differ=1
done
if [ "$differ" = 1 ]; then
    echo "Not reproducible. Both builds are left in $scratch." >&2
    exit 1
fi
rm -rf "$scratch"
echo "Reproducible: the same bytes from both folders, for both architectures."
