//! Subscriptions: subscribing, freezing, ending.

use crate::app::App;
use crate::domain::audit::{Act, audited};
use crate::domain::principal::Principal;
use crate::domain::services;
use crate::error::{Error, Result};
use crate::store::instances::{self, Filter};
use crate::store::scope::{Page, Scoped};
use crate::store::services::ServiceState;
use crate::store::subscriptions::{self, Subscription, SubscriptionState};
use crate::store::{time, versions};

/// The caller's subscriptions, each with the newest ready version of its service.
pub async fn list(app: &App, who: &Principal, page: Page) -> Result<Vec<(Subscription, Option<String>)>> {
    let tenant = who.viewer()?;
    app.db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            let found = subscriptions::list(&at, page)?;
            let with_latest = found.into_iter().map(|subscription| {
                let names = versions::open_names(&at, subscription.service.id)?;
                Ok((subscription, services::latest_name(names)))
            });
            with_latest.collect()
        })
        .await
}

/// The caller's subscription of a service.
pub async fn get(app: &App, who: &Principal, service: &str) -> Result<Subscription> {
    let tenant = who.viewer()?;
    let service = service.to_owned();
    app.db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            let found = services::resolve(&at, &service)?;
            subscriptions::find(&at, found.id)?
                .filter(|subscription| subscription.state != SubscriptionState::Ended)
                .ok_or(Error::NotFound { kind: "subscription", id: service })
        })
        .await
}

/// Subscribes to a service; a second time is fine.
pub async fn subscribe(app: &App, who: &Principal, service: &str) -> Result<Subscription> {
    audited(app, who, Act::new("SubscribeService", "subscription", service), async {
        let tenant = who.consumer()?;
        let service = service.to_owned();
        let subscription = app
            .db
            .write(move |tx| {
                let at = Scoped::new(tx, tenant);
                let found = services::resolve(&at, &service)?;
                let present = subscriptions::find(&at, found.id)?;
                match present.map(|subscription| subscription.state) {
                    Some(SubscriptionState::Active) => {}
                    Some(SubscriptionState::Frozen) => {
                        return Err(Error::Conflict(format!("the subscription of `{service}` is frozen")));
                    }
                    Some(SubscriptionState::Ending) => {
                        return Err(Error::Conflict(format!(
                            "the subscription of `{service}` is ending: wait until its instances are gone"
                        )));
                    }
                    Some(SubscriptionState::Ended) | None => {
                        let own = found.provider == tenant;
                        if found.state != ServiceState::Published && !own {
                            return Err(Error::Refused(format!(
                                "service `{service}` takes no subscriptions now"
                            )));
                        }
                        subscriptions::activate(&at, found.id, &time::now())?;
                    }
                }
                subscriptions::find(&at, found.id)?
                    .ok_or(Error::NotFound { kind: "subscription", id: service })
            })
            .await?;
        app.events.changed("subscriptions");
        Ok(subscription)
    })
    .await
}

/// Freezes a subscription (instances go on, no new ones) or thaws it.
pub async fn set_frozen(app: &App, who: &Principal, service: &str, frozen: bool) -> Result<Subscription> {
    let operation = if frozen { "FreezeSubscription" } else { "UnfreezeSubscription" };
    audited(app, who, Act::new(operation, "subscription", service), async {
        let tenant = who.owner()?;
        let service = service.to_owned();
        let subscription = app
            .db
            .write(move |tx| {
                let at = Scoped::new(tx, tenant);
                let found = services::resolve(&at, &service)?;
                let present = subscriptions::find(&at, found.id)?;
                let state = present.map(|subscription| subscription.state);
                match state {
                    Some(SubscriptionState::Active | SubscriptionState::Frozen) => {}
                    Some(SubscriptionState::Ending) => {
                        return Err(Error::Conflict(format!("the subscription of `{service}` is ending")));
                    }
                    Some(SubscriptionState::Ended) | None => {
                        return Err(Error::NotFound { kind: "subscription", id: service });
                    }
                }
                let next = if frozen { SubscriptionState::Frozen } else { SubscriptionState::Active };
                subscriptions::set_state(&at, found.id, next)?;
                subscriptions::find(&at, found.id)?
                    .ok_or(Error::NotFound { kind: "subscription", id: service })
            })
            .await?;
        app.events.changed("subscriptions");
        Ok(subscription)
    })
    .await
}

/// Begins the end of a subscription and answers the names of the instances that must go first. Refused while one of
/// them is changing.
pub fn begin_end(at: &Scoped<'_>, service: &str) -> Result<Vec<String>> {
    let found = services::resolve(at, service)?;
    match subscriptions::find(at, found.id)?.map(|subscription| subscription.state) {
        Some(SubscriptionState::Active | SubscriptionState::Frozen) => {}
        Some(SubscriptionState::Ending) => {
            return Err(Error::Conflict(format!("the subscription of `{service}` is ending already")));
        }
        Some(SubscriptionState::Ended) | None => {
            return Err(Error::NotFound { kind: "subscription", id: service.into() });
        }
    }
    subscriptions::set_state(at, found.id, SubscriptionState::Ending)?;
    let filter = Filter { service_id: Some(found.id), ..Filter::default() };
    let found = instances::list(at, &filter, Page::ALL)?;
    Ok(found.into_iter().map(|instance| instance.name).collect())
}

/// The subscription that an instance needs: active, or refused with the reason.
pub fn require_active(at: &Scoped<'_>, service_id: i64, name: &str) -> Result<()> {
    match subscriptions::find(at, service_id)?.map(|subscription| subscription.state) {
        Some(SubscriptionState::Active) => Ok(()),
        Some(SubscriptionState::Frozen) => {
            Err(Error::Refused(format!("the subscription of `{name}` is frozen: thaw it first")))
        }
        Some(SubscriptionState::Ending) => {
            Err(Error::Refused(format!("the subscription of `{name}` is ending")))
        }
        Some(SubscriptionState::Ended) | None => Err(Error::Refused(format!("subscribe to `{name}` first"))),
    }
}
