//! Keeps the house in order: reads every source file and compares it with the rules of the house.
//!
//! Each rule is a function from text to problems, so that its own test can show that it fails on a bad text.
//!
//! It does not know Rust's grammar: it reads lines, which is enough for code that rustfmt has laid out.
