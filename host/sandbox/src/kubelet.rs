//! A simulated node: it takes the pods that are bound to it through the states a real kubelet would report, and runs
//! nothing. Annotations of pods choose their course:
//!
//! | annotation | meaning |
//! |---|---|
//! | `sandbox.osc.io/exit: "CODE"` | the containers end with this code |
//! | `sandbox.osc.io/duration: SECONDS` | how long they run before |
//! | `sandbox.osc.io/ready: "false"` | the pod runs and never gets ready |
//! | `sandbox.osc.io/fault: NAME[:SECONDS]` | something goes wrong, see [`Fault`] |
//! | `sandbox.osc.io/logs` | lines of the made-up log |
//!
//! Pods of Jobs end with 0 unless told otherwise. Probes pass. What cannot be configured for want of a ConfigMap or
//! Secret says so; those that an ended pod's program would have made are made up and say that they are, see
//! [`makers`]. It is an ordinary client of the API and works on real clusters as on the embedded one.

mod course;
pub mod logs;
pub mod makers;
mod node;
mod references;
mod stage;
mod status;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub use course::{Course, Fault};
use makers::Makers;
pub use node::{HOST_IP, SIMULATED_LABEL};
pub use stage::{Missing, Note, Step, Surroundings, step};

use crate::builtin::{CONFIG_MAPS, NAMESPACES, NODES, PODS, SECRETS};
use crate::client::{Call, Client, Pending, Resource, Verb};
use crate::clock::Clock;
use crate::object::{self, text};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Manager, Outcome, Reconciler, Seen};

/// Name of the component in events and managed fields.
const COMPONENT: &str = "kubelet";

/// The simulated node of a cluster.
pub struct Kubelet {
    node: String,
    addresses: Mutex<Addresses>,
    /// How long a pod takes to start and to stop.
    pace: Duration,
    due: Mutex<Due>,
    makers: Makers,
}

/// When pods start (`false`) and stop (`true`), by their uids.
#[derive(Default)]
struct Due {
    moments: HashMap<(String, bool), Instant>,
    /// Before this moment no other pod starts.
    next: Option<Instant>,
}

/// How far apart the starts of pods are, as long as not more than this wait.
const GAP: Duration = Duration::from_millis(30);
const QUEUE: Duration = Duration::from_millis(300);

/// Addresses of pods, from 10.244.0.0/16.
#[derive(Default)]
struct Addresses {
    taken: HashMap<u16, String>,
    last: u16,
}

impl Kubelet {
    /// A node of a name.
    pub fn new(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            addresses: Mutex::default(),
            pace: Duration::ZERO,
            due: Mutex::default(),
            makers: Makers::default(),
        }
    }

    /// The same where pods take a moment to start and to stop, as they do on real nodes.
    pub fn with_pace(self, pace: Duration) -> Self {
        Self { pace, ..self }
    }

    /// Runs it alone on a cluster; must be called within a tokio runtime. It ends when the manager is dropped.
    pub fn start(node: &str, client: Arc<dyn Client>, clock: Arc<dyn Clock>) -> Manager {
        Manager::start(client, clock, vec![Arc::new(Self::new(node))])
    }

    fn addresses(&self) -> MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn is_mine(&self, pod: &Value) -> bool {
        text(pod, "/spec/nodeName") == self.node
    }

    /// How long a pod that starts or stops still takes. A node starts pods one after the other, as long as few wait.
    fn wait(&self, pod: &Value) -> Option<Duration> {
        let stops = object::is_terminating(pod);
        if self.pace.is_zero() || !(stops || matches!(text(pod, "/status/phase"), "" | "Pending")) {
            return None;
        }
        let mut due = self.due.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let now = Instant::now();
        let key = (object::uid(pod).to_owned(), stops);
        let moment = match due.moments.get(&key) {
            Some(moment) => *moment,
            None if stops => now + self.pace,
            None => {
                let moment = (now + self.pace).max(due.next.unwrap_or(now));
                let few = moment < now + self.pace + QUEUE;
                due.next = Some(if few { moment + GAP } else { moment });
                moment
            }
        };
        due.moments.insert(key, moment);
        Some(moment.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    fn forget(&self, pod: &Value) {
        let mut due = self.due.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        due.moments.remove(&(object::uid(pod).to_owned(), false));
        due.moments.remove(&(object::uid(pod).to_owned(), true));
    }

    async fn look(&self, context: &Context, key: &Key) -> Outcome {
        if key.resource == NODES {
            return node::keep(context, &self.node).await;
        }
        let Some(pod) = context.cache().of(key).filter(|pod| self.is_mine(pod)) else { return Ok(None) };
        if node::is_down(context, &self.node) {
            return Ok(None); // its return tells all pods
        }
        if let Some(wait) = self.wait(&pod) {
            return Ok(context.now().saturating_add(wait).ok());
        }
        let missing = match text(&pod, "/status/phase") {
            "" | "Pending" => references::missing(context.cache(), &pod),
            _ => None,
        };
        let helped = match &missing {
            Some(missing) => self.makers.help(context, &pod, missing).await?,
            None => None,
        };
        let pod_ip = self.addresses().reserve(&pod);
        let around =
            Surroundings { now: context.now(), host_ip: HOST_IP, pod_ip: &pod_ip, missing: missing.as_ref() };
        let step = step(&pod, &around);
        if step.remove {
            let options = json!({
                "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0,
                "preconditions": {"uid": object::uid(&pod)},
            });
            let call = Call::new(Verb::Delete, &PODS, &key.namespace, &key.name, options).by(COMPONENT);
            return match context.call(call).await {
                Err(refusal) if !refusal.is_not_found() && !refusal.is_conflict() => Err(refusal),
                _ => Ok(None),
            };
        }
        if let Some(status) = step.status {
            if status["phase"] == "Succeeded" {
                self.makers.ends(context, &pod).await?;
            }
            let patch = json!({"metadata": {"uid": object::uid(&pod)}, "status": status});
            let call = Call::new(Verb::Strategic, &PODS, &key.namespace, &key.name, patch);
            context.call(call.on("status").by(COMPONENT)).await?;
            for note in step.notes {
                context.event_at(COMPONENT, &pod, &note.field, note.kind, note.reason, &note.message);
            }
        }
        Ok(helped.or(step.again))
    }
}

impl Reconciler for Kubelet {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![PODS, NODES, NAMESPACES, CONFIG_MAPS, SECRETS]
    }

    fn initial(&self) -> Vec<Key> {
        vec![Key::new(&NODES, "", &self.node)]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        let object = seen.object();
        if *seen.resource == PODS {
            if self.is_mine(object) {
                self.addresses().note(object, seen.new.is_some());
                if seen.new.is_none() {
                    self.forget(object);
                }
                enqueue(seen.key());
            }
        } else if *seen.resource == NODES {
            if object::name(object) == self.node {
                enqueue(seen.key());
                if seen.states().any(node::is_faulty) {
                    let mine = cache.list(&PODS, "").into_iter().filter(|pod| self.is_mine(pod));
                    mine.for_each(|pod| enqueue(Key::of(&PODS, &pod)));
                }
            }
        } else if *seen.resource == NAMESPACES {
            if seen.new.is_none() {
                self.makers.forget(object::name(object));
            }
        } else if seen.new.is_some() {
            // Pods may wait for it, or for a key of it.
            for pod in cache.list(&PODS, object::namespace(object)) {
                if self.is_mine(&pod) && text(&pod, "/status/phase") == "Pending" {
                    enqueue(Key::of(&PODS, &pod));
                }
            }
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(self.look(context, key))
    }

    fn workers(&self) -> usize {
        8
    }
}

impl Addresses {
    /// Takes note of the address that a pod has or had.
    fn note(&mut self, pod: &Value, is_there: bool) {
        let Some(number) = text(pod, "/status/podIP").parse().ok().and_then(number_of) else { return };
        if is_there {
            self.taken.insert(number, object::uid(pod).to_owned());
        } else if self.taken.get(&number).is_some_and(|uid| uid == object::uid(pod)) {
            self.taken.remove(&number);
        }
    }

    /// The pod's address, or the next free one.
    fn reserve(&mut self, pod: &Value) -> String {
        let known = text(pod, "/status/podIP");
        if !known.is_empty() {
            return known.to_owned();
        }
        for _ in 0..u16::MAX {
            self.last = self.last.wrapping_add(1);
            let usable = !matches!(self.last & 0xff, 0 | 255);
            if usable && !self.taken.contains_key(&self.last) {
                break;
            }
        }
        Ipv4Addr::new(10, 244, (self.last >> 8) as u8, self.last as u8).to_string()
    }
}

fn number_of(address: Ipv4Addr) -> Option<u16> {
    let [10, 244, high, low] = address.octets() else { return None };
    Some(u16::from(high) << 8 | u16::from(low))
}
