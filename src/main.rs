//! The program: everything is in the library.

/// The engine takes memory on one thread and gives it back on another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    clowder::cli::main(std::env::args_os())
}
