//! The real control plane of the harness starts, works and leaves nothing behind.

use anyhow::Result;
use osc_integration::realkube::RealKube;
use serde_json::Value;

async fn get(kube: &RealKube, path: &str) -> Result<Value> {
    Ok(kube.client().request(http::Request::get(path).body(Vec::new())?).await?)
}

#[tokio::test]
async fn serves_with_controllers_and_ends_when_dropped() -> Result<()> {
    let Some(kube) = RealKube::start().await? else { return Ok(()) };

    let version = get(&kube, "/version").await?;
    assert!(version["gitVersion"].as_str().is_some_and(|v| v.starts_with("v1.")), "{version}");
    let account = get(&kube, "/api/v1/namespaces/default/serviceaccounts/default").await?;
    assert_eq!(account["metadata"]["name"], "default");

    let kubeconfig = kube.kubeconfig();
    for refused in ["certificate-authority\"", "tokenFile", "exec", "insecure-skip-tls-verify"] {
        assert!(!kubeconfig.contains(refused), "`{refused}` in {kubeconfig}");
    }
    assert_eq!(std::fs::read_to_string(kube.kubeconfig_path())?, kubeconfig);

    let (path, server) = (kube.kubeconfig_path(), kube.server().to_owned());
    drop(kube);
    assert!(!path.exists());
    let address = server.trim_start_matches("https://");
    assert!(std::net::TcpStream::connect(address).is_err(), "something still listens on {address}");
    Ok(())
}

#[tokio::test]
async fn serves_without_controllers() -> Result<()> {
    let Some(kube) = RealKube::start_api_only().await? else { return Ok(()) };
    let accounts = get(&kube, "/api/v1/namespaces/default/serviceaccounts").await?;
    assert_eq!(accounts["items"], Value::Array(Vec::new()));
    Ok(())
}
