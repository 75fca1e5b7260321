//! The JSON inside a release record, and its packing.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::chart::{Chart, File};
use crate::manifest::{Event, Hook};

/// What a record may unpack to.
const MAX_UNPACKED: u64 = 64 * 1024 * 1024;

pub(super) fn encode(release: &Value) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let packed = gzip.write_all(release.to_string().as_bytes()).and_then(|()| gzip.finish());
    BASE64.encode(packed.expect("writing to memory does not fail"))
}

pub(super) fn decode(data: &str) -> Result<Value, String> {
    let outer = BASE64.decode(data).map_err(|error| error.to_string())?;
    let inner = BASE64.decode(outer).map_err(|error| error.to_string())?;
    let mut text = Vec::new();
    if inner.starts_with(b"\x1f\x8b\x08") {
        let mut reader = GzDecoder::new(inner.as_slice()).take(MAX_UNPACKED + 1);
        reader.read_to_end(&mut text).map_err(|error| error.to_string())?;
        if text.len() as u64 > MAX_UNPACKED {
            return Err(format!("it unpacks to more than {MAX_UNPACKED} bytes"));
        }
    } else {
        text = inner;
    }
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

pub(super) fn hook_json(hook: &Hook) -> Value {
    let mut json = json!({
        "name": hook.name,
        "kind": hook.kind,
        "path": hook.path,
        "manifest": hook.content,
        "events": hook.events.iter().map(|event| event.name()).collect::<Vec<_>>(),
        "last_run": {"phase": ""},
    });
    if hook.weight != 0 {
        json["weight"] = hook.weight.into();
    }
    if !hook.delete_policies.is_empty() {
        json["delete_policies"] = hook.delete_policies.clone().into();
    }
    if !hook.output_log_policies.is_empty() {
        json["output_log_policies"] = hook.output_log_policies.clone().into();
    }
    json
}

pub(super) fn hook_of(json: &Value) -> Hook {
    let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
    let list = |key: &str| -> Vec<String> {
        let items = json[key].as_array();
        items
            .map(|items| items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
            .unwrap_or_default()
    };
    Hook {
        name: text("name"),
        kind: text("kind"),
        path: text("path"),
        content: text("manifest"),
        events: list("events").iter().filter_map(|event| Event::parse(event)).collect(),
        weight: json["weight"].as_i64().unwrap_or_default(),
        delete_policies: list("delete_policies"),
        output_log_policies: list("output_log_policies"),
    }
}

pub(super) fn chart_json(chart: &Chart) -> Value {
    let files = |files: &[File]| -> Value {
        files.iter().map(|file| json!({"name": file.name, "data": BASE64.encode(&file.data)})).collect()
    };
    let lock = chart.lock.as_ref().map(|lock| {
        // Go refuses a time that it cannot read, and with it the whole release.
        let generated =
            lock.generated.parse::<Timestamp>().map_or("0001-01-01T00:00:00Z", |_| lock.generated.as_str());
        json!({"generated": generated, "digest": lock.digest, "dependencies": lock.dependencies})
    });
    json!({
        "metadata": chart.metadata,
        "lock": lock,
        "templates": files(&chart.templates),
        "values": whole_numbers(&chart.values),
        "schema": chart.schema.as_ref().map(|schema| BASE64.encode(schema)),
        "files": files(&chart.files),
    })
}

/// Writes floats without a fraction as integers, as Go's JSON does.
pub(crate) fn whole_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            #[expect(clippy::cast_possible_truncation, reason = "only whole numbers of 53 bits get here")]
            if float.fract() == 0.0 && float.abs() < 9e15 { (float as i64).into() } else { value.clone() }
        }
        Value::Array(list) => list.iter().map(whole_numbers).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), whole_numbers(value))).collect(),
        other => other.clone(),
    }
}
