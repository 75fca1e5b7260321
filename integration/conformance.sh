#!/usr/bin/env bash
# Compares the built binary with recorded corpora: `conformance.sh [CORPUS]`.
# A folder like helm-corpus may be named; otherwise everything in OSC_SHARED (../shared) is compared.
set -uo pipefail
cd "$(dirname "$0")/.."
shared=${OSC_SHARED:-../shared}
osc=$PWD/target/release/osc
[ -d "${1:-$shared}" ] || { echo "no corpus at ${1:-$shared}: set OSC_SHARED"; exit 0; }
python3 -c 'import yaml' 2>/dev/null || pip install --quiet pyyaml
code=0

echo "== charts rendered by the component"
python3 "$shared/tools/helm_conformance.py" "${1:-$shared/helm-corpus}" --command "$osc package render" || code=1
[ $# -eq 0 ] || exit $code

echo "== the embedded cluster, beside recorded answers of kube-apiserver"
data=$(mktemp -d)
"$osc" sandbox-cluster --data-dir "$data" --fresh >"$data/log" 2>&1 &
cluster=$!
trap 'kill $cluster 2>/dev/null; rm -rf "$data"' EXIT
for _ in $(seq 100); do [ -s "$data/sandbox/kubeconfig" ] && break; sleep 0.1; done
oracle() { python3 "$shared/tools/k8s_oracle.py" "$@" || code=1; }
oracle replay --controllers --kubeconfig "$data/sandbox/kubeconfig" "$shared/k8s-oracle"
oracle scenario --kubeconfig "$data/sandbox/kubeconfig" "$shared/k8s-oracle"
command -v "${KUBECTL:-kubectl}" >/dev/null && oracle kubectl --kubeconfig "$data/sandbox/kubeconfig" "$shared/k8s-oracle/kubectl"
HELM=${HELM:-${OSC_REALKUBE:-}/helm}
export HELM
[ -x "$HELM" ] && oracle helm --kubeconfig "$data/sandbox/kubeconfig" "$shared/k8s-oracle/helm"
exit $code
