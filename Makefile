# `make run` serves the quickstart; `make test` installs what the tests need and runs them all.
SHELL := /bin/bash
GO ?= go
CACHE := $(CURDIR)/.cache
BIN := $(CACHE)/bin
FUZZTIME ?= 1s
SIMTIME ?= 1m
# Fixed, so that what fails is what changed; `make sim` looks for what nobody has met.
SIMFROM ?= 1000000
GOLANGCI := $(BIN)/golangci-lint-v2.6.0
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION)

.PHONY: run build test check lint vet cross unit integration fuzz sim bench install clean

build: ## bin/dfsd, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/dfsd ./cmd/dfsd

run: build ## show configs/quickstart.yaml at work as an ordinary user, then serve it; DEMO=no: only serve
	@configs/quickstart.sh

test: install build check unit integration fuzz ## everything; installs the real servers first

install: ## Debian packages of the real clients and servers
	./.ci/install

check: vet lint cross ## what needs no test to run

vet:
	$(GO) vet ./...
	$(GO) vet -tags integration,bench ./...
	$(GO) mod tidy -diff

lint: $(GOLANGCI)
	$(GOLANGCI) run ./...

$(GOLANGCI):
	./.ci/retry env GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.6.0
	mv $(BIN)/golangci-lint $@

cross: ## the platforms that must build
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 $(GO) build ./...
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build ./...

unit:
	$(GO) test -race -timeout 10m ./...
	$(GO) test ./replication/transfer ./replication/index # the parts that are too heavy under -race

integration: build ## real smbclient, Samba, cifs.ko in QEMU, smbtorture; members that are killed
	$(GO) test -tags integration -p 1 -timeout 15m -count=1 $(shell grep -rlE '^//go:build integration( && linux)?$$' --include='*_test.go' . | xargs -n1 dirname | sort -u)

fuzz: ## each fuzz target for FUZZTIME, and seeds of the replication simulator for SIMTIME
	./.ci/fuzz $(FUZZTIME)
	$(GO) test ./replication/sim -run 'TestFresh' -count=1 -sim.fresh $(SIMTIME) -sim.from $(SIMFROM)

sim: ## fresh seeds of the replication simulator for SIMTIME
	$(GO) test ./replication/sim -run 'TestFresh' -count=1 -v -timeout 0 -sim.fresh $(SIMTIME)

bench: build ## the figures of docs/performance.md
	./.ci/bench

clean:
	rm -rf bin $(CACHE)
