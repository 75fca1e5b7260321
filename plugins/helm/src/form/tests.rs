//! Tests of the form made from a chart.

use super::*;
use crate::chart::File;
use crate::load::load_files;

fn of(files: &[(&str, &str)]) -> Form {
    let metadata = ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    let files = files.iter().chain([&metadata]).map(|(name, text)| File::new(*name, (*text).to_owned()));
    form(&load_files(files).unwrap())
}

#[test]
fn values_and_comments_become_fields() {
    let values = "\
# -- How many pods run
replicas: 2
image:
  repository: nginx
  # Pull policy of the image
  pullPolicy: IfNotPresent
## @section Sign-in
## @param auth.password [string] Password of the administrator
## @param auth.existingSecret Secret with the password
auth:
  password: \"\"
  existingSecret: \"\"
service:
  type: ClusterIP
  port: 80  # the port inside the cluster
# tolerations:
# - key: x
tolerations: []
persistence:
  storageClass:
  size: 8Gi
config: |
  a: b
  c: d
";
    insta::assert_json_snapshot!(of(&[("values.yaml", values)]), @r#"
    {
      "schema": "osc.form/v1",
      "json_schema": {
        "properties": {
          "auth": {
            "properties": {
              "existingSecret": {
                "default": "",
                "description": "Secret with the password",
                "title": "Existing secret",
                "type": "string",
                "x-osc": {
                  "order": 6,
                  "widget": "secret"
                }
              },
              "password": {
                "default": "",
                "description": "Password of the administrator",
                "title": "Password",
                "type": "string",
                "x-osc": {
                  "order": 5,
                  "widget": "password"
                }
              }
            },
            "title": "Auth",
            "type": "object",
            "x-osc": {
              "group": "Sign-in",
              "order": 4
            }
          },
          "config": {
            "default": "a: b\nc: d\n",
            "title": "Config",
            "type": "string",
            "x-osc": {
              "group": "Sign-in",
              "order": 14,
              "widget": "textarea"
            }
          },
          "image": {
            "properties": {
              "pullPolicy": {
                "default": "IfNotPresent",
                "description": "Pull policy of the image",
                "enum": [
                  "Always",
                  "IfNotPresent",
                  "Never"
                ],
                "title": "Pull policy",
                "type": "string",
                "x-osc": {
                  "order": 3
                }
              },
              "repository": {
                "default": "nginx",
                "title": "Repository",
                "type": "string",
                "x-osc": {
                  "order": 2
                }
              }
            },
            "title": "Image",
            "type": "object",
            "x-osc": {
              "order": 1
            }
          },
          "persistence": {
            "properties": {
              "size": {
                "default": "8Gi",
                "title": "Size",
                "type": "string",
                "x-osc": {
                  "order": 13,
                  "widget": "quantity"
                }
              },
              "storageClass": {
                "title": "Storage class",
                "x-osc": {
                  "order": 12,
                  "widget": "storage-class"
                }
              }
            },
            "title": "Persistence",
            "type": "object",
            "x-osc": {
              "group": "Sign-in",
              "order": 11
            }
          },
          "replicas": {
            "default": 2,
            "description": "How many pods run",
            "title": "Replicas",
            "type": "integer",
            "x-osc": {
              "order": 0
            }
          },
          "service": {
            "properties": {
              "port": {
                "default": 80,
                "description": "the port inside the cluster",
                "maximum": 65535,
                "minimum": 0,
                "title": "Port",
                "type": "integer",
                "x-osc": {
                  "order": 9
                }
              },
              "type": {
                "default": "ClusterIP",
                "enum": [
                  "ClusterIP",
                  "NodePort",
                  "LoadBalancer",
                  "ExternalName"
                ],
                "title": "Type",
                "type": "string",
                "x-osc": {
                  "order": 8
                }
              }
            },
            "title": "Service",
            "type": "object",
            "x-osc": {
              "group": "Sign-in",
              "order": 7
            }
          },
          "tolerations": {
            "default": [],
            "items": {},
            "title": "Tolerations",
            "type": "array",
            "x-osc": {
              "advanced": true,
              "group": "Sign-in",
              "order": 10,
              "widget": "yaml"
            }
          }
        },
        "type": "object"
      },
      "defaults": {
        "auth": {
          "existingSecret": "",
          "password": ""
        },
        "config": "a: b\nc: d\n",
        "image": {
          "pullPolicy": "IfNotPresent",
          "repository": "nginx"
        },
        "persistence": {
          "size": "8Gi"
        },
        "replicas": 2,
        "service": {
          "port": 80,
          "type": "ClusterIP"
        },
        "tolerations": []
      },
      "secrets": [
        "/auth/password"
      ],
      "source": "values"
    }
    "#);
}

#[test]
fn schemas_are_taken_over() {
    let schema = r##"{
        "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": ["level"],
        "properties": {
            "level": {"enum": ["info", "debug"], "description": "How much is logged"},
            "port": {"$ref": "#/definitions/port"},
            "apiToken": {"type": "string"},
            "loop": {"$ref": "#"}
        },
        "definitions": {"port": {"type": "integer", "maximum": 65535, "title": "A port"}}
    }"##;
    let form = of(&[("values.yaml", "level: info\nport: 80\nother: x\n"), ("values.schema.json", schema)]);
    assert_eq!((form.source.as_str(), form.secrets.as_slice()), ("schema", &["/apiToken".to_owned()][..]));
    let text = form.json_schema.to_string();
    assert!(!text.contains("$ref"), "{text}");
    let mut shown = form.json_schema;
    shown["properties"].as_object_mut().unwrap().remove("loop");
    insta::assert_json_snapshot!(shown, @r#"
    {
      "properties": {
        "apiToken": {
          "title": "Api token",
          "type": "string",
          "x-osc": {
            "order": 3,
            "widget": "password"
          }
        },
        "level": {
          "default": "info",
          "description": "How much is logged",
          "enum": [
            "info",
            "debug"
          ],
          "title": "Level",
          "x-osc": {
            "order": 0
          }
        },
        "other": {
          "default": "x",
          "title": "Other",
          "type": "string",
          "x-osc": {
            "order": 2
          }
        },
        "port": {
          "default": 80,
          "maximum": 65535,
          "minimum": 0,
          "title": "A port",
          "type": "integer",
          "x-osc": {
            "order": 1
          }
        }
      },
      "required": [
        "level"
      ],
      "type": "object"
    }
    "#);
}

/// What becomes of one field `x` of a schema, without its order.
fn described(schema: Value, default: &str) -> Value {
    let schema = json!({
        "type": "object",
        "properties": {"x": schema},
        "definitions": {
            "host": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string"},
                "password": {"type": "string"},
                "hosts": {"type": "array", "items": {"$ref": "#/definitions/host"}},
            }},
        },
    });
    let form = of(&[("values.yaml", default), ("values.schema.json", &schema.to_string())]);
    assert_eq!(form.secrets, [""; 0]);
    let mut field = form.json_schema["properties"]["x"].clone();
    without_order(&mut field);
    field
}

fn without_order(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(hints) = map.get_mut("x-osc").and_then(Value::as_object_mut) {
                hints.remove("order");
                if hints.is_empty() {
                    map.remove("x-osc");
                }
            }
            map.values_mut().for_each(without_order);
        }
        Value::Array(items) => items.iter_mut().for_each(without_order),
        _ => {}
    }
}

#[test]
fn lists_and_maps_say_what_their_entries_are_like() {
    let host = json!({"$ref": "#/definitions/host"});
    insta::assert_snapshot!(described(json!({"type": "array", "items": host}), "x: []\n"), @r#"{"default":[],"items":{"properties":{"hosts":{"items":{"required":["name"],"type":"object","x-osc":{"advanced":true,"widget":"yaml"}},"title":"Hosts","type":"array","x-osc":{"widget":"yaml"}},"name":{"title":"Name","type":"string"},"password":{"title":"Password","type":"string","x-osc":{"widget":"password"}}},"required":["name"],"type":"object"},"title":"X","type":"array"}"#);
    insta::assert_snapshot!(
        described(json!({"type": "object", "additionalProperties": {"type": "integer"}}), "x: {a: 1}\n"), @r#"{"additionalProperties":{"type":"integer"},"properties":{"a":{"default":1,"title":"A","type":"integer"}},"title":"X","type":"object"}"#);
    insta::assert_snapshot!(described(json!({"type": "object", "additionalProperties": {}}), "x: {}\n"), @r#"{"default":{},"title":"X","type":"object","x-osc":{"widget":"yaml"}}"#);
    insta::assert_snapshot!(described(json!({"type": "array"}), "x: []\n"), @r#"{"default":[],"title":"X","type":"array","x-osc":{"widget":"yaml"}}"#);
}

#[test]
fn choices_are_taken_over_where_they_are_shapes() {
    let text = || json!({"type": "string"});
    insta::assert_snapshot!(described(json!({"oneOf": [text(), {"type": "integer"}]}), "x: 80\n"), @r#"{"default":80,"title":"X","type":["string","integer"]}"#);
    let off = json!({"type": "object", "properties": {"off": {"const": true}}});
    insta::assert_snapshot!(described(json!({"anyOf": [off, {"type": "string", "pattern": "^a"}]}), ""), @r#"{"anyOf":[{"properties":{"off":{"const":true,"title":"Off"}},"type":"object"},{"pattern":"^a","type":"string"}],"title":"X"}"#);
    let one = json!({"type": "object", "properties": {"a": text()}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
    insta::assert_snapshot!(described(one, "x: {}\n"), @r#"{"properties":{"a":{"title":"A","type":"string"}},"title":"X","type":"object"}"#);
}

#[test]
fn keys_become_titles() {
    let titles: Vec<String> =
        ["adminPassword", "existing-secret", "imagePullSecrets", "enableTLS", "useHTTPProxy"]
            .map(title)
            .to_vec();
    assert_eq!(
        titles,
        ["Admin password", "Existing secret", "Image pull secrets", "Enable TLS", "Use HTTP proxy"]
    );
}

#[test]
fn huge_values_end_in_text_fields() {
    let values: String = (0..5000).map(|number| format!("key{number}: {number}\n")).collect();
    let form = of(&[("values.yaml", &values)]);
    assert_eq!(form.json_schema["properties"].as_object().unwrap().len(), MAX_FIELDS);
}
