//! Services and their versions.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use osc_plugin_api::documents::finding::Severity;
use osc_plugin_api::documents::form::Form;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::error::{HttpResult, Problem};
use super::extract::{Json, Path, Query};
use super::page::{List, PageQuery};
use crate::app::App;
use crate::domain::principal::Principal;
use crate::domain::services::{self, ServiceFilter, ServiceSummary};
use crate::error::Error;
use crate::store::versions::{Release, Version};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ServiceQuery {
    /// At most so many items.
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// `helm`, `operator` or `osc`.
    kind: Option<String>,
    /// Part of the name, description or keywords.
    search: Option<String>,
    /// Only services that the tenant itself provides.
    #[serde(default)]
    own: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Service)]
pub(super) struct ServiceView {
    name: String,
    kind: String,
    provider: String,
    /// The newest version that is ready.
    latest_version: Option<String>,
    /// `private`, `published`, `suspended` or `withdrawn`.
    state: String,
    description: Option<String>,
    icon: Option<String>,
    categories: Vec<String>,
    keywords: Vec<String>,
    versions: usize,
    /// Whether the tenant is subscribed.
    subscribed: bool,
    created_at: String,
}

impl From<ServiceSummary> for ServiceView {
    fn from(summary: ServiceSummary) -> ServiceView {
        let facts = summary.latest.as_ref().map(|version| version.facts.clone()).unwrap_or_default();
        ServiceView {
            name: summary.service.name,
            kind: summary.service.kind,
            provider: summary.service.provider_name,
            latest_version: summary.latest.map(|version| version.version),
            state: summary.service.state.to_string(),
            description: facts.description,
            icon: facts.icon,
            categories: facts.categories,
            keywords: facts.keywords,
            versions: summary.versions,
            subscribed: summary.subscription.is_some(),
            created_at: summary.service.created_at,
        }
    }
}

/// How much a finding matters.
#[derive(Serialize, ToSchema)]
#[schema(as = Severity)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SeverityView {
    Critical,
    High,
    Medium,
    Low,
    Info,
}

impl From<Severity> for SeverityView {
    fn from(severity: Severity) -> SeverityView {
        match severity {
            Severity::Critical => SeverityView::Critical,
            Severity::High => SeverityView::High,
            Severity::Medium => SeverityView::Medium,
            Severity::Low => SeverityView::Low,
            Severity::Info => SeverityView::Info,
        }
    }
}

/// What a person may set (`osc.form/v1`).
#[derive(Serialize, ToSchema)]
#[schema(as = Form)]
pub(super) struct FormView {
    /// Always `osc.form/v1`.
    schema: String,
    /// JSON Schema of the values.
    #[schema(value_type = HashMap<String, Value>)]
    json_schema: Value,
    /// The package's own values, complete.
    #[schema(value_type = HashMap<String, Value>)]
    defaults: Value,
    /// JSON pointers of values that are secret.
    secrets: Vec<String>,
    /// `schema` when the package describes its values, `values` when the form is guessed from the defaults.
    source: String,
}

impl From<Form> for FormView {
    fn from(form: Form) -> FormView {
        FormView {
            schema: form.schema,
            json_schema: form.json_schema,
            defaults: form.defaults,
            secrets: form.secrets,
            source: form.source,
        }
    }
}

/// What was found in a package.
#[derive(Serialize, ToSchema)]
#[schema(as = Finding)]
pub(super) struct FindingView {
    id: String,
    check: String,
    severity: SeverityView,
    /// `pass`, `fail`, `unknown` or `waived`.
    result: String,
    message: String,
    path: Option<String>,
    line: Option<u32>,
    object: Option<String>,
    remediation: Option<String>,
    /// The package is refused because of it.
    blocking: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Version)]
pub(super) struct VersionView {
    service: String,
    version: String,
    /// `ready` or `rejected`; on its way to other tenants `submitted`, `approved`, `refused`, `published`, `suspended`
    /// or `withdrawn`.
    state: String,
    state_reason: Option<String>,
    digest: String,
    size: i64,
    created_at: String,
    findings: Vec<FindingView>,
    /// Whether there is a readme to ask for.
    has_readme: bool,
    /// `osc.package/v1`, without the readme.
    #[schema(value_type = HashMap<String, Value>)]
    facts: Value,
}

impl VersionView {
    pub(super) fn new(service: &str, version: Version) -> VersionView {
        let mut facts = json!(version.facts);
        if let Some(facts) = facts.as_object_mut() {
            facts.remove("readme");
        }
        VersionView {
            service: service.into(),
            findings: findings(&version),
            has_readme: version.facts.readme.is_some(),
            version: version.version,
            state: match version.release {
                Release::Private => version.state.to_string(),
                release => release.to_string(),
            },
            state_reason: version.release_reason.or(version.state_reason),
            digest: version.digest,
            size: version.size,
            created_at: version.created_at,
            facts,
        }
    }
}

fn findings(version: &Version) -> Vec<FindingView> {
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    version
        .findings
        .iter()
        .enumerate()
        .map(|(index, finding)| FindingView {
            id: format!("{}-{index}", version.id),
            check: finding.check.clone(),
            severity: finding.severity.into(),
            result: word(json!(finding.result)),
            message: finding.message.clone(),
            path: finding.path.clone(),
            line: finding.line,
            object: finding.object.clone(),
            remediation: finding.remediation.clone(),
            blocking: finding.blocking,
        })
        .collect()
}

/// List services that the tenant sees
#[utoipa::path(get, path = "/api/v1/services", tag = "services", params(ServiceQuery),
    responses((status = OK, body = List<ServiceView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_services(
    State(app): State<Arc<App>>,
    who: Principal,
    Query(query): Query<ServiceQuery>,
) -> HttpResult<Json<List<ServiceView>>> {
    let page = PageQuery::new(query.limit, query.cursor).page()?;
    let filter = ServiceFilter { kind: query.kind, search: query.search, own: query.own };
    let (found, next) = services::list(&app, &who, filter, page).await?;
    Ok(Json(List {
        items: found.into_iter().map(Into::into).collect(),
        next_cursor: next.map(|id| id.to_string()),
    }))
}

/// Show a service
#[utoipa::path(get, path = "/api/v1/services/{name}", tag = "services", params(("name" = String, Path)),
    responses((status = OK, body = ServiceView), (status = "4XX", body = Problem)))]
pub(super) async fn get_service(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<Json<ServiceView>> {
    Ok(Json(services::get(&app, &who, &name).await?.into()))
}

/// Delete a service with all its versions
#[utoipa::path(delete, path = "/api/v1/services/{name}", tag = "services", params(("name" = String, Path)),
    responses((status = NO_CONTENT), (status = "4XX", body = Problem)))]
pub(super) async fn delete_service(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<StatusCode> {
    services::delete(&app, &who, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List versions of a service, the newest first
#[utoipa::path(get, path = "/api/v1/services/{name}/versions", tag = "services",
    params(("name" = String, Path)),
    responses((status = OK, body = List<VersionView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_versions(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<Json<List<VersionView>>> {
    let (service, found) = services::list_versions(&app, &who, &name).await?;
    Ok(Json(List::whole(found.into_iter().map(|version| VersionView::new(&service.name, version)).collect())))
}

/// Show a version
#[utoipa::path(get, path = "/api/v1/services/{name}/versions/{version}", tag = "services",
    params(("name" = String, Path), ("version" = String, Path)),
    responses((status = OK, body = VersionView), (status = "4XX", body = Problem)))]
pub(super) async fn get_version(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, version)): Path<(String, String)>,
) -> HttpResult<Json<VersionView>> {
    let (service, found) = services::get_version(&app, &who, &name, &version).await?;
    Ok(Json(VersionView::new(&service.name, found)))
}

/// Delete a version
#[utoipa::path(delete, path = "/api/v1/services/{name}/versions/{version}", tag = "services",
    params(("name" = String, Path), ("version" = String, Path)),
    responses((status = NO_CONTENT), (status = "4XX", body = Problem)))]
pub(super) async fn delete_version(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, version)): Path<(String, String)>,
) -> HttpResult<StatusCode> {
    services::delete_version(&app, &who, &name, &version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The form of a version (`osc.form/v1`)
#[utoipa::path(get, path = "/api/v1/services/{name}/versions/{version}/form", tag = "services",
    params(("name" = String, Path), ("version" = String, Path)),
    responses((status = OK, body = FormView), (status = "4XX", body = Problem)))]
pub(super) async fn get_version_form(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, version)): Path<(String, String)>,
) -> HttpResult<Json<FormView>> {
    Ok(Json(services::form(&app, &who, &name, &version).await?.into()))
}

/// The readme of a version, as Markdown
#[utoipa::path(get, path = "/api/v1/services/{name}/versions/{version}/readme", tag = "services",
    params(("name" = String, Path), ("version" = String, Path)),
    responses((status = OK, content_type = "text/markdown", body = String), (status = "4XX", body = Problem)))]
pub(super) async fn get_version_readme(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, version)): Path<(String, String)>,
) -> HttpResult<Response> {
    let (_, found) = services::get_version(&app, &who, &name, &version).await?;
    let id = || format!("{name}@{version}");
    let readme = found.facts.readme.ok_or_else(|| Error::NotFound { kind: "readme", id: id() })?;
    let headers = [
        (header::CONTENT_TYPE, "text/markdown; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
    ];
    Ok((headers, readme).into_response())
}

/// List findings in a version
#[utoipa::path(get, path = "/api/v1/services/{name}/versions/{version}/findings", tag = "services",
    params(("name" = String, Path), ("version" = String, Path)),
    responses((status = OK, body = List<FindingView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_findings(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, version)): Path<(String, String)>,
) -> HttpResult<Json<List<FindingView>>> {
    let (_, found) = services::get_version(&app, &who, &name, &version).await?;
    Ok(Json(List::whole(findings(&found))))
}
