//! Writing the `scale` of an object.

use std::sync::Arc;

use serde_json::{Value, json};

use super::patch::{Patch, merge_patch};
use super::strategy::filter;
use super::update::{RETRIES, check_name, check_preconditions};
use super::{Api, FieldValidation, WriteOptions, Written, named};
use crate::json_patch;
use crate::ownership::apply::{Applied, apply};
use crate::ownership::managed::{Claim, Writer, disown};
use crate::resources::{Resource, split_api_version};
use crate::schema::typed::{Findings, round_trip};
use crate::schema::{Node, Shape, go_json, table};
use crate::status::{Cause, Named, Result, Status};
use crate::store::Object;
use crate::value::{Get, map_at};

const TYPE: &str = "io.k8s.api.autoscaling.v1.Scale";

impl Api {
    pub(super) fn update_scale(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        scale: &Value,
        options: &WriteOptions,
    ) -> Result<Written> {
        let scale = &self.decode_scale(scale, options)?;
        check_name(scale, name)?;
        for _ in 0..RETRIES {
            let live = self.live(resource, namespace, name)?;
            if let Some(written) = self.commit_scale(resource, &live, scale, options)? {
                return Ok(written);
            }
        }
        Err(Status::modified(named(resource, name)))
    }

    /// A scale of a request in its declared form.
    fn decode_scale(&self, scale: &Value, options: &WriteOptions) -> Result<Value> {
        let (api_version, kind) = (scale.text(&["apiVersion"]), scale.text(&["kind"]));
        let (group, version) = split_api_version(api_version);
        if (api_version, kind) != ("", "") && (api_version, kind) != ("autoscaling/v1", "Scale") {
            let why = if self.core.registry.find_kind(group, version, kind).is_some() {
                format!("converting ({version}.{kind}) to (autoscaling.Scale): unknown conversion")
            } else {
                format!(
                    "no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\""
                )
            };
            return Err(Status::bad_request(format!(
                "{kind} in version {version:?} cannot be handled as a Scale: {why}"
            )));
        }
        let (value, unknown) = decoded(scale.clone()).map_err(|error| {
            Status::bad_request(format!("Scale in version \"v1\" cannot be handled as a Scale: {error}"))
        })?;
        if options.validation == FieldValidation::Strict && !unknown.is_empty() {
            return Err(Status::bad_request(format!("strict decoding error: {}", unknown.join(", "))));
        }
        Ok(value)
    }

    pub(super) fn patch_scale(
        &self,
        resource: &Resource,
        live: &Arc<Object>,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Option<Written>> {
        let scale = crate::scale::read(resource, &live.value)?;
        let mut new = match patch {
            Patch::Apply(config) => {
                let mut merged = scale.clone();
                merge_patch(&mut merged, config);
                merged
            }
            Patch::Strategic(patch) | Patch::Merge(patch) => {
                let mut merged = scale.clone();
                merge_patch(&mut merged, patch);
                merged
            }
            Patch::Json(operations) => json_patch::apply(&scale, operations)?,
        };
        let touched = match patch {
            Patch::Json(operations) => go_json::touched_by(operations),
            Patch::Merge(patch) | Patch::Strategic(patch) | Patch::Apply(patch) => patch.clone(),
        };
        check_patched(&new, &touched, options)?;
        let named_version =
            new.text(&["metadata", "resourceVersion"]) != scale.text(&["metadata", "resourceVersion"]);
        if !named_version {
            map_at(&mut new, &["metadata"]).remove("resourceVersion");
        }
        check_name(&new, &live.key.name)?;
        if let Patch::Apply(_) = patch {
            return self.apply_scale(resource, live, &new, options);
        }
        self.commit_scale(resource, live, &new, options)
    }

    fn apply_scale(
        &self,
        resource: &Resource,
        live: &Arc<Object>,
        scale: &Value,
        options: &WriteOptions,
    ) -> Result<Option<Written>> {
        let value = crate::scale::write(resource, &live.value, scale)?;
        let replicas = crate::scale::replicas_path(resource);
        let mut config = json!({
            "apiVersion": resource.api_version(), "kind": resource.kind,
            "metadata": {"name": live.value["metadata"]["name"], "namespace": live.value["metadata"]["namespace"]},
        });
        let path: Vec<&str> = replicas.iter().map(String::as_str).collect();
        if let Some(count) = value.at(&path) {
            crate::value::set(&mut config, &path, count.clone());
        }
        let writer =
            Writer { manager: &options.manager, api_version: &resource.api_version(), subresource: "scale" };
        let applied = apply(
            &resource.stored_node,
            &live.value,
            &config,
            &writer,
            &filter(resource, "scale"),
            options.force,
        )?;
        let (Applied::Changed(value) | Applied::Same(value)) = applied;
        self.commit_tracked(resource, live, value, "scale", options, Vec::new())
    }

    /// Writes the replicas of a scale into its object.
    fn commit_scale(
        &self,
        resource: &Resource,
        live: &Arc<Object>,
        scale: &Value,
        options: &WriteOptions,
    ) -> Result<Option<Written>> {
        let mut value = crate::scale::write(resource, &live.value, scale)?;
        let path = crate::scale::replicas_path(resource);
        let steps: Vec<&str> = path.iter().map(String::as_str).collect();
        if resource.is_custom() || value.int(&steps) != Some(0) {
            return self.commit(resource, live, value, &Claim::None, "scale", options, Vec::new());
        }
        // A scale of zero leaves its field out, so that nobody owns the replicas.
        check_preconditions(resource, live, &value)?;
        disown(&mut value, &path);
        self.commit_tracked(resource, live, value, "scale", options, Vec::new())
    }
}

/// The declared form of a scale, and what is not declared.
fn decoded(scale: Value) -> Result<(Value, Vec<String>), String> {
    let Some(ty) = table().named(TYPE) else { return Ok((scale, Vec::new())) };
    let mut findings = Findings::default();
    let value = round_trip(ty.get(), scale, &mut findings)?;
    let unknown = findings.unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
    Ok((value, unknown))
}

/// Refuses a patched scale that cannot be read.
fn check_patched(patched: &Value, touched: &Value, options: &WriteOptions) -> Result<()> {
    let why = match decoded(patched.clone()) {
        Err(why) => why,
        Ok((_, unknown)) if options.validation == FieldValidation::Strict && !unknown.is_empty() => {
            format!("strict decoding error: {}", unknown.join(", "))
        }
        Ok(_) => return Ok(()),
    };
    let text = match table().named(TYPE) {
        Some(ty) => go_json::text(&Node::plain(Shape::Struct(ty)), patched, touched),
        None => patched.to_string(),
    };
    let cause = Cause::invalid("patch", &text.into(), &why);
    Err(Status::invalid(Named { kind: "", group: "", name: "" }, &[cause]))
}
