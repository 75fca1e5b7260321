//! The API over HTTPS.
//!
//! A request passes: authentication, impersonation, authorisation, routing, content negotiation, then the same
//! [`crate::Api`] that controllers use. Answers to writes wait until the store is durable.

mod access;
mod body;
mod delete;
mod discovery;
mod lenient;
mod list;
mod metrics;
mod object;
mod openapi;
mod pod;
mod query;
mod respond;
mod route;
mod server;
mod table;
mod watch;

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::{Method, Request, Response};

use crate::auth::{Attributes, User};
use crate::cluster::Core;
use crate::status::{Named, Result, Status};
use query::Query;
use respond::{Accept, Answer, Body};
use route::Route;

pub(crate) use query::decode as decode_text;
pub(crate) use server::Listener;
pub use server::ServeError;
pub(crate) use table::age;

/// Percent decoding of a header's part.
pub(crate) fn decode_percent(text: &str) -> String {
    decode_text(text, false)
}

/// A request with everything that handlers ask for.
pub(crate) struct Context {
    pub(crate) core: Arc<Core>,
    pub(crate) user: Arc<User>,
    pub(crate) method: Method,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) accept: Accept,
    pub(crate) body: Bytes,
}

/// Answers one request. Never fails: refusals are answers.
pub(crate) async fn handle(core: Arc<Core>, request: Request<Incoming>) -> Response<Body> {
    let head = request.method() == Method::HEAD;
    let gzip = respond::wants_gzip(request.headers());
    let accept = Accept::parse(request.headers());
    let answer = match answer(core, request, accept.clone()).await {
        Ok(answer) => answer,
        Err(status) => Answer::status(&status, &accept),
    };
    answer.into_response(gzip, head)
}

async fn answer(core: Arc<Core>, request: Request<Incoming>, accept: Accept) -> Result<Answer> {
    let (parts, incoming) = request.into_parts();
    let user = core.auth.authenticate(&core, parts.headers.get(AUTHORIZATION))?;
    let path = parts.uri.path().to_string();
    if path.contains("//") {
        return Ok(Answer::text(404, "404 page not found\n"));
    }
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let route = Route::parse(&path);
    let user = crate::auth::impersonate(&core, user, &parts.headers)?;
    authorize(&core, &user, &parts.method, &path, &query, &route)?;
    if let Route::Object(target) = &route {
        let verb = target.verb(&parts.method, &query);
        let (delay, refused) =
            core.faults.of_request(&core, verb, &target.resource, &target.namespace, &target.name);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        refused?;
    }
    let mut context = Context {
        core,
        user: Arc::new(user),
        method: parts.method,

        query,
        headers: parts.headers,
        accept,
        body: Bytes::new(),
    };
    if matches!(context.method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE) {
        context.body = body::read(incoming).await?;
    }
    dispatch(context, route).await
}

async fn dispatch(context: Context, route: Route) -> Result<Answer> {
    if !matches!(context.method.as_str(), "GET" | "POST" | "PUT" | "PATCH" | "DELETE") {
        return match route {
            Route::Other(_) => Ok(Answer::text(404, "404 page not found\n")),
            _ => Err(Status::method_not_allowed()),
        };
    }
    match route {
        Route::Other(path) => discovery::other(&context, &path),
        Route::Discovery { group, version } => discovery::answer(&context, &group, version.as_deref()),
        Route::OpenApi(path) => openapi::answer(&context, path.as_deref()),
        Route::Object(target) => object::answer(context, target).await,
    }
}

fn authorize(
    core: &Core,
    user: &User,
    method: &Method,
    path: &str,
    query: &Query,
    route: &Route,
) -> Result<()> {
    let Route::Object(target) = route else {
        let verb = match *method {
            Method::GET | Method::HEAD => "get",
            Method::POST => "post",
            Method::PUT => "put",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => "options",
        };
        let verb = if *method == Method::HEAD { "head" } else { verb };
        let attributes = Attributes { verb, path: Some(path), ..Attributes::default() };
        if core.auth.allows(core, user, &attributes).is_some() {
            return Ok(());
        }
        return Err(Status::forbidden_path(format!(
            "forbidden: User {:?} cannot {verb} path {path:?}",
            user.name
        )));
    };
    let verb = target.verb(method, query);
    let name = target.name_of(query);
    let attributes = Attributes {
        verb,
        group: &target.group,
        resource: &target.resource,
        subresource: &target.subresource,
        namespace: &target.namespace,
        name: &name,
        path: None,
    };
    if core.auth.allows(core, user, &attributes).is_some() {
        return Ok(());
    }
    let named = Named { kind: &target.resource, group: &target.group, name: &name };
    Err(Status::forbidden(named, &attributes.refusal(user)))
}
