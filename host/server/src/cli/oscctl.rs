//! The binary called as `oscctl`: the tool of package authors.

pub(crate) mod author;
pub(crate) mod convert;
mod files;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use super::failure::Failure;
use super::output::Ui;
use super::package::{self, FileArgs, LintArgs, PackageCommand, RenderArgs, ScanArgs};

/// Tools for package authors
#[derive(Debug, Parser)]
#[command(name = "oscctl", version, arg_required_else_help = true, max_term_width = 100)]
struct Oscctl {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a package: facts, life cycle, a sample definition
    Create(author::CreateArgs),
    /// Turn a Helm chart into an OSC package
    Convert(convert::ConvertArgs),
    /// Pack a folder for the upload
    #[command(name = "package")]
    Pack(author::PackArgs),
    /// Check a package; fails when it would be refused
    Lint(LintArgs),
    /// Show what a package is
    Inspect(FileArgs),
    /// Print the objects of a package, as `helm template` does for charts
    Render(Box<RenderArgs>),
    /// Look for weaknesses in a package and its objects
    Scan(ScanArgs),
}

pub(crate) fn run(ui: &mut Ui, args: Vec<OsString>) -> Result<(), Failure> {
    let cli = match Oscctl::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return Err(Failure::silent(if error.use_stderr() { super::failure::USAGE } else { 0 }));
        }
    };
    let command = match cli.command {
        Command::Create(args) => return author::create(ui, args),
        Command::Convert(args) => return convert::run(ui, args),
        Command::Pack(args) => return author::pack(ui, args),
        Command::Lint(args) => PackageCommand::Lint(args),
        Command::Inspect(args) => PackageCommand::Inspect(args),
        Command::Render(args) => PackageCommand::Render(args),
        Command::Scan(args) => PackageCommand::Scan(args),
    };
    super::runtime()?.block_on(package::run_offline(ui, command))
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
    fn commands_of_the_specification_are_there() {
        for line in [
            "create -o x",
            "create --output x.zip",
            "convert -i a.tgz -o b.zip",
            "convert --input a --output b",
            "package x -o x.zip",
            "lint x",
        ] {
            let args = std::iter::once("oscctl").chain(line.split(' '));
            assert!(Oscctl::try_parse_from(args).is_ok(), "{line}");
        }
    }
}
