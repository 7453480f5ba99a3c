//! Makes a CA and the server's certificate at start. The certificate is valid for loopback, or one that
//! clients must reject.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use serde::Deserialize;

use crate::{error::Error, secret::hex};

/// The certificate that the simulator presents, valid or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Certificate {
    /// It is valid for loopback, from the CA of [`Simulator::ca_pem`](crate::Simulator::ca_pem).
    #[default]
    Good,
    /// It expired in 2001.
    Expired,
    /// It is valid from 4001 on.
    NotYetValid,
    /// It is for `another-host.invalid`.
    OtherHost,
    /// It is from another CA.
    UnknownCa,
    /// It is self-signed, without a CA.
    SelfSigned,
    /// It is valid, and the simulator wants a certificate of the client, too.
    ClientCertificate,
    /// It is the CA's own certificate.
    Ca,
    /// It has a common name only.
    NoName,
    /// Its only name is a URI that has terminal escape codes, a line break and 3,000 letters.
    HostileName,
}

/// The versions of TLS that the simulator speaks.
pub(crate) type Versions = &'static [&'static SupportedProtocolVersion];

pub(crate) static TLS12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];

/// Makes the CA and the certificate. Returns the CA as PEM, and the configuration of TLS.
pub(crate) fn make(
    certificate: Certificate,
    versions: Versions,
) -> Result<(String, Arc<ServerConfig>), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Certificate(error.to_string());

    let (ca, ca_key) = make_ca().map_err(|error| failed(&error))?;
    let key = KeyPair::generate().map_err(|error| failed(&error))?;
    let leaf = leaf(certificate).map_err(|error| failed(&error))?;
    let (leaf, key) = match certificate {
        Certificate::Ca => (Ok(ca.der().clone()), &ca_key),
        Certificate::SelfSigned => (leaf.self_signed(&key).map(|leaf| leaf.der().clone()), &key),
        Certificate::UnknownCa => {
            let leaf =
                make_ca().and_then(|(other, other_key)| leaf.signed_by(&key, &other, &other_key));
            (leaf.map(|leaf| leaf.der().clone()), &key)
        }
        _ => (leaf.signed_by(&key, &ca, &ca_key).map(|leaf| leaf.der().clone()), &key),
    };
    let leaf = leaf.map_err(|error| failed(&error))?;

    // The provider is not installed, because that of the process is the program's choice.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| failed(&error))?;
    let config = if certificate == Certificate::ClientCertificate {
        let mut roots = RootCertStore::empty();
        roots.add(ca.der().clone()).map_err(|error| failed(&error))?;
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
        config.with_client_cert_verifier(verifier.map_err(|error| failed(&error))?)
    } else {
        config.with_no_client_auth()
    };
    let config = config.with_single_cert(vec![leaf], key).map_err(|error| failed(&error))?;
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
    let is_nameless = matches!(certificate, Certificate::NoName | Certificate::HostileName);
    let names = if is_nameless { vec![] } else { vec![name.to_owned()] };
    let mut leaf = CertificateParams::new(names)?;
    if certificate == Certificate::HostileName {
        let name = format!("x\x1b]0;title\x07\x1b[2J\n[ERROR forged] {}", "A".repeat(3000));
        leaf.subject_alt_names.push(SanType::URI(name.try_into()?));
    } else if !is_nameless && certificate != Certificate::OtherHost {
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
