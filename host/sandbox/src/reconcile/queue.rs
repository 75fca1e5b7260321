//! A queue of keys in which each is at most once, and never with two workers at a time.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::Key;
use crate::clock::Clock;

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Notify,
    /// How long a key rests before a worker gets it, so that several changes make one look.
    rest: Duration,
}

#[derive(Default)]
struct State {
    ready: VecDeque<(Instant, Key)>,
    queued: HashSet<Key>,
    working: HashSet<Key>,
    /// Asked for again while a worker had them.
    again: HashSet<Key>,
    later: BTreeMap<(Timestamp, u64), Key>,
    moments: HashMap<Key, (Timestamp, u64)>,
    attempts: HashMap<Key, u32>,
    serial: u64,
}

impl State {
    fn add(&mut self, key: Key) {
        if self.working.contains(&key) {
            self.again.insert(key);
        } else if self.queued.insert(key.clone()) {
            self.ready.push_back((Instant::now(), key));
        }
    }

    /// Each key has at most one moment, the earliest that was asked for.
    fn add_at(&mut self, key: Key, moment: Timestamp) {
        if let Some(known) = self.moments.get(&key) {
            if known.0 <= moment {
                return;
            }
            self.later.remove(known);
        }
        self.serial += 1;
        self.later.insert((moment, self.serial), key.clone());
        self.moments.insert(key, (moment, self.serial));
    }

    fn wake(&mut self, now: Timestamp) {
        while let Some(first) = self.later.first_entry().filter(|first| first.key().0 <= now) {
            let key = first.remove();
            self.moments.remove(&key);
            self.add(key);
        }
    }
}

impl Queue {
    /// A queue whose keys rest for a while.
    pub(super) fn with_rest(rest: Duration) -> Self {
        Self { rest, ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Asks for a key as soon as possible.
    pub(super) fn add(&self, key: Key) {
        self.lock().add(key);
        self.changed.notify_one();
    }

    /// How often in a row a key failed.
    pub(super) fn attempts(&self, key: &Key) -> u32 {
        self.lock().attempts.get(key).copied().unwrap_or(0)
    }

    /// Gives a key back, perhaps to look at again at some moment.
    pub(super) fn done(&self, key: Key, moment: Option<Timestamp>, good: bool) {
        let mut state = self.lock();
        if good {
            state.attempts.remove(&key);
        } else {
            *state.attempts.entry(key.clone()).or_default() += 1;
        }
        state.working.remove(&key);
        if let Some(moment) = moment {
            state.add_at(key.clone(), moment);
        }
        if state.again.remove(&key) {
            state.add(key);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for a key that no other worker has.
    pub(super) async fn next(&self, clock: &dyn Clock) -> Key {
        loop {
            let changed = self.changed.notified();
            let (resting, first) = {
                let mut state = self.lock();
                state.wake(clock.now());
                let ripe = state.ready.front().map(|(since, _)| *since + self.rest);
                if ripe.is_some_and(|ripe| ripe <= Instant::now())
                    && let Some((_, key)) = state.ready.pop_front()
                {
                    state.queued.remove(&key);
                    state.working.insert(key.clone());
                    if !state.ready.is_empty() {
                        self.changed.notify_one(); // for the next worker
                    }
                    return key;
                }
                (ripe, state.later.first_key_value().map(|(moment, _)| moment.0))
            };
            let ripe = async {
                match resting {
                    Some(ripe) => tokio::time::sleep_until(ripe.into()).await,
                    None => std::future::pending().await,
                }
            };
            let due = async {
                match first {
                    Some(moment) => clock.sleep_until(moment).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = changed => {}
                () = ripe => {}
                () = due => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::SignedDuration;

    use super::*;
    use crate::builtin::PODS;
    use crate::clock::VirtualClock;

    fn key(name: &str) -> Key {
        Key::new(&PODS, "ns", name)
    }

    #[tokio::test]
    async fn a_key_is_queued_once_and_comes_again_when_asked_for_during_the_work() {
        let (queue, clock) = (Queue::default(), VirtualClock::new(Timestamp::UNIX_EPOCH));
        queue.add(key("a"));
        queue.add(key("a"));
        queue.add(key("b"));
        assert_eq!(queue.next(&clock).await, key("a"));
        queue.add(key("a"));
        assert_eq!(queue.next(&clock).await, key("b"));
        queue.done(key("b"), None, true);
        queue.done(key("a"), None, true);
        assert_eq!(queue.next(&clock).await, key("a"));
    }

    #[tokio::test]
    async fn a_key_waits_for_its_moment() {
        let clock = VirtualClock::new(Timestamp::UNIX_EPOCH);
        let queue = Arc::new(Queue::default());
        queue.add(key("a"));
        queue.next(&clock).await;
        queue.done(key("a"), Some(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(60)), true);
        let (waiting, its_clock) = (queue.clone(), clock.clone());
        let waiter = tokio::spawn(async move { waiting.next(&its_clock).await });
        clock.advance(SignedDuration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        clock.advance(SignedDuration::from_secs(1));
        assert_eq!(waiter.await.unwrap(), key("a"));
    }
}
