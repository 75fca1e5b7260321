#!/usr/bin/env bash
# Tests of the console: `web-tests.sh [all|e2e|check|size]`. Skipped and counted where Node is absent.
set -euo pipefail
cd "$(dirname "$0")/../web"
what=${1:-all}
skip() { echo "console ($1): $2" >>"${OSC_SKIP_LOG:-/dev/null}"; }
if [ ! -f package.json ]; then exit 0; fi
if ! command -v npm >/dev/null; then skip "$what" "no Node.js"; exit 0; fi
case $what in check | size) exec npm run --silent "$what" ;; esac
if [ "$what" != e2e ]; then
    npm test --silent
    npm run --silent size
fi
if command -v chromium >/dev/null; then npm run --silent e2e; else skip e2e "no chromium"; fi
