//! Tests of records.

use super::*;
use crate::chart::File;

fn chart() -> Chart {
    Chart {
        values: json!({"a": 1.0, "b": 1.5}),
        templates: vec![File::new("templates/a.yaml", "x")],
        ..Chart::default()
    }
}

fn record(manifest: &str) -> Record {
    let hooks = [Hook {
        name: "j".into(),
        kind: "Job".into(),
        path: "c/templates/j.yaml".into(),
        content: "kind: Job".into(),
        events: vec![Event::PreInstall, Event::Test],
        weight: -5,
        delete_policies: vec!["hook-succeeded".into()],
        output_log_policies: Vec::new(),
    }];
    Record::new(NewRecord {
        name: "demo",
        namespace: "ns",
        version: 3,
        chart: &chart(),
        config: &json!({"a": 2.0}),
        manifest: manifest.to_owned(),
        hooks: &hooks,
        notes: "hi",
        first_deployed: None,
        now: Timestamp::UNIX_EPOCH,
    })
    .with_state(State::PendingInstall, "osc operation 7")
}

#[test]
fn a_record_survives_its_secret() {
    let secret = record("---\n# Source: c/a\nkind: A\n").to_secret(Timestamp::UNIX_EPOCH);
    insta::assert_json_snapshot!(secret["metadata"], @r#"
    {
      "labels": {
        "createdAt": "0",
        "name": "demo",
        "owner": "helm",
        "status": "pending-install",
        "version": "3"
      },
      "name": "sh.helm.release.v1.demo.v3",
      "namespace": "ns"
    }
    "#);
    let read = Record::from_secret(&secret).unwrap();
    assert_eq!(read.release, record("---\n# Source: c/a\nkind: A\n").release);
    assert_eq!(read.hooks()[0].events, [Event::PreInstall, Event::Test]);
    insta::assert_json_snapshot!(read.release, @r#"
    {
      "apply_method": "ssa",
      "chart": {
        "files": [],
        "lock": null,
        "metadata": {},
        "schema": null,
        "templates": [
          {
            "data": "eA==",
            "name": "templates/a.yaml"
          }
        ],
        "values": {
          "a": 1,
          "b": 1.5
        }
      },
      "config": {
        "a": 2
      },
      "hooks": [
        {
          "delete_policies": [
            "hook-succeeded"
          ],
          "events": [
            "pre-install",
            "test"
          ],
          "kind": "Job",
          "last_run": {
            "phase": ""
          },
          "manifest": "kind: Job",
          "name": "j",
          "path": "c/templates/j.yaml",
          "weight": -5
        }
      ],
      "info": {
        "description": "osc operation 7",
        "first_deployed": "1970-01-01T00:00:00Z",
        "last_deployed": "1970-01-01T00:00:00Z",
        "notes": "hi",
        "status": "pending-install"
      },
      "manifest": "---\n# Source: c/a\nkind: A\n",
      "name": "demo",
      "namespace": "ns",
      "version": 3
    }
    "#);
    let again = read.with_state(State::Superseded, "x").to_secret(Timestamp::from_second(9).unwrap());
    insta::assert_json_snapshot!(again["metadata"]["labels"], @r#"
    {
      "createdAt": "0",
      "modifiedAt": "9",
      "name": "demo",
      "owner": "helm",
      "status": "superseded",
      "version": "3"
    }
    "#);
}

#[test]
fn a_large_record_says_what_is_left_out() {
    // Text that does not compress: a simple generator of letters.
    let mut state = 1_u32;
    let mut noise = |length: usize| -> String {
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from(b' ' + (state >> 24) as u8 % 94)
            })
            .collect()
    };
    let big = noise(1_500_000);
    let secret = record(&big).to_secret(Timestamp::UNIX_EPOCH);
    let read = Record::from_secret(&secret).unwrap();
    assert!(read.is_partial());
    insta::assert_snapshot!(read.description(), @"osc operation 7 (record over 1 MiB: chart and manifest left out)");
    assert_eq!(read.hooks().len(), 1);
    let mut chart = chart();
    chart.files.push(File::new("big", noise(1_500_000)));
    let mut full = record("m");
    full.release["chart"] = chart_json(&chart);
    let read = Record::from_secret(&full.to_secret(Timestamp::UNIX_EPOCH)).unwrap();
    insta::assert_snapshot!(read.description(), @"osc operation 7 (record over 1 MiB: chart left out)");
    assert_eq!(read.manifest(), "m");
}

#[test]
fn unreadable_records_are_refused() {
    let secret = |data: &str| json!({"metadata": {"name": "s"}, "data": {"release": BASE64.encode(data)}});
    let results: Vec<String> = [secret("*"), secret("aGk="), json!({"metadata": {"name": "s"}})]
        .iter()
        .map(|secret| Record::from_secret(secret).unwrap_err())
        .collect();
    insta::assert_snapshot!(results.join("\n"), @r#"
    release in secret `s` is unreadable: Invalid symbol 42, offset 0.
    release in secret `s` is unreadable: expected value at line 1 column 1
    secret `s` holds no release
    "#);
}
