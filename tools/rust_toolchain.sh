#!/usr/bin/env bash
# Installs the Rust toolchain that rust-toolchain.toml pins, unless it is installed already. In that case, it contacts no server.
set -euo pipefail
cd "$(dirname "$0")/.."

channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
read -ra targets < <(sed -n 's/^targets = \[\(.*\)\]/\1/p' rust-toolchain.toml | tr -d '",')

complete() {
    local sysroot
    sysroot=$(rustc --print sysroot 2>/dev/null) || return 1
    for target in "${targets[@]}"; do
        [ -d "$sysroot/lib/rustlib/$target/lib" ] || return 1
    done
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1
}

complete && exit 0
command -v rustup >/dev/null || { echo "Rust $channel with rustup is needed: https://rustup.rs" >&2; exit 1; }
echo "Installing Rust $channel" >&2
rustup toolchain install "$channel" --profile minimal --no-self-update
rustup component add --toolchain "$channel" clippy rustfmt
rustup target add --toolchain "$channel" "${targets[@]}"
