//! The sandbox's controllers beside the real ones: on two real API servers the same manifests must end as the same
//! objects, but for names, times and addresses that differ from run to run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod mask;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, bail};
use osc_integration::api_client::{start_controllers, start_kubelet};
use osc_integration::realkube::RealKube;
use osc_integration::until::until;
use serde_json::{Value, json};

const APPS: &str = "/apis/apps/v1/namespaces/default";
const BATCH: &str = "/apis/batch/v1/namespaces/default";
const CORE: &str = "/api/v1/namespaces/default";
const BUDGETS: &str = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

/// What is compared.
fn compared() -> Vec<String> {
    let of = |root: &str, plurals: &[&str]| -> Vec<String> {
        plurals.iter().map(|plural| format!("{root}/{plural}")).collect()
    };
    let mut paths =
        of(APPS, &["deployments", "replicasets", "statefulsets", "daemonsets", "controllerrevisions"]);
    paths.extend(of(BATCH, &["jobs", "cronjobs"]));
    paths.extend(of(CORE, &["pods", "services", "endpoints", "persistentvolumeclaims", "serviceaccounts"]));
    paths.extend(of(CORE, &["configmaps", "resourcequotas"]));
    paths.extend([BUDGETS.to_owned(), SLICES.to_owned()]);
    paths
}

struct Cluster(kube::Client);

impl Cluster {
    async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.0.request(http::Request::get(path).body(Vec::new())?).await?)
    }

    async fn send(&self, method: &str, media: &str, path: &str, body: &Value) -> Result<Value> {
        let request = http::Request::builder().method(method).uri(path).header("content-type", media);
        Ok(self.0.request(request.body(body.to_string().into_bytes())?).await?)
    }

    async fn create(&self, path: &str, body: Value) -> Result<()> {
        self.send("POST", "application/json", path, &body).await.map(drop)
    }

    async fn change(&self, path: &str, patch: Value) -> Result<()> {
        self.send("PATCH", "application/strategic-merge-patch+json", path, &patch).await.map(drop)
    }

    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<()> {
        until(&self.0, path, Duration::from_secs(90), wanted).await.map(drop)
    }
}

fn template(app: &str, annotations: Value) -> Value {
    json!({
        "metadata": {"labels": {"app": app}, "annotations": annotations},
        "spec": {"containers": [{"name": "c", "image": format!("{app}:1"), "ports": [{"name": "p", "containerPort": 80}]}]},
    })
}

fn job(name: &str, code: &str, spec: Value) -> Value {
    let mut template = template(name, json!({"sandbox.osc.io/exit": code}));
    template["spec"]["restartPolicy"] = "Never".into();
    let mut job = json!({"metadata": {"name": name}, "spec": {"template": template}});
    for (key, value) in spec.as_object().unwrap() {
        job["spec"][key] = value.clone();
    }
    job
}

fn is(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.iter().any(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// Lives through some changes and returns everything at rest.
async fn play(cluster: &Cluster) -> Result<Vec<Value>> {
    cluster.until(&format!("{CORE}/serviceaccounts/default"), |found| found.is_object()).await?;
    cluster.until(&format!("{CORE}/configmaps/kube-root-ca.crt"), |found| found.is_object()).await?;
    cluster
        .until("/api/v1/nodes/fake-node", |node| is(node, "Ready") && node["spec"]["taints"].is_null())
        .await?;
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "40", "services": "9"}}});
    cluster.create(&format!("{CORE}/resourcequotas"), quota).await?;
    cluster.until(&format!("{CORE}/resourcequotas/q"), |quota| quota["status"]["used"].is_object()).await?;

    let volume = json!({
        "metadata": {"name": "v"},
        "spec": {
            "capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "by-hand",
            "hostPath": {"path": "/v"},
        },
    });
    cluster.create("/api/v1/persistentvolumes", volume).await?;
    cluster
        .create(
            &format!("{APPS}/statefulsets"),
            json!({
                "metadata": {"name": "db"},
                "spec": {
                    "replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
                    "template": template("db", json!({})),
                    "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                        "accessModes": ["ReadWriteOnce"], "storageClassName": "by-hand",
                        "resources": {"requests": {"storage": "1Gi"}},
                    }}],
                },
            }),
        )
        .await?;
    cluster.create(&format!("{APPS}/daemonsets"), json!({
        "metadata": {"name": "agent"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent", json!({}))},
    })).await?;
    cluster.create(&format!("{APPS}/deployments"), json!({
        "metadata": {"name": "web", "annotations": {"note": "kept"}},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template("web", json!({}))},
    })).await?;
    cluster.create(&format!("{BATCH}/jobs"), job("good", "0", json!({"completions": 2}))).await?;
    cluster.create(&format!("{BATCH}/jobs"), job("bad", "3", json!({"backoffLimit": 0}))).await?;
    let tick = json!({"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job("x", "0", json!({}))["spec"]}});
    cluster.create(&format!("{BATCH}/cronjobs"), json!({"metadata": {"name": "tick"}, "spec": tick})).await?;
    let service = json!({"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "p"}]});
    cluster
        .create(&format!("{CORE}/services"), json!({"metadata": {"name": "web"}, "spec": service}))
        .await?;

    let web = format!("{APPS}/deployments/web");
    cluster.until(&web, |web| web["status"]["availableReplicas"] == 3).await?;
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "web:2"}]}}}});
    cluster.change(&web, image).await?;
    cluster
        .until(&web, |web| {
            let status = &web["status"];
            let all =
                ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|field| status[*field] == 3);
            all && status["observedGeneration"] == 2
                && status["terminatingReplicas"] == 0
                && web.to_string().contains("NewReplicaSetAvailable")
        })
        .await?;
    let selector = json!({"matchLabels": {"app": "web"}});
    let budget = json!({"metadata": {"name": "web"}, "spec": {"minAvailable": 2, "selector": selector}});
    cluster.create(BUDGETS, budget).await?;
    cluster.until(&format!("{BUDGETS}/web"), |budget| budget["status"]["currentHealthy"] == 3).await?;
    cluster.until(&format!("{APPS}/statefulsets/db"), |db| db["status"]["availableReplicas"] == 1).await?;
    cluster
        .until(&format!("{APPS}/daemonsets/agent"), |agent| agent["status"]["numberAvailable"] == 1)
        .await?;
    cluster.until(&format!("{BATCH}/jobs/good"), |job| is(job, "Complete")).await?;
    cluster.until(&format!("{BATCH}/jobs/bad"), |job| is(job, "Failed")).await?;
    // Three pods of the Deployment, one of each of the two sets.
    cluster
        .until(&format!("{CORE}/resourcequotas/q"), |quota| quota["status"]["used"]["pods"] == "5")
        .await?;
    let ready = |slice: &Value| {
        let endpoints = slice["endpoints"].as_array().cloned().unwrap_or_default();
        let ready = endpoints.iter().filter(|endpoint| endpoint["conditions"]["ready"] == true).count();
        endpoints.len() == 3 && ready == 3
    };
    let web = |list: &Value| list["items"].as_array().is_some_and(|slices| slices.iter().any(ready));
    cluster.until(&format!("{SLICES}?labelSelector=kubernetes.io/service-name%3Dweb"), web).await?;
    let three =
        |found: &Value| found["subsets"][0]["addresses"].as_array().is_some_and(|list| list.len() == 3);
    cluster.until(&format!("{CORE}/endpoints/web"), three).await?;

    let mut objects = Vec::new();
    for path in compared() {
        let list = cluster.get(&path).await?;
        let kind = list["kind"].as_str().unwrap_or_default().trim_end_matches("List").to_owned();
        for mut object in list["items"].as_array().cloned().unwrap_or_default() {
            object["kind"] = kind.clone().into();
            if object["metadata"]["name"] != "kubernetes" {
                objects.push(object);
            }
        }
    }
    Ok(objects)
}

/// The reasons of events by kind of object; those of the kubelet and of waiting pods depend on the pace.
async fn reasons(cluster: &Cluster) -> Result<BTreeSet<String>> {
    let events = cluster.get(&format!("{CORE}/events")).await?;
    let events = events["items"].as_array().cloned().unwrap_or_default();
    let wanted = |event: &&Value| {
        let kind = event["involvedObject"]["kind"].as_str().unwrap_or_default();
        let component = event["source"]["component"].as_str().unwrap_or_default();
        component != "kubelet" && event["reason"] != "FailedScheduling" && !matches!(kind, "Node" | "Service")
    };
    let text =
        |event: &Value| format!("{} {}", event["involvedObject"]["kind"], event["reason"]).replace('"', "");
    Ok(events.iter().filter(wanted).map(text).collect())
}

#[tokio::test]
async fn our_controllers_do_what_the_real_ones_do() -> Result<()> {
    let Some(kube) = RealKube::start().await? else { return Ok(()) };
    let kubelet = start_kubelet(kube.client());
    let cluster = Cluster(kube.client());
    let (wanted, wanted_reasons) = (mask::all(play(&cluster).await?), reasons(&cluster).await?);
    drop(kubelet);
    drop(kube);

    let Some(kube) = RealKube::start_api_only().await? else { return Ok(()) };
    let _controllers = start_controllers(kube.client(), "a certificate");
    let cluster = Cluster(kube.client());
    let (found, found_reasons) = (mask::all(play(&cluster).await?), reasons(&cluster).await?);

    for (wanted, found) in wanted.iter().zip(&found) {
        if let Some(difference) = mask::difference(wanted, found, "") {
            let name = format!("{} {}", wanted["kind"], wanted["metadata"]["name"]);
            bail!("{name}: {difference}\nreal: {wanted:#}\nours: {found:#}");
        }
    }
    assert!(wanted.len() > 25, "only {} objects were compared", wanted.len());
    assert_eq!(wanted.len(), found.len());
    assert_eq!(wanted_reasons, found_reasons);
    Ok(())
}
