#!/bin/sh
# Builds the programs that end-to-end tests compare with: `realkube` (a real Kubernetes control plane in one static
# program) and the real `helm`. Does nothing when the sources have not changed.
#
#   build.sh [OUTDIR]      OUTDIR defaults to ${XDG_CACHE_HOME:-$HOME/.cache}/osc/realkube/bin
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/osc/realkube/bin}

if ! command -v go >/dev/null 2>&1; then
    echo "go is not installed: tests against a real control plane and the real helm will be skipped" >&2
    exit 0
fi
mkdir -p "$out"
out=$(cd "$out" && pwd)

# The version of a module in a go.mod file.
version() { sed -n "s|^[[:space:]]*\(require \)\{0,1\}$2 \(v[0-9.]*\).*|\2|p" "$1" | head -n 1; }

# build NAME FOLDER PACKAGE LDFLAGS
build() {
    want=$( (cd "$2" && go version && cat ./*.go go.mod go.sum "$here/build.sh") 2>/dev/null | cksum)
    if [ -x "$out/$1" ] && [ "$(cat "$out/$1.stamp" 2>/dev/null)" = "$want" ]; then
        return
    fi
    echo "building $1 (a first build takes some minutes)" >&2
    (cd "$2" && CGO_ENABLED=0 nice go build -trimpath -buildvcs=false -ldflags "$4" -o "$out/$1.new.$$" "$3")
    mv "$out/$1.new.$$" "$out/$1"
    echo "$want" >"$out/$1.stamp"
}

kubernetes=$(version "$here/go.mod" k8s.io/kubernetes)
minor=${kubernetes#v1.}
minor=${minor%%.*}
base=k8s.io/component-base/version
build realkube "$here" . "-s -w -X $base.gitVersion=$kubernetes -X $base.gitMajor=1 -X $base.gitMinor=$minor"

helm=$(version "$here/../helmcli/go.mod" helm.sh/helm/v4)
build helm "$here/../helmcli" helm.sh/helm/v4/cmd/helm "-s -w -X helm.sh/helm/v4/internal/version.version=$helm"
