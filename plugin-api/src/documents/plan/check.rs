//! What a plan must be before anything of it is shown, stored or run. Grants and scopes are checked elsewhere.

use std::collections::HashSet;

use serde_json::Value;

use super::{Action, Plan, Step, Until};
use crate::documents::object::ObjectRef;
use crate::{Error, Result};

const MAX_STEPS: usize = 1_000;
const MAX_OBJECTS: usize = 10_000;
const MAX_NAME: usize = 200;

impl Plan {
    /// Reads a plan; an unknown step type or policy is an error that names it.
    pub fn parse(text: &str) -> Result<Plan> {
        let plan: Plan = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        plan.check()?;
        Ok(plan)
    }

    /// Refuses a plan that is malformed: wrong schema or part, repeated step names, objects without identity, steps
    /// that say nothing, and more steps or objects than anybody needs.
    pub fn check(&self) -> Result<()> {
        if self.schema != Plan::SCHEMA {
            return Err(invalid(format!("schema is `{}`, not `{}`", self.schema, Plan::SCHEMA)));
        }
        check_part(&self.part)?;
        if self.manager.is_empty() || self.manager.len() > 128 {
            return Err(invalid("`manager` must have 1 to 128 characters"));
        }
        if self.steps.len() + self.on_failure.len() > MAX_STEPS {
            return Err(invalid(format!("more than {MAX_STEPS} steps")));
        }
        let (mut names, mut objects) = (HashSet::new(), 0);
        for step in self.steps.iter().chain(&self.on_failure) {
            if step.name.is_empty() || step.name.len() > MAX_NAME {
                return Err(invalid(format!("a step's name must have 1 to {MAX_NAME} characters")));
            }
            if !names.insert(&step.name) {
                return Err(invalid(format!("two steps are named `{}`", step.name)));
            }
            check_step(step)?;
            objects += object_count(&step.action);
        }
        if objects > MAX_OBJECTS {
            return Err(invalid(format!("more than {MAX_OBJECTS} objects")));
        }
        self.keep.iter().try_for_each(|kept| check_ref("keep", &kept.object))?;
        match self.requires.iter().find(|required| required.addon.is_empty()) {
            Some(_) => Err(invalid("a requirement without `addon`")),
            None => Ok(()),
        }
    }
}

fn check_part(part: &str) -> Result<()> {
    let numbered = |prefix: &str| {
        let number = part.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if matches!(part, "main" | "monitor" | "logs") || numbered("expose") || numbered("backup") {
        return Ok(());
    }
    Err(invalid(format!("unknown part `{part}`")))
}

fn check_step(step: &Step) -> Result<()> {
    let name = &step.name;
    let fail = |reason: &str| Err(invalid(format!("step `{name}`: {reason}")));
    match &step.action {
        Action::Apply { objects, .. } => objects.iter().try_for_each(|object| check_object(name, object)),
        Action::Secret { object, keys, .. } => {
            check_ref(name, object)?;
            if object.kind != "Secret" || object.namespace.is_none() {
                return fail("`ref` must name a Secret with its namespace");
            }
            match keys.iter().any(|key| key.name.is_empty()) || keys.is_empty() {
                true => fail("`keys` must have entries with names"),
                false => Ok(()),
            }
        }
        Action::Certificate { secret, dns, inject } => {
            check_ref(name, secret)?;
            if dns.is_empty() {
                return fail("`dns` must have an entry");
            }
            inject.iter().try_for_each(|injection| {
                check_ref(name, &injection.object)?;
                check_pointer(name, &injection.path)
            })
        }
        Action::Hook { object, .. } => check_object(name, object),
        Action::Wait { refs, selector, until, .. } => {
            if refs.is_empty() == selector.is_none() {
                return fail("exactly one of `refs` and `selector` must be given");
            }
            if selector.as_ref().is_some_and(|selector| selector.labels.is_empty()) {
                return fail("`selector` must have labels");
            }
            refs.iter().try_for_each(|object| check_ref(name, object))?;
            match until {
                Until::Condition(condition) if condition.is_empty() => fail("`condition` must not be empty"),
                Until::Path { path, .. } => check_pointer(name, path),
                _ => Ok(()),
            }
        }
        Action::Delete { refs, .. } => refs.iter().try_for_each(|object| check_ref(name, object)),
        Action::EnsureNamespace { namespace } if namespace.is_empty() => {
            fail("`namespace` must not be empty")
        }
        Action::EnsureNamespace { .. } | Action::Prune { .. } | Action::Pause { .. } => Ok(()),
    }
}

fn object_count(action: &Action) -> usize {
    match action {
        Action::Apply { objects, .. } => objects.len(),
        Action::Wait { refs, .. } | Action::Delete { refs, .. } => refs.len(),
        _ => 1,
    }
}

fn check_object(step: &str, object: &Value) -> Result<()> {
    match ObjectRef::of(object) {
        Some(object) => check_ref(step, &object),
        None => {
            let text = object.to_string();
            let start: String = text.chars().take(80).collect();
            Err(invalid(format!(
                "step `{step}`: object without `apiVersion`, `kind` or `metadata.name`: {start}"
            )))
        }
    }
}

/// Names become parts of URL paths, so what cannot be in one is refused here.
fn check_ref(step: &str, object: &ObjectRef) -> Result<()> {
    let path_segment = |text: &str| {
        let allowed =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'%' | b'?' | b'#' | b'\\');
        !text.is_empty() && text.len() <= 253 && text != "." && text != ".." && text.bytes().all(allowed)
    };
    let version_ok =
        object.api_version.split('/').count() <= 2 && object.api_version.split('/').all(path_segment);
    let namespace_ok = object.namespace.as_deref().is_none_or(path_segment);
    if version_ok && path_segment(&object.kind) && path_segment(&object.name) && namespace_ok {
        return Ok(());
    }
    Err(invalid(format!("step `{step}`: `{object}` of `{}` is not a valid reference", object.api_version)))
}

fn check_pointer(step: &str, pointer: &str) -> Result<()> {
    if pointer.starts_with('/') {
        return Ok(());
    }
    Err(invalid(format!("step `{step}`: `{pointer}` is not a JSON pointer")))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new("invalid-plan", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(steps: Value) -> String {
        let plan = json!({"schema": "osc.plan/v1", "steps": steps});
        Plan::parse(&plan.to_string()).expect_err("must be refused").message
    }

    #[test]
    fn good_plans_pass() {
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}});
        let plan = json!({"schema": "osc.plan/v1", "part": "backup/3", "steps": [
            {"name": "apply", "type": "apply", "objects": [object], "policy": "owned", "future": true},
            {"name": "wait", "type": "wait", "refs": [{"api_version": "v1", "kind": "Pod", "name": "system:x"}],
             "until": {"path": {"path": "/status/phase", "equals": "Running"}}},
            {"name": "prune", "type": "prune"},
        ]});
        Plan::parse(&plan.to_string()).unwrap();
        Plan::new("helm").check().unwrap();
    }

    #[test]
    fn bad_plans_are_refused_by_name() {
        assert!(refusal(json!([{"name": "a", "type": "exec"}])).contains("unknown variant `exec`"));
        let policy = json!([{"name": "a", "type": "apply", "objects": [], "policy": "stolen"}]);
        assert!(refusal(policy).contains("unknown variant `stolen`"));
        let twice = json!([{"name": "a", "type": "prune"}, {"name": "a", "type": "prune"}]);
        assert_eq!(refusal(twice), "two steps are named `a`");
        let nameless =
            json!([{"name": "a", "type": "apply", "objects": [{"kind": "Pod"}], "policy": "owned"}]);
        assert!(refusal(nameless).contains("object without"));
        let leaves = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "../../nodes"}});
        let leaves = json!([{"name": "a", "type": "apply", "objects": [leaves], "policy": "owned"}]);
        assert!(refusal(leaves).contains("is not a valid reference"));
        let nothing = json!([{"name": "a", "type": "wait", "until": "ready"}]);
        assert!(refusal(nothing).contains("exactly one of"));
        let text = r#"{"schema": "osc.plan/v2", "steps": []}"#;
        assert_eq!(Plan::parse(text).unwrap_err().message, "schema is `osc.plan/v2`, not `osc.plan/v1`");
    }
}
