//! `fmt.Sprintf`: finds verbs with their flags and arguments.

use std::fmt::Write as _;

use super::{Flags, print_verb, write_value};
use crate::value::Value;

/// Widths and precisions beyond this are not believed, as in Go.
const MAX_WIDTH: i64 = 1_000_000;

/// `fmt.Sprintf`.
pub fn sprintf(format: &str, args: &[Value]) -> String {
    let chars: Vec<char> = format.chars().collect();
    let mut out = String::with_capacity(format.len() + 16);
    let (mut i, mut next, mut reordered_ever) = (0, 0usize, false);
    while i < chars.len() {
        if chars[i] != '%' {
            out.push(chars[i]);
            i += 1;
            continue;
        }
        i += 1;
        let mut flags = Flags::default();
        let mut good_index = true;
        let mut after_index = false;
        while let Some(c) = chars.get(i) {
            match c {
                '#' => flags.sharp = true,
                '0' => flags.zero = true,
                '+' => flags.plus = true,
                '-' => flags.minus = true,
                ' ' => flags.space = true,
                _ => break,
            }
            i += 1;
        }
        argument_number(
            &chars,
            &mut i,
            &mut next,
            args.len(),
            &mut good_index,
            &mut after_index,
            &mut reordered_ever,
        );
        if chars.get(i) == Some(&'*') {
            i += 1;
            match star(args, &mut next) {
                Some(n) => {
                    flags.minus |= n < 0;
                    flags.width = Some(n.unsigned_abs() as usize);
                }
                None => out.push_str("%!(BADWIDTH)"),
            }
            after_index = false;
        } else if let Some(n) = digits(&chars, &mut i) {
            flags.width = Some(n);
            good_index &= !after_index;
        }
        if chars.get(i) == Some(&'.') {
            i += 1;
            good_index &= !after_index;
            argument_number(
                &chars,
                &mut i,
                &mut next,
                args.len(),
                &mut good_index,
                &mut after_index,
                &mut reordered_ever,
            );
            if chars.get(i) == Some(&'*') {
                i += 1;
                match star(args, &mut next) {
                    Some(n) if n >= 0 => flags.precision = Some(n as usize),
                    _ => out.push_str("%!(BADPREC)"),
                }
                after_index = false;
            } else {
                flags.precision = Some(digits(&chars, &mut i).unwrap_or(0));
            }
        }
        if !after_index {
            argument_number(
                &chars,
                &mut i,
                &mut next,
                args.len(),
                &mut good_index,
                &mut after_index,
                &mut reordered_ever,
            );
        }
        let Some(&verb) = chars.get(i) else {
            out.push_str("%!(NOVERB)");
            break;
        };
        i += 1;
        if verb == '%' {
            out.push('%');
        } else if !good_index {
            let _ = write!(out, "%!{verb}(BADINDEX)");
        } else if next >= args.len() {
            let _ = write!(out, "%!{verb}(MISSING)");
        } else {
            let arg = &args[next];
            next += 1;
            if verb == 'v' || verb == 'w' {
                flags.sharp_v = std::mem::take(&mut flags.sharp);
                flags.plus_v = std::mem::take(&mut flags.plus);
            }
            print_verb(&mut out, arg, verb, &flags, 0);
        }
    }
    if !reordered_ever && next < args.len() {
        out.push_str("%!(EXTRA ");
        for (n, arg) in args[next..].iter().enumerate() {
            if n > 0 {
                out.push_str(", ");
            }
            if arg.is_nil() {
                out.push_str("<nil>");
            } else {
                out.push_str(arg.type_name());
                out.push('=');
                write_value(&mut out, arg);
            }
        }
        out.push(')');
    }
    out
}

/// A number in a verb; one that is too long takes everything behind it along.
fn digits(chars: &[char], i: &mut usize) -> Option<usize> {
    let start = *i;
    let mut n = 0i64;
    while let Some(d) = chars.get(*i).and_then(|c| c.to_digit(10)) {
        if n > MAX_WIDTH {
            *i = chars.len();
            return None;
        }
        n = n * 10 + i64::from(d);
        *i += 1;
    }
    (*i > start).then_some(n as usize)
}

fn star(args: &[Value], next: &mut usize) -> Option<i64> {
    let arg = args.get(*next)?;
    *next += 1;
    match arg {
        Value::Int(_, n) if n.unsigned_abs() <= MAX_WIDTH.unsigned_abs() => Some(*n),
        _ => None,
    }
}

fn argument_number(
    chars: &[char],
    i: &mut usize,
    next: &mut usize,
    count: usize,
    good: &mut bool,
    found: &mut bool,
    reordered: &mut bool,
) {
    if chars.get(*i) != Some(&'[') {
        return;
    }
    *reordered = true;
    let Some(end) = chars[*i..].iter().position(|c| *c == ']') else {
        *good = false;
        *i += 1;
        return;
    };
    let mut at = *i + 1;
    let number = digits(chars, &mut at);
    let closed = at == *i + end;
    *i += end + 1;
    match number {
        Some(n) if closed && n >= 1 && n <= count => {
            *next = n - 1;
            *found = true;
        }
        _ => *good = false,
    }
}
