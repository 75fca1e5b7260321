#!/usr/bin/env bash
# Chromium for the tests in a browser. Where it cannot be installed those tests are skipped and counted.
set -euo pipefail
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing chromium"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk; } >/dev/null && exit 0
fi
echo "no chromium: tests in a browser will be skipped"
