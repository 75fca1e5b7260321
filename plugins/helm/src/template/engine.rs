//! The way from charts and plain values into the template engine and back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Capabilities, Options};
use crate::chart::Chart;
use crate::gotemplate::exec::Limits;
use crate::render::{self, Release};
use crate::value;

/// Renders all templates of a chart and its subcharts: path to text.
pub(super) fn render(
    chart: &Chart,
    values: &Value,
    options: &Options<'_>,
    capabilities: Capabilities,
) -> Result<BTreeMap<String, String>, String> {
    let lookup = |api_version: &str, kind: &str, namespace: &str, name: &str| {
        let Some(cluster) = options.lookup else { return Ok(Value::Null) };
        if name.is_empty() {
            let items = cluster.list(api_version, kind, namespace)?;
            return Ok(json!({ "apiVersion": api_version, "kind": format!("{kind}List"), "items": items }));
        }
        Ok(cluster.get(api_version, kind, namespace, name)?.unwrap_or_default())
    };
    let options = render::Options {
        release: Release {
            name: options.name.clone(),
            namespace: options.namespace.clone(),
            revision: i64::from(options.revision),
            is_install: !options.is_upgrade && !options.lint,
            is_upgrade: options.is_upgrade,
        },
        capabilities: value::Capabilities {
            kube_version: capabilities.kube_version,
            api_versions: capabilities.api_versions,
            helm_version: capabilities.helm_version,
        },
        lookup: &lookup,
        lint: options.lint,
        limits: Limits::default(),
    };
    render::render(chart, values, &options)
}
