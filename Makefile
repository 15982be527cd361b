SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help build demo test check check-format check-modules check-vet check-lint check-workflows check-compose bench record fmt tools clean distclean

GO ?= go
# Why the tag: docs/decisions/0002-build-tag-duckdb-arrow.md
TAGS := -tags=duckdb_arrow
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -ldflags "-X tributary/internal/version.Version=$(VERSION)"
# Programs record their commit, whatever GOFLAGS says.
BUILD := build -buildvcs=auto $(TAGS) $(LDFLAGS)
# The product's module and the demo's.
MODULES := $(patsubst %/,%,$(dir $(wildcard go.mod */go.mod)))
# The interpreter with deltalake, for the tests that have other readers open our tables.
PYTHON := TRIBUTARY_TEST_PYTHON="$${TRIBUTARY_TEST_PYTHON:-$(CURDIR)/.cache/venv/bin/python}"
# Runs a command whose test binaries share one Spark, started when the first asks for it.
SPARK_SHARE := $(GO) run $(TAGS) ./internal/testserver/sparkshare
# go test runs packages in the order that they are named in: in that of the alphabet, the longest would begin when the others are done.
LONGEST := ./tests ./internal/lake/sparksql
# Tests start servers and build programs; 2 slow cores must do.
TIMEOUT ?= 40m

help: ## List every target (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/tributary (the CLI) and bin/tributary-worker
	$(GO) $(BUILD) -o bin/tributary ./starter
	$(GO) $(BUILD) -o bin/tributary-worker ./worker

demo: ## Run the tour in one process; ARGS="--once --dir DIR" ends by itself and keeps DIR
	tests/provision.sh compiler temporal
	$(GO) -C demo $(BUILD) -o ../bin/tributary-demo .
	bin/tributary-demo $(ARGS)

test: ## Install what is missing, then run all tests against real servers; PKG=./config/... for some
	tests/provision.sh
	for module in $(if $(PKG),.,$(MODULES)); do \
		echo "go test: module $$module"; \
		if [ $$module = . ]; then first="$(LONGEST)"; else first=; fi; \
		$(PYTHON) $(SPARK_SHARE) $(GO) -C $$module test $(TAGS) -count=1 -timeout $(TIMEOUT) $(or $(PKG),$$first ./...); \
	done

check: check-format check-modules check-vet check-lint check-workflows check-compose ## All that CI runs before the tests

check-format: ## gofmt has nothing to change
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	[ -z "$$unformatted" ] || { printf 'not formatted (make fmt):\n%s\n' "$$unformatted"; exit 1; }

check-modules: ## go.mod and go.sum are tidy, and modules are what they were
	for module in $(MODULES); do $(GO) -C $$module mod tidy -diff; done
	$(GO) mod verify # the demo's cannot be: it replaces tributary by this folder

check-vet: ## go vet
	tests/provision.sh compiler
	for module in $(MODULES); do $(GO) -C $$module vet $(TAGS) ./...; done

check-lint: ## golangci-lint, as .golangci.yml says
	tests/provision.sh golangci-lint
	for module in $(MODULES); do (cd $$module && $(CURDIR)/bin/golangci-lint run --config $(CURDIR)/.golangci.yml ./...); done

check-workflows: ## workflowcheck: no workflow does what a replay cannot repeat
	tests/provision.sh workflowcheck
	GOFLAGS="$(TAGS)" bin/workflowcheck ./workflows/...

check-compose: ## docker-compose.yml is valid and names only files that exist
	$(GO) test $(TAGS) -count=1 -run Compose ./tests

bench: ## Measure against the goals; figures as JSON lines, and into docs/benchmarks.md
	tests/provision.sh compiler mariadb temporal python spark peers
	$(PYTHON) $(GO) run $(TAGS) ./tests/bench -write docs/benchmarks.md $(ARGS)

REPLAY_TEST := TestEveryRecordedHistoryReplays
# workflows/testdata/earlier stays: it has histories of code that has been changed since.
record: ## Record workflow histories for the replay test, after a change of the workflows that is meant
	tests/provision.sh
	rm -f workflows/testdata/*.json
	TRIBUTARY_RECORD_HISTORIES=$(CURDIR)/workflows/testdata $(PYTHON) $(SPARK_SHARE) $(GO) test $(TAGS) -count=1 -timeout $(TIMEOUT) -skip $(REPLAY_TEST) ./tests ./workflows
	$(GO) test $(TAGS) -count=1 -run $(REPLAY_TEST) ./workflows

fmt: ## gofmt all of it
	gofmt -w $$(git ls-files --cached --others --exclude-standard '*.go')

tools: ## Install everything that tests and checks need (they do so themselves)
	tests/provision.sh compiler mariadb temporal python spark golangci-lint workflowcheck

clean: ## Remove what build and demo made
	rm -f bin/tributary bin/tributary-worker bin/tributary-demo

distclean: clean ## Remove the tools, the Python environment and Spark too
	rm -rf bin .cache
