//! The CA, which is made at start, and the server's certificate: a valid one for loopback, or one
//! that clients must reject.

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
use serde::Deserialize;

use crate::{error::Error, secret::hex};

/// The certificate that the simulator presents, valid or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Certificate {
    /// A valid one for loopback, from the CA of [`Simulator::ca_pem`](crate::Simulator::ca_pem).
    #[default]
    Good,
    /// One that expired in 2001.
    Expired,
    /// One that is valid from 4001 on.
    NotYetValid,
    /// One for `another-host.invalid`.
    OtherHost,
    /// One from another CA.
    UnknownCa,
    /// One without a CA.
    SelfSigned,
}

/// The versions of TLS that the simulator speaks.
pub(crate) type Versions = &'static [&'static SupportedProtocolVersion];

pub(crate) static TLS12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];

/// Makes the CA and the certificate. Returns the CA as PEM, and the configuration of TLS.
pub(crate) fn make(
    certificate: Certificate,
    versions: Versions,
) -> Result<(String, Arc<ServerConfig>), Error> {
    let failed = |error: rcgen::Error| Error::Certificate(error.to_string());
    let (ca, ca_key) = make_ca().map_err(failed)?;
    let key = KeyPair::generate().map_err(failed)?;
    let leaf = leaf(certificate).map_err(failed)?;
    let leaf = match certificate {
        Certificate::SelfSigned => leaf.self_signed(&key),
        Certificate::UnknownCa => {
            make_ca().and_then(|(other, other_key)| leaf.signed_by(&key, &other, &other_key))
        }
        _ => leaf.signed_by(&key, &ca, &ca_key),
    };
    let leaf = leaf.map_err(failed)?;

    // Not installed for the process: the process-wide provider belongs to the program.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .and_then(|config| {
            config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key)
        })
        .map_err(|error| Error::Certificate(error.to_string()))?;
    Ok((ca.pem(), Arc::new(config)))
}

fn make_ca() -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Each CA has its own name. With one name for all, a client that trusts another CA would report
    // a bad signature instead of an unknown issuer.
    let id = hex(&ca_key.public_key_raw()[1..9]);
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
