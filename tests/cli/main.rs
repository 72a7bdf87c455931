//! The command line, driven as a script drives it: each command on a fresh store, JSON compared, exit codes.

mod cats;
#[cfg(target_os = "linux")]
mod demo;
mod key;
#[path = "../support/limit.rs"]
mod limit;
mod requests;
mod restore;
mod streams;
mod transfer;
mod upkeep;
mod users;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use clowder::{
    desk::Desk,
    store::{OpenOptions, Store, Surroundings},
};
use serde_json::Value;
use tempfile::TempDir;

/// A store of its own for one test.
struct Shelter(TempDir, #[expect(dead_code, reason = "it watches as long as it is there")] limit::Limit);

/// What a command did.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Shelter {
    /// One that has a store.
    fn new() -> Self {
        let shelter = Self::bare();
        drop(shelter.desk());
        shelter
    }

    /// One that has none.
    fn bare() -> Self {
        Self(tempfile::tempdir().unwrap(), limit::Limit::new())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clowder"));
        command
            .args(args)
            .env("CLOWDER_DATA", self.0.path().join("data"))
            .env("CLOWDER_CONFIG", self.0.path().join("config"))
            .env_remove("CLOWDER_KEY")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(limit::output(&mut self.command(args)))
    }

    /// With something piped in.
    fn feed(&self, input: &str, args: &[&str]) -> Ran {
        Ran::of(limit::feed(&mut self.command(args), input.as_bytes()))
    }

    /// A command that must succeed.
    fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        ran
    }

    /// A command that must succeed, and its result.
    fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.ok(&args).out).unwrap()
    }

    /// A command that must fail with this code, and what it says.
    fn fails(&self, code: i32, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, code, "{args:?}: {} {}", ran.out, ran.err);
        assert!(ran.err.starts_with("clowder: "), "{args:?}: {}", ran.err);
        assert!(ran.out.is_empty(), "{args:?}: {}", ran.out);
        ran.err
    }

    /// A place beside the store.
    fn place(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A command that must succeed, and its output as it is.
    fn bytes(&self, args: &[&str]) -> Vec<u8> {
        let output = limit::output(&mut self.command(args));
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn desk(&self) -> Desk {
        self.desk_with(Surroundings::default())
    }

    fn desk_with(&self, surroundings: Surroundings) -> Desk {
        let options = OpenOptions::new(self.0.path().join("data"), self.0.path().join("config"));
        Desk::new(Store::open(OpenOptions { surroundings, ..options }).unwrap().store)
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Takes the fields out that differ from run to run, and sees that they are there.
fn without_times(mut value: Value) -> Value {
    for field in ["created_at", "updated_at"] {
        assert!(value.as_object_mut().unwrap().remove(field).is_some_and(|v| v.is_string()));
    }
    value
}
