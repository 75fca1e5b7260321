//! A server for native tests of plugins: files, objects and settings from memory, and a record of what was asked.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::documents::object::ObjectRef;
use crate::host::{File, Host, Level, Request, Response};
use crate::{Error, Result, objects};

type Answer = Box<dyn Fn(&Request) -> Result<Response>>;
type Transform = Box<dyn Fn(Value) -> Value>;

/// Built by chaining: `TestHost::new().with_file("Chart.yaml", "...").with_object(json!({...}))`.
#[derive(Default)]
pub struct TestHost {
    files: Vec<(String, Vec<u8>)>,
    objects: Vec<Value>,
    settings: BTreeMap<String, Value>,
    namespace: Option<String>,
    http: Option<Answer>,
    transform: Option<Transform>,
    kv: RefCell<BTreeMap<String, Vec<u8>>>,
    log: RefCell<Vec<(Level, String)>>,
}

impl TestHost {
    /// A server with an empty package and an empty cluster.
    pub fn new() -> TestHost {
        TestHost::default()
    }

    /// A server whose package is a folder of the disk.
    pub fn folder(path: impl AsRef<Path>) -> std::io::Result<TestHost> {
        let mut host = TestHost::new();
        host.add_folder(path.as_ref(), "")?;
        Ok(host)
    }

    fn add_folder(&mut self, folder: &Path, prefix: &str) -> std::io::Result<()> {
        let mut entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
        entries.sort_by_key(|entry| entry.file_name());
        for entry in entries {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                self.add_folder(&entry.path(), &format!("{name}/"))?;
            } else {
                self.files.push((name, std::fs::read(entry.path())?));
            }
        }
        Ok(())
    }

    /// Adds a file to the package, or replaces it.
    pub fn with_file(mut self, path: &str, content: impl AsRef<[u8]>) -> TestHost {
        self.files.retain(|(name, _)| name != path);
        self.files.push((path.to_owned(), content.as_ref().to_vec()));
        self
    }

    /// Adds an object to the cluster.
    pub fn with_object(mut self, object: Value) -> TestHost {
        self.objects.push(object);
        self
    }

    /// Sets what an administrator would set.
    pub fn with_setting(mut self, key: &str, value: Value) -> TestHost {
        self.settings.insert(key.to_owned(), value);
        self
    }

    /// The namespace that `list` means when none is given.
    pub fn with_namespace(mut self, namespace: &str) -> TestHost {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Answers HTTP requests; without it all are denied.
    pub fn with_http(mut self, answer: impl Fn(&Request) -> Result<Response> + 'static) -> TestHost {
        self.http = Some(Box::new(answer));
        self
    }

    /// What `transform` does to each object; without it nothing.
    pub fn with_transform(mut self, transform: impl Fn(Value) -> Value + 'static) -> TestHost {
        self.transform = Some(Box::new(transform));
        self
    }

    /// Lines that the plugin logged so far.
    pub fn logged(&self) -> Vec<(Level, String)> {
        self.log.borrow().clone()
    }

    fn content(&self, path: &str) -> Result<&[u8]> {
        let file = self.files.iter().find(|(name, _)| name == path);
        file.map(|(_, content)| content.as_slice())
            .ok_or_else(|| Error::new("not-found", format!("the package has no file `{path}`")))
    }
}

impl Host for TestHost {
    fn log(&self, level: Level, message: &str) {
        self.log.borrow_mut().push((level, message.to_owned()));
    }

    fn setting(&self, key: &str) -> Option<Value> {
        self.settings.get(key).cloned()
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.kv.borrow().get(key).cloned())
    }

    fn kv_set(&self, key: &str, value: &[u8]) -> Result<()> {
        self.kv.borrow_mut().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn kv_delete(&self, key: &str) -> Result<()> {
        self.kv.borrow_mut().remove(key);
        Ok(())
    }

    fn kv_keys(&self, prefix: &str) -> Result<Vec<String>> {
        let kv = self.kv.borrow();
        Ok(kv.keys().filter(|key| key.starts_with(prefix)).take(1000).cloned().collect())
    }

    fn files(&self) -> Result<Vec<File>> {
        let files = self.files.iter();
        Ok(files.map(|(path, content)| File { path: path.clone(), size: content.len() as u64 }).collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.content(path).map(<[u8]>::to_vec)
    }

    fn object(&self, object: &ObjectRef) -> Result<Option<Value>> {
        let found = |live: &&Value| ObjectRef::of(live).is_some_and(|of| of.same_object(object));
        Ok(self.objects.iter().find(found).cloned())
    }

    fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        label_selector: Option<&str>,
    ) -> Result<Vec<Value>> {
        let namespace = namespace.or(self.namespace.as_deref());
        let wanted = |object: &&Value| {
            objects::api_version(object) == Some(api_version)
                && objects::kind(object) == Some(kind)
                && objects::namespace(object)
                    .is_none_or(|its| namespace.is_none_or(|namespace| its == namespace))
                && label_selector.is_none_or(|selector| objects::matches_selector(object, selector))
        };
        Ok(self.objects.iter().filter(wanted).cloned().collect())
    }

    fn send(&self, request: &Request) -> Result<Response> {
        match &self.http {
            Some(answer) => answer(request),
            None => Err(Error::new("denied", format!("`{}` is not granted", request.url))),
        }
    }

    fn transform(&self, objects: Vec<Value>) -> Result<Vec<Value>> {
        Ok(match &self.transform {
            Some(transform) => objects.into_iter().map(transform).collect(),
            None => objects,
        })
    }
}
