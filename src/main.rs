//! The program: hands its arguments to `cli` and its answer to the system.
//!
//! Everything else is in the library, so that tests and benches can use it.
//!
//! Nothing is decided here.

use std::process::ExitCode;

fn main() -> ExitCode {
    nephoscope::cli::main(std::env::args_os())
}
