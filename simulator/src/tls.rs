//! A CA made at start, and a server certificate for loopback's names.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::Error;

/// The CA's certificate as PEM, and what TLS connections are accepted with.
pub(crate) fn make() -> Result<(String, Arc<ServerConfig>), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Certificate(error.to_string());

    let ca_key = KeyPair::generate().map_err(|error| failed(&error))?;
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Each CA by its own name: of two with one name, a client trusting the other would complain of
    // a bad signature instead of an unknown issuer.
    let id: String =
        ca_key.public_key_raw().iter().skip(1).take(8).map(|b| format!("{b:02x}")).collect();
    ca.distinguished_name.push(DnType::CommonName, format!("huaweicloud-sms simulator CA {id}"));
    let ca = ca.self_signed(&ca_key).map_err(|error| failed(&error))?;

    let key = KeyPair::generate().map_err(|error| failed(&error))?;
    let mut leaf = CertificateParams::new(["localhost".to_owned()]).map_err(|e| failed(&e))?;
    for address in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        leaf.subject_alt_names.push(SanType::IpAddress(address));
    }
    leaf.distinguished_name.push(DnType::CommonName, "huaweicloud-sms simulator");
    leaf.use_authority_key_identifier_extension = true;
    let leaf = leaf.signed_by(&key, &ca, &ca_key).map_err(|error| failed(&error))?;

    // Given, not installed: a process-wide provider belongs to the program, not to a library.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key)
        })
        .map_err(|error| failed(&error))?;
    Ok((ca.pem(), Arc::new(config)))
}
