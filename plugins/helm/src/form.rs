//! The form of a chart: its schema where it has one, else what its values and their comments tell.

mod comments;
mod described;
mod guess;

use osc_plugin_api::documents::form::Form;
use serde_json::{Map, Value, json};

use crate::chart::Chart;
use crate::coalesce::coalesce_values;
use crate::dependencies;
use crate::release::whole_numbers;
use comments::Comments;

/// Fields that a form may have; what is beyond becomes text fields for YAML.
const MAX_FIELDS: usize = 3000;
/// How deep groups of fields may be nested.
const MAX_DEPTH: usize = 10;

/// What a person may set.
pub fn form(chart: &Chart) -> Form {
    let mut chart = chart.clone();
    let mut warnings = Vec::new();
    // Without values to merge, the chart's own defaults still make a form.
    let processed = dependencies::process(&mut chart, &Value::Null, &mut warnings);
    let defaults = match processed.and_then(|()| coalesce_values(&chart, &Value::Null, &mut warnings)) {
        Ok(defaults) => whole_numbers(&defaults),
        Err(_) => whole_numbers(&chart.values),
    };
    let mut builder = Builder { fields: 0, secrets: Vec::new(), references: vec![String::new()] };
    let shape = with_nulls(&defaults, &chart.values);
    let (json_schema, source) = builder.chart(&chart, &shape, "", 0);
    builder.secrets.sort();
    builder.secrets.dedup();
    Form {
        schema: Form::SCHEMA.to_owned(),
        json_schema,
        defaults,
        secrets: builder.secrets,
        source: source.to_owned(),
    }
}

/// Collects fields and secrets on the way through a chart and its subcharts.
struct Builder {
    fields: usize,
    secrets: Vec<String>,
    /// References of a schema that are being followed.
    references: Vec<String>,
}

/// Values with the nulls that merging dropped: they stand for fields without a default.
fn with_nulls(merged: &Value, written: &Value) -> Value {
    match (merged, written) {
        (Value::Object(merged), Value::Object(written)) => {
            let mut shape = merged.clone();
            for (key, value) in written {
                let found = merged.get(key).map(|merged| with_nulls(merged, value));
                match found {
                    Some(found) => shape.insert(key.clone(), found),
                    None if value.is_null() => shape.insert(key.clone(), Value::Null),
                    None => None,
                };
            }
            Value::Object(shape)
        }
        (merged, _) => merged.clone(),
    }
}

/// Where a field is and what is known about it beside its value.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// JSON pointer in the values of the whole chart.
    pointer: &'a str,
    key: &'a str,
    /// The key above, empty at the top.
    parent: &'a str,
    /// Help, order and section of a field by its pointer.
    comments: &'a Comments,
    depth: usize,
}

impl Builder {
    fn chart(&mut self, chart: &Chart, values: &Value, pointer: &str, depth: usize) -> (Value, &'static str) {
        let text = chart.values_yaml.as_ref().map(|text| String::from_utf8_lossy(text)).unwrap_or_default();
        let comments = Comments::read(&text, pointer);
        let own = chart.schema.as_ref().and_then(|schema| serde_json::from_slice::<Value>(schema).ok());
        let own = own.filter(|schema| schema.is_object());
        let source = if own.is_some() { "schema" } else { "values" };
        let subcharts: Vec<&Chart> = chart.dependencies.iter().filter(|chart| !chart.is_library()).collect();
        let is_subchart = |key: &str| subcharts.iter().any(|chart| chart.name() == key);
        let mut apart = values.clone();
        if let Value::Object(map) = &mut apart {
            map.retain(|key, _| !is_subchart(key) && (key != "global" || depth == 0));
        }
        let place = Place { pointer, key: "", parent: "", comments: &comments, depth };
        let mut schema = match &own {
            Some(own) => described::described(self, own, own, Some(&apart), place),
            None => guess::field(self, &apart, place),
        };
        for subchart in subcharts.into_iter().filter(|_| depth < 3) {
            let name = subchart.name();
            let Some(inner) = values.get(name).filter(|inner| inner.is_object()) else { continue };
            let shape = with_nulls(inner, &subchart.values);
            let (mut below, _) = self.chart(subchart, &shape, &join(pointer, name), depth + 1);
            below["title"] = name.into();
            if !subchart.metadata.description.is_empty() {
                below["description"] = subchart.metadata.description.clone().into();
            }
            below["x-osc"] =
                json!({"advanced": true, "group": name, "order": comments.order(&join(pointer, name))});
            if let Some(properties) = object_at(&mut schema, "properties") {
                properties.insert(name.to_owned(), below);
            }
        }
        (schema, source)
    }

    /// Counts a field; whether there is room for another.
    fn take(&mut self) -> bool {
        self.fields += 1;
        self.fields <= MAX_FIELDS
    }
}

fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The object under a key, made if it is not there.
fn object_at<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Map<String, Value>> {
    value.as_object_mut()?.entry(key).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}

/// A key as words: `adminPassword` becomes `Admin password`.
fn title(key: &str) -> String {
    let mut words = String::new();
    let letters: Vec<char> = key.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| letters[index]);
        let after = letters.get(index + 1);
        let starts_word = letter.is_uppercase()
            && (before.is_some_and(char::is_lowercase) || after.is_some_and(|after| after.is_lowercase()));
        if matches!(letter, '-' | '_' | '.') {
            words.push(' ');
        } else if starts_word && index > 0 {
            words.push(' ');
            let is_name = after.is_some_and(|after| after.is_uppercase());
            words.extend(if is_name { vec![*letter] } else { letter.to_lowercase().collect() });
        } else if index == 0 {
            words.extend(letter.to_uppercase());
        } else {
            words.push(*letter);
        }
    }
    words
}

#[cfg(test)]
mod tests {
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
        let form =
            of(&[("values.yaml", "level: info\nport: 80\nother: x\n"), ("values.schema.json", schema)]);
        assert_eq!(
            (form.source.as_str(), form.secrets.as_slice()),
            ("schema", &["/apiToken".to_owned()][..])
        );
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
}
