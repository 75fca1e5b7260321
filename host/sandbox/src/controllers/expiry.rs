//! Events live for an hour.

use jiff::SignedDuration;

use crate::builtin::EVENTS;
use crate::client::{Pending, Resource};
use crate::object;
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const LIFE: i64 = 3_600;

/// Removes old events.
pub(super) struct Expiry;

impl Reconciler for Expiry {
    fn name(&self) -> &'static str {
        "event-expiry"
    }

    fn watches(&self) -> Vec<Resource> {
        vec![EVENTS]
    }

    fn affected(&self, _: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        if seen.old.is_none() {
            enqueue(seen.key());
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(async move {
            let Some(event) = context.cache().of(key) else { return Ok(None) };
            let times = ["/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
            let last = times.iter().filter_map(|pointer| object::time(&event, pointer)).max();
            let last = last.unwrap_or_else(|| context.now());
            let due = last.saturating_add(SignedDuration::from_secs(LIFE)).unwrap_or(last);
            if context.now() < due {
                return Ok(Some(due));
            }
            context.delete(&EVENTS, &event, None).await?;
            Ok(None)
        })
    }

    fn workers(&self) -> usize {
        1
    }
}
