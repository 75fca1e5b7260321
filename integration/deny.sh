#!/usr/bin/env bash
# Licences, sources and duplicates of dependencies. Installs cargo-deny once beside the build's output.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(command -v cargo-deny || echo target/tools/bin/cargo-deny)
[ -x "$tool" ] || cargo install --quiet --locked --root target/tools cargo-deny
"$tool" --log-level error check bans licenses sources
