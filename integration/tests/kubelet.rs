//! The simulated kubelet on a real control plane: real controllers get their pods running, done and gone.

use std::time::Duration;

use anyhow::Result;
use osc_integration::api_client::start_kubelet;
use osc_integration::realkube::RealKube;
use osc_integration::until::until;
use serde_json::{Value, json};

struct Cluster(RealKube);

impl Cluster {
    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let request = http::Request::post(path).header("content-type", "application/json");
        Ok(self.0.client().request(request.body(body.to_string().into_bytes())?).await?)
    }

    async fn delete(&self, path: &str) -> Result<Value> {
        Ok(self.0.client().request(http::Request::delete(path).body(Vec::new())?).await?)
    }

    /// Waits until an object is as wanted.
    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        until(&self.0.client(), path, Duration::from_secs(60), wanted).await
    }
}

fn template(annotations: Value, restart: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}, "annotations": annotations},
        "spec": {"restartPolicy": restart, "containers": [{"name": "c", "image": "web:1"}]},
    })
}

#[tokio::test]
async fn pods_run_end_and_go() -> Result<()> {
    let Some(kube) = RealKube::start().await? else { return Ok(()) };
    let _kubelet = start_kubelet(kube.client());
    let cluster = Cluster(kube);
    let (apps, batch) = ("/apis/apps/v1/namespaces/default", "/apis/batch/v1/namespaces/default");
    let pods = "/api/v1/namespaces/default/pods";

    let node = cluster.until("/api/v1/nodes/fake-node", |n| n["status"]["capacity"].is_object()).await?;
    assert_eq!(node["metadata"]["labels"]["sandbox.osc.io/simulated"], "true");

    cluster
        .post(
            &format!("{apps}/deployments"),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
                "spec": {
                    "replicas": 3, "selector": {"matchLabels": {"app": "web"}},
                    "template": template(json!({}), "Always"),
                },
            }),
        )
        .await?;
    cluster.until(&format!("{apps}/deployments/web"), |d| d["status"]["availableReplicas"] == 3).await?;

    cluster
        .post(
            &format!("{batch}/jobs"),
            json!({
                "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
                "spec": {"template": template(json!({"sandbox.osc.io/duration": "0"}), "Never")},
            }),
        )
        .await?;
    let complete = |job: &Value| job.to_string().contains(r#""type":"Complete""#);
    cluster.until(&format!("{batch}/jobs/once"), complete).await?;

    cluster
        .post(
            pods,
            json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lost"},
                "spec": {"containers": [
                    {"name": "c", "image": "web:1", "envFrom": [{"configMapRef": {"name": "settings"}}]},
                ]},
            }),
        )
        .await?;
    let reason = "/status/containerStatuses/0/state/waiting/reason";
    let broken = |pod: &Value| pod.pointer(reason).is_some_and(|r| r == "CreateContainerConfigError");
    cluster.until(&format!("{pods}/lost"), broken).await?;
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}});
    cluster.post("/api/v1/namespaces/default/configmaps", settings).await?;
    cluster.until(&format!("{pods}/lost"), |pod| pod["status"]["phase"] == "Running").await?;

    cluster.delete(&format!("{pods}/lost")).await?;
    cluster.until(&format!("{pods}/lost"), Value::is_null).await?;
    cluster.delete(&format!("{apps}/deployments/web?propagationPolicy=Foreground")).await?;
    let empty = |list: &Value| list["items"].as_array().is_some_and(Vec::is_empty);
    cluster.until(&format!("{pods}?labelSelector=app%3Dweb,!job-name"), empty).await?;
    Ok(())
}
