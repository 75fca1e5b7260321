//! Hashes, passwords, ciphers and certificates.

mod certificate;
mod der;
mod dsa;
mod keys;
mod password;
mod primes;

use std::rc::Rc;

use aes::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use sha1::Digest as _;

use self::certificate::{Authority, Pair, Request};
use self::keys::PrivateKey;
use super::encoding::{BASE64, decode, encode};
use super::{Function, Ty, certifying, fault, fixed, int, text};
use crate::golang::bytes::{from_bytes, to_bytes};
use crate::gotemplate::exec::Fault;
use crate::random;
use crate::value::{Object, Value};

use Ty::{Certificate, Int, List, Str, Uint32};

/// Bits of the keys that certificates get.
const CERTIFICATE_BITS: usize = 2048;
const BLOCK: usize = 16;

/// What a key counts for among the steps of a rendering.
const KEY_STEPS: u64 = 2_000_000;
/// The same for a slow hash.
const HASH_STEPS: u64 = 1_000_000;

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("sha1sum", &[Str], |_, a| Ok(Value::str(hex(&sha1::Sha1::digest(to_bytes(text(a, 0))))))),
    fixed("sha256sum", &[Str], |_, a| Ok(Value::str(hex(&sha2::Sha256::digest(to_bytes(text(a, 0))))))),
    fixed("sha512sum", &[Str], |_, a| Ok(Value::str(hex(&sha2::Sha512::digest(to_bytes(text(a, 0))))))),
    fixed("adler32sum", &[Str], |_, a| Ok(Value::str(adler32(&to_bytes(text(a, 0))).to_string()))),
    fixed("randBytes", &[Int], |e, a| {
        let Ok(count) = usize::try_from(int(a, 0)) else {
            return fault("runtime error: makeslice: len out of range");
        };
        e.check_size(count)?;
        let mut bytes = vec![0; count];
        random::fill(&mut bytes);
        Ok(Value::str(encode(&bytes, BASE64, 6)))
    }),
    fixed("uuidv4", &[], |_, _| {
        let mut bytes = [0; 16];
        random::fill(&mut bytes);
        bytes[6] = bytes[6] & 0x0F | 0x40;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        let all = hex(&bytes);
        let parts = [&all[..8], &all[8..12], &all[12..16], &all[16..20], &all[20..]];
        Ok(Value::str(parts.join("-")))
    }),
    fixed("bcrypt", &[Str], |e, a| {
        e.step(HASH_STEPS)?;
        Ok(Value::str(password::bcrypt(&to_bytes(text(a, 0)))))
    }),
    fixed("htpasswd", &[Str, Str], |e, a| {
        e.step(HASH_STEPS)?;
        let name = text(a, 0);
        Ok(Value::str(match name.contains(':') {
            true => format!("invalid username: {name}"),
            false => format!("{name}:{}", password::bcrypt(&to_bytes(text(a, 1)))),
        }))
    }),
    fixed("derivePassword", &[Uint32, Str, Str, Str, Str], |e, a| {
        e.step(KEY_STEPS)?;
        Ok(Value::str(password::derive(int(a, 0) as u32, text(a, 1), text(a, 2), text(a, 3), text(a, 4))))
    }),
    fixed("encryptAES", &[Str, Str], |e, a| {
        e.check_size(text(a, 1).len() * 2)?;
        Ok(Value::str(encrypt(&to_bytes(text(a, 0)), &to_bytes(text(a, 1)))))
    }),
    fixed("decryptAES", &[Str, Str], |_, a| {
        decrypt(&to_bytes(text(a, 0)), text(a, 1)).map(Value::str).or_else(fault)
    }),
    fixed("genPrivateKey", &[Str], |e, a| {
        e.step(KEY_STEPS)?;
        let key = match text(a, 0) {
            "" | "rsa" => PrivateKey::rsa(4096),
            "ecdsa" => PrivateKey::p256(),
            "ed25519" => Ok(PrivateKey::ed25519()),
            "dsa" => return Ok(Value::str(dsa::key())),
            other => return Ok(Value::str(format!("Unknown type {other}"))),
        };
        let pem = key.and_then(|key| key.to_pem());
        Ok(Value::str(pem.unwrap_or_else(|error| format!("failed to generate private key: {error}"))))
    }),
    fixed("buildCustomCert", &[Str, Str], |_, a| custom(text(a, 0), text(a, 1)).or_else(fault)),
    certifying(fixed("genCA", &[Str, Int], |e, a| {
        e.step(KEY_STEPS)?;
        certificate(Request::authority(text(a, 0), int(a, 1)), None, None)
    })),
    fixed("genCAWithKey", &[Str, Int, Str], |_, a| {
        certificate(Request::authority(text(a, 0), int(a, 1)), None, Some(text(a, 2)))
    }),
    certifying(fixed("genSelfSignedCert", &[Str, List, List, Int], |e, a| {
        e.step(KEY_STEPS)?;
        certificate(server(a)?, None, None)
    })),
    fixed("genSelfSignedCertWithKey", &[Str, List, List, Int, Str], |_, a| {
        certificate(server(a)?, None, Some(text(a, 4)))
    }),
    certifying(fixed("genSignedCert", &[Str, List, List, Int, Certificate], |e, a| {
        e.step(KEY_STEPS)?;
        certificate(server(a)?, Some(&a[4]), None)
    })),
    fixed("genSignedCertWithKey", &[Str, List, List, Int, Certificate, Str], |_, a| {
        certificate(server(a)?, Some(&a[4]), Some(text(a, 5)))
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

fn server(args: &[Value]) -> Result<Request, Fault> {
    Request::server(text(args, 0), &args[1], &args[2], int(args, 3)).or_else(fault)
}

/// Makes a certificate with a given or a new key, signed by an authority or by itself.
fn certificate(request: Request, authority: Option<&Value>, key: Option<&str>) -> Result<Value, Fault> {
    let authority = match authority {
        Some(Value::Object(object)) => match &**object {
            Object::Certificate { cert, key } => Some(Authority::new(cert, key).or_else(fault)?),
            _ => None,
        },
        _ => None,
    };
    let key = match key {
        Some(pem) => {
            PrivateKey::from_pem(pem).or_else(|error| fault(format!("parsing private key: {error}")))?
        }
        None => PrivateKey::rsa(CERTIFICATE_BITS)
            .or_else(|error| fault(format!("error generating rsa key: {error}")))?,
    };
    let pair = match &authority {
        Some(authority) => request.signed_by(authority, &key),
        None => request.self_signed(&key),
    };
    pair.map(of_pair).or_else(fault)
}

fn of_pair(pair: Pair) -> Value {
    Value::object(Object::Certificate { cert: Rc::from(pair.cert), key: Rc::from(pair.key) })
}

fn custom(cert: &str, key: &str) -> Result<Value, String> {
    let cert = decode(cert, BASE64, 6).map_err(|_| "unable to decode base64 certificate")?;
    let key = decode(key, BASE64, 6).map_err(|_| "unable to decode base64 private key")?;
    let (cert, key) = (from_bytes(&cert).into_owned(), from_bytes(&key).into_owned());
    let (_, der) = der::from_pem(&cert).ok_or("unable to decode certificate")?;
    certificate::subject_of(&der)
        .ok_or("error parsing certificate: decodedCert.Bytes: x509: malformed certificate")?;
    PrivateKey::from_pem(&key).map_err(|error| format!("error parsing private key: {error}"))?;
    Ok(of_pair(Pair { cert, key }))
}

/// The password cut or filled up to 32 bytes is the key.
fn cipher(password: &[u8]) -> aes::Aes256 {
    let mut key = [0; 32];
    let length = password.len().min(32);
    key[..length].copy_from_slice(&password[..length]);
    aes::Aes256::new(&key.into())
}

fn encrypt(password: &[u8], plain: &[u8]) -> String {
    if plain.is_empty() {
        return String::new();
    }
    let cipher = cipher(password);
    let padding = BLOCK - plain.len() % BLOCK;
    let mut content = plain.to_vec();
    content.resize(plain.len() + padding, padding as u8);
    let mut last = [0; BLOCK];
    random::fill(&mut last);
    let mut out = last.to_vec();
    for block in content.chunks(BLOCK) {
        let mut mixed = [0; BLOCK];
        for (i, byte) in block.iter().enumerate() {
            mixed[i] = byte ^ last[i];
        }
        let mut block = mixed.into();
        cipher.encrypt_block(&mut block);
        last = block.into();
        out.extend_from_slice(&last);
    }
    encode(&out, BASE64, 6)
}

fn decrypt(password: &[u8], encrypted: &str) -> Result<String, String> {
    if encrypted.is_empty() {
        return Ok(String::new());
    }
    let bytes =
        decode(encrypted, BASE64, 6).map_err(|at| format!("illegal base64 data at input byte {at}"))?;
    let Some((iv, content)) = bytes.split_first_chunk::<BLOCK>() else {
        return Err(format!("runtime error: slice bounds out of range [:16] with capacity {}", bytes.len()));
    };
    if content.len() % BLOCK != 0 {
        return Err("crypto/cipher: input not full blocks".into());
    }
    let cipher = cipher(password);
    let mut last = *iv;
    let mut out = Vec::with_capacity(content.len());
    for chunk in content.chunks(BLOCK) {
        let mut current = [0; BLOCK];
        current.copy_from_slice(chunk);
        let mut block = current.into();
        cipher.decrypt_block(&mut block);
        let plain: [u8; BLOCK] = block.into();
        out.extend(plain.iter().zip(last).map(|(byte, mask)| byte ^ mask));
        last = current;
    }
    let padding = usize::from(out.last().copied().unwrap_or(0));
    match out.len().checked_sub(padding) {
        Some(length) => Ok(from_bytes(&out[..length]).into_owned()),
        None => {
            let end = out.len() as i64 - padding as i64;
            Err(format!("runtime error: slice bounds out of range [:{end}]"))
        }
    }
}
