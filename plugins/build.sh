#!/usr/bin/env bash
# Builds every plugin to target/plugins/ID.wasm, the fixtures of the tests too. Quiet when nothing is to be done.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo="${CARGO:-cargo}"
target="${CARGO_TARGET_DIR:-target}"

folders=(plugins/*/plugin.toml integration/fixtures/plugins/plugin.toml)
folders=("${folders[@]%/plugin.toml}")
packages=()
for folder in "${folders[@]}"; do
  packages+=(-p "$(sed -n 's/^name = "\(osc-plugin-[a-z0-9-]*\)"$/\1/p' "$folder/Cargo.toml")")
done

# What is meant for the machine's own code does not fit components; and where they were built is nobody's business.
flags="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$PWD=/osc"
# Wide arithmetic makes keys several times faster; the compiler calls it not stable yet, the host's engine has it.
flags+=" -C target-feature=+wide-arithmetic"
env -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET RUSTFLAGS="$flags" \
  "$cargo" build --quiet --target wasm32-wasip2 --profile plugin "${packages[@]}"
"$cargo" run --quiet -p osc-plugin-api --example pack-plugin -- "$target" "${folders[@]}"
