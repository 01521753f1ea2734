//! Links the release binary at a fixed address.
//!
//! An address chosen at each start has the loader write 40,000 pointers first, most of them in the
//! SDK's tables: a sixth of a cold start, and a fourteenth of the binary (docs/performance.md).
//! What is given up is the randomness of the program's own addresses, as in every Go program on
//! Linux; those of the stack, the heap and the libraries stay random.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name, value: &str| std::env::var(name).is_ok_and(|is| is == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
