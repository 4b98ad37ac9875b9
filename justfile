# `just check` is what a change must pass; `tests/run` is the same without `just`, and installs what it needs.

# The recipes, with what each does.
default:
    @just --list --unsorted

# Everything a change must pass, in the order of tests/run.
check:
    tests/run

# Lay out the code.
fmt:
    cargo fmt --all

# Layout and lints; a warning is an error.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Every Rust test; arguments go to cargo test, as in `just test -p headstart-types`.
test *ARGS="--workspace":
    cargo test --locked {{ ARGS }}

# Lodestar's client and server against the headstart binary.
interop:
    tests/run build interop

# The hit path, as a ratio to bare hyper in the same run.
bench *ARGS:
    cargo bench --workspace --locked {{ ARGS }}

# The manual pages of the code; a warning is an error.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Write the gRPC code anew from proto/headstart/v1, after the contract has changed.
proto:
    cargo test -p headstart-proto --test generated --locked -- --ignored regenerate

# Relays, a beacon node and three clusters in one process, over real sockets.
demo *ARGS:
    cargo run --release --locked -- demo {{ ARGS }}

# Licences, sources and banned crates (needs cargo-deny; `cargo deny check` also reads the advisories, from the network).
deny:
    cargo deny --locked check licenses bans sources
