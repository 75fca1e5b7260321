//! Secrets at rest: sealed with XChaCha20-Poly1305 under one key of the server, bound to the row they belong to.
//!
//! The key is `D/secret.key` (32 bytes, mode 0600) or the file that `OSC_KEY_FILE` names. It is in no backup. A sealed
//! value is `version (1) | key id (4) | nonce (24) | ciphertext and tag`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::error::{Error, Result};

const VERSION: u8 = 1;
const KEY_ID: usize = 4;
const NONCE: usize = 24;
/// A key file holds the key in use and the ones before it.
const MOST_KEYS: usize = 64;
const HEADER: usize = 1 + KEY_ID + NONCE;

/// Seals and unseals; also makes keyed hashes. One per server.
pub struct Sealer {
    key: [u8; 32],
    id: [u8; KEY_ID],
    cipher: XChaCha20Poly1305,
    /// Earlier keys, which only open what they sealed.
    older: Vec<([u8; KEY_ID], XChaCha20Poly1305)>,
}

impl Sealer {
    /// Reads the key; makes `secret.key` in the data directory when there is none yet.
    pub fn open(data_dir: &Path, key_file: Option<PathBuf>) -> anyhow::Result<Sealer> {
        let path = key_file.clone().unwrap_or_else(|| data_dir.join("secret.key"));
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && key_file.is_none() => {
                create(&path)?
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read the key file `{}`", path.display()));
            }
        };
        let (keys, rest) = bytes.as_chunks::<32>();
        let Some((key, older)) = keys.split_first().filter(|_| rest.is_empty() && keys.len() <= MOST_KEYS)
        else {
            bail!("the key file `{}` has {} bytes, 32 for each key are needed", path.display(), bytes.len());
        };
        refuse_open_mode(&path)?;
        let mut sealer = Sealer::new(*key);
        sealer.older =
            older.iter().map(|key| Sealer::new(*key)).map(|older| (older.id, older.cipher)).collect();
        Ok(sealer)
    }

    /// Puts a new key in front of the others in the key file. What was sealed before still opens; plans that were
    /// shown before must be made again.
    pub fn rotate(data_dir: &Path, key_file: Option<PathBuf>) -> anyhow::Result<PathBuf> {
        let path = key_file.unwrap_or_else(|| data_dir.join("secret.key"));
        let before =
            fs::read(&path).with_context(|| format!("cannot read the key file `{}`", path.display()))?;
        if before.is_empty() || before.len() % 32 != 0 || before.len() / 32 >= MOST_KEYS {
            bail!("the key file `{}` has {} bytes and cannot take another key", path.display(), before.len());
        }
        let mut keys = rand::random::<[u8; 32]>().to_vec();
        keys.extend_from_slice(&before);
        write_private(&path, &keys)
            .with_context(|| format!("cannot write the key file `{}`", path.display()))?;
        Ok(path)
    }

    /// A sealer for a key at hand.
    pub fn new(key: [u8; 32]) -> Sealer {
        let id = hmac(&key, b"osc key id");
        let cipher = XChaCha20Poly1305::new(&Key::from(hmac(&key, b"osc sealing key")));
        Sealer { key, id: [id[0], id[1], id[2], id[3]], cipher, older: Vec::new() }
    }

    /// Encrypts `plain` for the row that `identity` names (`cluster/kubeconfig/prod`).
    pub fn seal(&self, identity: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: plain, aad: identity.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.expect("sealing fails only beyond 256 GiB");
        let mut blob = Vec::with_capacity(HEADER + sealed.len());
        blob.push(VERSION);
        blob.extend_from_slice(&self.id);
        blob.extend_from_slice(&nonce);
        blob.extend_from_slice(&sealed);
        blob
    }

    /// Decrypts what [`Sealer::seal`] made for the same identity under the same key.
    pub fn unseal(&self, identity: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let fail = |reason: String| Error::Internal(anyhow::anyhow!("cannot unseal `{identity}`: {reason}"));
        if sealed.len() < HEADER || sealed[0] != VERSION {
            return Err(fail("not a sealed value".into()));
        }
        let id = &sealed[1..1 + KEY_ID];
        let older = self.older.iter().find(|(known, _)| known == id).map(|(_, cipher)| cipher);
        let Some(cipher) = Some(&self.cipher).filter(|_| id == self.id).or(older) else {
            return Err(fail(format!(
                "it was sealed with key {}, the server has key {}; restore that key or enter the value again",
                hex(id),
                hex(&self.id),
            )));
        };
        let nonce =
            <[u8; NONCE]>::try_from(&sealed[1 + KEY_ID..HEADER]).expect("the length is checked above");
        let payload = Payload { msg: &sealed[HEADER..], aad: identity.as_bytes() };
        cipher
            .decrypt(&XNonce::from(nonce), payload)
            .map_err(|_| fail("it was changed, or belongs to another row".into()))
    }

    /// HMAC-SHA-256 under a key derived for `label`: plan hashes, seeds of virtual randomness.
    pub fn mac(&self, label: &str, data: &[u8]) -> [u8; 32] {
        hmac(&hmac(&self.key, format!("osc mac {label}").as_bytes()), data)
    }
}

fn hmac(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn create(path: &Path) -> anyhow::Result<Vec<u8>> {
    let key: [u8; 32] = rand::random();
    write_private(path, &key).with_context(|| format!("cannot write the key file `{}`", path.display()))?;
    Ok(key.to_vec())
}

/// Writes a file that only its owner can read, whole or not at all.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".osc-").tempfile_in(folder)?; // mode 0600
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(unix)]
fn refuse_open_mode(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o007 != 0 {
        bail!("the key file `{}` is open to everybody: run `chmod 600` on it", path.display());
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_open_mode(_path: &Path) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_still_opens_what_the_old_one_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let before = Sealer::open(folder.path(), None).unwrap();
        let sealed = before.seal("cluster/1", b"secret");
        Sealer::rotate(folder.path(), None).unwrap();
        let after = Sealer::open(folder.path(), None).unwrap();
        assert_eq!(after.unseal("cluster/1", &sealed).unwrap(), b"secret");
        let newer = after.seal("cluster/1", b"secret");
        assert!(before.unseal("cluster/1", &newer).is_err());
        assert_ne!(before.mac("plan", b"x"), after.mac("plan", b"x"));
        fs::write(folder.path().join("secret.key"), [0; 33]).unwrap();
        assert!(Sealer::open(folder.path(), None).is_err() && Sealer::rotate(folder.path(), None).is_err());
    }

    #[test]
    fn unseals_for_the_same_row_and_key_only() {
        let sealer = Sealer::new([7; 32]);
        let sealed = sealer.seal("cluster/1", b"secret");
        assert_eq!(sealer.unseal("cluster/1", &sealed).unwrap(), b"secret");
        assert!(sealer.unseal("cluster/2", &sealed).is_err());
        let other = Sealer::new([8; 32]).unseal("cluster/1", &sealed).unwrap_err().to_string();
        assert!(other.contains("enter the value again"), "{other}");
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(sealer.unseal("cluster/1", &changed).is_err(), "byte {index}");
        }
        assert!(sealer.unseal("cluster/1", &[]).is_err());
    }

    #[test]
    fn keeps_its_key_file() {
        let dir = tempfile::tempdir().unwrap();
        let mac = Sealer::open(dir.path(), None).unwrap().mac("a", b"x");
        assert_eq!(Sealer::open(dir.path(), None).unwrap().mac("a", b"x"), mac);
        assert_ne!(Sealer::open(dir.path(), None).unwrap().mac("b", b"x"), mac);
        assert!(Sealer::open(dir.path(), Some(dir.path().join("absent"))).is_err());
    }
}
