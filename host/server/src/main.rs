//! The binary `osc`; called as `oscctl` it is the tool of package authors.

use std::ffi::OsString;
use std::process::ExitCode;

use osc_server::{cli, plugins};

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    // The server starts this program again to compile a component apart from itself.
    if args.get(1).is_some_and(|command| command == plugins::compile::COMMAND) {
        return plugins::compile::child_main(&args[2..]);
    }
    if args.get(1).is_some_and(|command| command == plugins::attached::COMMAND) {
        return plugins::attached::attach_main(&args[2..]);
    }
    // Several providers may be linked; without a choice the first handshake panics.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::run(args)
}
