//! `fmt.Sprintf`: finds verbs with their flags and arguments.

use std::fmt::Write as _;

use super::{Flags, print_verb, write_value};
use crate::value::Value;

/// Widths and precisions beyond this are not believed, as in Go.
const MAX_WIDTH: i64 = 1_000_000;

/// `fmt.Sprintf`.
pub fn sprintf(format: &str, args: &[Value]) -> String {
    let chars: Vec<char> = format.chars().collect();
    let out = String::with_capacity(format.len() + 16);
    let mut printer = Printer { chars: &chars, at: 0, args, next: 0, is_reordered: false, out };
    while let Some(c) = printer.take() {
        match c {
            '%' => printer.directive(),
            _ => printer.out.push(c),
        }
    }
    printer.extra();
    printer.out
}

/// Reads a format and its arguments side by side.
struct Printer<'a> {
    chars: &'a [char],
    at: usize,
    args: &'a [Value],
    next: usize,
    /// Whether the format chose any argument by its number.
    is_reordered: bool,
    out: String,
}

/// What the number of an argument, `[N]`, did to the directive that it stands in.
#[derive(PartialEq)]
enum Index {
    Absent,
    Found,
    Bad,
}

impl Printer<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn takes(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    /// What follows a percent sign.
    fn directive(&mut self) {
        let mut flags = self.flags();
        let width = self.index();
        let mut is_good = width != Index::Bad;
        let mut is_after_index = width == Index::Found;
        if self.takes('*') {
            match self.star() {
                Some(n) => {
                    flags.minus |= n < 0;
                    flags.width = Some(n.unsigned_abs() as usize);
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
            is_after_index = false;
        } else if let Some(n) = self.digits() {
            flags.width = Some(n);
            is_good &= !is_after_index;
        }
        if self.takes('.') {
            is_good &= !is_after_index;
            let precision = self.index();
            is_good &= precision != Index::Bad;
            is_after_index |= precision == Index::Found;
            if self.takes('*') {
                match self.star() {
                    Some(n) if n >= 0 => flags.precision = Some(n as usize),
                    _ => self.out.push_str("%!(BADPREC)"),
                }
                is_after_index = false;
            } else {
                flags.precision = Some(self.digits().unwrap_or(0));
            }
        }
        if !is_after_index {
            is_good &= self.index() != Index::Bad;
        }
        self.verb(flags, is_good);
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(c) = self.peek() {
            match c {
                '#' => flags.sharp = true,
                '0' => flags.zero = true,
                '+' => flags.plus = true,
                '-' => flags.minus = true,
                ' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        flags
    }

    fn verb(&mut self, mut flags: Flags, is_good: bool) {
        let Some(verb) = self.take() else {
            self.out.push_str("%!(NOVERB)");
            return;
        };
        if verb == '%' {
            self.out.push('%');
        } else if !is_good {
            let _ = write!(self.out, "%!{verb}(BADINDEX)");
        } else if let Some(arg) = self.args.get(self.next) {
            self.next += 1;
            if verb == 'v' || verb == 'w' {
                flags.sharp_v = std::mem::take(&mut flags.sharp);
                flags.plus_v = std::mem::take(&mut flags.plus);
            }
            print_verb(&mut self.out, arg, verb, &flags, 0);
        } else {
            let _ = write!(self.out, "%!{verb}(MISSING)");
        }
    }

    /// Arguments that no verb asked for.
    fn extra(&mut self) {
        let rest = self.args.get(self.next..).unwrap_or_default();
        if self.is_reordered || rest.is_empty() {
            return;
        }
        self.out.push_str("%!(EXTRA ");
        for (n, arg) in rest.iter().enumerate() {
            if n > 0 {
                self.out.push_str(", ");
            }
            if arg.is_nil() {
                self.out.push_str("<nil>");
            } else {
                self.out.push_str(arg.type_name());
                self.out.push('=');
                write_value(&mut self.out, arg);
            }
        }
        self.out.push(')');
    }

    /// A number in a directive; one that is too long takes everything behind it along.
    fn digits(&mut self) -> Option<usize> {
        let start = self.at;
        let mut n = 0i64;
        while let Some(d) = self.peek().and_then(|c| c.to_digit(10)) {
            if n > MAX_WIDTH {
                self.at = self.chars.len();
                return None;
            }
            n = n * 10 + i64::from(d);
            self.at += 1;
        }
        (self.at > start).then_some(n as usize)
    }

    /// A width or precision that is the next argument.
    fn star(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        match arg {
            Value::Int(_, n) if n.unsigned_abs() <= MAX_WIDTH.unsigned_abs() => Some(*n),
            _ => None,
        }
    }

    /// `[N]`: the argument that comes next.
    fn index(&mut self) -> Index {
        if !self.takes('[') {
            return Index::Absent;
        }
        self.is_reordered = true;
        let Some(length) = self.chars[self.at..].iter().position(|c| *c == ']') else { return Index::Bad };
        let end = self.at + length;
        let number = self.digits();
        let is_closed = self.at == end;
        self.at = end + 1;
        match number {
            Some(n) if is_closed && n >= 1 && n <= self.args.len() => {
                self.next = n - 1;
                Index::Found
            }
            _ => Index::Bad,
        }
    }
}
