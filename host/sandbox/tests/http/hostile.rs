//! Clients that send too much, read too little or go away, and a server that dies: bounded, and with clear answers.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use osc_sandbox::Cluster;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{call, send, start, token};
use crate::{MAPS, config};

/// The code and text of an answer to a body that is no JSON value.
async fn raw(cluster: &Cluster, head: &str, body: &str) -> (u16, String) {
    let mut stream = send(cluster, head, &token(cluster), body).await;
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text).await;
    (text[9..12].parse().unwrap(), text)
}

#[tokio::test]
async fn deep_bodies_are_refused() {
    let cluster = start(None).await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let apply = format!("PATCH {MAPS}/c?fieldManager=m\ncontent-type: application/apply-patch+yaml");
    let merge = format!("PATCH {MAPS}/c\ncontent-type: application/merge-patch+json");
    for (head, body) in [
        (format!("POST {MAPS}"), deep("[", "]")),
        (format!("POST {MAPS}"), deep("{\"a\":", "}")),
        (format!("POST {MAPS}\ncontent-type: application/yaml"), deep("[", "]")),
        (format!("POST {MAPS}\ncontent-type: application/yaml"), deep("{a: ", "}")),
        (apply, deep("[", "]")),
        (merge, deep("{\"a\":", "}")),
        (format!("POST {MAPS}\ncontent-type: application/vnd.kubernetes.protobuf"), deep("k", "8")),
    ] {
        let began = Instant::now();
        let (code, text) = raw(&cluster, &head, &body).await;
        assert_eq!(code, 400, "{head}: {}", &text[..text.len().min(500)]);
        assert!(text.len() < 1_000_000, "{head}: an answer of {} bytes", text.len());
        assert!(began.elapsed() < Duration::from_secs(10), "{head} took {:?}", began.elapsed());
    }
    assert_eq!(call(&cluster, &format!("POST {MAPS}"), &config("1")).await.0, 201);
    cluster.shutdown().await;
}

#[tokio::test]
async fn objects_of_many_levels_are_kept() {
    let cluster = start(None).await;
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "deeps.example.com"},
        "spec": {
            "group": "example.com", "scope": "Cluster", "names": {"plural": "deeps", "kind": "Deep"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            }}}],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(call(&cluster, &format!("POST {definitions}"), &definition).await.0, 201);
    let deeps = "/apis/example.com/v1/deeps";
    while call(&cluster, &format!("GET {deeps}"), &Value::Null).await.0 != 200 {
        tokio::task::yield_now().await;
    }
    let levels = (0..100).fold(json!("end"), |inner, _| json!({"a": inner}));
    let deep =
        json!({"apiVersion": "example.com/v1", "kind": "Deep", "metadata": {"name": "d"}, "spec": levels});
    let (code, made) = call(&cluster, &format!("POST {deeps}"), &deep).await;
    assert_eq!((code, &made["spec"]), (201, &levels));
    let head =
        format!("PATCH {deeps}/d?fieldManager=m&force=true\ncontent-type: application/apply-patch+yaml");
    assert_eq!(call(&cluster, &head, &deep).await.0, 200);
    cluster.shutdown().await;
}

#[tokio::test]
async fn large_bodies_are_refused_early() {
    let cluster = start(None).await;
    let (code, text) = raw(&cluster, &format!("POST {MAPS}"), &"x".repeat(4 << 20)).await;
    assert_eq!(code, 413, "{text}");
    // A client that promises much and sends nothing is not waited for by others.
    let head = format!("POST {MAPS}\ncontent-length: 9000000000");
    let waiting = send(&cluster, &head, &token(&cluster), "").await;
    assert_eq!(call(&cluster, &format!("POST {MAPS}"), &config("1")).await.0, 201);
    drop(waiting);
    cluster.shutdown().await;
}

#[tokio::test]
async fn copies_of_copies_are_refused() {
    let cluster = start(None).await;
    assert_eq!(call(&cluster, &format!("POST {MAPS}"), &config("1")).await.0, 201);
    let copies: Vec<Value> =
        (0..60).map(|i| json!({"op": "copy", "from": "/data", "path": format!("/data/k{i}")})).collect();
    let head = format!("PATCH {MAPS}/c\ncontent-type: application/json-patch+json");
    let (code, status) = call(&cluster, &head, &copies.into()).await;
    assert_eq!((code, &status["reason"]), (413, &json!("RequestEntityTooLarge")), "{status}");
    cluster.shutdown().await;
}

#[tokio::test]
async fn long_lists_take_no_square_of_their_length() {
    let cluster = start(None).await;
    let variables = |letter: &str| -> Vec<Value> {
        (0..8_000).map(|i| json!({"name": format!("{letter}{i}"), "value": "1"})).collect()
    };
    let deployment = |variables: Vec<Value>| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {
                "replicas": 0, "selector": {"matchLabels": {"a": "b"}},
                "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {"containers": [{"name": "c", "image": "c", "env": variables}]},
                },
            },
        })
    };
    let all = "/apis/apps/v1/namespaces/default/deployments";
    let strategic = format!("PATCH {all}/d\ncontent-type: application/strategic-merge-patch+json");
    let apply =
        format!("PATCH {all}/d?fieldManager=m&force=true\ncontent-type: application/apply-patch+yaml");
    for (head, letter, wanted) in
        [(format!("POST {all}"), "A", 201), (strategic, "B", 200), (apply, "A", 200)]
    {
        let began = Instant::now();
        let (code, answer) = call(&cluster, &head, &deployment(variables(letter))).await;
        assert_eq!(code, wanted, "{head}: {}", answer["message"]);
        assert!(began.elapsed() < Duration::from_secs(20), "{head} took {:?}", began.elapsed());
    }
    cluster.shutdown().await;
}

#[tokio::test]
async fn objects_do_not_grow_for_ever() {
    let cluster = start(None).await;
    // Every manager's fields are kept with the object.
    let data: serde_json::Map<String, Value> =
        (0..9_000).map(|i| (format!("key-{i:060}"), "1".into())).collect();
    let mut large =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "large"}, "data": data});
    let mut last = (0, Value::Null);
    for number in 0..20 {
        large["data"]["key"] = number.to_string().into();
        let head = format!(
            "PATCH {MAPS}/large?fieldManager=m{number}&force=true\ncontent-type: application/apply-patch+yaml"
        );
        last = call(&cluster, &head, &large).await;
        if last.0 > 201 {
            break;
        }
    }
    assert_eq!((last.0, &last.1["reason"]), (413, &json!("RequestEntityTooLarge")), "{}", last.1["message"]);
    cluster.shutdown().await;
}

#[tokio::test]
async fn rules_that_cost_too_much_refuse_the_object() {
    let cluster = start(None).await;
    let rule = "self.list.all(a, self.list.all(b, self.list.all(c, a != 'z')))";
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "costs.example.com"},
        "spec": {
            "group": "example.com", "scope": "Cluster", "names": {"plural": "costs", "kind": "Cost"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {
                    "type": "object", "x-kubernetes-validations": [{"rule": rule}],
                    "properties": {"list": {"type": "array", "items": {"type": "string"}}},
                }},
            }}}],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(call(&cluster, &format!("POST {definitions}"), &definition).await.0, 201);
    let costs = "/apis/example.com/v1/costs";
    while call(&cluster, &format!("GET {costs}"), &Value::Null).await.0 != 200 {
        tokio::task::yield_now().await;
    }
    let object = |length: usize| {
        let list: Vec<String> = (0..length).map(|i| format!("item-{i}")).collect();
        json!({
            "apiVersion": "example.com/v1", "kind": "Cost", "metadata": {"name": format!("c{length}")},
            "spec": {"list": list},
        })
    };
    assert_eq!(call(&cluster, &format!("POST {costs}"), &object(2)).await.0, 201);
    let (code, status) = call(&cluster, &format!("POST {costs}"), &object(5_000)).await;
    assert_eq!(code, 422, "{status}");
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("call cost exceeds limit for rule"), "{message}");
    cluster.shutdown().await;
}

#[tokio::test]
async fn letters_that_urls_forbid_are_taken() {
    let cluster = start(None).await;
    let (code, list) = call(&cluster, &format!("GET {MAPS}?labelSelector=a>1,b<2"), &Value::Null).await;
    assert_eq!((code, &list["kind"]), (200, &json!("ConfigMapList")));
    cluster.shutdown().await;
}

#[tokio::test]
async fn many_watches_see_every_change() {
    let cluster = start(None).await;
    let mut watches = Vec::new();
    for _ in 0..100 {
        watches.push(send(&cluster, &format!("GET {MAPS}?watch=true"), &token(&cluster), "").await);
    }
    assert_eq!(call(&cluster, &format!("POST {MAPS}"), &config("1")).await.0, 201);
    for mut watch in watches {
        let mut seen = String::new();
        while !seen.contains("\"name\":\"c\"") {
            let mut buffer = vec![0; 4096];
            let read = watch.read(&mut buffer).await.unwrap();
            assert!(read > 0, "the watch ended: {seen}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    }
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_does_not_read_holds_nobody_up() {
    let cluster = start(None).await;
    let api = cluster.api("writer");
    let (version, mut watch) = {
        let made = api.create("configmaps", "default", config("0")).unwrap();
        let head = format!("GET {MAPS}?watch=true&resourceVersion={}", made.version);
        (made.version, send(&cluster, &head, &token(&cluster), "").await)
    };
    watch.flush().await.unwrap();
    // More than the history of changes holds.
    let large = "x".repeat(900_000);
    let write = |text: &str| {
        let mut map = config(text);
        map["metadata"]["namespace"] = "default".into();
        api.update("configmaps", map).unwrap();
    };
    for i in 0..90 {
        write(&format!("{i}{large}"));
    }
    write("the end");
    assert!(cluster.core().store.oldest() > version, "the history is not bounded");
    // It gets what it is owed, or is told to start again when that is gone.
    let mut tail = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let ended = |tail: &[u8]| {
        let text = String::from_utf8_lossy(tail);
        text.contains("\"reason\":\"Expired\"") || text.contains("the end")
    };
    while !ended(&tail) {
        let read = watch.read(&mut buffer).await.unwrap_or(0);
        assert!(read > 0, "the watch ended without a word");
        tail.extend_from_slice(&buffer[..read]);
        let surplus = tail.len().saturating_sub(1 << 12);
        tail.drain(..surplus);
    }
    cluster.shutdown().await;
}

/// Which folder the writer below works in.
const WRITER: &str = "OSC_SANDBOX_TEST_WRITER";

/// Not a test of its own: the process that the next test kills.
#[test]
fn writer() {
    let Ok(folder) = std::env::var(WRITER) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let cluster = start(Some(folder.into())).await;
        for i in 0.. {
            let mut map = config("1");
            map["metadata"]["name"] = format!("map-{i}").into();
            assert_eq!(call(&cluster, &format!("POST {MAPS}"), &map).await.0, 201);
            println!("answered {i}");
        }
    });
}

#[tokio::test]
async fn a_killed_server_keeps_what_it_answered() {
    let folder = std::env::temp_dir().join(format!("osc-sandbox-killed-{}", std::process::id()));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::writer", "--nocapture"])
        .env(WRITER, &folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let numbers = lines.filter_map(|line| line.split_once("answered ")?.1.trim().parse::<usize>().ok());
    let mut answered = 0;
    for number in numbers {
        answered = number;
        if answered == 60 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(answered >= 60, "the writer stopped after {answered}");
    let cluster = start(Some(folder.clone())).await;
    let there = cluster.api("reader").list("configmaps", Some("default"));
    for i in 0..=answered {
        assert!(
            there.iter().any(|map| *map.key.name == *format!("map-{i}")),
            "map-{i} was answered and is lost"
        );
    }
    cluster.shutdown().await;
    std::fs::remove_dir_all(folder).unwrap();
}
