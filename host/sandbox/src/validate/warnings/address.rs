//! Addresses that are valid only by old, sloppy rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Parses an address as old rules did: leading zeros are fine.
pub(crate) fn sloppy_ip(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    let parts: Vec<&str> = text.split('.').collect();
    let [a, b, c, d] = parts[..] else { return None };
    let number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u64>().ok().filter(|n| digits && *n <= 255).and_then(|n| u8::try_from(n).ok())
    };
    Some(IpAddr::V4(Ipv4Addr::new(number(a)?, number(b)?, number(c)?, number(d)?)))
}

/// Parses a network as old rules did: address and length of the prefix.
pub(crate) fn sloppy_cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/')?;
    let address = sloppy_ip(address)?;
    if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let bits: u8 = bits.parse().ok()?;
    (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, bits))
}

/// An IPv4 address written as IPv6 counts as IPv4.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
        four => four,
    }
}

fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_some())
}

/// Warns of an address that only old rules allow, or that has a shorter text.
pub(crate) fn of_ip(text: &str, at: &str, warnings: &mut Vec<String>) {
    let Some(address) = sloppy_ip(text) else { return };
    match text.parse::<IpAddr>() {
        Ok(strict) if !is_mapped(strict) => {
            let shown = strict.to_string();
            if strict.is_ipv6() && shown != text {
                warnings.push(format!(
                    "{at}: IPv6 address {text:?} should be in RFC 5952 canonical format ({shown:?})"
                ));
            }
        }
        _ => {
            let shown = plain(address).to_string();
            warnings.push(format!("{at}: non-standard IP address {text:?} is invalid: use {shown:?}"));
        }
    }
}

/// The first address of a network.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(four) & mask))
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(six) & mask))
        }
    }
}

/// Warns of a network that is ambiguous, that only old rules allow, or that has a shorter text.
pub(crate) fn of_cidr(text: &str, at: &str, warnings: &mut Vec<String>) {
    let Some((address, bits)) = sloppy_cidr(text) else { return };
    let before = warnings.len();
    let network = format!("{}/{bits}", masked(address, bits));
    if masked(address, bits) != address {
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let single = format!("{}/{whole}", plain(address));
        warnings.push(format!(
            "{at}: CIDR value {text:?} is ambiguous in this context (should be {network:?} or {single:?}?)"
        ));
    }
    let strict = text.split_once('/').and_then(|(ip, bits)| {
        let zeros = bits.len() > 1 && bits.starts_with('0');
        ip.parse::<IpAddr>().ok().filter(|ip| !zeros && !is_mapped(*ip))
    });
    if strict.is_none() {
        warnings.push(format!("{at}: non-standard CIDR value {text:?} is invalid: use {network:?}"));
    }
    let shown = format!("{address}/{bits}");
    if warnings.len() == before && address.is_ipv6() && shown != text {
        warnings.push(format!(
            "{at}: IPv6 CIDR value {text:?} should be in RFC 5952 canonical format ({shown:?})"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::{of_cidr, of_ip};

    fn ip(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        of_ip(text, "f", &mut out);
        out
    }

    fn cidr(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        of_cidr(text, "f", &mut out);
        out
    }

    #[test]
    fn warns_of_texts_that_are_not_canonical() {
        assert!(ip("10.1.2.3").is_empty() && ip("2001:db8::1").is_empty() && ip("text").is_empty());
        assert_eq!(
            ip("010.1.2.3"),
            ["f: non-standard IP address \"010.1.2.3\" is invalid: use \"10.1.2.3\""]
        );
        assert!(ip("2001:DB8::1")[0].contains("RFC 5952"));
        assert_eq!(
            ip("::ffff:1.2.3.4"),
            ["f: non-standard IP address \"::ffff:1.2.3.4\" is invalid: use \"1.2.3.4\""]
        );
        assert!(cidr("10.0.0.0/8").is_empty() && cidr("10.0.0.0/99").is_empty());
        assert_eq!(
            cidr("10.1.0.0/8"),
            [
                "f: CIDR value \"10.1.0.0/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.1.0.0/32\"?)"
            ]
        );
        assert!(cidr("10.0.0.0/08")[0].contains("non-standard"));
    }
}
