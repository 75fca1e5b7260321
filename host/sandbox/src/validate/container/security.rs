//! Security of containers, and the parts that pods share with them.

use serde_json::Value;

use crate::status::Cause;
use crate::validate::common::{go_struct, has, invalid_struct, one_of};
use crate::validate::volume::local_descending;
use crate::value::Get;

/// A user or group id.
pub(in crate::validate) fn id(context: &Value, field: &str, at: &str, causes: &mut Vec<Cause>) {
    if let Some(number) = context.int(&[field])
        && !(0..=i64::from(i32::MAX)).contains(&number)
    {
        let text = "must be between 0 and 2147483647, inclusive";
        causes.push(Cause::invalid(format!("{at}.{field}"), &number.into(), text));
    }
}

/// A seccomp profile.
pub(in crate::validate) fn seccomp(profile: &Value, at: &str, causes: &mut Vec<Cause>) {
    if !profile.is_object() {
        return;
    }
    let kind = profile.text(&["type"]);
    let local_at = format!("{at}.localhostProfile");
    if kind.is_empty() {
        causes.push(Cause::required(format!("{at}.type"), "type is required when seccompProfile is set"));
    } else {
        one_of(profile, "type", at, &["Localhost", "RuntimeDefault", "Unconfined"], causes);
    }
    match (kind, has(profile, &["localhostProfile"])) {
        ("Localhost", true) => local_descending(profile.text(&["localhostProfile"]), &local_at, causes),
        ("Localhost", false) => {
            causes.push(Cause::required(local_at, "must be set when seccomp type is Localhost"));
        }
        (_, true) => {
            let shown = go_struct(&[
                ("Type", kind.into()),
                ("LocalhostProfile", profile["localhostProfile"].clone()),
            ]);
            let text = "can only be set when seccomp type is Localhost";
            causes.push(invalid_struct(&local_at, &shown, text));
        }
        (_, false) => {}
    }
}

/// An AppArmor profile.
pub(in crate::validate) fn app_armor(profile: &Value, at: &str, causes: &mut Vec<Cause>) {
    if !profile.is_object() {
        return;
    }
    const LONGEST: usize = 4095;
    let field = format!("{at}.localhostProfile");
    let local = profile.get("localhostProfile").and_then(Value::as_str);
    let needed = "must be set when AppArmor type is Localhost";
    match (profile.text(&["type"]), local) {
        ("Localhost", None) => causes.push(Cause::required(field, needed)),
        ("Localhost", Some(text)) => {
            if text.trim() != text {
                causes.push(Cause::invalid(
                    field.clone(),
                    &text.into(),
                    "must not be padded with whitespace",
                ));
            } else if text.is_empty() {
                causes.push(Cause::required(field.clone(), needed));
            }
            if text.len() > LONGEST {
                causes.push(Cause::too_long(field, LONGEST));
            }
        }
        ("RuntimeDefault" | "Unconfined", Some(text)) => {
            let rule = "can only be set when AppArmor type is Localhost";
            causes.push(Cause::invalid(field, &text.into(), rule));
        }
        ("RuntimeDefault" | "Unconfined", None) => {}
        ("", _) => {
            causes.push(Cause::required(format!("{at}.type"), "type is required when appArmorProfile is set"))
        }
        (other, _) => {
            let supported = ["Localhost", "RuntimeDefault", "Unconfined"];
            causes.push(Cause::unsupported(format!("{at}.type"), &other.into(), &supported));
        }
    }
}

/// The security context of a container; `private` says that the pod has users of its own.
pub(super) fn of_container(context: &Value, private: bool, at: &str, causes: &mut Vec<Cause>) {
    if !context.is_object() {
        return;
    }
    let flag = |key: &str| context.get(key).and_then(Value::as_bool);
    // Privileged containers are allowed, as on every cluster that people use; a bare API server refuses them.
    id(context, "runAsUser", at, causes);
    id(context, "runAsGroup", at, causes);
    if has(context, &["procMount"]) {
        let mount = context.text(&["procMount"]);
        one_of(context, "procMount", at, &["Default", "Unmasked"], causes);
        if mount == "Unmasked" && !private {
            let text = "`hostUsers` must be false to use `Unmasked`";
            causes.push(Cause::invalid(format!("{at}.procMount"), &mount.into(), text));
        }
    }
    seccomp(&context["seccompProfile"], &format!("{at}.seccompProfile"), causes);
    if flag("allowPrivilegeEscalation") == Some(false) {
        let mut refuse = |why: &str| {
            let text = format!("cannot set `allowPrivilegeEscalation` to false and {why}");
            causes.push(invalid_struct(at, &shown(context), &text));
        };
        if flag("privileged") == Some(true) {
            refuse("`privileged` to true");
        }
        for _ in context.items(&["capabilities", "add"]).iter().filter(|c| *c == "CAP_SYS_ADMIN") {
            refuse("`capabilities.Add` CAP_SYS_ADMIN");
        }
    }
    app_armor(&context["appArmorProfile"], &format!("{at}.appArmorProfile"), causes);
}

/// A context as a real server shows its internal type.
fn shown(context: &Value) -> Value {
    let get = |key: &str| context.get(key).cloned().unwrap_or(Value::Null);
    let inner = |key: &str, fields: &[(&str, &str)]| -> Value {
        let inner = &context[key];
        if !inner.is_object() {
            return Value::Null;
        }
        let field = |name: &str| inner.get(name).cloned().unwrap_or(Value::Null);
        go_struct(&fields.iter().map(|(shown, name)| (*shown, field(name))).collect::<Vec<_>>())
    };
    let capabilities = inner("capabilities", &[("Add", "add"), ("Drop", "drop")]);
    let labels = [("User", "user"), ("Role", "role"), ("Type", "type"), ("Level", "level")];
    let linux = match &context["seLinuxOptions"] {
        Value::Object(options) => {
            let text = |name: &str| options.get(name).cloned().unwrap_or_else(|| "".into());
            go_struct(&labels.map(|(shown, name)| (shown, text(name))))
        }
        _ => Value::Null,
    };
    let profile = |key: &str| inner(key, &[("Type", "type"), ("LocalhostProfile", "localhostProfile")]);
    go_struct(&[
        ("Capabilities", capabilities),
        ("Privileged", get("privileged")),
        ("SELinuxOptions", linux),
        ("WindowsOptions", get("windowsOptions")),
        ("RunAsUser", get("runAsUser")),
        ("RunAsGroup", get("runAsGroup")),
        ("RunAsNonRoot", get("runAsNonRoot")),
        ("ReadOnlyRootFilesystem", get("readOnlyRootFilesystem")),
        ("AllowPrivilegeEscalation", get("allowPrivilegeEscalation")),
        ("ProcMount", get("procMount")),
        ("SeccompProfile", profile("seccompProfile")),
        ("AppArmorProfile", profile("appArmorProfile")),
    ])
}
