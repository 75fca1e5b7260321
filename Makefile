# The one entry. Every target is quiet when there is nothing to do.
#   make run      build everything and start a sandbox      make test   every test this machine can run
#   make build    target/release/osc                        make check  format, lints, licences
#   make bench    a table of measurements                   make conformance  compare with recorded corpora
SHELL := bash
CARGO ?= cargo
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/osc
export OSC_SKIP_LOG := $(CURDIR)/target/skipped.txt
export OSC_REALKUBE := $(CACHE)/realkube/bin

.PHONY: build run dev test test-backends check bench conformance e2e toolchain web plugins realkube browser

build: toolchain web plugins
	@$(CARGO) build --quiet --release -p osc-server
	@target/release/osc __attach target/release/osc target/plugins/compiled

run: build
	@target/release/osc sandbox

# The server alone, rebuilt in the development profile; the console is served by `npm run dev` in web/.
dev: toolchain plugins
	@$(CARGO) run -p osc-server -- sandbox

# ---- tests

# The binary that is tested carries its components' code, so that not every server of a test compiles them again.
test e2e: export OSC_BINARY := $(CURDIR)/target/e2e/osc
test e2e: toolchain web plugins realkube browser
	@mkdir -p target/e2e && rm -f $(OSC_SKIP_LOG)
	$(CARGO) build -p osc-server && target/debug/osc __attach $(OSC_BINARY) target/plugins/compiled
	$(CARGO) test $(if $(filter e2e,$@),-p osc-integration,--workspace --no-fail-fast)
	@integration/web-tests.sh $(if $(filter e2e,$@),e2e) && integration/skipped.sh

# Tests that first build large third-party servers; there are none yet beyond the control plane of `make test`.
test-backends: test

check: toolchain
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings
	@integration/deny.sh && integration/web-tests.sh check

bench: build realkube
	@$(CARGO) build --quiet --release -p osc-integration --bins
	@target/release/bench && integration/web-tests.sh size
	@$(CARGO) bench --quiet -p osc-server --bench plugins --bench charts

# CORPUS=dir compares with another folder of the same layout as helm-corpus.
conformance: build
	@integration/conformance.sh $(CORPUS)

# ---- what the others need

# Cargo installs the pinned toolchain by itself; an override by the environment may lack the component target.
toolchain:
	@rustup target list --installed | grep -qx wasm32-wasip2 || rustup target add wasm32-wasip2

plugins: toolchain
	@plugins/build.sh

web:
	@web/build.sh

realkube:
	@integration/realkube/build.sh $(OSC_REALKUBE)

# Chromium for the tests in a browser, from the system's packages where that is possible.
browser:
	@integration/browser.sh
