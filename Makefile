# `make` and `make install` are for those who use the C library and the command. `make test` is all that must pass;
# `make check-deep` is the same with long runs.

CARGO ?= cargo
# Each feature alone, and none.
FEATURES = "" std serde json azure watch capi

.PHONY: build install uninstall header test fmt lint docs features unit examples c bench bench-smoke bench-c bench-gate check-deep

build:

include install.mk

test: fmt lint features docs unit examples bench-smoke c

fmt:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --quiet --workspace --all-targets --all-features -- -D warnings
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
	$(CARGO) test --workspace --all-features

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

bench:
	$(CARGO) run --release -p cidrgate-benches

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

# The same laws on many more random cases, optimised; the gate through more orders of its steps, a million replaces and
# ten thousand reloads, and once more with AddressSanitizer, which is an unstable option of a stable compiler.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
check-deep: export CIDRGATE_REPLACES = 1000000
check-deep: export CIDRGATE_RELOADS = 10000
check-deep: export LOOM_MAX_PREEMPTIONS = 3
check-deep: c-installed
	PROPTEST_CASES=$${PROPTEST_CASES:-4096} $(CARGO) test --release --workspace --all-features
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address $(CARGO) test --release -p cidrgate --test gate_stress \
		--target $(HOST) --target-dir $(TARGET)/asan -- --nocapture
	tests/c/deep.sh "$(SCRATCH)/prefix" "$(SCRATCH)"
