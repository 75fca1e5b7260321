//! Making a plan from a wish: gathers what a deployer must know, asks it, and checks the answer against the tenant's
//! grant. With the same occasion and an unmoved cluster the same plan comes again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, OnTimeout, Plan, Policy, Propagation, Step};
use osc_plugin_api::documents::plan_request::{
    ClusterFacts, InstanceFacts, PlanRequest, StoredRevision, Verb,
};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::domain::values::{merge, merge_all};
use crate::domain::wishes::{Wish, in_force, overrides};
use crate::domain::{clusters, packages};
use crate::error::{Error, Result};
use crate::kube::api::{ClusterApi, api_versions};
use crate::operations::kinds::{self, Scopes};
use crate::operations::preview::{Preview, Subject, preview};
use crate::operations::scope::{Grant, NamespaceGrant};
use crate::operations::{canonical, check, document_identity, scope};
use crate::plugins::{Call, LiveCluster, VirtualTime};
use crate::registry::archive::Package;
use crate::store::inventory::{self, InventoryRow};
use crate::store::revisions::{self, Revision};
use crate::store::scope::{Scoped, TenantId};
use crate::store::versions::{self, Version, VersionState};
use crate::store::{instances, services};

const DEADLINE: Duration = Duration::from_secs(60);
/// The part of an instance that its deployer plans.
const MAIN: &str = "main";

/// What a plan is made for. Clock and random numbers of the plugin hang on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Occasion {
    /// `plan-12` or `operation-34`; also what records in the cluster name.
    pub label: String,
    /// Seconds since 1970: all that records keep.
    pub seconds: i64,
}

impl Occasion {
    pub fn new(kind: &str, id: i64) -> Occasion {
        Occasion { label: format!("{kind}-{id}"), seconds: Timestamp::now().as_second() }
    }
}

/// A plan with all that executing or previewing it needs.
pub struct Made {
    pub plan: Plan,
    pub hash: String,
    /// The revision that it makes.
    pub revision: i64,
    pub cluster: Arc<dyn ClusterApi>,
    pub inventory: Vec<InventoryRow>,
}

/// Rows that a plan rests on.
struct Known {
    service: String,
    version: Version,
    cluster_name: String,
    current: Option<(Revision, String)>,
    target: Option<(Revision, String)>,
    revision: i64,
    inventory: Vec<InventoryRow>,
    grant: Grant,
}

/// Asks the deployer for a plan and checks it. Nothing is stored and nothing in the cluster changes.
pub async fn make(app: &App, tenant: TenantId, wish: &Wish, occasion: &Occasion) -> Result<Made> {
    let wanted = wish.clone();
    let known = app.db.read(move |conn| gather(&Scoped::new(conn, tenant), &wanted)).await?;
    let cluster = clusters::open(app, wish.cluster).await?;
    let mut call = Call {
        tenant: Some(tenant.0),
        package: package(app, &known.version).await?,
        cluster: Some(Arc::new(LiveCluster(cluster.clone()))),
        namespace: Some(wish.namespace.clone()),
        virtual_time: Some(VirtualTime {
            seed: app.sealer.mac("plan seed", occasion.label.as_bytes()),
            now: Timestamp::from_second(occasion.seconds).map_err(anyhow::Error::new)?,
        }),
        deadline: DEADLINE,
    };
    // An installation that was never planned has left nothing, and its deployer knows nothing of it.
    let untouched = known.current.is_none() && known.inventory.is_empty();
    let mut plan = if wish.verb == Verb::Uninstall && untouched {
        Plan::new("osc")
    } else {
        let mut request = request(app, tenant, wish, occasion, &known, cluster.as_ref()).await?;
        if call.package.is_some() {
            let opened = app.plugins.open_without_facts(&call).await?;
            // An instance stays with the plugin that made it, even where another one would claim the package now.
            if opened.plugin == wish.plugin {
                call = opened.call;
                request.values = merge(merge_all(&opened.values), request.values);
            }
        }
        app.plugins.plan(&wish.plugin, &call, request).await?.plan
    };
    if wish.verb == Verb::Uninstall && wish.delete_namespace {
        plan.steps.push(namespace_step(&wish.namespace));
    }
    check::check(&plan)?;
    let scopes = Scopes::new(cluster.discovery(true).await?, &plan);
    scope::check(&plan, &known.grant, &wish.namespace, &scopes)?;
    kinds::check_known(&plan, &scopes)?;
    let hash = canonical::hash(&plan, &app.sealer)?;
    tracing::debug!(cluster.name = known.cluster_name, "planned `{}` of `{}`", occasion.label, wish.name);
    let revision = known.revision.max(recorded_version(&plan));
    Ok(Made { plan, hash, revision, cluster, inventory: known.inventory })
}

/// The highest number among the plan's bookkeeping records: others may have changed a release too.
fn recorded_version(plan: &Plan) -> i64 {
    let records = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Apply { objects, policy: Policy::Record } => Some(objects),
        _ => None,
    });
    let numbers = records
        .flatten()
        .filter_map(|record| record.pointer("/metadata/labels/version")?.as_str()?.parse::<i64>().ok());
    numbers.max().unwrap_or(0)
}

/// What the plan would change, by a dry run in the cluster.
pub async fn look_ahead(made: &Made, wish: &Wish) -> Result<Preview> {
    let subject = Subject { namespace: &wish.namespace, instance: &wish.name, inventory: &made.inventory };
    preview(&made.plan, made.cluster.as_ref(), subject).await
}

fn gather(at: &Scoped<'_>, wish: &Wish) -> Result<Known> {
    let conn = at.connection();
    let version = versions::get(conn, wish.version)?;
    let with_version = |revision: Revision| -> Result<(Revision, String)> {
        let version = versions::get(conn, revision.version_id)?.version;
        Ok((revision, version))
    };
    let (mut current, mut target, mut held, mut last) = (None, None, Vec::new(), 0);
    if let Some(id) = wish.instance {
        let instance = instances::find_by_id(at, id)?;
        let instance = instance.ok_or_else(|| Error::NotFound { kind: "instance", id: wish.name.clone() })?;
        if instance.revision != wish.base {
            return Err(Error::Conflict(format!(
                "instance `{}` is at revision {} now, this was meant for {}: plan again",
                wish.name, instance.revision, wish.base
            )));
        }
        current = in_force(at, &instance)?.map(with_version).transpose()?;
        held = inventory::list(at, id, Some(MAIN))?;
        last = revisions::last_number(at, id)?;
        if let Some(number) = wish.target {
            let found = revisions::find(at, id, number)?;
            let missing = || Error::NotFound { kind: "revision", id: format!("{}/{number}", wish.name) };
            target = Some(with_version(found.ok_or_else(missing)?)?);
        }
    }
    Ok(Known {
        service: services::get_anywhere(conn, wish.service)?.name,
        cluster_name: crate::store::clusters::get_anywhere(conn, wish.cluster)?.name,
        version,
        current,
        target,
        revision: last + 1,
        inventory: held,
        grant: grant(at, wish.cluster)?,
    })
}

/// What a tenant may do in a cluster now.
pub fn grant(at: &Scoped<'_>, cluster: i64) -> Result<Grant> {
    let rows = crate::store::clusters::grants(at, cluster)?;
    let taken: BTreeSet<String> =
        crate::store::clusters::namespaces_of_others(at, cluster)?.into_iter().collect();
    Ok(Grant {
        cluster_scoped: rows.iter().any(|row| row.cluster_scoped),
        namespaces: rows
            .into_iter()
            .map(|row| NamespaceGrant {
                namespace: row.namespace,
                rbac: row.rbac,
                privileged: row.privileged,
            })
            .collect(),
        taken,
    })
}

/// The package of a version; none when it was deleted, which is enough for what plans from stored documents.
async fn package(app: &App, version: &Version) -> Result<Option<Arc<Package>>> {
    match version.state {
        VersionState::Deleted => Ok(None),
        _ => Ok(Some(packages::open(app, &version.digest).await?)),
    }
}

async fn request(
    app: &App,
    tenant: TenantId,
    wish: &Wish,
    occasion: &Occasion,
    known: &Known,
    cluster: &dyn ClusterApi,
) -> Result<PlanRequest> {
    Ok(PlanRequest {
        schema: PlanRequest::SCHEMA.into(),
        verb: wish.verb,
        instance: InstanceFacts {
            name: wish.name.clone(),
            namespace: wish.namespace.clone(),
            service: known.service.clone(),
            version: known.version.version.clone(),
        },
        operation: occasion.label.clone(),
        revision: u32::try_from(known.revision).map_err(anyhow::Error::new)?,
        values: wish.values.clone(),
        cluster: ClusterFacts {
            kube_version: cluster.version().await?,
            api_versions: api_versions(cluster).await?,
        },
        options: wish.options.clone(),
        current: stored(app, tenant, known.current.as_ref()).await?,
        target: stored(app, tenant, known.target.as_ref()).await?,
        inventory: known.inventory.iter().map(InventoryRow::to_document).collect(),
        release: wish.release.clone(),
    })
}

async fn stored(
    app: &App,
    tenant: TenantId,
    revision: Option<&(Revision, String)>,
) -> Result<Option<StoredRevision>> {
    let Some((revision, version)) = revision else { return Ok(None) };
    Ok(Some(StoredRevision {
        number: u32::try_from(revision.number).map_err(anyhow::Error::new)?,
        version: version.clone(),
        values: overrides(&app.sealer, revision)?,
        plan: app.documents.get(&document_identity(tenant.0), &revision.document).await?,
        notes: revision.notes.clone(),
    }))
}

/// The executor refuses it when the namespace is not ours or something else is in it.
fn namespace_step(namespace: &str) -> Step {
    let object = ObjectRef {
        api_version: "v1".into(),
        kind: "Namespace".into(),
        namespace: None,
        name: namespace.into(),
    };
    let delete = Action::Delete {
        refs: vec![object],
        propagation: Propagation::Background,
        until_gone: true,
        timeout_seconds: 120,
        on_timeout: OnTimeout::ExplainFinalizers,
    };
    Step::new(format!("delete the namespace `{namespace}`"), delete)
}
