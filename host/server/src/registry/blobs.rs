//! Blobs over `object_store`: packages by digest, and sealed documents (plans, previews, revisions).
//!
//! A blob by digest is written whole before it has its name, and is never changed afterwards.

use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt as _, WriteMultipart};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::secrets::{Sealer, hex};

/// `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// The digest of bytes at hand.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(format!("sha256:{}", hex(&Sha256::digest(bytes))))
    }

    /// Parses `sha256:HEX`.
    pub fn parse(text: &str) -> Option<Digest> {
        let digits = text.strip_prefix("sha256:")?;
        let valid = digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        valid.then(|| Digest(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Key of the blob with this digest in the object store.
    fn key(&self) -> String {
        format!("blobs/{}", self.0.replace(':', "/"))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What [`Blobs::put_stream`] stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub digest: Digest,
    pub size: u64,
}

/// Where uploads are until their digest is known.
const UPLOADS: &str = "uploads";

/// The object store. Clones share it.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
}

impl Blobs {
    /// A folder as object store; made when absent. Uploads that a crash cut off are removed, so only one server may
    /// have it open.
    pub fn open_local(folder: &Path) -> anyhow::Result<Blobs> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        match std::fs::remove_dir_all(folder.join(UPLOADS)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("cannot remove uploads that were cut off");
            }
            _ => {}
        }
        let store = LocalFileSystem::new_with_prefix(folder)
            .with_context(|| format!("cannot open `{}` as object store", folder.display()))?;
        Ok(Blobs::new(Arc::new(store.with_fsync(true))))
    }

    pub fn new(store: Arc<dyn ObjectStore>) -> Blobs {
        Blobs { store }
    }

    /// Stores a stream by its digest, in bounded memory; refuses it once it is longer than `limit` bytes.
    /// `what` names the thing in the refusal.
    pub async fn put_stream<E: Into<Error>>(
        &self,
        what: &str,
        limit: u64,
        stream: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Stored> {
        let staging =
            object_store::path::Path::from(format!("{UPLOADS}/{}", hex(&rand::random::<[u8; 16]>())));
        let upload = self.store.put_multipart(&staging).await.context("cannot start an upload")?;
        let mut upload = WriteMultipart::new(upload);
        let mut hasher = Sha256::new();
        let mut size = 0_u64;
        let mut stream = std::pin::pin!(stream);
        let failed = loop {
            match stream.next().await {
                None => break None,
                Some(Err(error)) => break Some(error.into()),
                Some(Ok(chunk)) => {
                    size += chunk.len() as u64;
                    if size > limit {
                        break Some(Error::TooLarge { what: what.into(), limit: bytes_text(limit) });
                    }
                    hasher.update(&chunk);
                    if let Err(error) = upload.wait_for_capacity(4).await {
                        break Some(anyhow::Error::new(error).context("cannot write an upload").into());
                    }
                    upload.put(chunk);
                }
            }
        };
        if let Some(error) = failed {
            // The staged file is garbage either way; the first error is the one to tell.
            let _ = upload.abort().await;
            return Err(error);
        }
        upload.finish().await.context("cannot finish an upload")?;
        let digest = Digest(format!("sha256:{}", hex(&hasher.finalize())));
        let target = object_store::path::Path::from(digest.key());
        self.store.rename(&staging, &target).await.context("cannot name an upload by its digest")?;
        Ok(Stored { digest, size })
    }

    /// Stores bytes at hand by their digest.
    pub async fn put_digest(&self, bytes: Bytes) -> Result<Digest> {
        let digest = Digest::of(&bytes);
        self.put(&digest.key(), bytes).await?;
        Ok(digest)
    }

    /// The blob with this digest, checked against it.
    pub async fn get_digest(&self, digest: &Digest) -> Result<Bytes> {
        let bytes = self.get(&digest.key()).await?;
        if Digest::of(&bytes) != *digest {
            return Err(anyhow::anyhow!("the stored blob `{digest}` was changed").into());
        }
        Ok(bytes)
    }

    pub async fn delete_digest(&self, digest: &Digest) -> Result<()> {
        self.delete(&digest.key()).await
    }

    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        let path = object_store::path::Path::from(key);
        self.store.put(&path, bytes.into()).await.with_context(|| format!("cannot store `{key}`"))?;
        Ok(())
    }

    pub async fn get(&self, key: &str) -> Result<Bytes> {
        let path = object_store::path::Path::from(key);
        let result = self.store.get(&path).await.with_context(|| format!("cannot read `{key}`"))?;
        Ok(result.bytes().await.with_context(|| format!("cannot read `{key}`"))?)
    }

    /// Deletes; an absent blob is fine.
    pub async fn delete(&self, key: &str) -> Result<()> {
        match self.store.delete(&object_store::path::Path::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(anyhow::Error::new(error).context(format!("cannot delete `{key}`")).into()),
        }
    }
}

/// Documents of the server in the object store: JSON, compressed, sealed for the row that names them.
#[derive(Clone)]
pub struct Documents {
    blobs: Blobs,
    sealer: Arc<Sealer>,
}

/// Bound of one unpacked document.
const DOCUMENT_LIMIT: u64 = 256 << 20;

impl Documents {
    pub fn new(blobs: Blobs, sealer: Arc<Sealer>) -> Documents {
        Documents { blobs, sealer }
    }

    /// Stores a document and answers its key, which no two calls share.
    pub async fn put<T: Serialize>(&self, identity: &str, document: &T) -> Result<String> {
        let json = serde_json::to_vec(document).context("cannot write a document as JSON")?;
        let packed = zstd::encode_all(json.as_slice(), 3).context("cannot compress a document")?;
        let name = hex(&rand::random::<[u8; 16]>());
        let key = format!("documents/{}/{name}", &name[..2]);
        let sealed = self.sealer.seal(&identity_of(identity, &key), &packed);
        self.blobs.put(&key, sealed.into()).await?;
        Ok(key)
    }

    /// Reads what [`Documents::put`] stored for the same identity.
    pub async fn get<T: DeserializeOwned>(&self, identity: &str, key: &str) -> Result<T> {
        let sealed = self.blobs.get(key).await?;
        let packed = self.sealer.unseal(&identity_of(identity, key), &sealed)?;
        let mut json = Vec::new();
        zstd::Decoder::new(packed.as_slice())
            .and_then(|decoder| decoder.take(DOCUMENT_LIMIT).read_to_end(&mut json))
            .with_context(|| format!("cannot unpack `{key}`"))?;
        Ok(serde_json::from_slice(&json).with_context(|| format!("cannot read the document `{key}`"))?)
    }

    pub async fn delete(&self, key: &str) -> Result<()> {
        self.blobs.delete(key).await
    }
}

fn identity_of(identity: &str, key: &str) -> String {
    format!("{identity}@{key}")
}

/// A limit for a person: "4 MB".
pub fn bytes_text(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{bytes} bytes"),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MB", bytes >> 20),
        _ => format!("{:.1} MB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Blobs) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open_local(&dir.path().join("objects")).unwrap();
        (dir, blobs)
    }

    fn chunks(sizes: &[usize]) -> impl Stream<Item = Result<Bytes, Error>> + Send + use<> {
        let chunks: Vec<_> = sizes.iter().map(|size| Ok(Bytes::from(vec![b'x'; *size]))).collect();
        futures::stream::iter(chunks)
    }

    #[tokio::test]
    async fn stores_streams_by_digest_within_limits() {
        let (dir, blobs) = open();
        let stored = blobs.put_stream("a.tgz", 100, chunks(&[40, 60])).await.unwrap();
        assert_eq!(stored, Stored { digest: Digest::of(&[b'x'; 100]), size: 100 });
        assert_eq!(blobs.get_digest(&stored.digest).await.unwrap().len(), 100);
        // Again is a no-op.
        assert_eq!(blobs.put_stream("a.tgz", 100, chunks(&[100])).await.unwrap(), stored);
        let error = blobs.put_stream("a.tgz", 4 << 20, chunks(&[3 << 20, 3 << 20])).await.unwrap_err();
        assert_eq!(error.to_string(), "`a.tgz` is larger than 4 MB");
        let left: Vec<_> = std::fs::read_dir(dir.path().join("objects/uploads")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        blobs.delete_digest(&stored.digest).await.unwrap();
        blobs.delete_digest(&stored.digest).await.unwrap();
        assert!(blobs.get_digest(&stored.digest).await.is_err());
    }

    #[tokio::test]
    async fn documents_are_bound_to_identity_and_key() {
        let (_dir, blobs) = open();
        let documents = Documents::new(blobs.clone(), Arc::new(Sealer::new([1; 32])));
        let key = documents.put("plan", &vec!["a", "b"]).await.unwrap();
        assert_eq!(documents.get::<Vec<String>>("plan", &key).await.unwrap(), ["a", "b"]);
        assert!(documents.get::<Vec<String>>("revision", &key).await.is_err());
        let moved = format!("{key}0");
        blobs.put(&moved, blobs.get(&key).await.unwrap()).await.unwrap();
        assert!(documents.get::<Vec<String>>("plan", &moved).await.is_err());
    }
}
