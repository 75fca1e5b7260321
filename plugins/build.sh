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
# It says so for every crate, which is no news; whatever else it says passes, with the status of the build.
[ -t 2 ] && color=always || color=never
{ env -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET RUSTFLAGS="$flags" \
  "$cargo" build --quiet --color "$color" --target wasm32-wasip2 --profile plugin "${packages[@]}" 2>&1 >&3 |
  awk 'BEGIN { RS = ""; ORS = "\n\n" } !/unstable feature specified for .*wide-arithmetic/' >&2; } 3>&1
"$cargo" run --quiet -p osc-plugin-api --example pack-plugin -- "$target" "${folders[@]}"
