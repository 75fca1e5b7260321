//! Regular expressions.

use std::rc::Rc;

use super::{Function, Ty, fault, fixed, int, text};
use crate::golang::regexp::Regexp;
use crate::gotemplate::exec::{Engine, Fault};
use crate::value::{ListKind, Value};

use Ty::{Int, Str};

/// Expressions that are kept for the next use.
const MAX_KEPT: usize = 256;

const FIND_ALL: super::Call = |e, a| {
    let regexp = matcher(e, a)?;
    Ok(texts_or_nil(regexp.find_all(text(a, 1), int(a, 2))))
};
const SPLIT: super::Call = |e, a| {
    let regexp = matcher(e, a)?;
    let parts = regexp.split(text(a, 1), int(a, 2));
    Ok(parts.map_or_else(nil_texts, Value::strings))
};

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("regexMatch", &[Str, Str], |e, a| {
        let Ok(regexp) = compile(e, text(a, 0)) else { return Ok(Value::Bool(false)) };
        e.step(regexp.match_work(text(a, 1).len()))?;
        Ok(Value::Bool(regexp.is_match(text(a, 1))))
    }),
    fixed("mustRegexMatch", &[Str, Str], |e, a| Ok(Value::Bool(matcher(e, a)?.is_match(text(a, 1))))),
    fixed("regexFindAll", &[Str, Str, Int], |e, a| panicking(e, a, FIND_ALL)),
    fixed("mustRegexFindAll", &[Str, Str, Int], FIND_ALL),
    fixed("regexFind", &[Str, Str], |e, a| panicking(e, a, FIND)),
    fixed("mustRegexFind", &[Str, Str], FIND),
    fixed("regexReplaceAll", &[Str, Str, Str], |e, a| panicking(e, a, REPLACE)),
    fixed("mustRegexReplaceAll", &[Str, Str, Str], REPLACE),
    fixed("regexReplaceAllLiteral", &[Str, Str, Str], |e, a| panicking(e, a, REPLACE_LITERAL)),
    fixed("mustRegexReplaceAllLiteral", &[Str, Str, Str], REPLACE_LITERAL),
    fixed("regexSplit", &[Str, Str, Int], |e, a| panicking(e, a, SPLIT)),
    fixed("mustRegexSplit", &[Str, Str, Int], SPLIT),
    fixed("regexQuoteMeta", &[Str], |_, a| {
        let mut out = String::new();
        for c in text(a, 0).chars() {
            if r"\.+*?()|[]{}^$".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        Ok(Value::str(out))
    }),
];

const FIND: super::Call = |e, a| Ok(Value::str(matcher(e, a)?.find(text(a, 1)).unwrap_or_default()));
const REPLACE: super::Call = |e, a| {
    let regexp = matcher(e, a)?;
    let out = regexp.replace_all(text(a, 1), text(a, 2));
    e.check_size(out.len())?;
    Ok(Value::str(out))
};
const REPLACE_LITERAL: super::Call = |e, a| {
    let regexp = matcher(e, a)?;
    let out = regexp.replace_all_literal(text(a, 1), text(a, 2));
    e.check_size(out.len())?;
    Ok(Value::str(out))
};

/// The functions without `must` panic on a bad expression, which reads a little differently.
fn panicking(engine: &mut Engine<'_>, args: &[Value], call: super::Call) -> Result<Value, Fault> {
    match compile(engine, text(args, 0)) {
        Ok(_) => call(engine, args),
        Err(error) => {
            let pattern = text(args, 0);
            let quoted =
                if pattern.contains('`') { crate::text::quote(pattern) } else { format!("`{pattern}`") };
            fault(format!("regexp: Compile({quoted}): {error}"))
        }
    }
}

fn nil_texts() -> Value {
    Value::List(ListKind::NilString, Rc::new(Vec::new()))
}

fn texts_or_nil(texts: Vec<&str>) -> Value {
    if texts.is_empty() { nil_texts() } else { Value::strings(texts) }
}

/// The expression of a call, with the work of matching its text counted.
fn matcher(engine: &mut Engine<'_>, args: &[Value]) -> Result<Rc<Regexp>, Fault> {
    let regexp = compile(engine, text(args, 0))?;
    engine.step(regexp.match_work(text(args, 1).len()))?;
    Ok(regexp)
}

/// Compiling is paid for by the next step, so that every error of this function is the expression's own.
fn compile(engine: &mut Engine<'_>, pattern: &str) -> Result<Rc<Regexp>, Fault> {
    if let Some(known) = engine.regexes.borrow().get(pattern) {
        return Ok(Rc::clone(known));
    }
    match Regexp::new(pattern) {
        Ok(regexp) => {
            engine.owe(regexp.compile_work());
            let regexp = Rc::new(regexp);
            let mut kept = engine.regexes.borrow_mut();
            if kept.len() < MAX_KEPT {
                kept.insert(Rc::from(pattern), Rc::clone(&regexp));
            }
            Ok(regexp)
        }
        Err(error) => fault(error),
    }
}
