//! Private keys: made, read, written, and used to sign.

use ed25519_dalek::Signer as _;
use num_bigint::BigUint;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::{BoxedUint, Pkcs1v15Sign, PrivateKey as RsaPrivateKey};
use sha2::{Digest as _, Sha256};

use super::der::{
    INTEGER, OCTET_STRING, OID, bit_string, from_pem, integer, read, read_all, sequence, tagged, to_pem,
};
use super::primes::prime;

const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const SHA256_WITH_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B];
const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const PRIME256V1: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const ECDSA_WITH_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];
const NULL: &[u8] = &[0x05, 0x00];

/// The usual public exponent.
const EXPONENT: u32 = 65_537;

/// A number as the RSA crate wants it.
fn boxed(number: &BigUint) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(&number.to_bytes_be())
}

/// A key of one of the kinds that templates can make.
pub(super) enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
    /// Can be read, but Go's certificates do without it.
    Dsa,
}

const NO_SIGNER: &str =
    "error creating certificate: x509: certificate private key does not implement crypto.Signer";

impl PrivateKey {
    pub(super) fn rsa(bits: usize) -> Result<Self, String> {
        let half = bits as u64 / 2;
        loop {
            let (p, q) = (prime(half, EXPONENT), prime(half, EXPONENT));
            if p != q {
                let key = RsaPrivateKey::from_p_q(boxed(&p), boxed(&q), EXPONENT.into());
                return key.map(|key| Self::Rsa(Box::new(key))).map_err(|e| e.to_string());
            }
        }
    }

    pub(super) fn p256() -> Result<Self, String> {
        // A random number is a key unless it is 0 or too large, which never happens twice.
        for _ in 0..8 {
            let mut bytes = [0; 32];
            crate::random::fill(&mut bytes);
            if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&bytes) {
                return Ok(Self::P256(key));
            }
        }
        Err("no random numbers".into())
    }

    pub(super) fn ed25519() -> Self {
        let mut bytes = [0; 32];
        crate::random::fill(&mut bytes);
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&bytes))
    }

    pub(super) fn from_pem(text: &str) -> Result<Self, String> {
        let (label, der) = from_pem(text).ok_or("no PEM data in input")?;
        match label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(&der).map_err(|e| format!("decoding PEM as PKCS#8: {e}")),
            "RSA PRIVATE KEY" => RsaPrivateKey::from_pkcs1_der(&der)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|e| format!("parsing RSA private key from PEM: {e}")),
            "EC PRIVATE KEY" => {
                Self::from_sec1(&der).ok_or_else(|| "parsing EC private key from PEM: malformed key".into())
            }
            "DSA PRIVATE KEY" => Ok(Self::Dsa),
            label => match label.strip_suffix(" PRIVATE KEY") {
                Some(kind) => Err(format!("invalid private key type {kind}")),
                None => Err(format!("no private key data in PEM block of type {label}")),
            },
        }
    }

    fn from_sec1(der: &[u8]) -> Option<Self> {
        let parts = read_all(read(der)?.content)?;
        let secret = parts.iter().find(|part| part.tag == OCTET_STRING)?;
        p256::ecdsa::SigningKey::from_slice(secret.content).ok().map(Self::P256)
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, String> {
        let malformed = || String::from("malformed key");
        let parts = read(der).and_then(|outer| read_all(outer.content)).ok_or_else(malformed)?;
        let [_, algorithm, secret, ..] = parts.as_slice() else { return Err(malformed()) };
        let algorithm = read(algorithm.content).ok_or_else(malformed)?.content;
        match algorithm {
            RSA_ENCRYPTION => RsaPrivateKey::from_pkcs1_der(secret.content)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|e| e.to_string()),
            EC_PUBLIC_KEY => Self::from_sec1(secret.content).ok_or_else(malformed),
            ED25519 => {
                let seed = read(secret.content).and_then(|seed| <[u8; 32]>::try_from(seed.content).ok());
                seed.map(|seed| Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed)))
                    .ok_or_else(malformed)
            }
            _ => Err("unknown key algorithm".into()),
        }
    }

    pub(super) fn to_pem(&self) -> Result<String, String> {
        Ok(match self {
            Self::Rsa(key) => {
                let der = key.to_pkcs1_der().map_err(|e| e.to_string())?;
                to_pem("RSA PRIVATE KEY", der.as_bytes())
            }
            Self::P256(key) => {
                let der = sequence(&[
                    &tagged(INTEGER, &[1]),
                    &tagged(OCTET_STRING, &key.to_bytes()),
                    &tagged(0xA0, &tagged(OID, PRIME256V1)),
                    &tagged(0xA1, &bit_string(&self.public_bits()?, 0)),
                ]);
                to_pem("EC PRIVATE KEY", &der)
            }
            Self::Ed25519(key) => {
                let der = sequence(&[
                    &integer(&[0]),
                    &sequence(&[&tagged(OID, ED25519)]),
                    &tagged(OCTET_STRING, &tagged(OCTET_STRING, key.as_bytes())),
                ]);
                to_pem("PRIVATE KEY", &der)
            }
            Self::Dsa => return Err(NO_SIGNER.into()),
        })
    }

    /// The public key as it stands in a certificate's bit string.
    pub(super) fn public_bits(&self) -> Result<Vec<u8>, String> {
        Ok(match self {
            Self::Rsa(key) => {
                let der = key.to_public_key().to_pkcs1_der().map_err(|e| e.to_string())?;
                der.as_bytes().to_vec()
            }
            Self::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            Self::Dsa => return Err(NO_SIGNER.into()),
        })
    }

    /// The public key with its algorithm.
    pub(super) fn public_info(&self) -> Result<Vec<u8>, String> {
        let algorithm = match self {
            Self::Rsa(_) => sequence(&[&tagged(OID, RSA_ENCRYPTION), NULL]),
            Self::P256(_) => sequence(&[&tagged(OID, EC_PUBLIC_KEY), &tagged(OID, PRIME256V1)]),
            Self::Ed25519(_) => sequence(&[&tagged(OID, ED25519)]),
            Self::Dsa => return Err(NO_SIGNER.into()),
        };
        Ok(sequence(&[&algorithm, &bit_string(&self.public_bits()?, 0)]))
    }

    /// The algorithm that [`Self::sign`] uses.
    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => sequence(&[&tagged(OID, SHA256_WITH_RSA), NULL]),
            Self::P256(_) => sequence(&[&tagged(OID, ECDSA_WITH_SHA256)]),
            Self::Ed25519(_) => sequence(&[&tagged(OID, ED25519)]),
            // Nothing is signed with it.
            Self::Dsa => Vec::new(),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Rsa(key) => {
                key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message)).map_err(|e| e.to_string())
            }
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature =
                    key.sign_prehash(&Sha256::digest(message)).map_err(|e| e.to_string())?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(message).to_bytes().to_vec()),
            Self::Dsa => Err(NO_SIGNER.into()),
        }
    }
}
