VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
TESTFLAGS ?=
FILES ?= 20000
BYTES ?= 200000000

.PHONY: build test test-swarm tools lint bench demo demo-shell clean

# One set of flags for the binary and the demo around it: they share most of what is compiled.
build demo demo-shell: export CGO_ENABLED = 0
build demo demo-shell: export GOFLAGS = -trimpath

build: ## build/hotfix, one static binary
	go build -ldflags '-s -w -X main.version=$(VERSION)' -o build/hotfix ./cmd/hotfix

test: tools ## everything, on real parts
	go test -timeout 30m $(TESTFLAGS) ./...

test-swarm: tools ## target swarm, on three engines in namespaces; it measures requests, so it wants a quiet machine
	go test -tags swarm -timeout 30m $(TESTFLAGS) ./internal/cloud/swarm ./internal/sandbox

tools: ## what the tests need: an engine, its images, git-flow, rsync; installed where that may be done
	testdata/tools.sh

lint:
	@files=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$files" ] || { echo "not gofmt'd:"; echo "$$files"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	shellcheck $$(git ls-files '*.sh' .ci/run)

bench: ## what a small hotfix of a large tree costs, beside BuildKit and docker push: make bench FILES=1000 BYTES=10000000
	go run ./cmd/bench -files $(FILES) -bytes $(BYTES)

demo: build ## the whole routine, in a world made for it
	go run ./cmd/demo

demo-shell: build ## the same world, for you to try
	go run ./cmd/demo -shell

clean:
	rm -rf build
