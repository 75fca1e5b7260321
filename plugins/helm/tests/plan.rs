//! Plans for a small chart: which steps, in which order, with which records.

use jiff::Timestamp;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, Plan, Policy, Step};
use osc_plugin_api::documents::plan_request::{
    InstanceFacts, InventoryObject, PlanRequest, StoredRevision, Verb,
};
use osc_plugin_api::testing::TestHost;
use osc_plugin_helm::plan::plan;
use osc_plugin_helm::release::{Record, State};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn chart() -> TestHost {
    TestHost::new()
        .with_namespace("ns")
        .with_file("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
        .with_file("web/values.yaml", "replicas: 1\nextra: true\n")
        .with_file("web/templates/NOTES.txt", "release {{ .Release.Name }} is there")
        .with_file("web/templates/app.yaml", APP)
        .with_file("web/templates/hooks.yaml", HOOKS)
        .with_file("web/crds/gadget.yaml", CRD)
}

const APP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: '{{ .Release.Name }}'}
spec: {replicas: {{ .Values.replicas }}}
---
apiVersion: v1
kind: Service
metadata: {name: '{{ .Release.Name }}'}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader, namespace: ignored}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
---
{{- if .Values.extra }}
apiVersion: v1
kind: ConfigMap
metadata: {name: extra}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
---
{{- end }}
{{- if .Capabilities.APIVersions.Has \"example.org/v1/Gadget\" }}
apiVersion: example.org/v1
kind: Gadget
metadata: {name: gadget}
{{- end }}
";

const HOOKS: &str = "\
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: '5'
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: first
  annotations: {helm.sh/hook: pre-install, helm.sh/hook-delete-policy: hook-succeeded}
---
apiVersion: v1
kind: Pod
metadata:
  name: check
  annotations: {helm.sh/hook: test}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: goodbye
  annotations: {helm.sh/hook: 'pre-delete,post-rollback'}
";

const CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.org}
spec: {group: example.org, names: {kind: Gadget}, scope: Cluster, versions: [{name: v1, served: true}]}
";

fn request(verb: Verb) -> PlanRequest {
    PlanRequest {
        schema: PlanRequest::SCHEMA.to_owned(),
        verb,
        instance: InstanceFacts {
            name: "demo".to_owned(),
            namespace: "ns".to_owned(),
            service: "web".to_owned(),
            version: "1.0.0".to_owned(),
        },
        operation: "7".to_owned(),
        revision: 1,
        values: json!({}),
        cluster: Default::default(),
        options: Default::default(),
        current: None,
        target: None,
        inventory: Vec::new(),
        release: None,
    }
}

fn refs(objects: &[Value]) -> String {
    let refs = objects.iter().map(|object| match Record::from_secret(object) {
        Ok(record) => format!("v{} {} {:?}", record.version(), record.state().name(), record.description()),
        Err(_) => ObjectRef::of(object).expect("an object").to_string(),
    });
    refs.collect::<Vec<_>>().join(", ")
}

fn line(step: &Step) -> String {
    let names = |refs: &[ObjectRef]| refs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let what = match &step.action {
        Action::Apply { objects, policy } => format!("{policy:?} {}", refs(objects)),
        Action::Hook { object, done, delete, .. } => {
            format!("{} {done:?} {delete:?}", refs(std::slice::from_ref(object)))
        }
        Action::Wait { refs, until, .. } => format!("{until:?} {}", names(refs)),
        Action::Delete { refs, .. } => names(refs),
        Action::EnsureNamespace { namespace } => namespace.clone(),
        other => format!("{other:?}"),
    };
    format!("{}: {what}", step.name)
}

fn shown(plan: Result<Plan, osc_plugin_api::Error>) -> String {
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => return format!("{}: {error}", error.code),
    };
    let mut lines: Vec<String> = plan.steps.iter().map(line).collect();
    lines.extend(plan.on_failure.iter().map(|step| format!("on failure: {}", line(step))));
    lines.extend(plan.keep.iter().map(|kept| format!("keep {}: {}", kept.object, kept.reason)));
    lines.extend(plan.values.iter().map(|values| format!("values: {values}")));
    lines.extend(plan.notes.iter().map(|notes| format!("notes: {notes}")));
    lines.extend(plan.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines.join("\n")
}

fn objects(plan: &Plan, wanted: Policy) -> Vec<Value> {
    let applied = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Apply { objects, policy } if *policy == wanted => Some(objects.clone()),
        _ => None,
    });
    applied.flatten().collect()
}

/// What the executor would hold after a plan: the inventory, and the cluster with objects and records.
fn after(host: TestHost, plan: &Plan) -> (TestHost, Vec<InventoryObject>) {
    let owned = objects(plan, Policy::Owned);
    let inventory = owned
        .iter()
        .map(|object| InventoryObject {
            object: ObjectRef::of(object).expect("an object"),
            uid: String::new(),
            policy: Policy::Owned,
        })
        .collect();
    let mut records = objects(plan, Policy::Record);
    records.reverse();
    records.dedup_by(|older, newer| older["metadata"]["name"] == newer["metadata"]["name"]);
    let host = owned.into_iter().chain(records).fold(host, TestHost::with_object);
    (host, inventory)
}

fn installed() -> (TestHost, PlanRequest) {
    let first = plan(&chart(), &request(Verb::Install), NOW).expect("the chart installs");
    let (host, inventory) = after(chart(), &first);
    let current = StoredRevision {
        number: 1,
        version: "1.0.0".to_owned(),
        values: json!({}),
        plan: first,
        notes: None,
    };
    (host, PlanRequest { inventory, current: Some(current), revision: 2, ..request(Verb::Update) })
}

#[test]
fn install() {
    insta::assert_snapshot!(shown(plan(&chart(), &request(Verb::Install), NOW)), @r#"
    ensure the namespace: ns
    record revision 1 as pending: Record v1 pending-install "osc operation 7"
    apply 1 definition: Crd CustomResourceDefinition gadgets.example.org
    wait for definitions: Condition("Established") CustomResourceDefinition gadgets.example.org
    run pre-install hook ConfigMap first: ConfigMap ns/first Created []
    run pre-install hook Job migrate: Job ns/migrate Succeeded [Before, Succeeded]
    delete 1 object of pre-install hooks: ConfigMap ns/first
    apply 2 objects: configuration and accounts: Owned ConfigMap ns/extra, PersistentVolumeClaim ns/data
    apply 1 object: roles: Owned ClusterRole reader
    apply 1 object: role bindings: Owned RoleBinding ns/reader
    apply 1 object: services: Owned Service ns/demo
    apply 1 object: workloads: Owned Deployment ns/demo
    apply 1 object: other objects: Owned Gadget gadget
    wait until 1 object is ready: Ready Deployment ns/demo
    record revision 1 as deployed: Record v1 deployed "osc operation 7"
    on failure: record revision 1 as failed: Record v1 failed "osc operation 7 failed"
    notes: release demo is there
    "#);
}

#[test]
fn a_definition_of_two_charts_is_applied_once() {
    let host = chart()
        .with_file("web/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n")
        .with_file("web/charts/sub/crds/gadget.yaml", CRD.replace("v1, served", "v2, served"));
    let plan = plan(&host, &request(Verb::Install), NOW).expect("the chart installs");
    let crds = objects(&plan, Policy::Crd);
    assert_eq!(crds.len(), 1);
    assert_eq!(crds[0]["spec"]["versions"][0]["name"], "v1");
}

#[test]
fn objects_are_marked_and_placed() {
    let plan = plan(&chart(), &request(Verb::Install), NOW).expect("the chart installs");
    let metadata: Vec<Value> =
        objects(&plan, Policy::Owned).iter().take(3).map(|object| object["metadata"].clone()).collect();
    insta::assert_json_snapshot!(metadata, @r#"
    [
      {
        "annotations": {
          "meta.helm.sh/release-name": "demo",
          "meta.helm.sh/release-namespace": "ns"
        },
        "labels": {
          "app.kubernetes.io/managed-by": "Helm"
        },
        "name": "extra",
        "namespace": "ns"
      },
      {
        "annotations": {
          "meta.helm.sh/release-name": "demo",
          "meta.helm.sh/release-namespace": "ns"
        },
        "labels": {
          "app.kubernetes.io/managed-by": "Helm"
        },
        "name": "data",
        "namespace": "ns"
      },
      {
        "annotations": {
          "meta.helm.sh/release-name": "demo",
          "meta.helm.sh/release-namespace": "ns"
        },
        "labels": {
          "app.kubernetes.io/managed-by": "Helm"
        },
        "name": "reader"
      }
    ]
    "#);
}

#[test]
fn the_record_holds_what_was_rendered() {
    let plan = plan(&chart(), &request(Verb::Install), NOW).expect("the chart installs");
    let records = objects(&plan, Policy::Record);
    let record = Record::from_secret(records.last().expect("a record")).expect("a release");
    assert_eq!(record.state(), State::Deployed);
    assert_eq!(record.notes(), "release demo is there");
    assert_eq!(record.hooks().len(), 4);
    insta::assert_snapshot!(record.manifest().lines().take(12).collect::<Vec<_>>().join("\n"), @r#"
    ---
    # Source: web/templates/app.yaml
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: extra}

    ---
    # Source: web/templates/app.yaml
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata: {name: data}
    "#);
}

#[test]
fn the_server_changes_objects_before_they_are_planned() {
    let host = chart().with_transform(|mut object| {
        if object["kind"] == "Service" {
            object["spec"] = json!({"type": "NodePort"});
        }
        object
    });
    let plan = plan(&host, &request(Verb::Install), NOW).expect("the chart installs");
    let records = objects(&plan, Policy::Record);
    let record = Record::from_secret(records.last().expect("a record")).expect("a release");
    assert!(record.manifest().contains("type: NodePort"), "{}", record.manifest());
}

#[test]
fn update_removes_what_fell_out_and_keeps_volumes() {
    let (host, request) = installed();
    let request = PlanRequest { values: json!({"extra": false, "replicas": 2}), ..request };
    insta::assert_snapshot!(shown(plan(&host, &request, NOW)), @r#"
    record revision 2 as pending: Record v2 pending-upgrade "osc operation 7"
    apply 1 definition: Crd CustomResourceDefinition gadgets.example.org
    wait for definitions: Condition("Established") CustomResourceDefinition gadgets.example.org
    run pre-upgrade hook Job migrate: Job ns/migrate Succeeded [Before, Succeeded]
    apply 1 object: roles: Owned ClusterRole reader
    apply 1 object: role bindings: Owned RoleBinding ns/reader
    apply 1 object: services: Owned Service ns/demo
    apply 1 object: workloads: Owned Deployment ns/demo
    apply 1 object: other objects: Owned Gadget gadget
    remove 1 object that fell out: Prune { propagation: Background }
    wait until 1 object is ready: Ready Deployment ns/demo
    record revision 2 as deployed: Record v1 superseded "osc operation 7", v2 deployed "osc operation 7"
    on failure: record revision 2 as failed: Record v2 failed "osc operation 7 failed"
    keep PersistentVolumeClaim ns/data: volume
    notes: release demo is there
    "#);
}

#[test]
fn rollback_applies_the_stored_objects() {
    let (host, request) = installed();
    let target = request.current.clone();
    let request = PlanRequest { verb: Verb::Rollback, target, ..request };
    insta::assert_snapshot!(shown(plan(&host, &request, NOW)), @r#"
    record revision 2 as pending: Record v2 pending-rollback "osc operation 7"
    apply 2 objects: configuration and accounts: Owned ConfigMap ns/extra, PersistentVolumeClaim ns/data
    apply 1 object: roles: Owned ClusterRole reader
    apply 1 object: role bindings: Owned RoleBinding ns/reader
    apply 1 object: services: Owned Service ns/demo
    apply 1 object: workloads: Owned Deployment ns/demo
    apply 1 object: other objects: Owned Gadget gadget
    wait until 1 object is ready: Ready Deployment ns/demo
    run post-rollback hook Job goodbye: Job ns/goodbye Succeeded [Before]
    record revision 2 as deployed: Record v1 superseded "osc operation 7", v2 deployed "osc operation 7"
    on failure: record revision 2 as failed: Record v2 failed "osc operation 7 failed"
    "#);
}

#[test]
fn a_rollback_to_an_adopted_revision_finds_its_record() {
    let (host, request) = installed();
    let mut newer =
        Record::from_secret(&objects(&request.current.as_ref().expect("it").plan, Policy::Record)[1])
            .expect("a release")
            .rolled_back(5, None, NOW);
    newer = newer.with_state(State::Deployed, "Upgrade complete");
    let host = host.with_object(newer.to_secret(NOW));
    let adoption = PlanRequest { verb: Verb::Adopt, current: None, ..request.clone() };
    let adopted = plan(&host, &adoption, NOW).expect("it is adopted");
    let target = StoredRevision { number: 1, plan: adopted, ..request.current.clone().expect("it") };
    let request = PlanRequest { verb: Verb::Rollback, target: Some(target), ..request };
    let plan = plan(&host, &request, NOW).expect("it rolls back");
    let records = objects(&plan, Policy::Record);
    let record = Record::from_secret(&records[0]).expect("a release");
    assert_eq!(record.version(), 6);
    insta::assert_snapshot!(plan.warnings.join("\n"), @"another program brought release `demo` to revision 5 (chart `web` 1.0.0): this plan does not build on it");
    assert_eq!(record.rollback_of(), Some(5));
}

#[test]
fn uninstall_keeps_data() {
    let (host, request) = installed();
    let mut request = PlanRequest { verb: Verb::Uninstall, ..request };
    insta::assert_snapshot!(shown(plan(&host, &request, NOW)), @r#"
    record the release as uninstalling: Record v1 uninstalling "osc operation 7"
    run pre-delete hook Job goodbye: Job ns/goodbye Succeeded [Before]
    delete 1 object: other objects: Gadget gadget
    delete 1 object: services: Service ns/demo
    delete 1 object: workloads: Deployment ns/demo
    delete 2 objects: roles: RoleBinding ns/reader, ClusterRole reader
    delete 1 object: configuration and accounts: ConfigMap ns/extra
    delete the release's records: Secret ns/sh.helm.release.v1.demo.v1
    on failure: record the release as failed: Record v1 failed "osc operation 7 failed to uninstall"
    keep PersistentVolumeClaim ns/data: volume
    "#);
    request.options.purge_data = true;
    let purged = shown(plan(&host, &request, NOW));
    assert!(purged.contains("PersistentVolumeClaim ns/data") && !purged.contains("keep "), "{purged}");
}

#[test]
fn tests_run_from_the_record() {
    let (host, request) = installed();
    insta::assert_snapshot!(shown(plan(&host, &PlanRequest { verb: Verb::Test, ..request }, NOW)), @r#"
    run test hook Pod check: Pod ns/check Succeeded [Before]
    record the tests: Record v1 deployed "osc operation 7"
    "#);
}

#[test]
fn a_release_of_somebody_else_is_adopted() {
    let (host, _) = installed();
    let adopt = PlanRequest { release: Some("demo".to_owned()), ..request(Verb::Adopt) };
    insta::assert_snapshot!(shown(plan(&host, &adopt, NOW)), @r#"
    apply 2 objects: configuration and accounts: Owned ConfigMap ns/extra, PersistentVolumeClaim ns/data
    apply 1 object: roles: Owned ClusterRole reader
    apply 1 object: role bindings: Owned RoleBinding ns/reader
    apply 1 object: services: Owned Service ns/demo
    apply 1 object: workloads: Owned Deployment ns/demo
    apply 1 object: other objects: Owned Gadget ns/gadget
    record revision 1 as adopted: Record v1 deployed "osc operation 7"
    values: {}
    notes: release demo is there
    "#);
    let other = PlanRequest { release: Some("other".to_owned()), ..request(Verb::Adopt) };
    insta::assert_snapshot!(shown(plan(&host, &other, NOW)), @"invalid-name: release `other` keeps its name: call the instance `other`, not `demo`");
    let mut absent = request(Verb::Adopt);
    absent.instance.name = "other".to_owned();
    insta::assert_snapshot!(shown(plan(&host, &absent, NOW)), @"not-found: there is no release `other` in namespace `ns`");
}

#[test]
fn what_is_there_already_is_refused() {
    let (host, _) = installed();
    insta::assert_snapshot!(shown(plan(&host, &request(Verb::Install), NOW)), @"already-exists: release `demo` is in namespace `ns` already (deployed): adopt it or choose another name");
    let taken =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "demo", "namespace": "ns"}});
    insta::assert_snapshot!(shown(plan(&chart().with_object(taken), &request(Verb::Install), NOW)), @"conflict: objects are in the cluster already and belong to somebody else: Service ns/demo (its label `app.kubernetes.io/managed-by` is ``, not `Helm`)");
}

#[test]
fn another_program_at_work_is_not_disturbed() {
    let first = plan(&chart(), &request(Verb::Install), NOW).expect("the chart installs");
    let record = Record::from_secret(&objects(&first, Policy::Record)[0]).expect("a release");
    let foreign = record.with_state(State::PendingUpgrade, "Preparing upgrade").to_secret(NOW);
    let host = chart().with_object(foreign);
    insta::assert_snapshot!(shown(plan(&host, &request(Verb::Update), NOW)), @"operation-in-progress: another program works on release `demo`: revision 1 is pending-upgrade; wait for it, or roll the instance back if that program is gone");
    let ours = record.to_secret(NOW);
    assert!(plan(&chart().with_object(ours), &request(Verb::Install), NOW).is_ok());
}

/// A release whose upgrade to revision 2 real helm left unfinished.
fn left_pending() -> (TestHost, PlanRequest) {
    let (host, request) = installed();
    let record = &objects(&request.current.as_ref().expect("it").plan, Policy::Record)[1];
    let record = Record::from_secret(record).expect("a release").rolled_back(2, None, NOW);
    let pending = record.with_state(State::PendingUpgrade, "Preparing upgrade").to_secret(NOW);
    (host.with_object(pending), request)
}

#[test]
fn a_pending_release_is_adopted_as_it_was_deployed_last() {
    let (host, _) = left_pending();
    let adopted = plan(&host, &request(Verb::Adopt), NOW).expect("it is adopted");
    let records = objects(&adopted, Policy::Record);
    let states: Vec<String> = records
        .iter()
        .map(|secret| Record::from_secret(secret).expect("a release"))
        .map(|record| format!("v{} {} {}", record.version(), record.state().name(), record.description()))
        .collect();
    insta::assert_snapshot!(states.join("\n"), @"
    v2 failed Preparing upgrade (abandoned)
    v1 deployed osc operation 7
    ");
    insta::assert_snapshot!(adopted.warnings.join("\n"), @"revision 2 of release `demo` is pending-upgrade: this ends it, so make sure that no other program is at work");
}

#[test]
fn an_install_that_never_ended_is_adopted_as_deployed() {
    let first = plan(&chart(), &request(Verb::Install), NOW).expect("the chart installs");
    let record = Record::from_secret(&objects(&first, Policy::Record)[0]).expect("a release");
    let pending = record.with_state(State::PendingInstall, "Initial install underway").to_secret(NOW);
    let adopted = plan(&chart().with_object(pending), &request(Verb::Adopt), NOW).expect("it is adopted");
    let records = objects(&adopted, Policy::Record);
    assert_eq!(records.len(), 1);
    assert_eq!(Record::from_secret(&records[0]).expect("a release").state(), State::Deployed);
}

#[test]
fn a_rollback_ends_what_another_program_left_unfinished() {
    let (host, request) = left_pending();
    let request = PlanRequest { verb: Verb::Rollback, target: request.current.clone(), ..request };
    let plan = plan(&host, &request, NOW).expect("it rolls back");
    insta::assert_snapshot!(plan.warnings.join("\n"), @"revision 2 of release `demo` is pending-upgrade: this ends it, so make sure that no other program is at work");
    let last = plan.steps.iter().rev().find(|step| step.name.contains("as deployed")).expect("a step");
    assert_eq!(
        line(last),
        "record revision 3 as deployed: Record v1 superseded \"osc operation 7\", v2 failed \"Preparing upgrade (abandoned)\", v3 deployed \"osc operation 7\""
    );
}

#[test]
fn names_are_checked() {
    let mut request = request(Verb::Install);
    request.instance.name = "Demo_1".to_owned();
    insta::assert_snapshot!(shown(plan(&chart(), &request, NOW)), @"invalid-name: `Demo_1` cannot name a release: use at most 53 lower case letters, digits, `-` and `.`");
}
