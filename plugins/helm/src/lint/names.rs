//! Names of objects by the rules of Kubernetes.

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

/// What Helm says about an object's name.
pub(super) fn check(kind: &str, name: &str) -> Result<(), String> {
    let problems = match kind.to_lowercase().as_str() {
        "service" => dns_1035_label(name),
        "namespace" => dns_label(name),
        "certificatesigningrequest" => Vec::new(),
        "role" | "clusterrole" | "rolebinding" | "clusterrolebinding" => path_segment(name),
        _ => dns_subdomain(name),
    };
    let shown = crate::text::quote(name);
    let problems: Vec<String> = problems
        .into_iter()
        .map(|problem| format!("metadata.name: Invalid value: {shown}: {problem}"))
        .collect();
    let list = match problems.as_slice() {
        [] => return Ok(()),
        [single] => single.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    Err(format!("object name does not conform to Kubernetes naming requirements: {shown}: {list}"))
}

fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => {
            is_inner(*first) && is_inner(*last) && bytes.iter().all(|byte| is_inner(*byte) || *byte == b'-')
        }
        _ => false,
    }
}

fn too_long(name: &str, limit: usize) -> Option<String> {
    (name.len() > limit).then(|| format!("must be no more than {limit} bytes"))
}

fn dns_subdomain(name: &str) -> Vec<String> {
    let mut problems: Vec<String> = too_long(name, 253).into_iter().collect();
    if !name.split('.').all(is_label) {
        problems.push(format!(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '{LABEL}(\\.{LABEL})*')"
        ));
    }
    problems
}

fn dns_label(name: &str) -> Vec<String> {
    let mut problems: Vec<String> = too_long(name, 63).into_iter().collect();
    if !is_label(name) {
        problems.push(match name.split('.').all(is_label) {
            true => "must not contain dots".to_owned(),
            false => format!(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                 and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                 '{LABEL}')"
            ),
        });
    }
    problems
}

fn dns_1035_label(name: &str) -> Vec<String> {
    let mut problems: Vec<String> = too_long(name, 63).into_iter().collect();
    if !is_label(name) || !name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        problems.push(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
             character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
             validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
                .to_owned(),
        );
    }
    problems
}

fn path_segment(name: &str) -> Vec<String> {
    if name == "." || name == ".." {
        return vec![format!("may not be '{name}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|sign| name.contains(*sign))
        .map(|sign| format!("may not contain '{sign}'"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn names_follow_their_kinds() {
        let long = "a".repeat(64);
        let results: Vec<String> = [
            ("Pod", "a.b"),
            ("Pod", "A"),
            ("Service", "1a"),
            ("Service", long.as_str()),
            ("Namespace", "a.b"),
            ("Namespace", "a_b"),
            ("ClusterRole", "system:a"),
            ("Role", "a/b%"),
            ("Role", ".."),
        ]
        .iter()
        .map(|(kind, name)| check(kind, name).err().unwrap_or_default())
        .collect();
        insta::assert_snapshot!(results.join("\n"), @r#"
        object name does not conform to Kubernetes naming requirements: "A": metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        object name does not conform to Kubernetes naming requirements: "1a": metadata.name: Invalid value: "1a": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
        object name does not conform to Kubernetes naming requirements: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": metadata.name: Invalid value: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": must be no more than 63 bytes
        object name does not conform to Kubernetes naming requirements: "a.b": metadata.name: Invalid value: "a.b": must not contain dots
        object name does not conform to Kubernetes naming requirements: "a_b": metadata.name: Invalid value: "a_b": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')

        object name does not conform to Kubernetes naming requirements: "a/b%": [metadata.name: Invalid value: "a/b%": may not contain '/', metadata.name: Invalid value: "a/b%": may not contain '%']
        object name does not conform to Kubernetes naming requirements: "..": metadata.name: Invalid value: "..": may not be '..'
        "#);
    }
}
