//! Hashes, passwords, ciphers and certificates.

use sha1::Digest as _;

use super::{Function, Ty, fixed, int, text};
use crate::golang::bytes::to_bytes;
use crate::random;
use crate::value::Value;

use Ty::{Int, Str};

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("sha1sum", &[Str], |_, a| Ok(Value::str(hex(&sha1::Sha1::digest(to_bytes(text(a, 0))))))),
    fixed("sha256sum", &[Str], |_, a| Ok(Value::str(hex(&sha2::Sha256::digest(to_bytes(text(a, 0))))))),
    fixed("sha512sum", &[Str], |_, a| Ok(Value::str(hex(&sha2::Sha512::digest(to_bytes(text(a, 0))))))),
    fixed("adler32sum", &[Str], |_, a| Ok(Value::str(adler32(&to_bytes(text(a, 0))).to_string()))),
    fixed("randBytes", &[Int], |e, a| {
        let count = usize::try_from(int(a, 0)).unwrap_or(0);
        e.check_size(count)?;
        let mut bytes = vec![0; count];
        random::fill(&mut bytes);
        Ok(Value::str(super::encoding::encode(&bytes, super::encoding::BASE64, 6)))
    }),
    fixed("uuidv4", &[], |_, _| {
        let mut bytes = [0; 16];
        random::fill(&mut bytes);
        bytes[6] = bytes[6] & 0x0F | 0x40;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        let all = hex(&bytes);
        Ok(Value::str(format!(
            "{}-{}-{}-{}-{}",
            &all[..8],
            &all[8..12],
            &all[12..16],
            &all[16..20],
            &all[20..]
        )))
    }),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    b << 16 | a
}
