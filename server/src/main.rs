//! The `tidemark` binary.

use std::process::ExitCode;

/// glibc's own takes a slow way for allocations above a kilobyte: `docs/decisions/0011-allocator.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tidemark::cli::main()
}
