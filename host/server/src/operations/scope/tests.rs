use std::sync::Arc;

use osc_plugin_api::documents::plan::{Policy, Step};
use serde_json::json;

use super::*;
use crate::kube::discovery::{ApiKind, Discovery};

fn discovery() -> Arc<Discovery> {
    let mut discovery = Discovery::default();
    for (api_version, kind, namespaced) in
        [("example.com/v1", "Thing", true), ("example.com/v1", "Global", false)]
    {
        discovery.add(ApiKind {
            api_version: api_version.into(),
            kind: kind.into(),
            plural: kind.to_lowercase(),
            namespaced,
            verbs: Vec::new(),
        });
    }
    Arc::new(discovery)
}

fn grant(rbac: bool, privileged: bool, cluster_scoped: bool) -> Grant {
    let named = |namespace: &str| NamespaceGrant { namespace: namespace.into(), rbac, privileged };
    Grant { namespaces: vec![named("mine"), named("second")], taken: BTreeSet::new(), cluster_scoped }
}

fn verdict_of(action: Action, grant: &Grant) -> String {
    let mut plan = Plan::new("osc");
    plan.steps.push(Step::new("s", action));
    let scopes = Scopes::new(discovery(), &plan);
    match check(&plan, grant, "mine", &scopes) {
        Ok(()) => "fine".into(),
        Err(error) => error.to_string().replace("step `s`: ", ""),
    }
}

fn apply(object: Value) -> Action {
    Action::Apply { objects: vec![object], policy: Policy::Owned }
}

/// The verdict for an object under a grant of plain namespaces, and whether all rights would open it.
fn verdict(object: Value) -> String {
    let all = verdict_of(apply(object.clone()), &grant(true, true, true));
    let plain = verdict_of(apply(object), &grant(false, false, false));
    if all == "fine" { plain } else { format!("never: {all}") }
}

fn object(api_version: &str, kind: &str, extra: Value) -> Value {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}});
    for (key, value) in extra.as_object().unwrap() {
        match key.as_str() {
            "namespace" | "labels" | "ownerReferences" => object["metadata"][key] = value.clone(),
            _ => object[key] = value.clone(),
        }
    }
    object
}

#[test]
fn objects_stay_in_granted_namespaces() {
    assert_eq!(verdict(object("v1", "ConfigMap", json!({}))), "fine");
    assert_eq!(verdict(object("v1", "ConfigMap", json!({"namespace": "second"}))), "fine");
    assert_eq!(
        verdict(object("v1", "ConfigMap", json!({"namespace": "other"}))),
        "never: ConfigMap other/x: the namespace `other` is not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    assert_eq!(verdict(object("example.com/v1", "Thing", json!({}))), "fine");
    assert_eq!(
        verdict(object("example.com/v1", "Global", json!({"namespace": "mine"}))),
        "Global x: objects outside namespaces are not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    assert_eq!(
        verdict(object("example.com/v1", "Unknown", json!({"namespace": "mine"}))),
        "Unknown mine/x: the cluster does not know the kind `Unknown` of `example.com/v1`"
    );
    assert_eq!(
        verdict(object("rbac.authorization.k8s.io/v1", "ClusterRole", json!({"namespace": "mine"}))),
        "ClusterRole x: objects outside namespaces are not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
}

#[test]
fn any_namespace_means_any_free_one() {
    let any = NamespaceGrant { namespace: "*".into(), rbac: false, privileged: false };
    let grant =
        Grant { namespaces: vec![any], taken: BTreeSet::from(["theirs".into()]), cluster_scoped: false };
    for (namespace, expected) in [
        ("free", "fine"),
        (
            "theirs",
            "ConfigMap theirs/x: the namespace `theirs` is not granted; the cluster's owner can allow it with `osc cluster grant`",
        ),
        (
            "kube-system",
            "ConfigMap kube-system/x: the namespace `kube-system` is not granted; the cluster's owner can allow it with `osc cluster grant`",
        ),
        (
            "osc-global",
            "ConfigMap osc-global/x: the namespace `osc-global` is not granted; the cluster's owner can allow it with `osc cluster grant`",
        ),
    ] {
        assert_eq!(
            verdict_of(apply(object("v1", "ConfigMap", json!({"namespace": namespace}))), &grant),
            expected
        );
    }
}

#[test]
fn namespaces_are_no_way_out() {
    let namespace = |name: &str, labels: Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
    assert_eq!(verdict(namespace("mine", json!({"a": "b"}))), "fine");
    assert_eq!(
        verdict(namespace("second", json!({}))),
        "Namespace second: the namespace `second` is not the instance's own"
    );
    assert_eq!(
        verdict(namespace("other", json!({}))),
        "never: Namespace other: the namespace `other` is not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    assert_eq!(
        verdict(namespace("mine", json!({"pod-security.kubernetes.io/enforce": "privileged"}))),
        "Namespace mine: the label `pod-security.kubernetes.io/enforce` needs the right to privileged pods"
    );
    let ensure = |namespace: &str| {
        verdict_of(Action::EnsureNamespace { namespace: namespace.into() }, &grant(true, true, false))
    };
    assert_eq!(ensure("mine"), "fine");
    assert_eq!(
        ensure("kube-system"),
        "the namespace `kube-system` is not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
}

#[test]
fn roles_and_bindings_need_their_right() {
    let rbac = |kind: &str, extra: Value| object("rbac.authorization.k8s.io/v1", kind, extra);
    let with = |object: Value| verdict_of(apply(object), &grant(true, false, false));
    let role = rbac("Role", json!({"rules": [{"verbs": ["get"], "resources": ["pods"], "apiGroups": [""]}]}));
    assert_eq!(
        verdict(role.clone()),
        "Role mine/x: roles and bindings are not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    assert_eq!(with(role), "fine");
    assert_eq!(
        with(rbac("Role", json!({"rules": [{"verbs": ["impersonate"]}]}))),
        "Role mine/x: the verb `impersonate` needs the right to objects outside namespaces"
    );
    let binding = |role: &str, subject: Value| {
        with(rbac(
            "RoleBinding",
            json!({"roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [subject]}),
        ))
    };
    let account = |namespace: &str| json!({"kind": "ServiceAccount", "name": "a", "namespace": namespace});
    assert_eq!(binding("edit", account("mine")), "fine");
    assert_eq!(
        binding("cluster-admin", account("mine")),
        "RoleBinding mine/x: it binds the ClusterRole `cluster-admin`, which needs the right to objects outside namespaces"
    );
    for subject in [
        account("kube-system"),
        json!({"kind": "User", "name": "system:serviceaccount:kube-system:a"}),
        json!({"kind": "Group", "name": "system:serviceaccounts:kube-system"}),
    ] {
        assert_eq!(
            binding("edit", subject),
            "RoleBinding mine/x: it gives rights to a service account of the namespace `kube-system`, which is not granted; the cluster's owner can allow it with `osc cluster grant`"
        );
    }
    assert_eq!(
        binding("edit", json!({"kind": "Group", "name": "system:authenticated"})),
        "RoleBinding mine/x: it gives rights to `system:authenticated`, which needs the right to objects outside namespaces"
    );
    let cluster = rbac(
        "ClusterRoleBinding",
        json!({"roleRef": {"kind": "ClusterRole", "name": "x"}, "subjects": [account("other")]}),
    );
    assert_eq!(
        verdict(cluster),
        "never: ClusterRoleBinding x: it gives rights to a service account of the namespace `other`, which is not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    let token = object("v1", "Secret", json!({"type": "kubernetes.io/service-account-token"}));
    assert_eq!(
        verdict(token),
        "Secret mine/x: tokens of service accounts need the right to roles and bindings"
    );
}

#[test]
fn the_api_server_calls_only_the_tenants_services() {
    let service =
        |namespace: &str| json!({"clientConfig": {"service": {"name": "w", "namespace": namespace}}});
    let webhook = |namespace: &str| {
        object(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            json!({"webhooks": [service(namespace)]}),
        )
    };
    assert_eq!(
        verdict(webhook("mine")),
        "ValidatingWebhookConfiguration x: objects outside namespaces are not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    let away = "it refers to the namespace `kube-system`, which is not granted; the cluster's owner can allow it with `osc cluster grant`";
    assert_eq!(verdict(webhook("kube-system")), format!("never: ValidatingWebhookConfiguration x: {away}"));
    let crd = json!({"spec": {"conversion": {"webhook": service("kube-system")}}});
    assert_eq!(
        verdict(object("apiextensions.k8s.io/v1", "CustomResourceDefinition", crd)),
        format!("never: CustomResourceDefinition x: {away}")
    );
    let api = json!({"spec": {"service": {"namespace": "kube-system"}}});
    assert_eq!(
        verdict(object("apiregistration.k8s.io/v1", "APIService", api)),
        format!("never: APIService x: {away}")
    );
}

#[test]
fn references_and_owners_stay_inside() {
    let owner = json!([{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]);
    assert!(
        verdict(object("v1", "ConfigMap", json!({"ownerReferences": owner})))
            .starts_with("never: ConfigMap mine/x: `metadata.ownerReferences` is refused")
    );
    let external = |name: &str| {
        verdict(object("v1", "Service", json!({"spec": {"type": "ExternalName", "externalName": name}})))
    };
    assert_eq!(external("example.com"), "fine");
    assert_eq!(external("db.second.svc.cluster.local"), "fine");
    assert!(
        external("db.other.svc.cluster.local.")
            .ends_with("it stands for a service of the namespace `other`, which is not granted; the cluster's owner can allow it with `osc cluster grant`")
    );
    assert!(
        verdict(object("v1", "Service", json!({"spec": {"externalIPs": ["1.2.3.4"]}})))
            .contains("`spec.externalIPs`")
    );
    let route = json!({"spec": {"rules": [{"backendRefs": [{"name": "b", "namespace": "other"}]}]}});
    let mut scopes = Discovery::default();
    scopes.add(ApiKind {
        api_version: "gateway.networking.k8s.io/v1".into(),
        kind: "HTTPRoute".into(),
        plural: "httproutes".into(),
        namespaced: true,
        verbs: Vec::new(),
    });
    let route = object("gateway.networking.k8s.io/v1", "HTTPRoute", route);
    let scopes = Scopes::new(Arc::new(scopes), &Plan::new("osc"));
    let error = check_object(&route, &grant(true, true, true), "mine", &scopes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "HTTPRoute mine/x: it refers to the namespace `other`, which is not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    let volume = |spec: Value| verdict(object("v1", "PersistentVolume", json!({"spec": spec})));
    assert_eq!(
        volume(json!({"claimRef": {"namespace": "other"}})),
        "never: PersistentVolume x: it refers to the namespace `other`, which is not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    assert_eq!(
        volume(json!({"cephfs": {"secretRef": {"namespace": "other"}}})),
        "never: PersistentVolume x: it refers to the namespace `other`, which is not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    let hidden = verdict_of(
        apply(object("v1", "PersistentVolume", json!({"spec": {"hostPath": {"path": "/"}}}))),
        &grant(true, false, true),
    );
    assert_eq!(hidden, "PersistentVolume x: `spec.hostPath` needs the right to privileged pods");
}

#[test]
fn pods_keep_to_the_baseline() {
    let pod = |spec: Value| verdict(object("v1", "Pod", json!({"spec": spec})));
    let container = |extra: Value| pod(json!({"containers": [extra]}));
    let needs = |what: &str| format!("Pod mine/x: {what} needs the right to privileged pods");
    assert_eq!(container(json!({"name": "c", "securityContext": {"privileged": false}})), "fine");
    assert_eq!(pod(json!({"hostNetwork": true})), needs("`hostNetwork`"));
    assert_eq!(pod(json!({"hostPID": true})), needs("`hostPID`"));
    assert_eq!(
        pod(json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]})),
        needs("the `hostPath` volume `v`")
    );
    assert_eq!(
        pod(json!({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}})),
        needs("the sysctl `kernel.msgmax`")
    );
    for (extra, what) in [
        (json!({"securityContext": {"privileged": true}}), "`privileged`"),
        (json!({"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}), "the capability `SYS_ADMIN`"),
        (json!({"securityContext": {"capabilities": {"add": ["ALL"]}}}), "the capability `ALL`"),
        (json!({"ports": [{"hostPort": 80}]}), "the host port `80`"),
        (json!({"securityContext": {"procMount": "Unmasked"}}), "`procMount`"),
        (
            json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
            "an unconfined `seccompProfile`",
        ),
        (json!({"securityContext": {"seLinuxOptions": {"type": "spc_t"}}}), "`seLinuxOptions`"),
    ] {
        let mut named = extra;
        named["name"] = json!("c");
        assert_eq!(container(named), needs(&format!("{what} of container `c`")));
    }
    assert_eq!(
        container(
            json!({"name": "c", "securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE", "CAP_CHOWN"]}}})
        ),
        "fine"
    );
    let deep = json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": {"initContainers": [{"name": "i", "securityContext": {"privileged": true}}]}}}}}});
    assert_eq!(
        verdict(object("batch/v1", "CronJob", deep)),
        "CronJob mine/x: `privileged` of container `i` needs the right to privileged pods"
    );
}

#[test]
fn waits_deletes_and_hooks_are_checked_too() {
    let config_map = |namespace: &str| ObjectRef {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some(namespace.into()),
        name: "x".into(),
    };
    let plain = grant(false, false, false);
    let delete = |object: ObjectRef| {
        let refs = vec![object];
        verdict_of(
            Action::Delete {
                refs,
                propagation: Default::default(),
                until_gone: false,
                timeout_seconds: 0,
                on_timeout: Default::default(),
            },
            &plain,
        )
    };
    assert_eq!(delete(config_map("mine")), "fine");
    assert_eq!(
        delete(config_map("other")),
        "ConfigMap other/x: the namespace `other` is not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    let namespace = |name: &str| ObjectRef {
        api_version: "v1".into(),
        kind: "Namespace".into(),
        namespace: None,
        name: name.into(),
    };
    assert_eq!(delete(namespace("mine")), "fine");
    assert_eq!(delete(namespace("second")), "the namespace `second` is not the instance's own");
    let wait = |object: ObjectRef| {
        let refs = vec![object];
        verdict_of(
            Action::Wait {
                refs,
                selector: None,
                until: Until::Ready,
                timeout_seconds: 0,
                on_timeout: Default::default(),
            },
            &plain,
        )
    };
    assert_eq!(
        wait(config_map("other")),
        "ConfigMap other/x: the namespace `other` is not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    let crd = ObjectRef {
        api_version: "apiextensions.k8s.io/v1".into(),
        kind: "CustomResourceDefinition".into(),
        namespace: None,
        name: "x".into(),
    };
    assert_eq!(wait(crd), "fine");
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "x-", "namespace": "other"}});
    let hook = Action::Hook {
        object: job,
        done: osc_plugin_api::documents::plan::HookDone::Created,
        timeout_seconds: 0,
        delete: Vec::new(),
        logs: false,
    };
    assert_eq!(
        verdict_of(hook, &plain),
        "Job other/x-generated: the namespace `other` is not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    let mut failing = Plan::new("osc");
    failing
        .on_failure
        .push(Step::new("late", apply(object("v1", "ConfigMap", json!({"namespace": "other"})))));
    let scopes = Scopes::new(discovery(), &failing);
    assert!(check(&failing, &plain, "mine", &scopes).is_err());
}
