//! `osc:host/kv`: a small store of the plugin's own, apart for each tenant.
//!
//! While planning, writes stay with the call and are forgotten: a plan changes nothing, and must come out the same.

use rusqlite::Connection;

use crate::plugins::bindings::imports::osc::host::kv::{Error, Host};
use crate::plugins::call::State;
use crate::registry::archive::digest;
use crate::store;

const KEY: usize = 256;
const VALUE: usize = 64 << 10;
const ENTRIES: i64 = 1_000;
const TOTAL: i64 = 4 << 20;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for State {
    async fn get(&mut self, key: String) -> Answer<Option<Vec<u8>>> {
        if let Err(refusal) = self.check_kv(&key) {
            return Ok(Err(refusal));
        }
        if let Some(value) = self.overlay.get(&key) {
            return Ok(Ok(value.clone()));
        }
        let found = self.kv(
            false,
            move |conn, plugin, tenant, key| store::plugins::kv_get(conn, plugin, tenant, key).map(Ok),
            key.clone(),
        );
        let found = found.await?;
        if let Ok(value) = &found {
            let hash = value.as_deref().map(digest).unwrap_or_default();
            self.note_read(format!("kv {key}"), hash);
        }
        Ok(found)
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Answer<()> {
        if let Err(refusal) = self.check_kv(&key) {
            return Ok(Err(refusal));
        }
        if value.len() > VALUE {
            return Ok(Err(Error::TooLarge));
        }
        if self.is_planning() {
            let fits = (self.overlay.len() as i64) < ENTRIES;
            self.overlay.insert(key, Some(value));
            return Ok(if fits { Ok(()) } else { Err(Error::TooLarge) });
        }
        let write = move |conn: &Connection, plugin: &str, tenant: i64, key: &str| {
            let (entries, bytes) = store::plugins::kv_size(conn, plugin, tenant, key)?;
            let bytes = bytes + (key.len() + value.len()) as i64;
            if entries >= ENTRIES || bytes > TOTAL {
                return Ok(Err(Error::TooLarge));
            }
            store::plugins::kv_set(conn, plugin, tenant, key, &value).map(Ok)
        };
        self.kv(true, write, key).await
    }

    async fn delete(&mut self, key: String) -> Answer<()> {
        if let Err(refusal) = self.check_kv(&key) {
            return Ok(Err(refusal));
        }
        if self.is_planning() {
            self.overlay.insert(key, None);
            return Ok(Ok(()));
        }
        self.kv(
            true,
            |conn, plugin, tenant, key| store::plugins::kv_delete(conn, plugin, tenant, key).map(Ok),
            key,
        )
        .await
    }

    async fn keys(&mut self, prefix: String) -> Answer<Vec<String>> {
        if let Err(refusal) = self.check_kv(&prefix) {
            return Ok(Err(refusal));
        }
        let list = |conn: &Connection, plugin: &str, tenant: i64, prefix: &str| {
            store::plugins::kv_keys(conn, plugin, tenant, prefix).map(Ok)
        };
        let found = self.kv(false, list, prefix.clone()).await?;
        Ok(found.map(|mut keys| {
            for (key, value) in self.overlay.iter().filter(|(key, _)| key.starts_with(&prefix)) {
                keys.retain(|present| present != key);
                if value.is_some() {
                    keys.push(key.clone());
                }
            }
            keys.sort();
            keys.truncate(1_000);
            keys
        }))
    }
}

impl State {
    fn check_kv(&self, key: &str) -> Result<(), Error> {
        if !self.plugin.grants.interface("kv") {
            return Err(Error::Denied);
        }
        if key.len() > KEY { Err(Error::TooLarge) } else { Ok(()) }
    }

    /// Without a database, as in the offline tools, writes stay with the call too.
    fn is_planning(&self) -> bool {
        self.call.virtual_time.is_some() || self.environment.db.is_none()
    }

    async fn kv<T: Default + Send + 'static>(
        &mut self,
        write: bool,
        work: impl FnOnce(&Connection, &str, i64, &str) -> rusqlite::Result<Result<T, Error>> + Send + 'static,
        key: String,
    ) -> Answer<T> {
        let Some(db) = self.environment.db.clone() else { return Ok(Ok(T::default())) };
        let plugin = self.plugin.description.manifest.id.clone();
        let tenant = self.call.tenant.unwrap_or(0);
        let done = self.outside(async move {
            if write {
                db.write(move |tx| work(tx, &plugin, tenant, &key)).await
            } else {
                db.read(move |conn| work(conn, &plugin, tenant, &key)).await
            }
        });
        let done: rusqlite::Result<Result<T, Error>> = done.await?;
        Ok(done.unwrap_or_else(|error| Err(Error::Other(error.to_string()))))
    }
}
