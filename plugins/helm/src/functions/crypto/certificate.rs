//! Certificates with the fields and extensions that Sprig gives them.

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

use super::der::{
    INTEGER, OCTET_STRING, OID, SEQUENCE, SET, bit_string, from_pem, integer, read, read_all, sequence,
    tagged, to_pem,
};
use super::keys::PrivateKey;
use crate::golang::time::GoTime;
use crate::value::Value;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];
const EXT_KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x25];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x13];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1D, 0x0E];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1D, 0x23];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x11];
const SERVER_AUTH: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTH: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
const TRUE: &[u8] = &[0x01, 0x01, 0xFF];
const DAY: i64 = 86_400;

/// What a certificate is asked to say.
pub(super) struct Request {
    subject: Vec<u8>,
    ips: Vec<IpAddr>,
    names: Vec<String>,
    days: i64,
    is_ca: bool,
}

/// The issuer of a certificate.
pub(super) struct Authority {
    subject: Vec<u8>,
    key_id: Vec<u8>,
    key: PrivateKey,
}

/// A certificate and its key, as PEM.
pub(super) struct Pair {
    pub(super) cert: String,
    pub(super) key: String,
}

impl Request {
    pub(super) fn authority(name: &str, days: i64) -> Self {
        Self { subject: subject(name), ips: Vec::new(), names: Vec::new(), days, is_ca: true }
    }

    pub(super) fn server(name: &str, ips: &Value, names: &Value, days: i64) -> Result<Self, String> {
        let mut addresses = Vec::new();
        for ip in ips.items().unwrap_or_default().iter() {
            let Value::Str(text) = ip else {
                let shown = crate::golang::printf::text_of(ip);
                return Err(format!("error parsing ip: {shown} is not a string"));
            };
            addresses.push(text.parse().map_err(|_| format!("error parsing ip: {text}"))?);
        }
        let mut hosts = Vec::new();
        for host in names.items().unwrap_or_default().iter() {
            let Value::Str(text) = host else {
                let shown = crate::golang::printf::text_of(host);
                return Err(format!("error processing alternate dns name: {shown} is not a string"));
            };
            if !text.is_ascii() {
                let quoted = crate::text::quote(text);
                return Err(format!(
                    "error creating certificate: x509: {quoted} cannot be encoded as an IA5String"
                ));
            }
            hosts.push(text.to_string());
        }
        Ok(Self { subject: subject(name), ips: addresses, names: hosts, days, is_ca: false })
    }

    /// A certificate signed by its own key.
    pub(super) fn self_signed(&self, key: &PrivateKey) -> Result<Pair, String> {
        self.issue(key, key, &self.subject, &[])
    }

    /// A certificate signed by an authority.
    pub(super) fn signed_by(&self, authority: &Authority, key: &PrivateKey) -> Result<Pair, String> {
        self.issue(key, &authority.key, &authority.subject, &authority.key_id)
    }

    fn issue(
        &self,
        key: &PrivateKey,
        signer: &PrivateKey,
        issuer: &[u8],
        issuer_key_id: &[u8],
    ) -> Result<Pair, String> {
        let mut serial = [0; 16];
        crate::random::fill(&mut serial);
        let now = GoTime::now();
        let until = GoTime::from_unix(now.unix.saturating_add(self.days.saturating_mul(DAY)));
        let algorithm = signer.signature_algorithm();
        let body = sequence(&[
            &tagged(0xA0, &tagged(INTEGER, &[2])),
            &integer(&serial),
            &algorithm,
            issuer,
            &sequence(&[&time(&now)?, &time(&until)?]),
            &self.subject,
            &key.public_info()?,
            &tagged(0xA3, &tagged(SEQUENCE, &self.extensions(key, issuer, issuer_key_id)?)),
        ]);
        let signature = signer.sign(&body)?;
        let der = sequence(&[&body, &algorithm, &bit_string(&signature, 0)]);
        Ok(Pair { cert: to_pem("CERTIFICATE", &der), key: key.to_pem()? })
    }

    fn extensions(&self, key: &PrivateKey, issuer: &[u8], issuer_key_id: &[u8]) -> Result<Vec<u8>, String> {
        // Signatures and key encipherment, and for authorities the signing of certificates.
        let usage = if self.is_ca { bit_string(&[0xA4], 2) } else { bit_string(&[0xA0], 5) };
        let constraints = if self.is_ca { sequence(&[TRUE]) } else { sequence(&[]) };
        let purposes = sequence(&[&tagged(OID, SERVER_AUTH), &tagged(OID, CLIENT_AUTH)]);
        let mut all = vec![
            extension(KEY_USAGE, true, &usage),
            extension(EXT_KEY_USAGE, false, &purposes),
            extension(BASIC_CONSTRAINTS, true, &constraints),
        ];
        if self.is_ca {
            let id = &Sha256::digest(key.public_bits()?)[..20];
            all.push(extension(SUBJECT_KEY_ID, false, &tagged(OCTET_STRING, id)));
        }
        if issuer != self.subject && !issuer_key_id.is_empty() {
            all.push(extension(AUTHORITY_KEY_ID, false, &sequence(&[&tagged(0x80, issuer_key_id)])));
        }
        let mut names: Vec<Vec<u8>> = self.names.iter().map(|name| tagged(0x82, name.as_bytes())).collect();
        names.extend(self.ips.iter().map(|ip| match ip {
            IpAddr::V4(ip) => tagged(0x87, &ip.octets()),
            IpAddr::V6(ip) => tagged(0x87, &ip.octets()),
        }));
        if !names.is_empty() {
            all.push(extension(SUBJECT_ALT_NAME, false, &tagged(SEQUENCE, &names.concat())));
        }
        Ok(all.concat())
    }
}

fn extension(id: &[u8], critical: bool, content: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { TRUE } else { &[] };
    sequence(&[&tagged(OID, id), critical, &tagged(OCTET_STRING, content)])
}

/// A name of nothing but a common name.
fn subject(name: &str) -> Vec<u8> {
    if name.is_empty() {
        return sequence(&[]);
    }
    let printable = name.bytes().all(|b| b.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(&b));
    let text = tagged(if printable { 0x13 } else { 0x0C }, name.as_bytes());
    sequence(&[&tagged(SET, &sequence(&[&tagged(OID, COMMON_NAME), &text]))])
}

fn time(time: &GoTime) -> Result<Vec<u8>, String> {
    match time.civil().year {
        1950..2050 => Ok(tagged(0x17, time.format("060102150405Z").as_bytes())),
        0..10_000 => Ok(tagged(0x18, time.format("20060102150405Z").as_bytes())),
        _ => Err("error creating certificate: x509: cannot encode a year beyond 9999".into()),
    }
}

impl Authority {
    /// Reads what a template has in its hands.
    pub(super) fn new(cert: &str, key: &str) -> Result<Self, String> {
        let (_, der) = from_pem(cert).ok_or("unable to decode certificate")?;
        let (subject, key_id) = subject_of(&der)
            .ok_or("error parsing certificate: decodedSignerCert.Bytes: x509: malformed certificate")?;
        let key = PrivateKey::from_pem(key).map_err(|e| format!("error parsing private key: {e}"))?;
        Ok(Self { subject, key_id, key })
    }
}

/// The subject of a certificate as it is written, and its key id if it has one.
pub(super) fn subject_of(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let body = read(read(der)?.content)?;
    let mut parts = read_all(body.content)?.into_iter().peekable();
    if parts.peek()?.tag == 0xA0 {
        parts.next();
    }
    // Serial number, algorithm, issuer, validity.
    let subject = parts.nth(4)?.whole.to_vec();
    let mut key_id = Vec::new();
    if let Some(extensions) = parts.find(|part| part.tag == 0xA3) {
        for extension in read_all(read(extensions.content)?.content)? {
            let fields = read_all(extension.content)?;
            if fields.first()?.content == SUBJECT_KEY_ID {
                key_id = read(fields.last()?.content)?.content.to_vec();
            }
        }
    }
    Some((subject, key_id))
}
