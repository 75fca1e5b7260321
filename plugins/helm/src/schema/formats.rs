//! Formats of texts as the library checks them that Helm uses; older drafts insist on them.

use crate::golang::regexp::Regexp;
use crate::golang::time::parse_time;
use crate::text::quote_char;

type Checked = Result<(), String>;

/// What is wrong with a text that should have a format; formats that nobody knows are never wrong.
pub(super) fn check(format: &str, text: &str) -> Checked {
    match format {
        "regex" => Regexp::new(text).map(|_| ()),
        "json-pointer" => json_pointer(text),
        "relative-json-pointer" => relative_pointer(text),
        "uuid" => uuid(text),
        "duration" => duration(text),
        "ipv4" => ipv4(text),
        "ipv6" => ipv6(text),
        "hostname" => hostname(text),
        "email" => email(text),
        "date" => date(text),
        "time" => time(text),
        "date-time" => date_time(text),
        "uri" | "iri" => uri(text),
        "uri-reference" | "iri-reference" if text.contains('\\') => fail("contains \\"),
        "uri-reference" | "iri-reference" => crate::functions::urls::is_url(text).map(|_| ()),
        "uri-template" => template(text),
        "semver" => semver(text),
        _ => Ok(()),
    }
}

fn fail<T>(reason: impl Into<String>) -> Result<T, String> {
    Err(reason.into())
}

fn json_pointer(text: &str) -> Checked {
    if text.is_empty() {
        return Ok(());
    }
    let Some(tokens) = text.strip_prefix('/') else { return fail("not starting with /") };
    let is_escape = |rest: &str| rest.starts_with(['0', '1']);
    match tokens.split('/').all(|token| token.match_indices('~').all(|(at, _)| is_escape(&token[at + 1..]))) {
        true => Ok(()),
        false => fail("~ must be followed by 0 or 1"),
    }
}

fn relative_pointer(text: &str) -> Checked {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    match text.len() - rest.len() {
        0 => fail("must start with non-negative integer"),
        2.. if text.starts_with('0') => fail("starts with zero"),
        _ if rest == "#" => Ok(()),
        _ => json_pointer(rest),
    }
}

fn uuid(text: &str) -> Checked {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    if groups.len() != LENGTHS.len() {
        return fail("must have 5 elements");
    }
    for (at, (group, length)) in groups.iter().zip(LENGTHS).enumerate() {
        if group.len() != length {
            return fail(format!("element {} must be {length} characters long", at + 1));
        }
        if let Some(other) = group.chars().find(|c| !c.is_ascii_hexdigit()) {
            return fail(format!("non-hex character {}", quote_char(other)));
        }
    }
    Ok(())
}

fn duration(text: &str) -> Checked {
    let Some(rest) = text.strip_prefix('P') else { return fail("must start with P") };
    if rest.is_empty() {
        return fail("nothing after P");
    }
    if let Some(weeks) = rest.strip_suffix('W') {
        return match weeks {
            "" => fail("no number in week"),
            weeks if weeks.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
            _ => fail("invalid week"),
        };
    }
    let all = ["YMD", "HMS"];
    for (at, mut part) in rest.split('T').enumerate() {
        if at > 0 && part.is_empty() {
            return fail("no time elements");
        }
        let Some(known) = all.get(at) else { return fail("more than one T") };
        let mut units = *known;
        while !part.is_empty() {
            let after = part.trim_start_matches(|c: char| c.is_ascii_digit());
            if after.len() == part.len() {
                return fail("missing number");
            }
            let Some(unit) = after.chars().next() else { return fail("missing unit") };
            match units.find(unit) {
                Some(at) => units = &units[at + 1..],
                None if known.contains(unit) => {
                    return fail(format!("unit {} out of order", quote_char(unit)));
                }
                None => return fail(format!("invalid unit {}", quote_char(unit))),
            }
            part = &after[unit.len_utf8()..];
        }
    }
    Ok(())
}

fn ipv4(text: &str) -> Checked {
    let groups: Vec<&str> = text.split('.').collect();
    if groups.len() != 4 {
        return fail("expected four decimals");
    }
    for group in groups {
        if group.len() > 1 && group.starts_with('0') {
            return fail("leading zeros");
        }
        match group.parse::<i64>() {
            Ok(0..=255) => {}
            Ok(_) => return fail("decimal must be between 0 and 255"),
            Err(_) => {
                let quoted = crate::text::quote(group);
                return fail(format!("strconv.Atoi: parsing {quoted}: invalid syntax"));
            }
        }
    }
    Ok(())
}

fn ipv6(text: &str) -> Checked {
    if !text.contains(':') {
        return fail("missing colon");
    }
    let (address, zone) = text.split_once('%').unwrap_or((text, ""));
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(_) if zone.is_empty() => Ok(()),
        Ok(_) => fail("zone id is not a part of ipv6 address"),
        Err(_) => fail(format!("ParseAddr({}): unable to parse IP", crate::text::quote(text))),
    }
}

fn hostname(text: &str) -> Checked {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.len() > 253 {
        return fail("more than 253 characters long");
    }
    for label in text.split('.') {
        if !(1..=63).contains(&label.len()) {
            return fail("label must be 1 to 63 characters long");
        }
        if label.starts_with('-') {
            return fail("label starts with hyphen");
        }
        if label.ends_with('-') {
            return fail("label ends with hyphen");
        }
        if let Some(other) = label.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '-')) {
            return fail(format!("invalid character {}", quote_char(other)));
        }
    }
    Ok(())
}

fn email(text: &str) -> Checked {
    if text.len() > 254 {
        return fail("more than 255 characters long");
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return fail("missing @") };
    if local.len() > 64 {
        return fail("local part more than 64 characters long");
    }
    if let Some(quoted) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        if quoted.contains(['\\', '"']) {
            return fail("backslash and quote are not allowed within quoted local part");
        }
    } else {
        let is_known = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
        let wrong = match local {
            local if local.starts_with('.') => Some("starts with dot".to_owned()),
            local if local.ends_with('.') => Some("ends with dot".to_owned()),
            local if local.contains("..") => Some("consecutive dots".to_owned()),
            local => {
                local.chars().find(|c| !is_known(*c)).map(|c| format!("invalid character {}", quote_char(c)))
            }
        };
        if let Some(wrong) = wrong {
            return fail(wrong);
        }
    }
    match domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => match address.strip_prefix("IPv6:") {
            Some(address) => ipv6(address).map_err(|reason| format!("invalid ipv6 address: {reason}")),
            None => ipv4(address).map_err(|reason| format!("invalid ipv4 address: {reason}")),
        },
        None => hostname(domain).map_err(|reason| format!("invalid domain: {reason}")),
    }
}

fn date(text: &str) -> Checked {
    parse_time("2006-01-02", text).map(|_| ())
}

fn two(text: &str, what: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("invalid hour/min{what}"))
}

fn time(text: &str) -> Checked {
    if text.len() < 9 {
        return fail("less than 9 characters long");
    }
    let Some(clock) = text.get(..8).filter(|clock| clock.is_ascii()) else {
        return fail("invalid hour/min/sec");
    };
    if &clock[2..3] != ":" || &clock[5..6] != ":" {
        return fail("missing colon in correct place");
    }
    let (hour, minute, second) =
        (two(&clock[..2], "/sec")?, two(&clock[3..5], "/sec")?, two(&clock[6..], "/sec")?);
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..61).contains(&second) {
        return fail("hour/min/sec out of range");
    }
    let mut rest = &text[8..];
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() == fraction.len() {
            return fail("no digits in second fraction");
        }
    }
    let mut moment = hour * 60 + minute;
    if !matches!(rest, "z" | "Z") {
        if rest.len() != 6 || !rest.is_ascii() {
            return fail("offset must be 6 characters long");
        }
        let sign = match rest.as_bytes()[0] {
            b'+' => -1,
            b'-' => 1,
            _ => return fail("offset must begin with plus/minus"),
        };
        if &rest[3..4] != ":" {
            return fail("missing colon in offset in correct place");
        }
        let (hours, minutes) = (two(&rest[1..3], " in offset")?, two(&rest[4..], " in offset")?);
        if !(0..24).contains(&hours) || !(0..60).contains(&minutes) {
            return fail("hour/min in offset out of range");
        }
        moment += sign * (hours * 60 + minutes);
        if moment < 0 {
            moment += 24 * 60;
        }
    }
    match second {
        60 if moment != 24 * 60 - 1 => fail("invalid leap second"),
        _ => Ok(()),
    }
}

fn date_time(text: &str) -> Checked {
    if text.len() < 20 {
        return fail("less than 20 characters long");
    }
    if !matches!(text.as_bytes()[10], b't' | b'T') {
        return fail("11th character must be t or T");
    }
    let (day, clock) = (text.get(..10).unwrap_or_default(), text.get(11..).unwrap_or_default());
    date(day).map_err(|reason| format!("invalid date element: {reason}"))?;
    time(clock).map_err(|reason| format!("invalid time element: {reason}"))
}

fn uri(text: &str) -> Checked {
    match crate::functions::urls::is_url(text)? {
        true => Ok(()),
        false => fail("relative url"),
    }
}

fn template(text: &str) -> Checked {
    crate::functions::urls::is_url(text)?;
    for part in text.split(['?', '#']).next().unwrap_or_default().split('/') {
        let mut is_open = false;
        for brace in part.chars().filter(|c| matches!(c, '{' | '}')) {
            if is_open == (brace == '{') {
                return fail("nested curly braces");
            }
            is_open = !is_open;
        }
        if is_open {
            return fail("no matching closing brace");
        }
    }
    Ok(())
}

fn semver(text: &str) -> Checked {
    let check = |ids: &str, what: &str, is_numeric: bool| {
        for id in ids.split('.') {
            if id.is_empty() {
                return fail(format!("{what} identifier is empty"));
            }
            if let Some(other) = id.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '-')) {
                return fail(format!("invalid character {} in {what} identifier", quote_char(other)));
            }
            if is_numeric && id.len() > 1 && id.starts_with('0') && id.bytes().all(|b| b.is_ascii_digit()) {
                return fail(format!("{what} numeric identifier starts with zero"));
            }
        }
        Ok(())
    };
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    match build {
        Some("") => return fail("build is empty"),
        Some(build) => check(build, "build", false)?,
        None => {}
    }
    let (core, before) = rest.split_once('-').map_or((rest, None), |(core, before)| (core, Some(before)));
    before.map_or(Ok(()), |before| check(before, "pre-release", true))?;
    let numbers: Vec<&str> = core.split('.').collect();
    if numbers.len() != 3 {
        return fail("versionCore must have 3 numbers separated by dot");
    }
    for (number, name) in numbers.into_iter().zip(["major", "minor", "patch"]) {
        if number.is_empty() {
            return fail(format!("{name} is empty"));
        }
        if number.len() > 1 && number.starts_with('0') {
            return fail(format!("{name} starts with zero"));
        }
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return fail(format!("{name} contains non-digit"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the answers of real Helm.
    #[test]
    fn formats_are_checked_as_helm_does() {
        let cases = [
            ("date-time", "2020-01-01T00:00:00Z", ""),
            ("date-time", "2020-01-01", "less than 20 characters long"),
            ("date-time", "x", "less than 20 characters long"),
            (
                "date-time",
                "2020-13-01T00:00:00Z",
                r#"invalid date element: parsing time "2020-13-01": month out of range"#,
            ),
            ("date-time", "2020-01-01 00:00:00Z", "11th character must be t or T"),
            ("date-time", "2020-01-01T00:00:00+01:00", ""),
            ("time", "10:00:00Z", ""),
            ("time", "x", "less than 9 characters long"),
            ("time", "10:00:00", "less than 9 characters long"),
            ("email", "a@b.c", ""),
            ("email", "x", "missing @"),
            ("email", "a@b", ""),
            ("email", "@b", ""),
            ("hostname", "a.b", ""),
            ("hostname", "-a", "label starts with hyphen"),
            ("hostname", "a_b", "invalid character '_'"),
            ("hostname", "", "label must be 1 to 63 characters long"),
            ("hostname", "*.a.b", "invalid character '*'"),
            ("ipv4", "1.2.3.4", ""),
            ("ipv4", "1.2.3", "expected four decimals"),
            ("ipv4", "1.2.3.256", "decimal must be between 0 and 255"),
            ("ipv4", "01.2.3.4", "leading zeros"),
            ("uri", "http://a/b", ""),
            ("uri", "x", "relative url"),
            ("uri", "", "relative url"),
            ("uri", "//a", "relative url"),
            ("uri", "http://a b", r#"parse "http://a b": invalid character " " in host name"#),
            ("uri", "urn:x:y", ""),
            ("uri-template", "{a}", ""),
            ("uri-template", "{", "no matching closing brace"),
            ("uri-template", "a", ""),
            ("json-pointer", "/a", ""),
            ("json-pointer", "a", "not starting with /"),
            ("json-pointer", "", ""),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", ""),
            ("uuid", "x", "must have 5 elements"),
            ("duration", "P1D", ""),
            ("duration", "x", "must start with P"),
            ("duration", "1h", "must start with P"),
            ("idn-email", "a@b", ""),
            ("iri", "http://é", ""),
            ("relative-json-pointer", "0/a", ""),
            ("relative-json-pointer", "x", "must start with non-negative integer"),
            ("nope", "x", ""),
            ("idn-hostname", "é.b", ""),
            ("semver", "1.2", "versionCore must have 3 numbers separated by dot"),
        ];
        for (format, text, reason) in cases {
            assert_eq!(check(format, text).err().unwrap_or_default(), reason, "{format} {text}");
        }
    }
}
