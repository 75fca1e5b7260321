//! Keys, certificates and tokens of a control plane that lives for one test.

use std::fs;
use std::path::Path;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// Writes the CA, the server's certificate, the key that signs service account tokens and the token file into a
/// directory; returns the administrator's token.
pub(super) fn write(dir: &Path) -> Result<String> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "realkube");
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    fs::write(dir.join("ca.crt"), ca.self_signed(&ca_key)?.pem())?;
    let ca = Issuer::new(ca, ca_key);

    let key = KeyPair::generate()?;
    let names = ["127.0.0.1", "10.96.0.1", "localhost", "kubernetes", "kubernetes.default.svc"];
    let mut server = CertificateParams::new(names.map(String::from).to_vec())?;
    server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    server.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    fs::write(dir.join("server.crt"), server.signed_by(&key, &ca)?.pem())?;
    fs::write(dir.join("server.key"), key.serialize_pem())?;

    let accounts = KeyPair::generate()?;
    fs::write(dir.join("sa.key"), accounts.serialize_pem())?;
    fs::write(dir.join("sa.pub"), accounts.public_key_pem())?;

    let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    fs::write(dir.join("tokens.csv"), format!("{token},admin,admin,system:masters\n"))?;
    Ok(token)
}
