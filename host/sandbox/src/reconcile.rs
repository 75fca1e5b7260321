//! The machinery under controllers and the simulated kubelet: a cache fed by changes, a queue of names per reconciler,
//! workers that bring one object at a time to where it should be. Nothing here knows any kind of object.

pub mod cache;
pub mod context;
mod events;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::client::{Change, Client, Pending, Refusal, Resource, Shared};
use crate::clock::Clock;
use cache::Cache;
use context::Context;
use queue::Queue;

/// Which object to look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its resource.
    pub resource: Resource,
    /// Its namespace, empty if it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The key of an object.
    pub fn of(resource: &Resource, object: &Value) -> Self {
        Self::new(resource, crate::object::namespace(object), crate::object::name(object))
    }

    /// A key from its parts.
    pub fn new(resource: &Resource, namespace: &str, name: &str) -> Self {
        Self { resource: resource.clone(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// When to look at an object again though nothing changed; `None` for never.
pub type Outcome = Result<Option<Timestamp>, Refusal>;

/// One control loop.
pub trait Reconciler: Send + Sync + 'static {
    /// Name for logs.
    fn name(&self) -> &'static str;

    /// The resources whose changes matter; empty for all.
    fn watches(&self) -> Vec<Resource>;

    /// Objects to look at when the work begins, whether they are there or not.
    fn initial(&self) -> Vec<Key> {
        Vec::new()
    }

    /// Names the objects that a change of another concerns.
    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key));

    /// Brings one object nearer to where it should be. Called by one worker at a time for each key.
    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome>;

    /// Whether changes are looked at without the delay that gathers several of them.
    fn is_prompt(&self) -> bool {
        false
    }

    /// How many objects are worked on at the same time.
    fn workers(&self) -> usize {
        4
    }
}

/// A change of one object.
pub struct Seen<'a> {
    /// Its resource.
    pub resource: &'a Resource,
    /// Its state before, if it was there.
    pub old: Option<&'a Value>,
    /// Its state now, if it is there.
    pub new: Option<&'a Value>,
}

impl<'a> Seen<'a> {
    /// The newest known state.
    pub fn object(&self) -> &'a Value {
        self.new.or(self.old).unwrap_or(&Value::Null)
    }

    /// Both states.
    pub fn states(&self) -> impl Iterator<Item = &'a Value> {
        self.old.into_iter().chain(self.new)
    }

    /// The key of the object.
    pub fn key(&self) -> Key {
        Key::of(self.resource, self.object())
    }
}

/// Running reconcilers; dropping it stops them.
pub struct Manager {
    context: Context,
    tasks: JoinSet<()>,
}

/// A reconciler, what it watches, and what it has to look at.
type Loop = (Arc<dyn Reconciler>, Vec<Resource>, Arc<Queue>);

/// What all reconcilers share: where changes are announced.
pub(crate) struct Hub {
    pub(crate) cache: Cache,
    loops: Vec<Loop>,
}

impl Hub {
    /// Takes a new state of an object and tells the reconcilers, unless it is known already.
    pub(crate) fn set(&self, resource: &Resource, object: &Shared) {
        if let Some(old) = self.cache.set(resource, object) {
            self.tell(&Seen { resource, old: old.as_deref(), new: Some(object) });
        }
    }

    /// Takes the end of an object.
    pub(crate) fn gone(&self, resource: &Resource, object: &Value) {
        if let Some(old) = self.cache.gone(resource, object) {
            self.tell(&Seen { resource, old: Some(&old), new: None });
        }
    }

    fn listed(&self, resource: &Resource, objects: &[Shared]) {
        for old in self.cache.absent(resource, objects) {
            self.gone(resource, &old);
        }
        for object in objects {
            self.set(resource, object);
        }
    }

    fn tell(&self, seen: &Seen<'_>) {
        for (reconciler, watches, queue) in &self.loops {
            if watches.is_empty() || watches.contains(seen.resource) {
                reconciler.affected(&self.cache, seen, &mut |key| queue.add(key));
            }
        }
    }
}

impl Manager {
    /// Starts reconcilers on a cluster; must be called within a tokio runtime.
    pub fn start(
        client: Arc<dyn Client>,
        clock: Arc<dyn Clock>,
        reconcilers: Vec<Arc<dyn Reconciler>>,
    ) -> Self {
        Self::start_at_rest(client, clock, reconcilers, Duration::ZERO)
    }

    /// The same with a rest before each look, in which changes gather as they do on the way to real controllers.
    pub fn start_at_rest(
        client: Arc<dyn Client>,
        clock: Arc<dyn Clock>,
        reconcilers: Vec<Arc<dyn Reconciler>>,
        rest: Duration,
    ) -> Self {
        let mut wanted: Vec<Resource> = Vec::new();
        let mut all = false;
        let mut loops = Vec::new();
        for reconciler in reconcilers {
            let watches = reconciler.watches();
            all |= watches.is_empty();
            wanted.extend(watches.iter().filter(|r| !wanted.contains(r)).cloned().collect::<Vec<_>>());
            let rest = if reconciler.is_prompt() { Duration::ZERO } else { rest };
            loops.push((reconciler, watches, Arc::new(Queue::with_rest(rest))));
        }
        if all {
            wanted =
                crate::builtin::ALL.iter().filter(|r| **r != crate::builtin::BINDINGS).cloned().collect();
        }
        let mut tasks = JoinSet::new();
        let mut feed = client.feed(wanted.clone());
        let hub = Arc::new(Hub { cache: Cache::default(), loops });
        let context = Context::new(client, clock, hub.clone(), &mut tasks);

        let followed = hub.clone();
        let begin = Arc::new(tokio::sync::Semaphore::new(0));
        let begun = begin.clone();
        tasks.spawn(async move {
            // Nobody works before everything is known: an absent object means something then.
            let mut missing = wanted;
            while let Some(change) = feed.recv().await {
                match change {
                    Change::Listed(resource, objects) => {
                        followed.listed(&resource, &objects);
                        missing.retain(|other| *other != resource);
                        if missing.is_empty() {
                            begun.close();
                        }
                    }
                    Change::Set(resource, object) => followed.set(&resource, &object),
                    Change::Gone(resource, object) => followed.gone(&resource, &object),
                }
            }
        });
        for (reconciler, _, queue) in &hub.loops {
            reconciler.initial().into_iter().for_each(|key| queue.add(key));
            for _ in 0..reconciler.workers() {
                let (reconciler, queue, context) = (reconciler.clone(), queue.clone(), context.clone());
                let begin = begin.clone();
                tasks.spawn(async move {
                    // Closing the semaphore is the signal; it never gives a permit.
                    let _ = begin.acquire().await;
                    work(&*reconciler, &queue, &context).await;
                });
            }
        }
        Self { context, tasks }
    }

    /// What the reconcilers see and write through.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Runs until it is dropped.
    pub async fn run(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn work(reconciler: &dyn Reconciler, queue: &Queue, context: &Context) {
    loop {
        let key = queue.next(context.clock()).await;
        let outcome = reconciler.reconcile(context, &key).await;
        match outcome {
            Ok(again) => queue.done(key, again, true),
            Err(error) => {
                // Somebody else was faster: the change is on its way here, and the next look sees it.
                let quick = error.is_conflict() || error.is_not_found() || error.is_already_exists();
                let wait = if quick { Duration::from_millis(5) } else { Duration::from_millis(20) };
                if !quick {
                    tracing::debug!(controller = reconciler.name(), name = %key.name, "reconciling failed: {error}");
                }
                let wait = wait.saturating_mul(1 << queue.attempts(&key).min(11));
                let again = context.now().saturating_add(wait).ok();
                queue.done(key, again, false);
            }
        }
    }
}
