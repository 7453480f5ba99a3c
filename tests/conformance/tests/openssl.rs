//! Tests with a real OpenSSL server. Unlike a rustls server, it can have weak and old certificates, and it
//! says less when it wants a client certificate. The tests are skipped if the command `openssl` is not
//! installed.
//!
//! The certificates and keys in `openssl/` are test fixtures, made once with `openssl ca`. They expire around
//! the year 9999.
#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "says that it was skipped")]

use std::{
    fs,
    io::{BufRead, BufReader, ErrorKind},
    process::{Child, Command, Stdio},
};

use huaweicloud_sms_transport::{Proxy, RootCerts, Settings, TransportError};
use huaweicloud_sms_transport_conformance::{Adapter, get_with, kind};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openssl");

struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts `openssl s_server` on loopback with a certificate of `openssl/`. Returns `None` if the command
    /// is not installed.
    fn start(certificate: &str, options: &[&str]) -> Option<Self> {
        let key = if certificate.contains("rsa_1024") { "rsa_1024_key.pem" } else { "key.pem" };
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key]);
        // The server responds with an HTML page, and accepts weak keys of its own.
        command.args(["-www", "-cipher", "DEFAULT:@SECLEVEL=0"]).args(options);
        command.current_dir(FOLDER).stdin(Stdio::null()).stderr(Stdio::null());
        let spawned = command.stdout(Stdio::piped()).spawn();
        if spawned.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            println!("SKIPPED: a server of OpenSSL (openssl missing)");
            return None;
        }
        let mut child = spawned.expect("runs");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut server = Self { child, url: String::new() };
        let mut lines = output.lines().map_while(Result::ok);
        let port =
            lines.find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.parse::<u16>().ok());
        server.url = format!("https://127.0.0.1:{}", port.expect("it tells its port"));
        Some(server)
    }

    /// Makes a call that trusts the certificate in a file of `openssl/`. Returns its status or error.
    fn call(&self, adapter: Adapter, trust: &str, token: &str) -> Result<u16, TransportError> {
        let pem = fs::read(format!("{FOLDER}/{trust}")).expect("readable");
        let settings = Settings::default().with_proxy(Proxy::Direct);
        let transport = adapter.start(settings.with_root_certs(RootCerts::Pem(pem)));
        let response = transport.execute(get_with(&self.url, "id", token))?;
        Ok(response.status().as_u16())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The client trusts the server's certificate or its CA.
#[test]
fn a_trusted_certificate_is_accepted_or_the_error_has_the_reason_and_a_remedy() {
    const CA: &str = "ca.pem";
    let weak = Err("its key is too weak (RSA under 2048 bits), or a signature is wrong");
    for (certificate, trust, expected, advice) in [
        ("good.pem", CA, Ok(200), ""),
        ("self_signed.pem", "self_signed.pem", Ok(200), ""),
        ("no_constraints.pem", "no_constraints.pem", Ok(200), ""),
        ("rsa_1024.pem", CA, weak, "an RSA key of 2048 bits or more"),
        ("rsa_1024_self_signed.pem", "rsa_1024_self_signed.pem", weak, "an RSA key of 2048 bits"),
        (
            "ca_true.pem",
            "ca_true.pem",
            Err("it is a CA's own (CA:TRUE), which a server must not show"),
            "basicConstraints=CA:FALSE",
        ),
        (
            "version_1.pem",
            "version_1.pem",
            Err("it is of X.509 version 1, and only version 3 is supported"),
            "issued as version 3",
        ),
        ("no_name.pem", CA, Err("it names no host (subjectAltName)"), "subjectAltName"),
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            let Some(server) = Server::start(certificate, &[version]) else { return };
            for adapter in Adapter::connecting() {
                let outcome = server.call(adapter, trust, "token");
                let way_out = outcome.as_ref().map_or_else(TransportError::advice, |_| "");
                assert!(way_out.contains(advice), "{adapter:?}, {certificate}: {way_out}");
                let outcome = outcome.map_err(|error| kind(&error));
                let expected = expected.map_err(|words| format!("tls: {words}"));
                assert_eq!(outcome, expected, "{adapter:?}, {certificate}, {version}");
            }
        }
    }
}

#[test]
fn each_call_says_that_a_client_certificate_is_wanted() {
    // With TLS 1.2, OpenSSL ends the handshake without saying why. With TLS 1.3 its alert follows the
    // handshake, so it may arrive before, during or after the request.
    for (version, words) in [
        ("-tls1_2", "tls: the peer ended the handshake (HandshakeFailure)"),
        ("-tls1_3", "tls: the peer wants a client certificate"),
    ] {
        let Some(server) = Server::start("good.pem", &["-Verify", "1", version]) else { return };
        for token in ["token", &"t".repeat(16_384)] {
            for adapter in Adapter::connecting() {
                for _ in 0..8 {
                    let error = server.call(adapter, "ca.pem", token).expect_err("rejected");
                    let length = token.len();
                    assert_eq!(kind(&error), words, "{adapter:?}, {version}, token of {length}");
                    let advice = error.advice();
                    assert!(advice.contains("client certificate"), "{advice}");
                }
            }
        }
    }
}
