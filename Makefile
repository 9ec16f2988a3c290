# `make` and `make install` are for those who use the C library and the command. `make test` is all that must pass;
# `make check-deep` is the same with long runs.

CARGO ?= cargo
# Each feature alone, and none.
FEATURES = "" std serde json azure watch capi

.PHONY: build install uninstall header test fmt lint docs features unit examples c go bench bench-smoke bench-docs bench-c bench-gate bench-go instructions instructions-update check-deep fuzz

build:

include install.mk

test: fmt lint features docs unit examples bench-smoke c go

fmt:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --quiet --workspace --exclude cidrgate-benches --all-targets --all-features -- -D warnings
	$(CARGO) clippy --quiet -p cidrgate-benches --all-targets -- -D warnings
# Chains of `if let ... && let ...` came with Rust 1.88, which clippy's msrv lint does not see.
	@! git grep -nE '(&&|^ *if .*&&) *let ' -- '*.rs' || { echo 'let chains need Rust 1.88' >&2; false; }

features:
	@set -e; for feature in $(FEATURES); do \
		echo "$(CARGO) clippy --no-default-features --features '$$feature'"; \
		$(CARGO) clippy --quiet -p cidrgate --no-default-features --features "$$feature" -- -D warnings; \
	done

docs:
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --quiet --workspace --no-deps
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --quiet -p cidrgate --no-deps --all-features

unit:
	$(CARGO) test --workspace --exclude cidrgate-benches --all-features

# What the README shows.
examples:
	$(CARGO) run --quiet --example decide -- examples/office.policy 203.0.113.10 203.0.113.77

# include/cidrgate.h, from src/ffi and cbindgen.toml. That it is fresh is a test (tests/header.rs).
header:
	CIDRGATE_UPDATE_HEADER=1 $(CARGO) build --quiet -p cidrgate --features header

# The C interface, installed in a scratch prefix as users have it.
c: c-installed
	tests/c/matrix.sh "$(SCRATCH)/prefix" "$(SCRATCH)"
	tests/c/test.sh "$(SCRATCH)/prefix" "$(SCRATCH)"
	$(CARGO) rustc --quiet -p cidrgate --lib --features capi --crate-type staticlib -- --cfg cidrgate_test_panic
	tests/c/panic.sh "$(SCRATCH)/prefix" "$(SCRATCH)" "$(ABSOLUTE_TARGET)/debug/libcidrgate.a"

.PHONY: c-installed
ABSOLUTE_TARGET = $(if $(filter /%,$(TARGET)),,$(CURDIR)/)$(TARGET)
SCRATCH = $(ABSOLUTE_TARGET)/c
c-installed:
	@$(MAKE) --silent install PREFIX="$(SCRATCH)/prefix" DESTDIR= LIBDIR="$(SCRATCH)/prefix/lib" \
		INCLUDEDIR="$(SCRATCH)/prefix/include" MANDIR="$(SCRATCH)/prefix/share/man"

# The Go packages and their example, with the command and the C library of the scratch prefix. Go is not needed for the
# rest, so it may be missing.
GO ?= go
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GO_MODULES = go go/bench examples/go
GO_ENV = CIDRGATE_COMMAND="$(SCRATCH)/prefix/bin/cidrgate" PKG_CONFIG_PATH="$(SCRATCH)/prefix/lib/pkgconfig" \
	LD_LIBRARY_PATH="$(SCRATCH)/prefix/lib"
go: c-installed
	@if command -v $(GO) > /dev/null; then $(MAKE) --no-print-directory go-tests; else echo 'LEFT OUT: Go'; fi

.PHONY: go-tests go-big-endian go-images
go-tests:
	@test -z "$$(gofmt -l $(GO_MODULES))" || { gofmt -d $(GO_MODULES); false; }
	@set -e; for module in $(GO_MODULES); do \
		echo "go vet, staticcheck: $$module"; (cd $$module && $(GO_ENV) $(GO) vet ./... && $(GO_ENV) $(STATICCHECK) ./...); \
	done
	cd go && $(GO_ENV) $(GO) test -race -short -count=1 ./...
	cd go && $(GO_ENV) GOEXPERIMENT=cgocheck2 GOGC=1 $(GO) test -count=1 ./compile
	cd go && $(GO_ENV) $(GO) test -count=1 .
	cd examples/go && $(GO) test -race -count=1 .
	cd go/bench && $(GO_ENV) $(GO) run . -smoke > /dev/null
# No C compiler is asked for, whatever the machine.
	cd examples/go && CGO_ENABLED=0 GOARCH=arm64 $(GO) build -o /dev/null .
	cd go && CGO_ENABLED=0 GOARCH=s390x $(GO) vet .
	@if [ "$$($(GO) env GOHOSTARCH)" = amd64 ]; then echo 'go test, 32 bits'; \
		cd go && $(GO_ENV) CGO_ENABLED=0 GOARCH=386 $(GO) test -short -count=1 .; fi
	@if command -v qemu-s390x > /dev/null; then $(MAKE) --no-print-directory go-big-endian; \
		else echo 'LEFT OUT: big-endian, which needs qemu-s390x'; fi

go-big-endian:
	cd go && $(GO_ENV) CGO_ENABLED=0 GOARCH=s390x $(GO) test -short -count=1 -exec qemu-s390x .

# The images that the Go tests and examples load, from the policies they are of.
go-images: c-installed
	@set -e; for policy in examples/office:go/testdata/office $(foreach name,blue green locked,\
		examples/go/testdata/$(name):examples/go/testdata/$(name)); do \
		"$(SCRATCH)/prefix/bin/cidrgate" compile "$${policy%%:*}.policy" -o "$${policy##*:}.image" > /dev/null; \
	done

# DPDK's tables as peers, where DPDK is (Debian: libdpdk-dev).
DPDK = $(SCRATCH)/dpdk.so
.PHONY: dpdk
dpdk:
	@mkdir -p "$(SCRATCH)"
	@if pkg-config --exists libdpdk 2>/dev/null; then \
		$(CC) -shared -fPIC -O2 $$(pkg-config --cflags libdpdk) benches/c/dpdk.c -o "$(DPDK)" $$(pkg-config --libs libdpdk); \
	fi

# The peers ask for a newer Rust than the rest, so the feature is on nowhere else.
BENCH = $(CARGO) run --quiet --release -p cidrgate-benches --features peers --
BENCH_ARGS =
# Prints the tables, which it keeps as bench.md and bench.json in the target folder. BENCH_ARGS="--help" tells how to
# measure less.
bench: dpdk
	$(CARGO) build --quiet --release -p cidrgate-cli
	{ BENCH_ARGS='$(BENCH_ARGS)' benches/machine.sh && \
		CIDRGATE_DPDK="$(DPDK)" $(BENCH) --json "$(TARGET)/bench.json" $(BENCH_ARGS) && \
		benches/processes.sh "$(BUILT)/cidrgate"; } > "$(TARGET)/bench.md"
	@cat "$(TARGET)/bench.md"

# Puts what `make bench` last printed into the document.
bench-docs:
	sed -i -e '/<!-- bench -->/,/<!-- end -->/{//!d}' -e '/<!-- bench -->/r $(TARGET)/bench.md' docs/benchmarks.md

bench-smoke:
	$(CARGO) run --quiet -p cidrgate-benches -- --smoke > /dev/null

# Nanoseconds a call, from C and from Rust, in one run.
bench-c: c-installed
	$(CC) -std=c11 -O2 -D_POSIX_C_SOURCE=200809L -I"$(SCRATCH)/prefix/include" benches/c/bench.c -o "$(SCRATCH)/bench" \
		-L"$(SCRATCH)/prefix/lib" -lcidrgate -Wl,-rpath,"$(SCRATCH)/prefix/lib"
	$(CARGO) run --quiet --release -p cidrgate-benches -- --c "$(SCRATCH)/bench" "$(SCRATCH)"

# Nanoseconds a look-up, of a gate and of the matcher it holds, in one run.
bench-gate:
	$(CARGO) run --quiet --release -p cidrgate-benches -- --gate

# The instructions of look-ups and builds, against those recorded.
instructions:
	$(CARGO) build --quiet --release -p cidrgate-benches
	tests/instructions/run.sh "$(BUILT)/cidrgate-benches"

instructions-update:
	$(CARGO) build --quiet --release -p cidrgate-benches
	tests/instructions/run.sh "$(BUILT)/cidrgate-benches" --update

# Nanoseconds a look-up and bytes, beside other Go packages.
bench-go: c-installed
	cd go/bench && $(GO_ENV) CIDRGATE_DATA="$(or $(CIDRGATE_DATA),$(wildcard $(CURDIR)/../shared/data))" $(GO) run .

FUZZ_SECONDS ?= 60
# The same laws on many more random cases, optimised; the gate through more orders of its steps, a million replaces and
# ten thousand reloads, and once more with AddressSanitizer, which is an unstable option of a stable compiler.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
check-deep: export CIDRGATE_REPLACES = 1000000
check-deep: export CIDRGATE_RELOADS = 10000
check-deep: export LOOM_MAX_PREEMPTIONS = 3
check-deep: c-installed instructions fuzz
	PROPTEST_CASES=$${PROPTEST_CASES:-4096} $(CARGO) test --release --workspace --exclude cidrgate-benches --all-features
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address $(CARGO) test --release -p cidrgate --test gate_stress \
		--target $(HOST) --target-dir $(TARGET)/asan -- --nocapture
	tests/c/deep.sh "$(SCRATCH)/prefix" "$(SCRATCH)"
	@if command -v $(GO) > /dev/null; then cd go && \
		$(GO_ENV) $(GO) test -count=1 -run XXX -fuzz FuzzLoad -fuzztime $(FUZZ_SECONDS)s -fuzzminimizetime 10x -parallel 2 . && \
		$(GO_ENV) CIDRGATE_RELOADS=10000 $(GO) test -count=1 -run Reloads . && \
		$(GO_ENV) $(GO) test -race -count=1 -run ReplaceWhileAsked -v .; else echo 'LEFT OUT: Go'; fi

# Each target from the corpus on. The sanitizers are an unstable option of a stable compiler.
fuzz:
	@if ! command -v cargo-fuzz > /dev/null; then echo 'LEFT OUT: fuzzing: there is no cargo-fuzz' >&2; exit 0; fi; \
	set -e; for target in load policy list; do \
		mkdir -p fuzz/corpus/$$target; \
		RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run $$target fuzz/corpus/$$target tests/corpus cli/tests/data -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=8192; \
	done
