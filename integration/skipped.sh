#!/usr/bin/env bash
# Prints how many tests were skipped and why, from the lines `WHAT: WHY` that they left.
set -euo pipefail
log=${OSC_SKIP_LOG:?names the file with one line for each skipped test}
if [ ! -s "$log" ]; then
    echo "nothing was skipped"
    exit 0
fi
echo "skipped: $(wc -l <"$log")"
sort "$log" | uniq -c
