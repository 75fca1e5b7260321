//! `osc login`: remembers a server and a token for later commands.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::Client;
use super::credentials::{self, Credentials, Remembered, ServerArgs};
use super::failure::Failure;
use super::output::Ui;
use super::output::table::scalar;

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Address of the server, or a sign-in link
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Sign in with this user's password instead of a token
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

pub(crate) async fn run(ui: &mut Ui, server: &ServerArgs, args: LoginArgs) -> Result<(), Failure> {
    let link =
        args.url.as_deref().and_then(|url| url.split_once('#')).map(|(_, fragment)| fragment.to_owned());
    let mut wanted = server.clone();
    if let Some(url) = &args.url {
        wanted.server = Some(credentials::address(url)?);
        if link.is_some() {
            // A link leads to a page of the console; the API stands at the root.
            wanted.server = wanted.server.map(|address| origin(&address));
        }
    }
    let mut credentials = Credentials::resolve(&wanted, credentials::remembered().unwrap_or_default())?;
    if let Some(fragment) = link {
        let token =
            fragment.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or(&fragment).to_owned();
        credentials.token = Some(token_of_session(&credentials, json!({ "token": token })).await?);
    } else if let Some(user) = &args.user {
        let password = ui.secret("password")?;
        credentials.token =
            Some(token_of_session(&credentials, json!({ "name": user, "password": password })).await?);
    } else if server.token.is_none() {
        credentials.token = Some(ui.secret("token")?).filter(|token| !token.is_empty());
    }
    if credentials.token.is_none() {
        return Err(Failure::usage("no token was given")
            .hint("create one in the console, or sign in with `--user NAME`"));
    }
    let client = Client::new(credentials.clone())?;
    let me = client.get("/me").await?;
    let path = credentials::remember(&Remembered {
        server: credentials.server.clone(),
        token: credentials.token.unwrap_or_default(),
        tenant: credentials.tenant,
        kubeconfig: None,
    })?;
    let name = me.get("name").or_else(|| me.get("user").and_then(|user| user.get("name")));
    ui.note(&format!(
        "signed in to `{}` as `{}`; remembered in `{}`",
        credentials.server,
        scalar(name),
        path.display()
    ));
    Ok(())
}

/// Signs in as a browser does, and makes a token with the session.
async fn token_of_session(credentials: &Credentials, body: Value) -> Result<String, Failure> {
    let bare = Credentials { token: None, tenant: None, server: credentials.server.clone() };
    let client = Client::new(bare)?;
    let cookie = client.cookie("/session", &body).await?;
    let name = format!("osc login, {}", jiff::Timestamp::now().strftime("%Y-%m-%d"));
    let request =
        client.request(Method::POST, "/tokens").header("Cookie", cookie).header("Origin", client.server());
    let made = client.send(request.json(&json!({ "name": name }))).await?;
    made.get("token")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| Failure::failed("the server answered no token"))
}

fn origin(address: &str) -> String {
    match reqwest::Url::parse(address) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => address.to_owned(),
    }
}
