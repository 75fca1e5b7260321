//! The few bits of DER and PEM that keys and certificates need.

use crate::functions::encoding::{BASE64, encode};

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A tag, a length and the content.
pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let significant = &bytes[bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len() - 1)..];
        out.push(0x80 | significant.len() as u8);
        out.extend_from_slice(significant);
    }
    out.extend_from_slice(content);
    out
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(SEQUENCE, &parts.concat())
}

/// A positive number from its big-endian bytes.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len().saturating_sub(1));
    let mut content = bytes[start..].to_vec();
    if content.first().is_none_or(|b| *b >= 0x80) {
        content.insert(0, 0);
    }
    tagged(INTEGER, &content)
}

pub(super) fn bit_string(bytes: &[u8], unused: u8) -> Vec<u8> {
    tagged(BIT_STRING, &[&[unused], bytes].concat())
}

/// One element: its tag, its content, the whole of it, and what follows.
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
    pub(super) rest: &'a [u8],
}

pub(super) fn read(bytes: &[u8]) -> Option<Element<'_>> {
    let (&tag, &first) = (bytes.first()?, bytes.get(1)?);
    let (length, head) = if first < 0x80 {
        (usize::from(first), 2)
    } else {
        let count = usize::from(first & 0x7F);
        if count == 0 || count > 4 {
            return None;
        }
        let length = bytes.get(2..2 + count)?.iter().fold(0, |n, b| n << 8 | usize::from(*b));
        (length, 2 + count)
    };
    let content = bytes.get(head..head.checked_add(length)?)?;
    Some(Element { tag, content, whole: &bytes[..head + length], rest: &bytes[head + length..] })
}

/// The elements of a content, in order.
pub(super) fn read_all(mut bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    while !bytes.is_empty() {
        let element = read(bytes)?;
        bytes = element.rest;
        elements.push(element);
    }
    Some(elements)
}

/// A block with its label.
pub(super) fn to_pem(label: &str, der: &[u8]) -> String {
    let body = encode(der, BASE64, 6);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// The first block of a text: its label and content.
pub(super) fn from_pem(text: &str) -> Option<(String, Vec<u8>)> {
    let (_, after) = text.split_once("-----BEGIN ")?;
    let (label, after) = after.split_once("-----")?;
    let (body, _) = after.split_once(&format!("-----END {label}-----"))?;
    let body = match body.rsplit_once("\n\n") {
        // Headers stand before an empty line.
        Some((head, body)) if head.contains(':') => body,
        _ => body,
    };
    let clean: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = crate::functions::encoding::decode(&clean, BASE64, 6).ok()?;
    Some((label.to_owned(), bytes))
}
