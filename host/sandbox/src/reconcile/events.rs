//! Events: written in the background, equal ones counted instead of repeated.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::builtin::EVENTS;
use crate::client::{Call, Client, Verb};
use crate::clock;
use crate::object::{name, namespace, text, uid, version};

/// Events that wait to be written; more are dropped, as real recorders do.
const WAITING: usize = 8_192;
/// Events whose repetition is counted.
const REMEMBERED: usize = 4_096;

/// What happened.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) component: &'static str,
    pub(super) kind: &'static str,
    pub(super) reason: String,
    pub(super) message: String,
}

#[derive(Clone)]
pub(super) struct Recorder(mpsc::Sender<(Entry, Value, Timestamp)>);

impl Recorder {
    pub(super) fn start(client: Arc<dyn Client>, tasks: &mut JoinSet<()>) -> Self {
        let (sender, mut receiver) = mpsc::channel::<(Entry, Value, Timestamp)>(WAITING);
        tasks.spawn(async move {
            let mut known = Known::default();
            while let Some((entry, involved, moment)) = receiver.recv().await {
                write(&*client, &mut known, entry, involved, moment).await;
            }
        });
        Self(sender)
    }

    pub(super) fn record(&self, entry: Entry, object: &Value, field: &str, moment: Timestamp) {
        let mut involved = json!({
            "kind": text(object, "/kind"), "apiVersion": text(object, "/apiVersion"),
            "name": name(object), "uid": uid(object), "resourceVersion": version(object).to_string(),
        });
        if !namespace(object).is_empty() {
            involved["namespace"] = namespace(object).into();
        }
        if !field.is_empty() {
            involved["fieldPath"] = field.into();
        }
        // A full queue loses the event, not the work.
        let _ = self.0.try_send((entry, involved, moment));
    }
}

/// How many events about one object a component writes at once; then one in five minutes.
const BURST: f64 = 25.0;
const REFILL: f64 = 1.0 / 300.0;

#[derive(Default)]
struct Known {
    counts: HashMap<(Entry, String), (String, u64)>,
    /// What is left of the burst, and when that was.
    allowed: HashMap<(&'static str, String), (f64, Timestamp)>,
    order: VecDeque<(Entry, String)>,
    serial: u64,
}

impl Known {
    /// Whether one more event about an object may be written.
    fn allows(&mut self, component: &'static str, uid: &str, moment: Timestamp) -> bool {
        if self.allowed.len() >= REMEMBERED {
            self.allowed.clear();
        }
        let (left, since) = self.allowed.entry((component, uid.to_owned())).or_insert((BURST, moment));
        *left = (*left + moment.duration_since(*since).as_secs_f64().max(0.0) * REFILL).min(BURST);
        *since = moment;
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }
}

async fn write(client: &dyn Client, known: &mut Known, entry: Entry, involved: Value, moment: Timestamp) {
    let space = match text(&involved, "/namespace") {
        "" => "default".to_owned(),
        space => space.to_owned(),
    };
    if !known.allows(entry.component, text(&involved, "/uid"), moment) {
        return;
    }
    let same = (entry, format!("{}{}", text(&involved, "/uid"), text(&involved, "/fieldPath")));
    let stamp = clock::seconds(moment);
    if let Some((event, count)) = known.counts.get_mut(&same) {
        *count += 1;
        let patch = json!({"count": *count, "lastTimestamp": stamp});
        let call = Call::new(Verb::Merge, &EVENTS, &space, event, patch).by(same.0.component);
        if client.call(call).await.is_ok() {
            return;
        }
        known.counts.remove(&same);
    }
    known.serial += 1;
    let nanos = u64::try_from(moment.as_nanosecond()).unwrap_or_default().wrapping_add(known.serial);
    let event = format!("{}.{nanos:x}", text(&involved, "/name"));
    let entry = &same.0;
    let object = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": event, "namespace": space},
        "involvedObject": involved, "type": entry.kind, "reason": entry.reason,
        "message": entry.message.chars().take(1_024).collect::<String>(),
        "source": {"component": entry.component}, "reportingComponent": entry.component, "reportingInstance": "",
        "firstTimestamp": stamp, "lastTimestamp": stamp, "count": 1,
    });
    let call = Call::new(Verb::Create, &EVENTS, &space, "", object).by(entry.component);
    // A namespace that is going takes no events; nobody misses them.
    if client.call(call).await.is_err() {
        return;
    }
    if known.order.len() >= REMEMBERED
        && let Some(oldest) = known.order.pop_front()
    {
        known.counts.remove(&oldest);
    }
    known.order.push_back(same.clone());
    known.counts.insert(same, (event, 1));
}
