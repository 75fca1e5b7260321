//! Time for controllers and the simulated kubelet: the system's, or one that a test moves by hand.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::client::Pending;

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Waits until a moment has come.
    fn sleep_until(&self, moment: Timestamp) -> Pending<'static, ()>;
}

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep_until(&self, moment: Timestamp) -> Pending<'static, ()> {
        let wait = moment.duration_since(Timestamp::now()).max(SignedDuration::ZERO).unsigned_abs();
        // Longer sleeps would not survive a change of the system's time.
        Box::pin(tokio::time::sleep(wait.min(Duration::from_secs(3600))))
    }
}

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub struct VirtualClock(Arc<watch::Sender<Timestamp>>);

impl VirtualClock {
    /// Starts at a moment.
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(watch::Sender::new(start)))
    }

    /// Moves forward; sleepers whose moment has come wake.
    pub fn advance(&self, by: SignedDuration) {
        self.0.send_modify(|now| *now = now.saturating_add(by).unwrap_or(*now));
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep_until(&self, moment: Timestamp) -> Pending<'static, ()> {
        let mut now = self.0.subscribe();
        Box::pin(async move {
            // The sender being gone means that nobody will move the clock again.
            if now.wait_for(|now| *now >= moment).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// A time as objects carry it, in whole seconds.
pub fn seconds(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time with microseconds, as leases and events carry it.
pub fn micros(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Reads a time of an object.
pub fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
