//! A new migration is a reason to build again: the macro that embeds the folder does not say so to cargo.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
