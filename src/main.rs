//! The program: everything is in the library.

fn main() -> std::process::ExitCode {
    clowder::cli::main(std::env::args_os())
}
