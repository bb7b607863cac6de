VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
TESTFLAGS ?=
FILES ?= 20000
BYTES ?= 200000000
PARTS ?=
ROUNDS ?= 50

.PHONY: build test test-long test-swarm races tools lint bench bench-sizes demo demo-shell clean

# One set of flags for the binary and the demo around it: they share most of what is compiled.
build demo demo-shell: export CGO_ENABLED = 0
build demo demo-shell: export GOFLAGS = -trimpath

build: ## build/hotfix, one static binary
	go build -ldflags '-s -w -X main.version=$(VERSION)' -o build/hotfix ./cmd/hotfix

test: tools ## everything, on real parts
	go test -timeout 60m $(TESTFLAGS) ./...

test-long: tools ## what takes too long to be run each time, besides
	go test -tags long -timeout 60m $(TESTFLAGS) ./...

races: tools ## starts, runs and finishes at the same time: exactly one wins, the other is told by whom
	ROUNDS=$(ROUNDS) go test -count 1 -timeout 60m $(TESTFLAGS) -run '^TestRace' ./internal/gitflow

test-swarm: tools ## target swarm, on three engines in namespaces; it measures requests, so it wants a quiet machine
	go test -tags swarm -timeout 60m $(TESTFLAGS) ./internal/cloud/swarm ./internal/sandbox
	go test -tags swarm -timeout 60m $(TESTFLAGS) -run Swarm ./cmd/hotfix

tools: ## what the tests need: an engine, its images, git-flow, git-lfs, rsync; installed where that may be done
	testdata/tools.sh

lint:
	@files=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$files" ] || { echo "not gofmt'd:"; echo "$$files"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	shellcheck $$(git ls-files '*.sh' .ci/run)

bench: ## what a hotfix of a large tree costs, beside what people use today: make bench PARTS=images FILES=1000 BYTES=10000000
	go run ./cmd/bench -parts '$(PARTS)' -files $(FILES) -bytes $(BYTES)

bench-sizes: ## the same for a small tree and a very large one
	$(MAKE) bench PARTS=images FILES=1000 BYTES=10000000
	$(MAKE) bench PARTS=images FILES=100000 BYTES=1000000000

demo: build ## the whole routine, in a world made for it
	go run ./cmd/demo

demo-shell: build ## the same world, for you to try
	go run ./cmd/demo -shell

clean:
	rm -rf build
