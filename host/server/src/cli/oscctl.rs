//! The binary called as `oscctl`: the tool of package authors.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use super::failure::Failure;
use super::output::Ui;
use super::package::{self, PackageCommand};

/// Tools for package authors
#[derive(Debug, Parser)]
#[command(name = "oscctl", version, arg_required_else_help = true, max_term_width = 100)]
struct Oscctl {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tools for package files that need no server
    #[command(flatten)]
    Package(PackageCommand),
    /// Start a package
    #[command(hide = true)]
    Create(Rest),
    /// Pack a folder
    #[command(name = "package", hide = true)]
    Pack(Rest),
}

/// Arguments of a verb that comes later.
#[derive(Debug, clap::Args)]
struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(ui: &mut Ui, args: Vec<OsString>) -> Result<(), Failure> {
    let cli = match Oscctl::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return Err(Failure::silent(if error.use_stderr() { super::failure::USAGE } else { 0 }));
        }
    };
    match cli.command {
        Command::Create(_)
        | Command::Pack(_)
        | Command::Package(PackageCommand::Convert(_) | PackageCommand::Push(_)) => {
            Err(Failure::usage("making packages is not part of this version")
                .hint("charts are packed with `helm package`, and pushed with `osc package push FILE`"))
        }
        Command::Package(command) => super::runtime()?.block_on(package::run_offline(ui, command)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        Oscctl::command().debug_assert();
    }

    #[test]
    fn what_comes_later_says_so() {
        let mut ui = Ui::captured(std::io::sink(), std::io::sink());
        for verb in ["create", "package", "convert"] {
            let failure = run(&mut ui, ["oscctl", verb, "x"].map(OsString::from).to_vec()).unwrap_err();
            assert_eq!(failure.exit, 2);
        }
    }
}
