//! Whether a plan can be carried out at all, before anything runs.

use std::collections::BTreeSet;

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, Plan, Step, Until};
use serde_json::Value;

use crate::error::{Error, Result};

const MAX_STEPS: usize = 500;
const MAX_OBJECTS: usize = 5000;
const MAX_TIMEOUT_SECONDS: u32 = 24 * 3600;

/// Reads a plan that a plugin made. A step type or policy that this server does not know is refused by name.
pub fn parse(document: &Value) -> Result<Plan> {
    let plan: Plan = serde_json::from_value(document.clone()).map_err(|error| invalid(error.to_string()))?;
    check(&plan)?;
    Ok(plan)
}

/// Refuses what cannot be executed.
pub fn check(plan: &Plan) -> Result<()> {
    if plan.schema != Plan::SCHEMA {
        return Err(invalid(format!(
            "its schema is `{}`, this server reads `{}`",
            plan.schema,
            Plan::SCHEMA
        )));
    }
    if !is_part(&plan.part) {
        return Err(invalid(format!("`{}` is no part of an instance", plan.part)));
    }
    if !is_manager(&plan.manager) {
        return Err(invalid(format!("`{}` cannot be a field manager", plan.manager)));
    }
    if !plan.requires.is_empty() {
        let names: Vec<_> =
            plan.requires.iter().map(|requirement| format!("`{}`", requirement.addon)).collect();
        return Err(invalid(format!(
            "it requires the add-ons {}, which this server does not install yet",
            names.join(", ")
        )));
    }
    let steps = || plan.steps.iter().chain(&plan.on_failure);
    if steps().count() > MAX_STEPS {
        return Err(invalid(format!("it has more than {MAX_STEPS} steps")));
    }
    if steps().flat_map(super::kinds::objects_of).count() > MAX_OBJECTS {
        return Err(invalid(format!("it has more than {MAX_OBJECTS} objects")));
    }
    let mut names = BTreeSet::new();
    for step in steps() {
        if step.name.trim().is_empty() || step.name.len() > 200 {
            return Err(invalid("each step needs a name of at most 200 bytes".into()));
        }
        if !names.insert(&step.name) {
            return Err(invalid(format!("two steps are named `{}`", step.name)));
        }
        check_step(step).map_err(|reason| invalid(format!("step `{}`: {reason}", step.name)))?;
    }
    match plan.on_failure.iter().find(|step| matches!(step.action, Action::Pause { .. })) {
        Some(step) => Err(invalid(format!("step `{}`: nothing can pause after a failure", step.name))),
        None => Ok(()),
    }
}

fn check_step(step: &Step) -> Result<(), String> {
    match &step.action {
        Action::Apply { objects, .. } => check_objects(objects),
        Action::Secret { object, keys, .. } => {
            if object.kind != "Secret" || object.api_version != "v1" {
                return Err(format!("`{object}` is no Secret"));
            }
            let mut names = BTreeSet::new();
            for key in keys {
                if key.name.is_empty() || !names.insert(&key.name) {
                    return Err(format!("the key `{}` is empty or given twice", key.name));
                }
                super::executor::secret::check(&key.generate)?;
            }
            if keys.is_empty() { Err("it generates no key".into()) } else { Ok(()) }
        }
        Action::Certificate { .. } => {
            Err("steps of type `certificate` are not supported by this server".into())
        }
        Action::Hook { object, timeout_seconds, .. } => {
            check_timeout(*timeout_seconds)?;
            let metadata = &object["metadata"];
            let named = metadata["name"].as_str().or(metadata["generateName"].as_str());
            match (
                object["apiVersion"].as_str(),
                object["kind"].as_str(),
                named.filter(|name| !name.is_empty()),
            ) {
                (Some(_), Some(kind), Some(_)) => check_kind(kind),
                _ => Err("its object lacks `apiVersion`, `kind` or `metadata.name`".into()),
            }
        }
        Action::Wait { refs, selector, until, timeout_seconds, .. } => {
            check_timeout(*timeout_seconds)?;
            if refs.is_empty() == selector.is_none() {
                return Err("it needs either `refs` or `selector`".into());
            }
            if selector.as_ref().is_some_and(|selector| selector.labels.is_empty()) {
                return Err("its selector needs labels".into());
            }
            match until {
                Until::Path { path, .. } if !path.starts_with('/') => {
                    Err(format!("`{path}` is no JSON pointer"))
                }
                Until::Condition(name) if name.is_empty() => {
                    Err("it waits for a condition without a name".into())
                }
                _ => Ok(()),
            }
        }
        Action::Delete { timeout_seconds, .. } => check_timeout(*timeout_seconds),
        Action::Prune { .. } | Action::Pause { .. } => Ok(()),
        Action::EnsureNamespace { namespace } => {
            if is_dns_label(namespace) {
                Ok(())
            } else {
                Err(format!("`{namespace}` cannot be the name of a namespace"))
            }
        }
    }
}

fn check_objects(objects: &[Value]) -> Result<(), String> {
    let mut seen: Vec<ObjectRef> = Vec::with_capacity(objects.len());
    let mut keys = BTreeSet::new();
    for object in objects {
        let object = ObjectRef::of(object)
            .ok_or_else(|| "an object lacks `apiVersion`, `kind` or `metadata.name`".to_owned())?;
        check_kind(&object.kind)?;
        let key =
            (object.group().to_owned(), object.kind.clone(), object.namespace.clone(), object.name.clone());
        if !keys.insert(key) {
            return Err(format!("`{object}` is in it twice"));
        }
        seen.push(object);
    }
    Ok(())
}

/// Lists would hide objects from every check, and some kinds are questions or orders rather than objects.
fn check_kind(kind: &str) -> Result<(), String> {
    let refused = kind.ends_with("List")
        || kind.ends_with("Review")
        || matches!(kind, "Binding" | "Eviction" | "TokenRequest" | "DeleteOptions" | "Status" | "Scale");
    if refused { Err(format!("objects of kind `{kind}` cannot be applied")) } else { Ok(()) }
}

fn check_timeout(seconds: u32) -> Result<(), String> {
    if seconds > MAX_TIMEOUT_SECONDS { Err(format!("{seconds} seconds is more than a day")) } else { Ok(()) }
}

fn is_part(part: &str) -> bool {
    let (name, number) = part.split_once('/').map_or((part, None), |(name, number)| (name, Some(number)));
    match number {
        None => matches!(name, "main" | "monitor" | "logs"),
        Some(number) => matches!(name, "expose" | "backup") && is_dns_label(number),
    }
}

fn is_manager(manager: &str) -> bool {
    (1..=128).contains(&manager.len()) && manager.bytes().all(|b| b.is_ascii_graphic())
}

fn is_dns_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn invalid(reason: String) -> Error {
    Error::Invalid { field: "plan", reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(steps: Value) -> String {
        let plan = json!({"schema": "osc.plan/v1", "steps": steps, "future": {"ignored": true}});
        match parse(&plan) {
            Ok(_) => "fine".into(),
            Err(error) => error.to_string().replace("invalid `plan`: ", ""),
        }
    }

    fn config_map(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
    }

    #[test]
    fn accepts_what_the_executor_knows() {
        let step = json!([
            {"name": "a", "type": "apply", "policy": "create-only", "objects": [config_map("x")], "future": 1},
            {"name": "b", "type": "wait", "until": "ready", "refs": [{"api_version": "v1", "kind": "Pod", "name": "x"}]},
            {"name": "c", "type": "wait", "until": {"path": {"path": "/status/phase", "equals": "Up"}},
                "selector": {"api_version": "v1", "kind": "Pod", "labels": {"a": "b"}}},
            {"name": "d", "type": "ensure-namespace", "namespace": "n"},
            {"name": "e", "type": "prune"},
            {"name": "f", "type": "pause", "message": "look"},
            {"name": "g", "type": "hook", "done": "complete",
                "object": {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "x-"}}},
        ]);
        assert_eq!(verdict(step), "fine");
    }

    #[test]
    fn refuses_by_name_what_it_does_not_know() {
        let apply = |name: &str, objects: Value| json!({"name": name, "type": "apply", "policy": "owned", "objects": objects});
        for (steps, expected) in [
            (json!([{"name": "a", "type": "teleport"}]), "unknown variant `teleport`"),
            (
                json!([{"name": "a", "type": "apply", "policy": "borrowed", "objects": []}]),
                "unknown variant `borrowed`",
            ),
            (json!([{"name": "a", "type": "wait", "until": "soon", "refs": []}]), "unknown variant `soon`"),
            (json!([apply("a", json!([])), apply("a", json!([]))]), "two steps are named `a`"),
            (json!([apply(" ", json!([]))]), "each step needs a name"),
            (
                json!([apply("a", json!([config_map("x"), config_map("x")]))]),
                "step `a`: `ConfigMap x` is in it twice",
            ),
            (json!([apply("a", json!([{"kind": "ConfigMap"}]))]), "step `a`: an object lacks `apiVersion`"),
            (
                json!([apply(
                    "a",
                    json!([{"apiVersion": "v1", "kind": "List", "metadata": {"name": "x"}, "items": []}])
                )]),
                "step `a`: objects of kind `List` cannot be applied",
            ),
            (
                json!([{"name": "a", "type": "certificate", "dns": [],
                    "secret": {"api_version": "v1", "kind": "Secret", "name": "x"}}]),
                "step `a`: steps of type `certificate` are not supported by this server",
            ),
            (
                json!([{"name": "a", "type": "wait", "until": "ready"}]),
                "step `a`: it needs either `refs` or `selector`",
            ),
            (
                json!([{"name": "a", "type": "delete", "refs": [], "timeout_seconds": 100_000}]),
                "step `a`: 100000 seconds is more than a day",
            ),
            (
                json!([{"name": "a", "type": "ensure-namespace", "namespace": "A/b"}]),
                "step `a`: `A/b` cannot be",
            ),
            (
                json!([{"name": "a", "type": "secret", "keys": [{"name": "p", "generate": {"kind": "password", "length": 2}}],
                    "ref": {"api_version": "v1", "kind": "Secret", "name": "x"}}]),
                "step `a`: a password of 2 characters",
            ),
        ] {
            let text = verdict(steps);
            assert!(text.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn refuses_other_schemas_parts_and_managers() {
        let with = |key: &str, value: Value| {
            let mut plan = json!({"schema": "osc.plan/v1", "steps": []});
            plan[key] = value;
            parse(&plan)
                .err()
                .map(|error| error.to_string().replace("invalid `plan`: ", ""))
                .unwrap_or_default()
        };
        assert_eq!(with("part", json!("expose/1")), "");
        assert_eq!(with("part", json!("other")), "`other` is no part of an instance");
        assert_eq!(with("part", json!("main/../x")), "`main/../x` is no part of an instance");
        assert_eq!(
            with("schema", json!("osc.plan/v2")),
            "its schema is `osc.plan/v2`, this server reads `osc.plan/v1`"
        );
        assert_eq!(with("manager", json!("a b")), "`a b` cannot be a field manager");
        assert!(with("requires", json!([{"addon": "redis"}])).starts_with("it requires the add-ons `redis`"));
    }
}
