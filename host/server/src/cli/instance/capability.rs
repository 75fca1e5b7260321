//! `osc instance metrics|expose`: abilities that a plugin brings to the server.

use serde_json::Value;

use super::args::{ExposeArgs, NameArgs};
use crate::cli::Session;
use crate::cli::client::path;
use crate::cli::failure::Failure;

pub(super) async fn metrics(session: &mut Session, args: NameArgs) -> Result<(), Failure> {
    missing(session, Some(&args.instance), "monitor", "shows metrics").await
}

pub(super) async fn expose(session: &mut Session, args: ExposeArgs) -> Result<(), Failure> {
    missing(session, args.instance.as_deref(), "exposer", "makes instances reachable from outside").await
}

/// Says which role is missing, or that this program is older than the server's plugins.
async fn missing(session: &Session, instance: Option<&str>, role: &str, does: &str) -> Result<(), Failure> {
    // One that is not there is said first.
    if let Some(instance) = instance {
        session.client.get(&path(&["instances", instance])).await?;
    }
    let plugins = session.client.list("/plugins", &[], None).await?;
    let plays = |plugin: &&Value| {
        plugin["state"] == "enabled"
            && plugin["roles"].as_array().is_some_and(|roles| roles.contains(&role.into()))
    };
    let failure = match plugins.iter().find(plays) {
        None => Failure::refused(format!("no plugin of this server {does}"))
            .hint(format!("install one with the role `{role}`: `osc plugin install FILE`")),
        Some(_) => {
            Failure::refused(format!("the server's plugin for the role `{role}` is newer than this `osc`"))
                .hint("update `osc` to the server's version")
        }
    };
    Err(Failure { code: Some("capability-missing".into()), ..failure })
}
