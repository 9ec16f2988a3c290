# What developers and CI run. `make test` is all that must pass; `make check-deep` is the same with long runs.

CARGO ?= cargo
# Each feature alone, and none.
FEATURES = "" std serde json

.PHONY: test fmt lint docs features unit examples bench bench-smoke check-deep

test: fmt lint features docs unit examples bench-smoke

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

bench:
	$(CARGO) run --release -p cidrgate-benches

bench-smoke:
	$(CARGO) run --quiet -p cidrgate-benches -- --smoke > /dev/null

# The same laws on many more random cases, optimised.
check-deep:
	PROPTEST_CASES=$${PROPTEST_CASES:-4096} $(CARGO) test --release --workspace --all-features
