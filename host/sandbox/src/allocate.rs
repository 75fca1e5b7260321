//! Cluster IPs and node ports of services.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::resources::Resource;
use crate::status::{Cause, Named, Result, Status};
use crate::store::Store;
use crate::value::{Get, items_mut, map_at, remove, set};

const NETWORK: u32 = u32::from_be_bytes([10, 96, 0, 0]);
const SIZE: u32 = 1 << 16;
/// Addresses below this offset are left to those who choose their own.
const DYNAMIC: u32 = 256;
const PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;
const DYNAMIC_PORT: i64 = 30_086;

#[derive(Debug, Default)]
struct Used {
    addresses: BTreeSet<u32>,
    ports: BTreeSet<(i64, String)>,
}

/// What is in use.
#[derive(Debug, Default)]
pub(crate) struct Allocator {
    used: Mutex<Used>,
}

/// What one write took.
#[derive(Debug, Default)]
pub(crate) struct Allocated {
    addresses: Vec<u32>,
    ports: Vec<(i64, String)>,
}

fn is_service(resource: &Resource) -> bool {
    resource.is("", "services")
}

fn address(text: &str) -> Option<u32> {
    let number = u32::from(text.parse::<Ipv4Addr>().ok()?);
    (NETWORK..NETWORK + SIZE).contains(&number).then_some(number)
}

fn wants_address(service: &Value) -> bool {
    service.text(&["spec", "type"]) != "ExternalName"
}

fn wants_ports(service: &Value) -> bool {
    match service.text(&["spec", "type"]) {
        "NodePort" => true,
        "LoadBalancer" => service.at(&["spec", "allocateLoadBalancerNodePorts"]) != Some(&Value::Bool(false)),
        _ => false,
    }
}

impl Allocator {
    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes what stored services hold.
    pub(crate) fn load(&self, store: &Store) {
        let mut used = self.lock();
        for service in store.list("services", None).0 {
            used.addresses.extend(address(service.value.text(&["spec", "clusterIP"])));
            used.ports.extend(ports_of(&service.value));
        }
    }

    /// Gives a new service its addresses and ports.
    pub(crate) fn create(&self, resource: &Resource, value: &mut Value) -> Result<Allocated> {
        let mut taken = Allocated::default();
        if !is_service(resource) {
            return Ok(taken);
        }
        families(value);
        self.give(value, &mut taken).inspect_err(|_| self.release(std::mem::take(&mut taken)))?;
        Ok(taken)
    }

    /// Gives a changed service what it now needs and takes back the rest.
    pub(crate) fn update(&self, resource: &Resource, live: &Value, value: &mut Value) -> Result<()> {
        if !is_service(resource) {
            return Ok(());
        }
        keep_old(live, value);
        if wants_address(value) {
            families(value);
        }
        drop_dependent(live, value);
        let mut taken = Allocated::default();
        if let Err(status) = self.give_changed(live, value, &mut taken) {
            self.release(taken);
            return Err(status);
        }
        let mut used = self.lock();
        if let Some(old) = address(live.text(&["spec", "clusterIP"]))
            && address(value.text(&["spec", "clusterIP"])) != Some(old)
        {
            used.addresses.remove(&old);
        }
        let now = ports_of(value);
        for port in ports_of(live) {
            if !now.contains(&port) {
                used.ports.remove(&port);
            }
        }
        Ok(())
    }

    pub(crate) fn release(&self, taken: Allocated) {
        let mut used = self.lock();
        for address in taken.addresses {
            used.addresses.remove(&address);
        }
        for port in taken.ports {
            used.ports.remove(&port);
        }
    }

    /// Takes back what a deleted service held.
    pub(crate) fn forget(&self, resource: &Resource, last: &Value) {
        if is_service(resource) {
            let addresses = address(last.text(&["spec", "clusterIP"])).into_iter().collect();
            self.release(Allocated { addresses, ports: ports_of(last) });
        }
    }

    fn give_changed(&self, live: &Value, value: &mut Value, taken: &mut Allocated) -> Result<()> {
        let old_ports = ports_of(live);
        let same_address = live.text(&["spec", "clusterIP"]) == value.text(&["spec", "clusterIP"]);
        if !same_address || value.text(&["spec", "clusterIP"]).is_empty() {
            self.give_address(value, taken)?;
        }
        self.give_ports(value, &old_ports, taken)
    }

    fn give(&self, value: &mut Value, taken: &mut Allocated) -> Result<()> {
        if wants_address(value) {
            fits_cluster(value)?;
        }
        self.give_address(value, taken)?;
        self.give_ports(value, &[], taken)
    }

    fn give_address(&self, value: &mut Value, taken: &mut Allocated) -> Result<()> {
        if !wants_address(value) {
            return Ok(());
        }
        let wanted = match value.text(&["spec", "clusterIP"]) {
            "" => value.items(&["spec", "clusterIPs"]).first().and_then(Value::as_str).unwrap_or_default(),
            wanted => wanted,
        }
        .to_string();
        let mut used = self.lock();
        let found = match wanted.as_str() {
            "None" => {
                set(value, &["spec", "clusterIP"], "None");
                set(value, &["spec", "clusterIPs"], json!(["None"]));
                return Ok(());
            }
            "" => free_address(&used.addresses),
            text => {
                let refuse = |why: String| {
                    let cause = Cause::invalid("spec.clusterIPs", &json!([text]), &why);
                    let named = Named { kind: "Service", group: "", name: value.text(&["metadata", "name"]) };
                    Status::invalid(named, &[cause])
                };
                if text.parse::<Ipv4Addr>().is_err() {
                    return Ok(()); // validation says so
                }
                let Some(number) = address(text) else {
                    return Err(refuse(format!(
                        "failed to allocate IP {text}: the provided network does not match the current range"
                    )));
                };
                if used.addresses.contains(&number) {
                    return Err(refuse(format!(
                        "failed to allocate IP {text}: provided IP is already allocated"
                    )));
                }
                Some(number)
            }
        };
        let Some(number) = found else {
            return Err(Status::internal("failed to allocate a serviceIP: range is full"));
        };
        used.addresses.insert(number);
        taken.addresses.push(number);
        let text = Ipv4Addr::from(number).to_string();
        set(value, &["spec", "clusterIPs"], json!([text]));
        set(value, &["spec", "clusterIP"], text);
        Ok(())
    }

    fn give_ports(&self, value: &mut Value, old: &[(i64, String)], taken: &mut Allocated) -> Result<()> {
        if wants_health_port(value) && value.int(&["spec", "healthCheckNodePort"]).unwrap_or(0) == 0 {
            let mut used = self.lock();
            let Some(free) = free_port(&used.ports) else {
                return Err(Status::internal("failed to allocate a nodePort: range is full"));
            };
            used.ports.insert((free, HEALTH.into()));
            taken.ports.push((free, HEALTH.into()));
            set(value, &["spec", "healthCheckNodePort"], free);
        }
        if !wants_ports(value) {
            return Ok(());
        }
        let name = value.text(&["metadata", "name"]).to_string();
        let mut used = self.lock();
        let mut mine: BTreeSet<(i64, String)> = old.iter().cloned().collect();
        for (i, port) in items_mut(value, &["spec", "ports"]).into_iter().flatten().enumerate() {
            let protocol = port.text(&["protocol"]).to_string();
            let number = port.int(&["nodePort"]).unwrap_or(0);
            if number == 0 {
                let Some(free) = free_port(&used.ports) else {
                    return Err(Status::internal("failed to allocate a nodePort: range is full"));
                };
                used.ports.insert((free, protocol.clone()));
                taken.ports.push((free, protocol.clone()));
                mine.insert((free, protocol));
                set(port, &["nodePort"], free);
                continue;
            }
            let key = (number, protocol);
            if mine.contains(&key) {
                continue;
            }
            let refuse = |why: &str| {
                let cause = Cause::invalid(format!("spec.ports[{i}].nodePort"), &json!(number), why);
                Status::invalid(Named { kind: "Service", group: "", name: &name }, &[cause])
            };
            if !PORTS.contains(&number) {
                return Err(refuse(
                    "provided port is not in the valid range. The range of valid ports is 30000-32767",
                ));
            }
            if used.ports.contains(&key) {
                return Err(refuse("provided port is already allocated"));
            }
            used.ports.insert(key.clone());
            taken.ports.push(key.clone());
            mine.insert(key);
        }
        Ok(())
    }
}

/// What is wrong with families and addresses of a new service is said before anything else; the cluster has one
/// family.
fn fits_cluster(service: &Value) -> Result<()> {
    let named = Named { kind: "Service", group: "", name: service.text(&["metadata", "name"]) };
    let causes = crate::validate::service_addresses(service);
    if !causes.is_empty() {
        return Err(Status::invalid(named, &causes));
    }
    // Who makes the endpoints of a headless service alone may give them addresses of any family.
    let selects = service.at(&["spec", "selector"]).and_then(Value::as_object).is_some_and(|s| !s.is_empty());
    if service.text(&["spec", "clusterIP"]) == "None" && !selects {
        return Ok(());
    }
    let families = service.items(&["spec", "ipFamilies"]);
    let cause = if let Some(at) = families.iter().position(|family| family == "IPv6") {
        Cause::invalid(format!("spec.ipFamilies[{at}]"), &families[at], "not configured on this cluster")
    } else if service.text(&["spec", "ipFamilyPolicy"]) == "RequireDualStack" {
        let text = "this cluster is not configured for dual-stack services";
        Cause::invalid("spec.ipFamilyPolicy", &"RequireDualStack".into(), text)
    } else {
        return Ok(());
    };
    Err(Status::invalid(named, &[cause]))
}

/// Health checks are taken under a protocol of their own.
const HEALTH: &str = "health";

fn ports_of(service: &Value) -> Vec<(i64, String)> {
    let ports = service.items(&["spec", "ports"]).iter();
    let health = service.int(&["spec", "healthCheckNodePort"]).map(|n| (n, HEALTH.to_string()));
    ports
        .filter_map(|p| Some((p.int(&["nodePort"])?, p.text(&["protocol"]).to_string())))
        .chain(health)
        .filter(|(n, _)| *n != 0)
        .collect()
}

fn free_address(used: &BTreeSet<u32>) -> Option<u32> {
    for _ in 0..64 {
        let number = NETWORK + rand::random_range(DYNAMIC..SIZE - 1);
        if !used.contains(&number) {
            return Some(number);
        }
    }
    (NETWORK + 2..NETWORK + SIZE - 1).find(|n| !used.contains(n))
}

fn free_port(used: &BTreeSet<(i64, String)>) -> Option<i64> {
    let free =
        |port: &i64| used.range((*port, String::new())..).next().is_none_or(|(other, _)| other != port);
    for _ in 0..64 {
        let port = rand::random_range(DYNAMIC_PORT..=*PORTS.end());
        if free(&port) {
            return Some(port);
        }
    }
    PORTS.into_iter().find(free)
}

/// Address families of a service; the sandbox has one.
fn families(value: &mut Value) {
    if !wants_address(value) {
        return;
    }
    // A headless service without selector may be served by endpoints of any family.
    let headless = value.text(&["spec", "clusterIP"]) == "None";
    let selected =
        value.at(&["spec", "selector"]).is_some_and(|s| s.as_object().is_some_and(|m| !m.is_empty()));
    let any = headless && !selected;
    if value.text(&["spec", "ipFamilyPolicy"]).is_empty() {
        set(value, &["spec", "ipFamilyPolicy"], if any { "RequireDualStack" } else { "SingleStack" });
    }
    if value.items(&["spec", "ipFamilies"]).is_empty() {
        let dual = any && value.text(&["spec", "ipFamilyPolicy"]) != "SingleStack";
        set(value, &["spec", "ipFamilies"], if dual { json!(["IPv4", "IPv6"]) } else { json!(["IPv4"]) });
    }
}

fn wants_health_port(service: &Value) -> bool {
    service.text(&["spec", "type"]) == "LoadBalancer"
        && service.text(&["spec", "externalTrafficPolicy"]) == "Local"
}

/// A change of type drops what the old type needed, unless the request sets it anew.
fn drop_dependent(live: &Value, value: &mut Value) {
    let new_type = value.text(&["spec", "type"]).to_string();
    if live.text(&["spec", "type"]) == new_type {
        return;
    }
    let outside = matches!(new_type.as_str(), "NodePort" | "LoadBalancer")
        || !value.items(&["spec", "externalIPs"]).is_empty() && new_type == "ClusterIP";
    let mut gone = Vec::new();
    if !outside {
        gone.push("externalTrafficPolicy");
    }
    if new_type == "ExternalName" {
        gone.push("internalTrafficPolicy");
    }
    if new_type != "LoadBalancer" {
        gone.extend(["allocateLoadBalancerNodePorts", "loadBalancerClass"]);
    }
    if !wants_health_port(value) {
        gone.push("healthCheckNodePort");
    }
    for field in gone {
        if live.at(&["spec", field]) == value.at(&["spec", field]) {
            remove(value, &["spec", field]);
        }
    }
}

/// An update that leaves addresses and ports out keeps them; a change of type gives them back.
fn keep_old(live: &Value, value: &mut Value) {
    let old_type = live.text(&["spec", "type"]).to_string();
    let new_type = value.text(&["spec", "type"]).to_string();
    if new_type == "ExternalName" {
        if old_type != "ExternalName" {
            let same = value.text(&["spec", "clusterIP"]) == live.text(&["spec", "clusterIP"]);
            if same {
                map_at(value, &["spec"]).remove("clusterIP");
                map_at(value, &["spec"]).remove("clusterIPs");
            }
            for field in ["ipFamilies", "ipFamilyPolicy"] {
                remove(value, &["spec", field]);
            }
        }
    } else if old_type != "ExternalName" {
        if value.text(&["spec", "clusterIP"]).is_empty()
            && let Some(ip) = live.at(&["spec", "clusterIP"])
        {
            set(value, &["spec", "clusterIP"], ip.clone());
        }
        if value.items(&["spec", "clusterIPs"]).is_empty()
            && value.text(&["spec", "clusterIP"]) == live.text(&["spec", "clusterIP"])
            && let Some(ips) = live.at(&["spec", "clusterIPs"])
        {
            set(value, &["spec", "clusterIPs"], ips.clone());
        }
    }
    if wants_health_port(value)
        && wants_health_port(live)
        && value.int(&["spec", "healthCheckNodePort"]).unwrap_or(0) == 0
        && let Some(number) = live.at(&["spec", "healthCheckNodePort"])
    {
        set(value, &["spec", "healthCheckNodePort"], number.clone());
    }
    if wants_ports(value) && wants_ports(live) {
        let old = live.items(&["spec", "ports"]).to_vec();
        for port in items_mut(value, &["spec", "ports"]).into_iter().flatten() {
            if port.int(&["nodePort"]).unwrap_or(0) == 0 {
                let same = old.iter().find(|o| {
                    o.get("port") == port.get("port") && o.text(&["protocol"]) == port.text(&["protocol"])
                });
                if let Some(number) = same.and_then(|o| o.int(&["nodePort"])).filter(|n| *n != 0) {
                    set(port, &["nodePort"], number);
                }
            }
        }
    } else if wants_ports(live) && new_type != "NodePort" && new_type != "LoadBalancer" {
        let old = ports_of(live);
        for port in items_mut(value, &["spec", "ports"]).into_iter().flatten() {
            let key = (port.int(&["nodePort"]).unwrap_or(0), port.text(&["protocol"]).to_string());
            if old.contains(&key) {
                remove(port, &["nodePort"]);
            }
        }
    }
}
