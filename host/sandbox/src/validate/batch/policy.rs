//! When a job fails or succeeds before its pods are all through.

use serde_json::Value;

use super::super::common::{has, not_negative, one_of, problems};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

/// The most rules of a policy, and patterns of a rule.
const RULES: usize = 20;
/// The most exit codes of a rule.
const CODES: usize = 255;

/// What indexed jobs may say about their indexes, and who manages a job.
pub(super) fn of_indexes(spec: &Value, mode: &str, at: &str, causes: &mut Vec<Cause>) {
    let number = |key: &str| spec.int(&[key]);
    not_negative(spec, "maxFailedIndexes", at, causes);
    if number("maxFailedIndexes").is_some() && number("backoffLimitPerIndex").is_none() {
        causes.push(Cause::required(
            format!("{at}.backoffLimitPerIndex"),
            "when maxFailedIndexes is specified",
        ));
    }
    if mode == "Indexed" {
        if let (Some(most), Some(all)) = (number("maxFailedIndexes"), number("completions"))
            && most > all
        {
            let text = "must be less than or equal to completions";
            causes.push(Cause::invalid(format!("{at}.maxFailedIndexes"), &most.into(), text));
        }
        return;
    }
    for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
        if let Some(number) = number(field) {
            let text = "requires indexed completion mode";
            causes.push(Cause::invalid(format!("{at}.{field}"), &number.into(), text));
        }
    }
}

/// Which failures of pods count.
pub(super) fn of_failure(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let policy = &spec["podFailurePolicy"];
    let at = format!("{at}.podFailurePolicy.rules");
    let rules = policy.items(&["rules"]);
    if rules.len() > RULES {
        causes.push(Cause::too_many(at.as_str(), rules.len(), RULES));
    }
    let containers: Vec<&str> = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| spec.items(&["template", "spec", list]))
        .map(|container| container.text(&["name"]))
        .collect();
    for (i, rule) in rules.iter().enumerate() {
        let at = format!("{at}[{i}]");
        match rule.text(&["action"]) {
            "" => causes.push(Cause::required(
                format!("{at}.action"),
                "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]",
            )),
            "FailIndex" if !has(spec, &["backoffLimitPerIndex"]) => {
                let text = "requires the backoffLimitPerIndex to be set";
                causes.push(Cause::invalid(format!("{at}.action"), &rule["action"], text));
            }
            _ => one_of(rule, "action", &at, &["Count", "FailIndex", "FailJob", "Ignore"], causes),
        }
        let codes = &rule["onExitCodes"];
        if codes.is_object() {
            of_codes(codes, &containers, &format!("{at}.onExitCodes"), causes);
        }
        let conditions = rule.items(&["onPodConditions"]);
        of_conditions(conditions, &format!("{at}.onPodConditions"), causes);
        if codes.is_object() != conditions.is_empty() {
            let text = if conditions.is_empty() {
                "specifying one of OnExitCodes and OnPodConditions is required"
            } else {
                "specifying both OnExitCodes and OnPodConditions is not supported"
            };
            causes.push(Cause::other(at, "FieldValueInvalid", format!("Invalid value: {text}")));
        }
    }
}

fn of_codes(codes: &Value, containers: &[&str], at: &str, causes: &mut Vec<Cause>) {
    let operator = codes.text(&["operator"]);
    if operator.is_empty() {
        causes.push(Cause::required(format!("{at}.operator"), "valid values: [\"In\" \"NotIn\"]"));
    } else {
        one_of(codes, "operator", at, &["In", "NotIn"], causes);
    }
    if let Some(name) = codes.get("containerName").and_then(Value::as_str).filter(|n| !containers.contains(n))
    {
        let text = "must be one of the container or initContainer names in the pod template";
        causes.push(Cause::invalid(format!("{at}.containerName"), &name.into(), text));
    }
    let values = codes.items(&["values"]);
    let field = format!("{at}.values");
    if values.is_empty() {
        let shown = codes.get("values").filter(|v| v.is_array()).unwrap_or(&Value::Null);
        causes.push(Cause::invalid(field.as_str(), shown, "at least one value is required"));
    } else if values.len() > CODES {
        causes.push(Cause::too_many(field.as_str(), values.len(), CODES));
    }
    for (j, code) in values.iter().enumerate() {
        let field = format!("{field}[{j}]");
        if operator == "In" && *code == 0 {
            causes.push(Cause::invalid(field.as_str(), code, "must not be 0 for the In operator"));
        }
        if values[..j].contains(code) {
            causes.push(Cause::duplicate(field, code));
        }
    }
    if !values.iter().map(Value::as_i64).is_sorted() {
        causes.push(Cause::invalid(field, &codes["values"], "must be ordered"));
    }
}

fn of_conditions(conditions: &[Value], at: &str, causes: &mut Vec<Cause>) {
    if conditions.len() > RULES {
        causes.push(Cause::too_many(at, conditions.len(), RULES));
    }
    for (j, pattern) in conditions.iter().enumerate() {
        let at = format!("{at}[{j}]");
        let kind = pattern.text(&["type"]);
        causes.extend(problems(names::qualified_name(kind), &format!("{at}.type"), kind));
        if pattern.text(&["status"]).is_empty() {
            let text = "valid values: [\"False\" \"True\" \"Unknown\"]";
            causes.push(Cause::required(format!("{at}.status"), text));
        } else {
            one_of(pattern, "status", &at, &["False", "True", "Unknown"], causes);
        }
    }
}

/// Which indexes are enough for success.
pub(super) fn of_success(spec: &Value, mode: &str, at: &str, causes: &mut Vec<Cause>) {
    let Some(policy) = spec.get("successPolicy").filter(|p| p.is_object()) else { return };
    let at = format!("{at}.successPolicy");
    if mode != "Indexed" {
        let rules: Vec<String> = policy
            .items(&["rules"])
            .iter()
            .map(|rule| {
                format!(
                    "{{\"SucceededIndexes\":{},\"SucceededCount\":{}}}",
                    rule["succeededIndexes"], rule["succeededCount"]
                )
            })
            .collect();
        let text =
            format!("Invalid value: {{\"Rules\":[{}]}}: requires indexed completion mode", rules.join(","));
        causes.push(Cause::other(at, "FieldValueInvalid", text));
        return;
    }
    let rules = policy.items(&["rules"]);
    let field = format!("{at}.rules");
    if rules.is_empty() {
        let text = "at least one rules must be specified when the successPolicy is specified";
        causes.push(Cause::required(field.as_str(), text));
    }
    if rules.len() > RULES {
        causes.push(Cause::too_many(field.as_str(), rules.len(), RULES));
    }
    let completions = spec.int(&["completions"]).unwrap_or(0);
    for (i, rule) in rules.iter().enumerate() {
        success_rule(rule, completions, &format!("{field}[{i}]"), causes);
    }
}

fn success_rule(rule: &Value, completions: i64, at: &str, causes: &mut Vec<Cause>) {
    let indexes = rule.get("succeededIndexes").and_then(Value::as_str);
    let count = rule.int(&["succeededCount"]);
    if indexes.is_none() && count.is_none() {
        let text = "at least one of succeededCount or succeededIndexes must be specified";
        causes.push(Cause::required(at, text));
    }
    let mut total = 0;
    if let Some(text) = indexes {
        match intervals(text, completions) {
            Ok(found) => total = found,
            Err(why) => causes.push(Cause::invalid(
                format!("{at}.succeededIndexes"),
                &text.into(),
                &format!("error parsing succeededIndexes: {why}"),
            )),
        }
    }
    let Some(count) = count else { return };
    let field = format!("{at}.succeededCount");
    not_negative(rule, "succeededCount", at, causes);
    if count > completions {
        let text =
            format!("must be less than or equal to {completions} (the number of specified completions)");
        causes.push(Cause::invalid(field.as_str(), &count.into(), &text));
    }
    if indexes.is_some() && count > total {
        let text = format!(
            "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        );
        causes.push(Cause::invalid(field, &count.into(), &text));
    }
}

/// How many indexes intervals like `1,3-5` hold.
pub(in crate::validate) fn intervals(text: &str, completions: i64) -> Result<i64, String> {
    let number = |text: &str| -> Result<i64, String> {
        let number: i64 =
            text.parse().map_err(|_| format!("cannot convert string to integer for index: {text:?}"))?;
        if number >= completions {
            return Err(format!("too large index: {text:?}"));
        }
        Ok(number)
    };
    let (mut last, mut total) = (None, 0);
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let ends: Vec<&str> = part.split('-').collect();
        let (from, to) = match ends[..] {
            [one] => (number(one)?, number(one)?),
            [from, to] => {
                let (from, to) = (number(from)?, number(to)?);
                if from >= to {
                    return Err(format!("non-increasing order, previous: {from}, current: {to}"));
                }
                (from, to)
            }
            _ => {
                return Err(format!(
                    "the fragment {part:?} violates the requirement that an index interval can have at most two parts \
                     separated by '-'"
                ));
            }
        };
        if let Some(last) = last.filter(|last| *last >= from) {
            return Err(format!("non-increasing order, previous: {last}, current: {from}"));
        }
        total += to - from + 1;
        last = Some(to);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::intervals;

    #[test]
    fn intervals_grow_and_fit() {
        assert_eq!(intervals("", 3), Ok(0));
        assert_eq!(intervals("0,2-4", 5), Ok(4));
        assert_eq!(intervals("5", 5), Err("too large index: \"5\"".into()));
        assert_eq!(intervals("2,1", 5), Err("non-increasing order, previous: 2, current: 1".into()));
        assert_eq!(intervals("x", 5), Err("cannot convert string to integer for index: \"x\"".into()));
    }
}
