//! Patterns of schemas mean what Go's `regexp` makes of them: other dialects differ in classes, flags and escapes, and
//! refuse patterns that charts use.

use jsonschema::{Keyword, PatternOptions, ValidationError};
use serde_json::{Map, Value, json};

use super::failures::single_quoted;
use super::formats;
use crate::golang::regexp::Regexp;

/// Stands for `pattern` where the schema is compiled.
pub(super) const KEYWORD: &str = "x-osc-pattern";

/// Stands for `format`, which only older drafts insist on.
pub(super) const FORMAT: &str = "x-osc-format";

/// A pattern that is none.
pub(super) struct Unreadable {
    /// Where it stands in the schema, as a JSON pointer.
    pub(super) place: String,
    pub(super) pattern: String,
    pub(super) reason: String,
}

/// A schema in which all patterns are [`KEYWORD`]s, and names of properties are written for the crate.
pub(super) fn translated(schema: &Value) -> Result<Value, Unreadable> {
    let dialect = schema.get("$schema").cloned();
    walk(schema, dialect.as_ref(), "")
}

fn walk(schema: &Value, dialect: Option<&Value>, place: &str) -> Result<Value, Unreadable> {
    let Value::Object(map) = schema else { return Ok(schema.clone()) };
    let is_asserted = super::report::draft(dialect) < 2019;
    let mut out = Map::new();
    for (keyword, value) in map {
        let place = below(place, keyword);
        match (keyword.as_str(), value) {
            ("pattern", Value::String(pattern)) => {
                check(pattern, &place)?;
                out.insert(KEYWORD.to_owned(), value.clone());
                continue;
            }
            ("format", Value::String(_)) if is_asserted => {
                out.insert(FORMAT.to_owned(), value.clone());
                continue;
            }
            ("patternProperties", Value::Object(named)) => {
                let mut translated = Map::new();
                for (pattern, schema) in named {
                    let place = below(&place, pattern);
                    let compiled = check(pattern, &place)?;
                    let name =
                        if is_known(pattern, dialect) { pattern.clone() } else { compiled.for_others() };
                    translated.insert(name, walk(schema, dialect, &place)?);
                }
                out.insert(keyword.clone(), Value::Object(translated));
                continue;
            }
            _ => {}
        }
        let value = match (Holds::of(keyword), value) {
            (Holds::Named, Value::Object(named)) => {
                let walked = named
                    .iter()
                    .map(|(name, schema)| Ok((name.clone(), walk(schema, dialect, &below(&place, name))?)));
                Value::Object(walked.collect::<Result<_, _>>()?)
            }
            (Holds::Schemas, Value::Array(list)) => {
                let walked = list.iter().enumerate();
                let walked =
                    walked.map(|(at, schema)| walk(schema, dialect, &below(&place, &at.to_string())));
                Value::Array(walked.collect::<Result<_, _>>()?)
            }
            (Holds::Schemas, Value::Object(_)) => walk(value, dialect, &place)?,
            _ => value.clone(),
        };
        out.insert(keyword.clone(), value);
    }
    Ok(Value::Object(out))
}

/// Whether the crate takes a pattern as it is, which depends on the dialect of the schema.
fn is_known(pattern: &str, dialect: Option<&Value>) -> bool {
    let mut schema = Map::from_iter([("patternProperties".to_owned(), json!({ pattern: true }))]);
    schema.extend(dialect.map(|dialect| ("$schema".to_owned(), dialect.clone())));
    jsonschema::options().with_pattern_options(PatternOptions::regex()).build(&Value::Object(schema)).is_ok()
}

/// What a keyword of a schema holds.
pub(super) enum Holds {
    /// Schemas by name.
    Named,
    /// A schema or a list of them.
    Schemas,
    /// Neither.
    Other,
}

impl Holds {
    pub(super) fn of(keyword: &str) -> Self {
        match keyword {
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas"
            | "dependencies" => Self::Named,
            "items"
            | "prefixItems"
            | "additionalItems"
            | "unevaluatedItems"
            | "contains"
            | "allOf"
            | "anyOf"
            | "oneOf"
            | "not"
            | "if"
            | "then"
            | "else"
            | "propertyNames"
            | "additionalProperties"
            | "unevaluatedProperties" => Self::Schemas,
            _ => Self::Other,
        }
    }
}

fn below(place: &str, name: &str) -> String {
    format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn check(pattern: &str, place: &str) -> Result<Regexp, Unreadable> {
    Regexp::new(pattern).map_err(|reason| Unreadable {
        place: place.to_owned(),
        pattern: pattern.to_owned(),
        reason,
    })
}

/// Whether a text matches; patterns were checked before.
pub(super) fn matches(pattern: &str, text: &str) -> Option<bool> {
    Some(Regexp::new(pattern).ok()?.is_match(text))
}

/// The keyword that stands for `format`.
pub(super) struct Format(String);

impl Format {
    pub(super) fn new(value: &Value) -> Self {
        Self(value.as_str().unwrap_or_default().to_owned())
    }
}

impl<'i> Keyword<'i> for Format {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        let wrong = instance.as_str().and_then(|text| format_failure(&self.0, text));
        wrong.map_or(Ok(()), |wrong| Err(ValidationError::custom(wrong)))
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        instance.as_str().is_none_or(|text| formats::check(&self.0, text).is_ok())
    }
}

/// What is said about a text that has not its format.
pub(super) fn format_failure(format: &str, text: &str) -> Option<String> {
    let reason = formats::check(format, text).err()?;
    Some(format!("{} is not valid {format}: {reason}", single_quoted(text)))
}

/// The keyword that stands for `pattern`.
pub(super) struct Pattern(Regexp);

impl Pattern {
    pub(super) fn new<'a>(value: &'a Value) -> Result<Self, ValidationError<'a>> {
        let compiled = Regexp::new(value.as_str().unwrap_or_default());
        compiled.map(Self).map_err(ValidationError::custom)
    }
}

impl<'i> Keyword<'i> for Pattern {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        match Keyword::is_valid(self, instance) {
            true => Ok(()),
            false => Err(ValidationError::custom(format!("{instance} does not match the pattern"))),
        }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        instance.as_str().is_none_or(|text| self.0.is_match(text))
    }
}
