# "make" alone lists the targets. Each sets up what it needs, inside the project's own folders.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
export CARGO_TARGET_DIR := $(CURDIR)/target
HOST_ARCH := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
ARCH ?= arm64
TARGET_arm64 := aarch64-unknown-linux-musl
TARGET_x86_64 := x86_64-unknown-linux-musl
TARGET = $(or $(TARGET_$(ARCH)),$(error ARCH must be arm64 or x86_64, not "$(ARCH)"))
# The paths of this machine stay out of the binary, so that two builds give the same bytes.
REMAP = --remap-path-prefix=$(CURDIR)=/src --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo
# What the binary says of itself: the last commit that changed what it is made of.
SOURCES := src Cargo.toml Cargo.lock rust-toolchain.toml requirements/build.txt
COMMIT = $(shell git log -1 --abbrev=12 --format=%h -- $(SOURCES) 2>/dev/null)$(if \
    $(shell git status --porcelain -- $(SOURCES) 2>/dev/null),-dirty)
BUILD_ENV = RUSTFLAGS="$(REMAP)" $(addprefix CFN_SSM_DOCUMENT_COMMIT=,$(COMMIT))

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-14s %s\n", $$1, $$2 }'

# --- Set-up: one stamp a tool environment, so that a second run is instant ---

.PHONY: setup
setup: .local/rust .venv/build/.done .venv/tools/.done .venv/ministack/.done .venv/moto/.done ## Install the pinned toolchain and tool environments

.PRECIOUS: .venv/%/.done
.venv/%/.done: requirements/%.txt
	@echo "Setting up .venv/$* (pinned in $<)"
	@rm -rf .venv/$*
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	@$(PYTHON) -m venv .venv/$*
	@.venv/$*/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

.local/rust: rust-toolchain.toml tools/rust_toolchain.sh
	@tools/rust_toolchain.sh
	@mkdir -p $(@D) && touch $@

# --- The function ---

.PHONY: build
build: .local/rust .venv/build/.done ## Build the static binary: make build ARCH=arm64 (or x86_64)
	PATH="$(CURDIR)/.venv/build/bin:$$PATH" $(BUILD_ENV) cargo zigbuild --release --locked --bin bootstrap --target $(TARGET)

.PHONY: sam-artifact
sam-artifact: build # what "sam build" puts into the package (tools/sam/*/Makefile)
	cp target/$(TARGET)/release/bootstrap $(ARTIFACTS_DIR)/bootstrap
	$(PYTHON) tools/sam/built.py $(ARCH) $(ARTIFACTS_DIR)

.PHONY: clean
clean: ## Remove what the targets made, except the downloaded tools
	rm -rf target .aws-sam .local dist
