//! What commands print: tables for people, JSON and YAML for programs.
//!
//! Results go to standard output, everything else to standard error. Text from the server is printed
//! without control characters, so that nobody's package can steer a terminal.

pub(crate) mod table;

use std::io::{self, IsTerminal, Write};

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::failure::Failure;
use table::{Column, Paint};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Table,
    Json,
    Yaml,
}

/// The flag `-o` of every command with a result.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct OutputArgs {
    /// How to print the result
    #[arg(short = 'o', long = "output", value_enum, default_value = "table")]
    pub(crate) format: Format,
}

/// Where a command writes.
pub(crate) struct Ui {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    paint: Paint,
    err_paint: Paint,
    /// Both sides are a person, so that questions make sense.
    pub(crate) interactive: bool,
}

impl Ui {
    /// The process' own streams; colours only for a terminal that wants them.
    pub(crate) fn process() -> Ui {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        let paint = |terminal: bool| if colours && terminal { Paint::Colour } else { Paint::Plain };
        Ui {
            paint: paint(io::stdout().is_terminal()),
            err_paint: paint(io::stderr().is_terminal()),
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            out: Box::new(io::BufWriter::new(io::stdout())),
            err: Box::new(io::stderr()),
        }
    }

    /// Writes text to standard output as it is.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()?;
        Ok(())
    }

    /// Writes a line to standard error; that it cannot be written is nobody's concern.
    pub(crate) fn note(&mut self, line: &str) {
        let _ = writeln!(self.err, "{}", plain(line));
    }

    /// Writes finished text of several lines to standard error.
    pub(crate) fn block(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes());
    }

    /// Colours a word of progress on standard error.
    pub(crate) fn note_state(&mut self, state: &str, line: &str) {
        let _ = writeln!(
            self.err,
            "{} {}",
            self.err_paint.state(&format!("{:<8}", plain(state)), state),
            plain(line)
        );
    }

    /// Prints a list: an array, or a table with these columns.
    pub(crate) fn list(
        &mut self,
        format: Format,
        items: &[Value],
        columns: &[Column],
    ) -> Result<(), Failure> {
        match format {
            Format::Table => {
                let text = table::render(items, columns, jiff::Timestamp::now(), self.paint);
                self.text(&text)
            }
            _ => self.document(format, &Value::Array(items.to_vec())),
        }
    }

    /// Prints one object: the document, or a table of one row.
    pub(crate) fn list_of_one(
        &mut self,
        format: Format,
        item: &Value,
        columns: &[Column],
    ) -> Result<(), Failure> {
        match format {
            Format::Table => self.list(format, std::slice::from_ref(item), columns),
            _ => self.document(format, item),
        }
    }

    /// Prints one object: the document, or what `show` makes of it for a person.
    pub(crate) fn object(
        &mut self,
        format: Format,
        value: &Value,
        show: impl FnOnce(&Value, Paint) -> String,
    ) -> Result<(), Failure> {
        match format {
            Format::Table => {
                let text = show(value, self.paint);
                self.text(&text)
            }
            _ => self.document(format, value),
        }
    }

    /// Prints a document as JSON or YAML.
    pub(crate) fn document(&mut self, format: Format, value: &Value) -> Result<(), Failure> {
        let text = match format {
            Format::Yaml => to_yaml(value)?,
            _ => {
                let json = serde_json::to_string_pretty(value)
                    .map_err(|error| Failure::failed(error.to_string()))?;
                json + "\n"
            }
        };
        self.text(&text)
    }

    /// Asks a yes-or-no question; anything but yes is no.
    pub(crate) fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        write!(self.err, "{} [y/N] ", plain(question))?;
        self.err.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for a line that is not shown while it is typed.
    pub(crate) fn secret(&mut self, prompt: &str) -> Result<String, Failure> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let stdin = io::stdin();
        let mut answer = String::new();
        let Ok(before) = tcgetattr(&stdin) else {
            stdin.read_line(&mut answer)?;
            return Ok(answer.trim_end_matches(['\r', '\n']).to_owned());
        };
        write!(self.err, "{prompt}: ")?;
        self.err.flush()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        let _ = tcsetattr(&stdin, OptionalActions::Flush, &silent);
        let read = stdin.read_line(&mut answer);
        let _ = tcsetattr(&stdin, OptionalActions::Flush, &before);
        let _ = writeln!(self.err);
        read?;
        Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
    }

    #[cfg(test)]
    pub(crate) fn captured(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Ui {
        Ui {
            out: Box::new(out),
            err: Box::new(err),
            paint: Paint::Plain,
            err_paint: Paint::Plain,
            interactive: false,
        }
    }
}

/// A value as YAML.
pub(crate) fn to_yaml(value: &Value) -> Result<String, Failure> {
    serde_yaml_ng::to_string(value).map_err(|error| Failure::failed(format!("cannot write YAML: {error}")))
}

/// Text on one line without anything that a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Text of several lines without anything that a terminal would obey.
pub(crate) fn plain_block(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c }).collect()
}
