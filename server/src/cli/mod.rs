//! The verbs of the `tidemark` binary.
