//! Tidemark.
fn main() {}
