//! The `tidemark` binary.

use std::process::ExitCode;

/// Rendering a page makes and drops many small values, which this allocator does faster than the system's: see
/// `docs/decisions/0030-allocator.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tidemark::cli::main()
}
