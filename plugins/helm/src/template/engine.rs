//! The way from charts and plain values into the template engine and back.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Capabilities, Options};
use crate::chart::Chart;

/// Renders all templates of a chart and its subcharts: path to text.
pub(super) fn render(
    _chart: &Chart,
    _values: &Value,
    _options: &Options<'_>,
    capabilities: Capabilities,
) -> Result<BTreeMap<String, String>, String> {
    Err(format!(
        "no engine for {} {} {}",
        capabilities.helm_version,
        capabilities.kube_version,
        capabilities.api_versions.len()
    ))
}
