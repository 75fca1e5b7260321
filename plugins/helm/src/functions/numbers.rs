//! Arithmetic and sequences.

use std::rc::Rc;

use super::casts::{to_float, to_int};
use super::decimal::Decimal;
use super::{Function, Ty, fault, fixed, int, text, variadic};
use crate::golang::number::parse_int;
use crate::golang::printf::text_of;
use crate::gotemplate::exec::{Engine, Fault};
use crate::random;
use crate::value::{ListKind, Value};

use Ty::{Any, Float, Int, Str};

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("atoi", &[Str], |_, a| Ok(Value::int(parse_int(text(a, 0), 10).unwrap_or(0)))),
    fixed("int64", &[Any], |_, a| Ok(Value::int64(to_int(&a[0])))),
    fixed("int", &[Any], |_, a| Ok(Value::int(to_int(&a[0])))),
    fixed("float64", &[Any], |_, a| Ok(Value::Float(to_float(&a[0])))),
    fixed("toDecimal", &[Any], |_, a| Ok(Value::int64(parse_int(&text_of(&a[0]), 8).unwrap_or(0)))),
    fixed("add1", &[Any], |_, a| Ok(Value::int64(to_int(&a[0]).wrapping_add(1)))),
    variadic("add", &[], Any, |_, a| {
        Ok(Value::int64(a.iter().fold(0, |sum, v| sum.wrapping_add(to_int(v)))))
    }),
    fixed("sub", &[Any, Any], |_, a| Ok(Value::int64(to_int(&a[0]).wrapping_sub(to_int(&a[1]))))),
    fixed("div", &[Any, Any], |_, a| divide(a, i64::wrapping_div)),
    fixed("mod", &[Any, Any], |_, a| divide(a, i64::wrapping_rem)),
    variadic("mul", &[Any], Any, |_, a| Ok(Value::int64(a.iter().fold(1, |n, v| n.wrapping_mul(to_int(v)))))),
    fixed("randInt", &[Int, Int], |_, a| {
        let (min, max) = (int(a, 0), int(a, 1));
        match u64::try_from(max.wrapping_sub(min)) {
            Ok(span) if span > 0 => Ok(Value::int(min.wrapping_add(random::below(span) as i64))),
            _ => fault("invalid argument to Intn"),
        }
    }),
    fixed("add1f", &[Any], |_, a| decimals(&[a[0].clone(), Value::int(1)], |x, y| Some(x.add(y)))),
    variadic("addf", &[], Any, |_, a| {
        let mut all = vec![Value::int(0)];
        all.extend_from_slice(a);
        decimals(&all, |x, y| Some(x.add(y)))
    }),
    variadic("subf", &[Any], Any, |_, a| decimals(a, |x, y| Some(x.sub(y)))),
    variadic("mulf", &[Any], Any, |_, a| decimals(a, |x, y| Some(x.mul(y)))),
    variadic("divf", &[Any], Any, |_, a| decimals(a, Decimal::div)),
    variadic("max", &[Any], Any, |_, a| Ok(Value::int64(a.iter().map(to_int).max().unwrap_or(0)))),
    variadic("biggest", &[Any], Any, |_, a| Ok(Value::int64(a.iter().map(to_int).max().unwrap_or(0)))),
    variadic("min", &[Any], Any, |_, a| Ok(Value::int64(a.iter().map(to_int).min().unwrap_or(0)))),
    variadic("maxf", &[Any], Any, |_, a| Ok(extreme(a, f64::max))),
    variadic("minf", &[Any], Any, |_, a| Ok(extreme(a, f64::min))),
    fixed("ceil", &[Any], |_, a| Ok(Value::Float(to_float(&a[0]).ceil()))),
    fixed("floor", &[Any], |_, a| Ok(Value::Float(to_float(&a[0]).floor()))),
    variadic("round", &[Any, Int], Float, |_, a| Ok(round(a))),
    fixed("until", &[Int], |e, a| {
        let count = int(a, 0);
        steps(e, 0, count, if count < 0 { -1 } else { 1 }).map(ints)
    }),
    fixed("untilStep", &[Int, Int, Int], |e, a| steps(e, int(a, 0), int(a, 1), int(a, 2)).map(ints)),
    variadic("seq", &[], Int, |e, a| {
        let (start, step, end) = match a.len() {
            1 => (1, if int(a, 0) < 1 { -1 } else { 1 }, int(a, 0)),
            2 => (int(a, 0), if int(a, 1) < int(a, 0) { -1 } else { 1 }, int(a, 1)),
            3 => (int(a, 0), int(a, 1), int(a, 2)),
            _ => return Ok(Value::str("")),
        };
        let down = end < start;
        if a.len() == 3 && down && step > 0 {
            return Ok(Value::str(""));
        }
        let numbers = steps(e, start, end.saturating_add(if down { -1 } else { 1 }), step)?;
        Ok(Value::str(numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")))
    }),
];

fn divide(args: &[Value], op: fn(i64, i64) -> i64) -> Result<Value, Fault> {
    match to_int(&args[1]) {
        0 => fault("runtime error: integer divide by zero"),
        n => Ok(Value::int64(op(to_int(&args[0]), n))),
    }
}

fn decimals(args: &[Value], op: fn(Decimal, Decimal) -> Option<Decimal>) -> Result<Value, Fault> {
    let mut result: Option<Decimal> = None;
    for arg in args {
        let f = to_float(arg);
        if !f.is_finite() {
            return fault("Cannot create a Decimal from NaN");
        }
        let next = Decimal::new(f);
        result = match result {
            None => Some(next),
            Some(before) => match op(before, next) {
                Some(result) => Some(result),
                None => return fault("decimal division by 0"),
            },
        };
    }
    Ok(Value::Float(result.map_or(0.0, Decimal::float)))
}

fn extreme(args: &[Value], op: fn(f64, f64) -> f64) -> Value {
    Value::Float(args.iter().map(to_float).reduce(op).unwrap_or(0.0))
}

fn round(args: &[Value]) -> Value {
    let on = match args.get(2) {
        Some(Value::Float(f)) => *f,
        _ => 0.5,
    };
    let power = 10f64.powi(int(args, 1).clamp(-400, 400) as i32);
    let digit = power * to_float(&args[0]);
    let rounded = if digit.fract() >= on { digit.ceil() } else { digit.floor() };
    Value::Float(rounded / power)
}

fn ints(numbers: Vec<i64>) -> Value {
    Value::List(ListKind::Int, Rc::new(numbers.into_iter().map(Value::int).collect()))
}

/// From start towards stop, which is left out.
fn steps(engine: &mut Engine<'_>, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, Fault> {
    let mut numbers = Vec::new();
    if (stop < start && step >= 0) || (stop >= start && step <= 0) {
        return Ok(numbers);
    }
    let mut at = start;
    while if step > 0 { at < stop } else { at > stop } {
        if numbers.len() % 1024 == 0 {
            engine.step(1024)?;
            engine.check_size(numbers.len() * 8)?;
        }
        numbers.push(at);
        match at.checked_add(step) {
            Some(next) => at = next,
            None => break,
        }
    }
    Ok(numbers)
}
