//! A CA made at start, and a server certificate for loopback's names, or one that must not be
//! trusted.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::Error;

/// What is right or wrong with the certificate that the simulator shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Certificate {
    /// It is for loopback's names and of the CA that [`ca_pem`](crate::Simulator::ca_pem) is.
    #[default]
    Good,
    /// It expired in 2001.
    Expired,
    /// It will be valid from 4001 on.
    NotYetValid,
    /// It is for `another-host.invalid`.
    OtherHost,
    /// Another CA issued it.
    UnknownCa,
    /// No CA issued it.
    SelfSigned,
}

/// The versions of TLS that are spoken.
pub(crate) type Versions = &'static [&'static SupportedProtocolVersion];

pub(crate) static TLS12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];

/// The CA's certificate as PEM, and what TLS connections are accepted with.
pub(crate) fn make(
    certificate: Certificate,
    versions: Versions,
) -> Result<(String, Arc<ServerConfig>), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Certificate(error.to_string());

    let (ca, ca_key) = make_ca().map_err(|error| failed(&error))?;
    let key = KeyPair::generate().map_err(|error| failed(&error))?;
    let leaf = leaf(certificate).map_err(|error| failed(&error))?;
    let leaf = match certificate {
        Certificate::SelfSigned => leaf.self_signed(&key),
        Certificate::UnknownCa => {
            make_ca().and_then(|(other, other_key)| leaf.signed_by(&key, &other, &other_key))
        }
        _ => leaf.signed_by(&key, &ca, &ca_key),
    };
    let leaf = leaf.map_err(|error| failed(&error))?;

    // Given, not installed: a process-wide provider belongs to the program, not to a library.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .and_then(|config| {
            config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key)
        })
        .map_err(|error| failed(&error))?;
    Ok((ca.pem(), Arc::new(config)))
}

fn make_ca() -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Each CA by its own name: of two with one name, a client trusting the other would complain of
    // a bad signature instead of an unknown issuer.
    let id: String =
        ca_key.public_key_raw().iter().skip(1).take(8).map(|b| format!("{b:02x}")).collect();
    ca.distinguished_name.push(DnType::CommonName, format!("huaweicloud-sms simulator CA {id}"));
    Ok((ca.self_signed(&ca_key)?, ca_key))
}

fn leaf(certificate: Certificate) -> Result<CertificateParams, rcgen::Error> {
    let name = match certificate {
        Certificate::OtherHost => "another-host.invalid",
        _ => "localhost",
    };
    let mut leaf = CertificateParams::new([name.to_owned()])?;
    if certificate != Certificate::OtherHost {
        for address in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
            leaf.subject_alt_names.push(SanType::IpAddress(address));
        }
    }
    match certificate {
        Certificate::Expired => {
            leaf.not_before = date_time_ymd(2000, 1, 1);
            leaf.not_after = date_time_ymd(2001, 1, 1);
        }
        Certificate::NotYetValid => {
            leaf.not_before = date_time_ymd(4001, 1, 1);
            leaf.not_after = date_time_ymd(4002, 1, 1);
        }
        _ => {}
    }
    leaf.distinguished_name.push(DnType::CommonName, "huaweicloud-sms simulator");
    leaf.use_authority_key_identifier_extension = true;
    Ok(leaf)
}
