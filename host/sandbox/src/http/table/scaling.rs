//! The targets of an autoscaler.

use serde_json::Value;

use crate::value::Get;

pub(super) fn targets(o: &Value) -> String {
    let metrics = o.items(&["spec", "metrics"]);
    if metrics.is_empty() {
        return "<none>".into();
    }
    let current = o.items(&["status", "currentMetrics"]);
    let mut out = Vec::new();
    for (i, metric) in metrics.iter().enumerate() {
        let (key, resource) = match metric.text(&["type"]) {
            "Resource" => ("resource", true),
            "ContainerResource" => ("containerResource", true),
            "Pods" => ("pods", false),
            "Object" => ("object", false),
            "External" => ("external", false),
            _ => continue,
        };
        let now = |field: &str| {
            current.get(i).and_then(|c| c.at(&[key, "current", field])).filter(|v| !v.is_null())
        };
        let shown = |v: Option<&Value>, unit: &str| match v {
            Some(Value::String(text)) => format!("{text}{unit}"),
            Some(other) => format!("{other}{unit}"),
            None => "<unknown>".to_string(),
        };
        let target = |field: &str| metric.at(&[key, "target", field]).filter(|v| !v.is_null());
        let text = if let Some(wanted) = target("averageUtilization") {
            format!("{}/{wanted}%", shown(now("averageUtilization"), "%"))
        } else if let Some(wanted) = target("averageValue") {
            let suffix = if resource || key == "pods" { "" } else { " (avg)" };
            format!("{}/{}{suffix}", shown(now("averageValue"), ""), shown(Some(wanted), ""))
        } else {
            format!("{}/{}", shown(now("value"), ""), shown(target("value"), ""))
        };
        let label = metric.text(&[key, "name"]);
        out.push(if resource { format!("{label}: {text}") } else { text });
    }
    let more = out.len().saturating_sub(2);
    if more > 0 { format!("{} + {more} more...", out[..2].join(", ")) } else { out.join(", ") }
}
