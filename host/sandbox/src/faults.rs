//! Rules that make things go wrong in the whole cluster: the entries of the ConfigMap `sandbox-faults` in namespace
//! `kube-system`, each a rule in YAML.
//!
//! ```yaml
//! slow-databases: {kind: Pod, selector: app=db, fault: "slow-start:20", probability: 0.5, seed: 7}
//! no-volumes: {kind: PersistentVolumeClaim, namespace: shop, fault: never-bound}
//! busy: {verbs: [list, watch], resources: [pods], status: 429, latency: 300, probability: 0.1}
//! ```
//!
//! A rule with `fault` marks new objects that it selects with the annotation that the simulated node and the
//! controllers obey. A rule with `status` or `latency` (in milliseconds) refuses or delays requests over HTTP. Chances
//! are drawn from the seed, so runs can be repeated. The ConfigMap itself stays within reach of everybody who may
//! change it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use serde_json::Value;

use crate::cluster::Core;
use crate::object::annotation;
use crate::selector::LabelSelector;
use crate::status::{Result, Status};
use crate::store::Key;
use crate::value::{Get, set};

/// Where the rules are.
pub(crate) const NAMESPACE: &str = "kube-system";
/// Where the rules are.
pub(crate) const NAME: &str = "sandbox-faults";

/// What makes one object go wrong.
const FAULT: &str = "sandbox.osc.io/fault";
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(60);

/// The rules of a cluster, read again when their ConfigMap changes.
#[derive(Default)]
pub(crate) struct Faults {
    rules: RwLock<Arc<Vec<Rule>>>,
    /// The rules are those of the ConfigMap.
    known: AtomicBool,
    /// There are some.
    some: AtomicBool,
}

#[derive(Debug)]
struct Rule {
    name: String,
    namespace: String,
    selector: LabelSelector,
    probability: f64,
    seed: u64,
    /// How often it was drawn for what has no name of its own.
    drawn: AtomicU64,
    effect: Effect,
}

#[derive(Debug)]
enum Effect {
    Mark { kind: String, fault: String },
    Refuse { verbs: Vec<String>, resources: Vec<String>, status: Option<u16>, latency: Duration },
}

impl Faults {
    /// The rules, `None` if there are none.
    fn rules(&self, core: &Core) -> Option<Arc<Vec<Rule>>> {
        if !self.known.swap(true, Ordering::AcqRel) {
            let found = core.store.get(&Key::new(&"configmaps".into(), NAMESPACE, NAME));
            let rules = found.map_or_else(Vec::new, |object| read(&object.value).0);
            self.some.store(!rules.is_empty(), Ordering::Release);
            *self.rules.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(rules);
        }
        if !self.some.load(Ordering::Acquire) {
            return None;
        }
        Some(self.rules.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone())
    }

    /// An object was written or removed.
    pub(crate) fn changed(&self, key: &Key) {
        if &*key.name == NAME && &*key.resource == "configmaps" && &*key.namespace == NAMESPACE {
            self.known.store(false, Ordering::Release);
        }
    }

    /// Marks a new object that a rule chooses.
    pub(crate) fn mark(&self, core: &Core, kind: &str, namespace: &str, object: &mut Value) {
        let Some(rules) = self.rules(core).filter(|_| annotation(object, FAULT).is_none()) else { return };
        for rule in rules.iter() {
            let Effect::Mark { kind: wanted, fault } = &rule.effect else { continue };
            let fits = wanted == kind && rule.is_in(namespace) && rule.selector.selects(object);
            // Generated names differ from run to run.
            let name = match object.text(&["metadata", "generateName"]) {
                "" => object.text(&["metadata", "name"]).to_string(),
                prefix => format!("{prefix}{}", rule.drawn.fetch_add(u64::from(fits), Ordering::Relaxed)),
            };
            if fits && rule.draws(&format!("{namespace}/{name}")) {
                set(object, &["metadata", "annotations", FAULT], fault.as_str());
                return;
            }
        }
    }

    /// What a rule does to a request: how long it waits, and how it is refused.
    pub(crate) fn of_request(
        &self,
        core: &Core,
        verb: &str,
        resource: &str,
        namespace: &str,
        name: &str,
    ) -> (Duration, Result<()>) {
        let mut delay = Duration::ZERO;
        let own = || (resource, namespace, name) == ("configmaps", NAMESPACE, NAME);
        let Some(rules) = self.rules(core).filter(|_| !own()) else { return (delay, Ok(())) };
        for rule in rules.iter() {
            let Effect::Refuse { verbs, resources, status, latency } = &rule.effect else { continue };
            let among =
                |list: &[String], wanted: &str| list.is_empty() || list.iter().any(|one| one == wanted);
            if !among(verbs, verb) || !among(resources, resource) || !rule.is_in(namespace) {
                continue;
            }
            if !rule.draws(&rule.drawn.fetch_add(1, Ordering::Relaxed).to_string()) {
                continue;
            }
            delay = (delay + *latency).min(LONGEST);
            if let Some(code) = status {
                return (delay, Err(refusal(*code, &rule.name)));
            }
        }
        (delay, Ok(()))
    }
}

impl Rule {
    fn is_in(&self, namespace: &str) -> bool {
        self.namespace.is_empty() || self.namespace == namespace
    }

    /// Whether the seed says yes to something.
    fn draws(&self, what: &str) -> bool {
        let text = format!("{}/{}/{what}", self.seed, self.name);
        let mut hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // The last letters reach the high bits only by this.
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        let drawn = (hash >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < self.probability
    }
}

fn refusal(code: u16, rule: &str) -> Status {
    let text = format!("simulated by rule {rule:?}");
    match code {
        429 => Status::new(429, "TooManyRequests", text).with_retry(1),
        410 => Status::expired(text),
        503 => Status::new(503, "ServiceUnavailable", text).with_retry(1),
        504 => Status::new(504, "Timeout", text).with_retry(1),
        409 => Status::new(409, "Conflict", text),
        500 => Status::internal(&text),
        _ => Status::new(code, "", text),
    }
}

/// The rules of a ConfigMap, and what is wrong with others.
fn read(map: &Value) -> (Vec<Rule>, Vec<String>) {
    let (mut rules, mut complaints) = (Vec::new(), Vec::new());
    for (name, text) in map.get("data").and_then(Value::as_object).into_iter().flatten() {
        match crate::yaml::parse(text.as_str().unwrap_or_default()).and_then(|(rule, _)| rule_of(name, &rule))
        {
            Ok(rule) => rules.push(rule),
            Err(why) => complaints.push(format!("rule {name:?} is ignored: {why}")),
        }
    }
    (rules, complaints)
}

/// What is wrong with the rules, if this is the ConfigMap that holds them.
pub(crate) fn complaints(map: &Value) -> Vec<String> {
    let place = (map.text(&["metadata", "namespace"]), map.text(&["metadata", "name"]));
    if place == (NAMESPACE, NAME) { read(map).1 } else { Vec::new() }
}

fn rule_of(name: &str, rule: &Value) -> Result<Rule, String> {
    const FIELDS: [&str; 10] = [
        "kind",
        "fault",
        "namespace",
        "selector",
        "probability",
        "seed",
        "verbs",
        "resources",
        "status",
        "latency",
    ];
    let map = rule.as_object().ok_or("it is not a map")?;
    if let Some(field) = map.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        return Err(format!("unknown field {field:?}"));
    }
    let texts = |key: &str| -> Vec<String> {
        rule.items(&[key]).iter().filter_map(|text| text.as_str().map(String::from)).collect()
    };
    let probability = rule.get("probability").map_or(Some(1.0), Value::as_f64);
    let probability =
        probability.filter(|p| (0.0..=1.0).contains(p)).ok_or("`probability` is from 0 to 1")?;
    let fault = rule.text(&["fault"]);
    let effect = if fault.is_empty() {
        let status = match rule.get("status") {
            None => None,
            Some(code) => {
                let code = code.as_u64().filter(|code| (400..600).contains(code));
                Some(code.and_then(|code| u16::try_from(code).ok()).ok_or("`status` is from 400 to 599")?)
            }
        };
        let latency =
            rule.get("latency").map_or(Some(0), Value::as_u64).ok_or("`latency` is in milliseconds")?;
        if status.is_none() && latency == 0 {
            return Err("it names no `fault`, `status` or `latency`".into());
        }
        Effect::Refuse {
            verbs: texts("verbs"),
            resources: texts("resources"),
            status,
            latency: Duration::from_millis(latency).min(LONGEST),
        }
    } else {
        let kind = match rule.text(&["kind"]) {
            "" => "Pod",
            kind => kind,
        };
        if kind == "Pod" && crate::kubelet::Fault::parse(fault).is_none() {
            return Err(format!("unknown fault {fault:?}"));
        }
        Effect::Mark { kind: kind.into(), fault: fault.into() }
    };
    Ok(Rule {
        name: name.into(),
        namespace: rule.text(&["namespace"]).into(),
        selector: LabelSelector::parse(rule.text(&["selector"]))?,
        probability,
        seed: rule.get("seed").map_or(Some(0), Value::as_u64).ok_or("`seed` is a whole number")?,
        drawn: AtomicU64::new(0),
        effect,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(data: Value) -> (Vec<Rule>, Vec<String>) {
        read(&json!({"data": data}))
    }

    #[test]
    fn rules_are_read_or_complained_about() {
        let (good, bad) = rules(json!({
            "a": "{fault: never-ready, selector: 'app in (db,web)', probability: 0.5}",
            "b": "{status: 429, verbs: [list]}",
            "c": "{fault: nothing-such}",
            "d": "{status: 200}",
            "e": "{speed: 3}",
            "f": "{namespace: x}",
            "g": "[",
        }));
        assert_eq!(good.len(), 2);
        let names: Vec<&str> = bad.iter().map(|text| &text[..8]).collect();
        assert_eq!(names, ["rule \"c\"", "rule \"d\"", "rule \"e\"", "rule \"f\"", "rule \"g\""]);
    }

    #[test]
    fn chances_are_those_of_the_rule_and_repeatable() {
        let (rules, _) = rules(json!({"half": "{fault: never-ready, probability: 0.5, seed: 3}"}));
        let drawn = || (0..1000).filter(|i| rules[0].draws(&format!("ns/pod-{i}"))).count();
        assert!((400..600).contains(&drawn()), "{}", drawn());
        assert_eq!(drawn(), drawn());
    }
}
