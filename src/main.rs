//! The `skep` program: arguments in, exit code out.

fn main() {}
