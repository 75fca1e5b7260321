//! How sets are scaled: by the strategy's pace, at once when recreating, in proportion when the size changes.

use serde_json::Value;

use super::revision::{DESIRED, MAXIMUM};
use super::{Rollout, actual, available, replicas};
use crate::builtin::PODS;
use crate::client::{Refusal, Shared};
use crate::controllers::pods;
use crate::object::{self, annotation, name};
use crate::reconcile::Outcome;

impl Rollout<'_> {
    /// How large the newest set may be, with so many pods wanted by all sets and so many by itself.
    pub(super) fn size_of_new(&self, all: i64, own: i64) -> i64 {
        if !self.is_rolling() {
            return self.wanted();
        }
        let free = self.wanted() + self.max_surge() - all;
        if free <= 0 { own } else { own + free.min(self.wanted() - own) }
    }

    /// Whether somebody changed the size since the sets were scaled last.
    pub(super) fn is_scaled(&self) -> bool {
        self.sets().filter(|set| replicas(set) > 0).any(|set| {
            let noted = annotation(set, DESIRED).and_then(|noted| noted.parse::<i64>().ok());
            noted.is_some_and(|noted| noted != self.wanted())
        })
    }

    /// A new size, or a pause: scales without rolling.
    pub(super) async fn sync(&mut self) -> Outcome {
        self.sync_revision(false).await?;
        self.scale_in_proportion().await?;
        if self.is_paused() {
            self.clean_up().await?;
        }
        self.write_status(self.counted()).await
    }

    async fn scale_in_proportion(&mut self) -> Result<(), Refusal> {
        let active: Vec<Shared> = self.sets().filter(|set| replicas(set) > 0).cloned().collect();
        let only = match active.len() {
            0 => self.new.clone().or_else(|| self.old.last().cloned()),
            1 => Some(active[0].clone()),
            _ => None,
        };
        if active.len() < 2 {
            if let Some(set) = only {
                self.scale(&set, self.wanted(), false).await?;
            }
            return Ok(());
        }
        if self.is_saturated() {
            for set in self.active_old() {
                self.scale(&set, 0, false).await?;
            }
            return Ok(());
        }
        if !self.is_rolling() {
            return Ok(());
        }
        let allowed = if self.wanted() > 0 { self.wanted() + self.max_surge() } else { 0 };
        let add = allowed - active.iter().map(|set| replicas(set)).sum::<i64>();
        let mut sets = active;
        sets.sort_by_key(|set| (object::time(set, "/metadata/creationTimestamp"), name(set).to_owned()));
        if add > 0 {
            sets.reverse(); // the newer first among equals
        }
        sets.sort_by_key(|set| std::cmp::Reverse(replicas(set)));
        let mut added = 0;
        let mut sizes: Vec<i64> = Vec::new();
        for set in &sets {
            let share = self.share(set, add, added);
            added += share;
            sizes.push(replicas(set) + share);
        }
        sizes[0] = (sizes[0] + add - added).max(0);
        for (set, size) in sets.iter().zip(sizes) {
            self.scale(set, size, true).await?;
        }
        Ok(())
    }

    /// The part of a change that a set takes.
    fn share(&self, set: &Value, add: i64, added: i64) -> i64 {
        if add == 0 || add == added {
            return 0;
        }
        let own = replicas(set);
        let fraction = if self.wanted() == 0 {
            -own
        } else {
            let noted = annotation(set, MAXIMUM).and_then(|noted| noted.parse::<i64>().ok());
            let stored = object::number(&self.deployment, "/status/replicas").unwrap_or(0);
            let before = noted.filter(|noted| *noted != 0).unwrap_or(stored);
            if before == 0 {
                return 0;
            }
            let size = own as f64 * (self.wanted() + self.max_surge()) as f64 / before as f64;
            size.round() as i64 - own
        };
        if add > 0 { fraction.min(add - added) } else { fraction.max(add - added) }
    }

    fn is_saturated(&self) -> bool {
        self.new.as_ref().is_some_and(|set| {
            let noted = annotation(set, DESIRED).and_then(|noted| noted.parse::<i64>().ok());
            let full = replicas(set) == self.wanted() && noted == Some(self.wanted());
            full && available(set) == self.wanted()
        })
    }

    /// One step of a rolling update.
    pub(super) async fn roll(&mut self) -> Outcome {
        self.sync_revision(true).await?;
        let Some(new) = self.new.clone() else { return Ok(None) };
        let all: i64 = self.sets().map(|set| replicas(set)).sum();
        let own = replicas(&new);
        let size = if own > self.wanted() { self.wanted() } else { self.size_of_new(all, own) };
        let moved = if own == self.wanted() { false } else { self.scale(&new, size, false).await? };
        if !moved && !self.scale_down_old().await? && self.is_complete(&self.status) {
            self.clean_up().await?;
        }
        self.progress().await
    }

    async fn scale_down_old(&mut self) -> Result<bool, Refusal> {
        let old: i64 = self.old.iter().map(|set| replicas(set)).sum();
        let Some(new) = self.new.clone().filter(|_| old > 0) else { return Ok(false) };
        let least = self.wanted() - self.max_unavailable();
        let most = old + replicas(&new) - least - (replicas(&new) - available(&new));
        if most <= 0 {
            return Ok(false);
        }
        // Pods that do not work are no loss.
        let mut cleaned = 0;
        for set in self.active_old() {
            let sick = replicas(&set) - available(&set);
            let down = sick.min(most - cleaned);
            if down > 0 {
                self.scale(&set, replicas(&set) - down, false).await?;
                cleaned += down;
            }
        }
        // A set that was just scaled down still counts pods that are about to go.
        let spare = self.sets().map(|set| available(set).min(replicas(set))).sum::<i64>() - least;
        let mut gone = 0;
        for set in self.active_old() {
            let down = replicas(&set).min(spare - gone);
            if down > 0 {
                self.scale(&set, replicas(&set) - down, false).await?;
                gone += down;
            }
        }
        Ok(cleaned + gone > 0)
    }

    /// All old pods go before the first new one comes.
    pub(super) async fn recreate(&mut self) -> Outcome {
        self.sync_revision(false).await?;
        let mut moved = false;
        for set in self.active_old() {
            moved |= self.scale(&set, 0, false).await?;
        }
        if moved || self.old_pods_remain() {
            return self.progress().await;
        }
        if self.new.is_none() {
            self.sync_revision(true).await?;
        }
        if let Some(new) = self.new.clone() {
            self.scale(&new, self.wanted(), false).await?;
        }
        if self.is_complete(&self.status) {
            self.clean_up().await?;
        }
        self.progress().await
    }

    fn old_pods_remain(&self) -> bool {
        self.old.iter().any(|set| {
            let pods = self.context.cache().owned(&PODS, object::uid(set));
            actual(set) > 0 || pods.iter().any(|pod| !pods::is_finished(pod))
        })
    }
}
