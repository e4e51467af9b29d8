//! A certificate authority made for one run, and the server certificates it signs.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_rustls::TlsAcceptor;

/// The authority, its PEM file (removed on drop), and a server configuration with a certificate that it signed.
pub(crate) struct Authority {
    file: PathBuf,
    acceptor: TlsAcceptor,
}

impl Authority {
    /// An authority and one server certificate for 127.0.0.1, localhost and these names.
    pub(crate) fn new(hosts: &[String]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "Loopback AWS test authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let names = ["127.0.0.1", "localhost"].into_iter().map(str::to_owned).chain(hosts.iter().cloned());
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(names.collect::<Vec<_>>()).expect("host names for a certificate");
        let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider's protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("a certificate and its key");
        let file = unique_path();
        std::fs::write(&file, issuer.pem()).expect("a file for the authority's certificate");
        Self { file, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    pub(crate) fn pem_path(&self) -> &Path {
        &self.file
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        std::fs::remove_file(&self.file).ok();
    }
}

fn unique_path() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    std::env::temp_dir().join(format!("loopback-aws-{}-{number}.pem", std::process::id()))
}
