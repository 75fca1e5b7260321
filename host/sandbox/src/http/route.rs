//! What a path means.

use hyper::Method;

use super::query::{Query, decode};
use crate::selector::FieldSelector;

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Route {
    /// Groups, versions and resources: `/api`, `/apis`, `/apis/apps`, `/apis/apps/v1`.
    Discovery { group: Group, version: Option<String> },
    /// `/openapi/v3`, and below it.
    OpenApi(Option<String>),
    /// An object or collection.
    Object(Target),
    /// Everything else.
    Other(String),
}

/// Which part of discovery.
#[derive(Debug)]
pub(crate) enum Group {
    /// `/api`
    Core,
    /// `/apis`
    All,
    /// `/apis/NAME`
    Named(String),
}

/// An object, a subresource or a collection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: String,
    pub(crate) resource: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
    /// More after the subresource.
    pub(crate) rest: String,
    /// The old `/watch/` prefix.
    pub(crate) watch: bool,
}

impl Route {
    pub(crate) fn parse(path: &str) -> Self {
        let parts: Vec<&str> = path.trim_matches('/').split('/').filter(|p| !p.is_empty()).collect();
        match parts[..] {
            ["api"] => Route::Discovery { group: Group::Core, version: None },
            ["apis"] => Route::Discovery { group: Group::All, version: None },
            ["api", version] => Route::Discovery { group: Group::Core, version: Some(version.into()) },
            ["apis", group] => Route::Discovery { group: Group::Named(group.into()), version: None },
            ["apis", group, version] => {
                Route::Discovery { group: Group::Named(group.into()), version: Some(version.into()) }
            }
            ["api", version, ref rest @ ..] => Route::Object(Target::parse("", version, rest)),
            ["apis", group, version, ref rest @ ..] => Route::Object(Target::parse(group, version, rest)),
            ["openapi", "v3"] => Route::OpenApi(None),
            ["openapi", "v3", ref rest @ ..] => Route::OpenApi(Some(rest.join("/"))),
            _ => Route::Other(path.to_string()),
        }
    }
}

impl Target {
    fn parse(group: &str, version: &str, rest: &[&str]) -> Self {
        let mut target = Target { group: group.into(), version: version.into(), ..Target::default() };
        let mut rest = rest;
        if let ["watch", more @ ..] = rest
            && !more.is_empty()
        {
            target.watch = true;
            rest = more;
        }
        match rest {
            // The subresources of namespaces themselves.
            ["namespaces", name, "status" | "finalize"] => {
                target.resource = "namespaces".into();
                target.name = decode(name, false);
                target.subresource = rest[2].into();
                target.namespace.clone_from(&target.name);
                return target;
            }
            ["namespaces", namespace, resource, more @ ..] => {
                target.namespace = decode(namespace, false);
                target.resource = (*resource).into();
                rest = more;
            }
            ["namespaces", name] => {
                target.resource = "namespaces".into();
                target.name = decode(name, false);
                target.namespace.clone_from(&target.name);
                return target;
            }
            [resource, more @ ..] => {
                target.resource = (*resource).into();
                rest = more;
            }
            [] => {}
        }
        if let [name, more @ ..] = rest {
            target.name = decode(name, false);
            if let [sub, more @ ..] = more {
                target.subresource = decode(sub, false);
                target.rest = more.join("/");
            }
        }
        target
    }

    /// The verb of a request, for authorisation and routing.
    pub(crate) fn verb(&self, method: &Method, query: &Query) -> &'static str {
        match *method {
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if self.name.is_empty() => "deletecollection",
            Method::DELETE => "delete",
            Method::GET | Method::HEAD if self.watch => "watch",
            Method::GET | Method::HEAD if self.name.is_empty() && query.flag("watch") => "watch",
            Method::GET | Method::HEAD if self.name.is_empty() => "list",
            _ => "get",
        }
    }

    /// The name for authorisation: lists by `metadata.name` have one.
    pub(crate) fn name_of(&self, query: &Query) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let selector = FieldSelector::parse(query.get("fieldSelector")).unwrap_or_default();
        selector.exact("metadata.name").unwrap_or_default().to_string()
    }
}
