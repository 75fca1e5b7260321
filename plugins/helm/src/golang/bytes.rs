//! Texts that are no UTF-8: Go's strings hold any bytes, ours keep stray ones as private characters.

use std::borrow::Cow;

/// Stray byte `b` is kept as this plus `b`; the block is for private use and nobody's.
const STRAY: u32 = 0x10_FF00;

/// Bytes as a text that [`to_bytes`] turns back.
pub fn from_bytes(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut text = String::with_capacity(bytes.len());
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                text.extend(chunk.invalid().iter().filter_map(|b| char::from_u32(STRAY + u32::from(*b))));
            }
            Cow::Owned(text)
        }
    }
}

/// The byte that a character stands for, if it is no text.
pub fn stray(c: char) -> Option<u8> {
    u32::from(c).checked_sub(STRAY).and_then(|n| u8::try_from(n).ok()).filter(|b| *b >= 0x80)
}

fn has_stray(text: &str) -> bool {
    // All of them start with this byte in UTF-8.
    text.as_bytes().contains(&0xF4) && text.chars().any(|c| stray(c).is_some())
}

/// The bytes that Go's string would hold.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !has_stray(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match stray(c) {
            Some(b) => bytes.push(b),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// The text as it leaves: stray bytes become the replacement character.
pub fn printable(text: String) -> String {
    if !has_stray(&text) {
        return text;
    }
    String::from_utf8_lossy(&to_bytes(&text)).into_owned()
}
