//! Methods and fields of objects, and Sprig's two functions for versions.

use std::rc::Rc;

use super::dates::{of_duration, of_time, time_of};
use super::files::{FILES, VALUES};
use super::{Function, Ty, fault, fixed, int, text};
use crate::golang::printf::{GO_VERSION, stringer};
use crate::golang::time::{GoTime, Zone, round_duration};
use crate::semver::{Constraint, Version};
use crate::value::{IntKind, ListKind, MapKind, Object, Value};

use Ty::{Duration, Int, Str, Time};

pub(super) static VERSION_FUNCTIONS: &[Function] = &[
    fixed("semver", &[Str], |_, a| match Version::parse(text(a, 0)) {
        Ok(version) => Ok(of_version(version)),
        Err(error) => fault(error.to_string()),
    }),
    fixed("semverCompare", &[Str, Str], |_, a| {
        let constraint = Constraint::parse(text(a, 0)).or_else(|error| fault(error.to_string()))?;
        let version = Version::parse(text(a, 1)).or_else(|error| fault(error.to_string()))?;
        Ok(Value::Bool(constraint.check(&version)))
    }),
];

/// The method of a value.
pub fn find(value: &Value, name: &str) -> Option<&'static Function> {
    let table: &[Function] = match value {
        Value::Map(MapKind::Files, _) => FILES,
        Value::Map(MapKind::Values, _) => VALUES,
        Value::List(ListKind::Versions, _) => VERSIONS,
        Value::Int(IntKind::Duration, _) => DURATION,
        Value::Int(IntKind::Month | IntKind::Weekday, _) => STRINGER,
        Value::Object(object) => match &**object {
            Object::Time(_) => TIME,
            Object::Version(_) => VERSION,
            Object::KubeVersion(_) => KUBE_VERSION,
            _ => return None,
        },
        _ => return None,
    };
    table.iter().find(|method| method.name == name)
}

/// The field of an object.
pub fn struct_field(value: &Value, name: &str) -> Option<Value> {
    let Value::Object(object) = value else { return None };
    let text = |text: &str| Some(Value::str(text));
    match (&**object, name) {
        (Object::Capabilities(c), "KubeVersion") => Some(Value::object(Object::KubeVersion(Rc::clone(c)))),
        (Object::Capabilities(c), "HelmVersion") => Some(Value::object(Object::HelmVersion(Rc::clone(c)))),
        (Object::Capabilities(c), "APIVersions") => {
            Some(Value::List(ListKind::Versions, Rc::new(c.api_versions.iter().map(Value::str).collect())))
        }
        (Object::KubeVersion(c), "Version") => text(&c.kube_version),
        (Object::KubeVersion(c), "Major") => text(&c.major_minor().0),
        (Object::KubeVersion(c), "Minor") => text(&c.major_minor().1),
        (Object::HelmVersion(c), "Version") => text(&c.helm_version),
        (Object::HelmVersion(_), "GitCommit" | "GitTreeState") => text(""),
        (Object::HelmVersion(_), "GoVersion") => text(GO_VERSION),
        (Object::HelmVersion(_), "KubeClientVersion") => text("v1.37"),
        (Object::Certificate { cert, .. }, "Cert") => Some(Value::Str(Rc::clone(cert))),
        (Object::Certificate { key, .. }, "Key") => Some(Value::Str(Rc::clone(key))),
        _ => None,
    }
}

static STRINGER: &[Function] =
    &[fixed("String", &[], |_, a| Ok(Value::str(stringer(&a[0]).unwrap_or_default())))];

static KUBE_VERSION: &[Function] = &[
    fixed("String", &[], |_, a| match &a[0] {
        Value::Object(object) => match &**object {
            Object::KubeVersion(c) => Ok(Value::str(c.normalized())),
            _ => Ok(Value::str("")),
        },
        _ => Ok(Value::str("")),
    }),
    fixed("GitVersion", &[], |_, a| Ok(struct_field(&a[0], "Version").unwrap_or_default())),
];

static VERSIONS: &[Function] = &[fixed("Has", &[Str], |_, a| {
    let wanted = text(a, 1);
    Ok(Value::Bool(match &a[0] {
        Value::List(_, versions) => versions.iter().any(|version| version.as_str() == Some(wanted)),
        _ => false,
    }))
})];

fn nanos(value: &Value) -> i64 {
    match value {
        Value::Int(_, n) => *n,
        _ => 0,
    }
}

const SECOND: i64 = 1_000_000_000;

fn fraction(value: &Value, unit: i64) -> Value {
    let n = nanos(value);
    Value::Float((n / unit) as f64 + (n % unit) as f64 / unit as f64)
}

static DURATION: &[Function] = &[
    fixed("String", &[], |_, a| Ok(Value::str(stringer(&a[0]).unwrap_or_default()))),
    fixed("Seconds", &[], |_, a| Ok(fraction(&a[0], SECOND))),
    fixed("Minutes", &[], |_, a| Ok(fraction(&a[0], 60 * SECOND))),
    fixed("Hours", &[], |_, a| Ok(fraction(&a[0], 3600 * SECOND))),
    fixed("Milliseconds", &[], |_, a| Ok(Value::int64(nanos(&a[0]) / 1_000_000))),
    fixed("Microseconds", &[], |_, a| Ok(Value::int64(nanos(&a[0]) / 1_000))),
    fixed("Nanoseconds", &[], |_, a| Ok(Value::int64(nanos(&a[0])))),
    fixed("Round", &[Duration], |_, a| Ok(of_duration(round_duration(nanos(&a[0]), nanos(&a[1]))))),
    fixed("Truncate", &[Duration], |_, a| {
        let (n, multiple) = (nanos(&a[0]), nanos(&a[1]));
        Ok(of_duration(if multiple <= 0 { n } else { n - n % multiple }))
    }),
    fixed("Abs", &[], |_, a| Ok(of_duration(nanos(&a[0]).saturating_abs()))),
];

static TIME: &[Function] = &[
    fixed("Format", &[Str], |_, a| Ok(Value::str(time_of(&a[0]).format(text(a, 1))))),
    fixed("String", &[], |_, a| Ok(Value::str(time_of(&a[0]).to_string()))),
    fixed("Unix", &[], |_, a| Ok(Value::int64(time_of(&a[0]).unix))),
    fixed("UnixMilli", &[], |_, a| {
        let time = time_of(&a[0]);
        Ok(Value::int64(time.unix * 1000 + i64::from(time.nanos) / 1_000_000))
    }),
    fixed("UnixMicro", &[], |_, a| {
        let time = time_of(&a[0]);
        Ok(Value::int64(time.unix * 1_000_000 + i64::from(time.nanos) / 1_000))
    }),
    fixed("UnixNano", &[], |_, a| {
        let time = time_of(&a[0]);
        Ok(Value::int64(time.unix.wrapping_mul(SECOND).wrapping_add(i64::from(time.nanos))))
    }),
    fixed("Year", &[], |_, a| Ok(Value::int(time_of(&a[0]).civil().year))),
    fixed("Month", &[], |_, a| Ok(Value::Int(IntKind::Month, i64::from(time_of(&a[0]).civil().month)))),
    fixed("Day", &[], |_, a| Ok(Value::int(i64::from(time_of(&a[0]).civil().day)))),
    fixed("Hour", &[], |_, a| Ok(Value::int(i64::from(time_of(&a[0]).civil().hour)))),
    fixed("Minute", &[], |_, a| Ok(Value::int(i64::from(time_of(&a[0]).civil().minute)))),
    fixed("Second", &[], |_, a| Ok(Value::int(i64::from(time_of(&a[0]).civil().second)))),
    fixed("Nanosecond", &[], |_, a| Ok(Value::int(i64::from(time_of(&a[0]).nanos)))),
    fixed("YearDay", &[], |_, a| Ok(Value::int(i64::from(time_of(&a[0]).civil().year_day)))),
    fixed("Weekday", &[], |_, a| Ok(Value::Int(IntKind::Weekday, i64::from(time_of(&a[0]).civil().weekday)))),
    fixed("UTC", &[], |_, a| Ok(of_time(time_of(&a[0]).in_zone(Zone::Utc)))),
    fixed("Local", &[], |_, a| Ok(of_time(time_of(&a[0]).in_zone(Zone::Utc)))),
    fixed("IsZero", &[], |_, a| Ok(Value::Bool(time_of(&a[0]) == GoTime::zero()))),
    fixed("Add", &[Duration], |_, a| Ok(of_time(time_of(&a[0]).add(nanos(&a[1]))))),
    fixed("Sub", &[Time], |_, a| Ok(of_duration(time_of(&a[0]).since(&time_of(&a[1]))))),
    fixed("Before", &[Time], |_, a| Ok(Value::Bool(time_of(&a[0]).since(&time_of(&a[1])) < 0))),
    fixed("After", &[Time], |_, a| Ok(Value::Bool(time_of(&a[0]).since(&time_of(&a[1])) > 0))),
    fixed("Equal", &[Time], |_, a| Ok(Value::Bool(time_of(&a[0]) == time_of(&a[1])))),
    fixed("Truncate", &[Duration], |_, a| {
        let time = time_of(&a[0]);
        let multiple = nanos(&a[1]);
        let since = i128::from(time.unix + 62_135_596_800) * i128::from(SECOND) + i128::from(time.nanos);
        let rest = if multiple <= 0 { 0 } else { (since % i128::from(multiple)) as i64 };
        Ok(of_time(time.add(-rest)))
    }),
    fixed("AddDate", &[Int, Int, Int], |_, a| {
        let time = time_of(&a[0]);
        let c = time.civil();
        let date = (c.year + int(a, 1), i64::from(c.month) + int(a, 2), i64::from(c.day) + int(a, 3));
        let clock = (i64::from(c.hour), i64::from(c.minute), i64::from(c.second));
        Ok(of_time(GoTime::from_civil(date, clock, time.nanos, time.zone)))
    }),
];

fn of_version(version: Version) -> Value {
    Value::object(Object::Version(version))
}

fn version_of(value: &Value) -> Version {
    let zero = || Version {
        major: 0,
        minor: 0,
        patch: 0,
        pre: String::new(),
        metadata: String::new(),
        original: String::new(),
    };
    match value {
        Value::Object(object) => match &**object {
            Object::Version(version) => version.clone(),
            _ => zero(),
        },
        _ => zero(),
    }
}

fn uint(n: u64) -> Value {
    Value::Int(IntKind::Uint64, n as i64)
}

fn compare(args: &[Value]) -> std::cmp::Ordering {
    version_of(&args[0]).compare(&version_of(&args[1]))
}

static VERSION: &[Function] = &[
    fixed("Major", &[], |_, a| Ok(uint(version_of(&a[0]).major))),
    fixed("Minor", &[], |_, a| Ok(uint(version_of(&a[0]).minor))),
    fixed("Patch", &[], |_, a| Ok(uint(version_of(&a[0]).patch))),
    fixed("Prerelease", &[], |_, a| Ok(Value::str(version_of(&a[0]).pre))),
    fixed("Metadata", &[], |_, a| Ok(Value::str(version_of(&a[0]).metadata))),
    fixed("Original", &[], |_, a| Ok(Value::str(version_of(&a[0]).original))),
    fixed("String", &[], |_, a| Ok(Value::str(version_of(&a[0]).to_string()))),
    fixed("IncMajor", &[], |_, a| Ok(of_version(version_of(&a[0]).inc_major()))),
    fixed("IncMinor", &[], |_, a| Ok(of_version(version_of(&a[0]).inc_minor()))),
    fixed("IncPatch", &[], |_, a| Ok(of_version(version_of(&a[0]).inc_patch()))),
    fixed("SetPrerelease", &[Str], |_, a| {
        let version = version_of(&a[0]);
        let plain = format!("{}.{}.{}", version.major, version.minor, version.patch);
        let pre = if text(a, 1).is_empty() { plain } else { format!("{plain}-{}", text(a, 1)) };
        let full = if version.metadata.is_empty() { pre } else { format!("{pre}+{}", version.metadata) };
        Version::parse(&full).map(of_version).or_else(|error| fault(error.to_string()))
    }),
    fixed("SetMetadata", &[Str], |_, a| {
        let version = Version { metadata: String::new(), ..version_of(&a[0]) };
        let full =
            if text(a, 1).is_empty() { version.to_string() } else { format!("{version}+{}", text(a, 1)) };
        Version::parse(&full).map(of_version).or_else(|error| fault(error.to_string()))
    }),
    fixed("Compare", &[Ty::Version], |_, a| Ok(Value::int(compare(a) as i64))),
    fixed("Equal", &[Ty::Version], |_, a| Ok(Value::Bool(compare(a).is_eq()))),
    fixed("LessThan", &[Ty::Version], |_, a| Ok(Value::Bool(compare(a).is_lt()))),
    fixed("LessThanEqual", &[Ty::Version], |_, a| Ok(Value::Bool(compare(a).is_le()))),
    fixed("GreaterThan", &[Ty::Version], |_, a| Ok(Value::Bool(compare(a).is_gt()))),
    fixed("GreaterThanEqual", &[Ty::Version], |_, a| Ok(Value::Bool(compare(a).is_ge()))),
];
