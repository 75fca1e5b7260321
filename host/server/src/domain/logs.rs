//! Logs of an instance's pods: the last lines, and new ones as they come.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use futures::stream::{self, BoxStream, StreamExt as _};
use jiff::Timestamp;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::objects;
use serde_json::Value;

use crate::app::App;
use crate::domain::instances::{family, opened};
use crate::domain::principal::Principal;
use crate::error::{Error, Result};
use crate::kube::api::{ClusterApi, LogOptions};

/// A line longer than this is handed on in parts.
const LONGEST_LINE: usize = 256 << 10;
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// Whose log there is, and which one is meant.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub pods: Vec<String>,
    pub pod: Option<String>,
    /// Containers of that pod.
    pub containers: Vec<String>,
    pub container: Option<String>,
}

/// Lines of a followed log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub text: String,
    /// When the last of them was written, to go on from there; none when the cluster did not say.
    pub until: Option<Timestamp>,
}

/// Lines of one container, and what else there is to choose from.
pub async fn read(
    app: &App,
    who: &Principal,
    said: &str,
    pod: Option<String>,
    options: LogOptions,
) -> Result<(Source, String)> {
    let (cluster, namespace, source) = choose(app, who, said, pod, options.container.clone()).await?;
    let text = match &source.pod {
        Some(pod) => {
            let options = LogOptions { container: source.container.clone(), ..options };
            cluster.logs(&namespace, pod, &options).await?
        }
        None => String::new(),
    };
    Ok((source, text))
}

/// Lines of one container as they come, until it ends; those after a time, where that is given. An instance without
/// pods has none.
pub async fn follow(
    app: &App,
    who: &Principal,
    said: &str,
    pod: Option<String>,
    options: LogOptions,
    after: Option<Timestamp>,
) -> Result<(Source, BoxStream<'static, Result<Lines>>)> {
    let (cluster, namespace, source) = choose(app, who, said, pod, options.container.clone()).await?;
    let Some(pod) = &source.pod else { return Ok((source, stream::empty().boxed())) };
    let options = LogOptions {
        container: source.container.clone(),
        timestamps: true,
        // Whoever goes on wants all that came meanwhile.
        tail_lines: options.tail_lines.filter(|_| after.is_none()),
        since_time: after.map(|time| time.to_string()),
        ..options
    };
    let chunks = cluster.follow_logs(&namespace, pod, &options).await?;
    Ok((source, lines(chunks, after).boxed()))
}

/// The cluster, the namespace and whose log is meant there: the first pod and its main container when nothing is said.
async fn choose(
    app: &App,
    who: &Principal,
    said: &str,
    pod: Option<String>,
    container: Option<String>,
) -> Result<(Arc<dyn ClusterApi>, String, Source)> {
    let (instance, cluster, rows) = opened(app, who, said).await?;
    let family = family(cluster.as_ref(), &instance, &rows).await?;
    let pods: Vec<String> =
        family.into_keys().filter(|(kind, _)| kind == "Pod").map(|(_, name)| name).collect();
    let pod = match pod {
        Some(pod) if !pods.contains(&pod) => {
            return Err(Error::NotFound { kind: "pod of the instance", id: pod });
        }
        said => said.or_else(|| pods.first().cloned()),
    };
    let Some(name) = pod else {
        return Ok((cluster, instance.namespace, Source { pods, ..Source::default() }));
    };
    let live = cluster.get(&pod_ref(&instance.namespace, &name)).await?.unwrap_or_default();
    let containers = containers_of(&live);
    let container = match container {
        Some(container) if !containers.is_empty() && !containers.contains(&container) => {
            return Err(Error::NotFound { kind: "container of the pod", id: container });
        }
        said => said.or_else(|| main_container(&live, &containers)),
    };
    Ok((cluster, instance.namespace, Source { pods, pod: Some(name), containers, container }))
}

fn pod_ref(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "v1".into(),
        kind: "Pod".into(),
        namespace: Some(namespace.into()),
        name: name.into(),
    }
}

fn containers_of(pod: &Value) -> Vec<String> {
    let lists = ["containers", "initContainers"].into_iter();
    let all = lists.flat_map(|list| pod["spec"][list].as_array().into_iter().flatten());
    all.filter_map(|container| container["name"].as_str().map(str::to_owned)).collect()
}

fn main_container(pod: &Value, containers: &[String]) -> Option<String> {
    let said = objects::annotation(pod, DEFAULT_CONTAINER).map(str::to_owned);
    said.filter(|name| containers.contains(name)).or_else(|| containers.first().cloned())
}

/// Chunks of text with a time before each line, as whole lines without it; those until `after` are left out.
fn lines(
    chunks: BoxStream<'static, Result<Bytes>>,
    after: Option<Timestamp>,
) -> impl Stream<Item = Result<Lines>> + Send + 'static {
    let mut splitter = Splitter { rest: Vec::new(), after };
    chunks.map(Some).chain(stream::once(ready(None))).filter_map(move |chunk| {
        ready(match chunk {
            Some(Ok(chunk)) => splitter.push(&chunk).map(Ok),
            Some(Err(error)) => Some(Err(error)),
            None => splitter.end().map(Ok),
        })
    })
}

struct Splitter {
    /// The beginning of a line that is not over yet.
    rest: Vec<u8>,
    after: Option<Timestamp>,
}

impl Splitter {
    fn push(&mut self, chunk: &[u8]) -> Option<Lines> {
        self.rest.extend_from_slice(chunk);
        let whole = match self.rest.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            None if self.rest.len() > LONGEST_LINE => self.rest.len(),
            None => return None,
        };
        let taken: Vec<u8> = self.rest.drain(..whole).collect();
        self.read(&taken)
    }

    fn end(&mut self) -> Option<Lines> {
        let taken = std::mem::take(&mut self.rest);
        self.read(&taken)
    }

    fn read(&self, text: &[u8]) -> Option<Lines> {
        let mut found = Lines::default();
        for line in String::from_utf8_lossy(text).split_inclusive('\n') {
            let stamped = line.split_once(' ').and_then(|(time, rest)| Some((time.parse().ok()?, rest)));
            match stamped {
                Some((time, _)) if self.after.is_some_and(|after| time <= after) => {}
                Some((time, rest)) => {
                    found.text.push_str(rest);
                    found.until = Some(time);
                }
                None => found.text.push_str(line),
            }
        }
        Some(found).filter(|found| !found.text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn split(chunks: &[&str], after: Option<&str>) -> Vec<String> {
        let after = after.map(|time| time.parse().unwrap());
        let mut splitter = Splitter { rest: Vec::new(), after };
        let mut found: Vec<Lines> =
            chunks.iter().filter_map(|chunk| splitter.push(chunk.as_bytes())).collect();
        found.extend(splitter.end());
        let shown = |lines: Lines| {
            format!("{}@{}", lines.text, lines.until.map_or("-".to_owned(), |time| time.to_string()))
        };
        found.into_iter().map(shown).collect()
    }

    #[test]
    fn lines_come_whole_and_without_their_time() {
        let chunks =
            ["2026-05-04T12:00:00.5Z one\n2026-05-04T12:00:01Z t", "wo\n", "2026-05-04T12:00:02Z three"];
        let wanted =
            ["one\n@2026-05-04T12:00:00.5Z", "two\n@2026-05-04T12:00:01Z", "three@2026-05-04T12:00:02Z"];
        assert_eq!(split(&chunks, None), wanted);
        // Going on leaves out what was there before.
        assert_eq!(split(&chunks, Some("2026-05-04T12:00:01Z")), wanted[2..]);
    }

    #[test]
    fn text_without_a_time_is_kept() {
        assert_eq!(split(&["no time\nnor here\n"], None), ["no time\nnor here\n@-"]);
        let long = "x".repeat(LONGEST_LINE + 1);
        assert_eq!(split(&[&long], None), [format!("{long}@-")]);
    }

    #[test]
    fn the_main_container_is_the_annotated_one_else_the_first() {
        let pod = |annotations: Value| {
            json!({"metadata": {"annotations": annotations}, "spec": {
                "initContainers": [{"name": "init"}], "containers": [{"name": "proxy"}, {"name": "web"}]}})
        };
        let of = |pod: &Value| main_container(pod, &containers_of(pod));
        assert_eq!(of(&pod(json!({}))).as_deref(), Some("proxy"));
        assert_eq!(of(&pod(json!({ DEFAULT_CONTAINER: "web" }))).as_deref(), Some("web"));
        assert_eq!(of(&pod(json!({ DEFAULT_CONTAINER: "gone" }))).as_deref(), Some("proxy"));
        assert_eq!(of(&json!({})), None);
    }
}
