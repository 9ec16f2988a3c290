# `make` and `make install` are for those who use the C library and the command. `make test` is all that must pass;
# `make check-deep` is the same with long runs.

CARGO ?= cargo
# Each feature alone, and none.
FEATURES = "" std serde json azure capi

.PHONY: build install uninstall header test fmt lint docs features unit examples c bench bench-smoke bench-docs bench-c instructions instructions-update check-deep

build:

include install.mk

test: fmt lint features docs unit examples bench-smoke c

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

# The instructions of look-ups and builds, against those recorded.
instructions:
	$(CARGO) build --quiet --release -p cidrgate-benches
	tests/instructions/run.sh "$(BUILT)/cidrgate-benches"

instructions-update:
	$(CARGO) build --quiet --release -p cidrgate-benches
	tests/instructions/run.sh "$(BUILT)/cidrgate-benches" --update

# The same laws on many more random cases, optimised.
check-deep: c-installed instructions
	PROPTEST_CASES=$${PROPTEST_CASES:-4096} $(CARGO) test --release --workspace --exclude cidrgate-benches --all-features
	tests/c/deep.sh "$(SCRATCH)/prefix" "$(SCRATCH)"
