//! Helm's functions that reach beyond their arguments: other templates, the cluster, failures.

use std::rc::Rc;

use super::{Function, Ty, fault, fixed, text};
use crate::gotemplate::error::Chain;
use crate::gotemplate::exec::{Engine, Fault, Rv, Set};
use crate::gotemplate::parse::parse;
use crate::text::quote;
use crate::value::{Entries, Value};

use Ty::{Any, Str};

/// How often one name may be included inside of itself.
const MAX_INCLUDED: usize = 1000;
/// Parsed texts of `tpl` that are kept, and how long they may be.
const MAX_KEPT: usize = 2000;
const MAX_KEPT_LENGTH: usize = 64 << 10;

/// Marks around messages that a chart's author wrote; Helm shows nothing but them.
pub(crate) const WARN_START: &str = "HELM_ERR_START";
pub(crate) const WARN_END: &str = "HELM_ERR_END";
/// What Go prints for nothing, and Helm removes.
pub(crate) const NO_VALUE: &str = "<no value>";

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("include", &[Str, Any], |e, a| include(e, &a[0], a[1].clone())),
    fixed("tpl", &[Str, Any], |e, a| tpl(e, &a[0], a[1].clone())),
    fixed("required", &[Str, Any], |e, a| {
        let missing = match &a[1] {
            Value::Nil => true,
            Value::Str(text) => text.is_empty(),
            _ => false,
        };
        match missing {
            false => Ok(a[1].clone()),
            true if e.lint => Ok(Value::str("")),
            true => fault(format!("{WARN_START}{}{WARN_END}", text(a, 0))),
        }
    }),
    fixed("fail", &[Str], |e, a| {
        if e.lint {
            return Ok(Value::str(""));
        }
        fault(format!("{WARN_START}{}{WARN_END}", text(a, 0)))
    }),
    fixed("lookup", &[Str, Str, Str, Str], |e, a| {
        if e.lint {
            return Ok(Value::map(Entries::new()));
        }
        match (e.lookup)(text(a, 0), text(a, 1), text(a, 2), text(a, 3)) {
            Ok(serde_json::Value::Null) => Ok(Value::map(Entries::new())),
            Ok(object) => Ok(Value::from_json(&object)),
            Err(message) => fault(message),
        }
    }),
];

fn include(engine: &mut Engine<'_>, name: &Value, data: Value) -> Result<Value, Fault> {
    let Value::Str(name) = name else { return Ok(Value::Nil) };
    let count = engine.included.entry(Rc::clone(name)).or_insert(0);
    if *count > MAX_INCLUDED {
        let cause = "unable to execute template";
        return Err(Chain::caused(
            format!("rendering template has a nested reference name: {name}: "),
            Chain::new(cause),
        ));
    }
    *count += 1;
    let result = engine.execute_named(name, data);
    if let Some(count) = engine.included.get_mut(name) {
        *count -= 1;
    }
    result.map(Value::str)
}

fn tpl(engine: &mut Engine<'_>, template: &Value, data: Value) -> Result<Value, Fault> {
    let Value::Str(template) = template else { return Ok(Value::Nil) };
    if !template.contains("{{") {
        return Ok(match template.contains(NO_VALUE) {
            true => Value::str(template.replace(NO_VALUE, "")),
            false => Value::Str(Rc::clone(template)),
        });
    }
    let trees = match engine.parsed.get(template) {
        Some(trees) => Rc::clone(trees),
        None => {
            let trees = parse("gotpl", template).map_err(|error| {
                Chain::caused(format!("cannot parse template {}: ", quote(template)), Chain::new(error))
            })?;
            let trees = Rc::new(trees);
            if engine.parsed.len() < MAX_KEPT && template.len() < MAX_KEPT_LENGTH {
                engine.parsed.insert(Rc::clone(template), Rc::clone(&trees));
            }
            trees
        }
    };
    let Some((main, definitions)) = trees.split_last() else { return Ok(Value::str("")) };
    let outer = Rc::clone(&engine.set);
    if !definitions.is_empty() {
        let mut set = Set { below: Some(Rc::clone(&outer)), ..Set::default() };
        set.add(definitions.iter().cloned());
        engine.set = Rc::new(set);
    }
    let result = engine.execute(main, Rv::of(data));
    engine.set = outer;
    match result {
        Ok(out) if out.contains(NO_VALUE) => Ok(Value::str(out.replace(NO_VALUE, ""))),
        Ok(out) => Ok(Value::str(out)),
        Err(cause) => Err(Chain::caused(
            format!("error during tpl function execution for {}: ", quote(template)),
            cause,
        )),
    }
}
