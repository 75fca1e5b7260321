#!/usr/bin/env bash
# Builds web/dist when a source is newer. Without Node the server shows a page that says so.
set -euo pipefail
cd "$(dirname "$0")"
if ! command -v npm >/dev/null; then
    echo "no Node.js: the console is left out of the binary"
    exit 0
fi
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --silent --no-audit --no-fund
fi
if [ ! -e dist/index.html ] || [ -n "$(find src public index.html vite.config.ts package-lock.json -newer dist/index.html -print -quit)" ]; then
    npm run --silent build -- --logLevel warn
    # Served as they are to browsers that take gzip.
    find dist/assets -type f \( -name '*.js' -o -name '*.css' \) -size +1k -exec gzip -9 -k -n {} +
    touch dist/index.html
fi
