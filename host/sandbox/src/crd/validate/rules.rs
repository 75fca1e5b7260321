//! `x-kubernetes-validations`: rules in the Common Expression Language.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;

use super::join;
use crate::crd::cel::{Budget, Expr, Fault, Limit, Val, evaluate, parse, some};
use crate::ownership::fields::Step;
use crate::ownership::merge::item_step;
use crate::schema::{ListKind, Node, Shape};
use crate::status::Cause;
use crate::value::Get;

const RULES: &str = "x-kubernetes-validations";
/// Most bytes of a message that a rule makes; longer ones are not used.
const MESSAGE: usize = 5 << 10;

/// True if a schema has any rule.
pub(super) fn any(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            map.get(RULES).is_some_and(|r| !r.items(&[]).is_empty())
                || map.iter().any(|(key, inner)| match key.as_str() {
                    "properties" => inner.as_object().is_some_and(|p| p.values().any(any)),
                    "items" | "additionalProperties" => any(inner),
                    _ => false,
                })
        }
        _ => false,
    }
}

/// Checks the rules of an object.
pub(super) fn check(schema: &Value, live: Option<&Value>, value: &Value, causes: &mut Vec<Cause>) {
    let mut checks = Checks { causes, budget: Budget::default(), read: HashMap::new() };
    // If no more may be spent, the causes say so.
    let _ = checks.at_node(schema, live, value, "");
}

/// No more may be spent on the object: no further rule is looked at.
struct Ended;

struct Checks<'c> {
    causes: &'c mut Vec<Cause>,
    budget: Budget,
    /// Expressions by where their texts lie; those that cannot be read say nothing.
    read: HashMap<(*const u8, usize), Option<Rc<Expr>>>,
}

impl Checks<'_> {
    fn at_node(&mut self, schema: &Value, old: Option<&Value>, value: &Value, at: &str) -> Result<(), Ended> {
        if value.is_null() {
            return Ok(());
        }
        for rule in schema.items(&[RULES]) {
            self.apply(rule, schema.text(&["type"]), old, value, at)?;
        }
        match value {
            Value::Object(map) => {
                let properties = schema.get("properties").and_then(Value::as_object);
                for (key, inner) in map {
                    let declared = properties.and_then(|p| p.get(key)).or(schema.get("additionalProperties"));
                    if let Some(declared @ Value::Object(_)) = declared {
                        let before = old.and_then(|o| o.get(key));
                        self.at_node(declared, before, inner, &join(at, key))?;
                    }
                }
            }
            Value::Array(items) => {
                let counterparts = Counterparts::new(schema, old);
                for (i, item) in items.iter().enumerate() {
                    let before = counterparts.of(item);
                    self.at_node(&schema["items"], before, item, &format!("{at}[{i}]"))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn apply(
        &mut self,
        rule: &Value,
        schema_type: &str,
        old: Option<&Value>,
        value: &Value,
        at: &str,
    ) -> Result<(), Ended> {
        let text = rule.text(&["rule"]);
        let optional = rule["optionalOldSelf"] == true;
        if old.is_none() && !optional && text.contains("oldSelf") {
            return Ok(());
        }
        let Some(expr) = self.expression(text) else { return Ok(()) };
        let mut variables = vec![("self", Val::At(value))];
        if optional {
            if let Some(old) = old {
                self.spend(|budget| budget.copy(old), rule, schema_type, at)?;
            }
            variables.push(("oldSelf", some(old.cloned()).into()));
        } else if let Some(old) = old {
            variables.push(("oldSelf", Val::At(old)));
        }
        let result = evaluate(&expr, &variables, &mut self.budget);
        let why = match result.as_deref() {
            Ok(Value::Bool(true)) | Err(Fault::Unknown) => return Ok(()),
            Ok(_) => self.message(rule, text, &variables),
            Err(Fault::Failed(error)) => {
                let text = format!("{error} evaluating rule: {}", shown(rule));
                return self.refuse(Cause::invalid(place(at), &schema_type.into(), &text));
            }
            Err(Fault::Spent(limit)) => return Err(self.spent(*limit, rule, schema_type, at)),
        };
        let field = match rule.text(&["fieldPath"]) {
            "" => at.to_string(),
            path if at.is_empty() => path.trim_start_matches('.').to_string(),
            path => format!("{at}{path}"),
        };
        let field = place(&field);
        self.refuse(match rule.text(&["reason"]) {
            "FieldValueForbidden" => Cause::forbidden(field, &why),
            "FieldValueRequired" => Cause::required(field, &why),
            "FieldValueDuplicate" => {
                Cause::other(field, "FieldValueDuplicate", format!("Duplicate value: {why}"))
            }
            _ => match value {
                // Maps and lists are not shown.
                Value::Object(_) | Value::Array(_) => {
                    Cause::other(field, "FieldValueInvalid", format!("Invalid value: {why}"))
                }
                plain => Cause::invalid(field, plain, &why),
            },
        })
    }

    /// The expression of a text of the schema, which is read once.
    fn expression(&mut self, text: &str) -> Option<Rc<Expr>> {
        let read = self.read.entry((text.as_ptr(), text.len()));
        read.or_insert_with(|| parse(text).ok().map(Rc::new)).clone()
    }

    fn message(&mut self, rule: &Value, text: &str, variables: &[(&str, Val<'_>)]) -> String {
        let expression = rule.text(&["messageExpression"]);
        if !expression.is_empty()
            && let Some(expr) = self.expression(expression)
            && let Ok(made) = evaluate(&expr, variables, &mut self.budget)
            && let Value::String(text) = &*made
            && !text.trim().is_empty()
            && text.len() <= MESSAGE
        {
            return text.clone();
        }
        match rule.text(&["message"]) {
            "" => format!("failed rule: {}", text.trim()),
            message => message.trim().into(),
        }
    }

    /// Adds a cause; what is said is part of the work, so that many long messages have an end too.
    fn refuse(&mut self, cause: Cause) -> Result<(), Ended> {
        let length = cause.field.len() + cause.message.len();
        self.causes.push(cause);
        self.budget.text(length).map_err(|_| Ended)
    }

    fn spend(
        &mut self,
        spend: impl FnOnce(&mut Budget) -> Result<(), Fault>,
        rule: &Value,
        schema_type: &str,
        at: &str,
    ) -> Result<(), Ended> {
        spend(&mut self.budget).map_err(|_| self.spent(Limit::Object, rule, schema_type, at))
    }

    fn spent(&mut self, limit: Limit, rule: &Value, schema_type: &str, at: &str) -> Ended {
        let text = match limit {
            Limit::Call => format!(
                "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to \
                 call cost exceeds limit for rule: {}",
                shown(rule)
            ),
            Limit::Object => {
                "validation failed due to running out of cost budget, no further validation rules will \
                              be run"
                    .to_owned()
            }
        };
        self.causes.push(Cause::invalid(place(at), &schema_type.into(), &text));
        Ended
    }
}

/// Items of an older list by what tells them apart; only items of maps have something to be compared with.
struct Counterparts<'v> {
    kind: ListKind,
    old: HashMap<Step, &'v Value>,
}

impl<'v> Counterparts<'v> {
    fn new(schema: &Value, old: Option<&'v Value>) -> Self {
        let keys = schema.items(&["x-kubernetes-list-map-keys"]);
        let kind = ListKind::Map(keys.iter().filter_map(|k| k.as_str().map(Into::into)).collect());
        let mut found = Counterparts { kind, old: HashMap::new() };
        if schema.text(&["x-kubernetes-list-type"]) == "map" {
            for item in old.and_then(Value::as_array).into_iter().flatten() {
                if let Some(key) = found.key(item) {
                    found.old.entry(key).or_insert(item);
                }
            }
        }
        found
    }

    fn key(&self, item: &Value) -> Option<Step> {
        item_step(&Node::plain(Shape::Any), &self.kind, item).ok()
    }

    fn of(&self, item: &Value) -> Option<&'v Value> {
        if self.old.is_empty() {
            return None;
        }
        self.old.get(&self.key(item)?).copied()
    }
}

fn place(at: &str) -> &str {
    if at.is_empty() { "<nil>" } else { at }
}

/// A rule as errors name it.
fn shown(rule: &Value) -> &str {
    match rule.text(&["message"]) {
        "" => rule.text(&["rule"]).trim(),
        message => message.trim(),
    }
}
