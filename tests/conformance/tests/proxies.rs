//! Tests with a real proxy, tinyproxy, with and without a password. They are skipped if it is not installed.
#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "says that it was skipped")]

use std::{
    env, fs,
    io::{BufRead, BufReader, ErrorKind},
    net::TcpListener,
    process::{self, Child, Command, Stdio},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use huaweicloud_sms_simulator::{Answer, Simulator};
use huaweicloud_sms_transport::{Proxy, ProxyUrl, RootCerts, Settings};
use huaweicloud_sms_transport_conformance::{Adapter, TOKEN, get};

struct TinyProxy {
    child: Child,
    port: u16,
    log: Option<JoinHandle<String>>,
}

impl TinyProxy {
    /// Starts tinyproxy on loopback. Returns `None` if it is not installed.
    fn start(name: &str, auth: &str) -> Option<Self> {
        // If another process takes the port first, tinyproxy ends and its log says so.
        let port = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr();
        let port = port.expect("an address").port();
        let file = env::temp_dir().join(format!("sms-tinyproxy-{name}-{}.conf", process::id()));
        let config = format!(
            "Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 60\nMaxClients 20\n\
             LogLevel Info\n{auth}\n"
        );
        fs::write(&file, config).expect("written");
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(&file).stdin(Stdio::null());
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
        if spawned.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            fs::remove_file(&file).expect("removed");
            return None;
        }
        let mut child = spawned.expect("runs");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (ready, is_ready) = mpsc::channel();
        let log = thread::spawn(move || {
            let mut log = String::new();
            for line in output.lines().map_while(Result::ok) {
                if line.contains("Accepting connections") {
                    // The test waits for it.
                    let _ = ready.send(());
                }
                log.push_str(&line);
                log.push('\n');
            }
            log
        });
        let started = is_ready.recv();
        fs::remove_file(&file).expect("removed");
        let proxy = Self { child, port, log: Some(log) };
        started.expect("tinyproxy listens");
        Some(proxy)
    }

    fn settings(&self, user_info: &str, simulator: &Simulator) -> Settings {
        let url = format!("http://{user_info}127.0.0.1:{}", self.port);
        let proxy = Proxy::Url(ProxyUrl::new(&url).expect("an address"));
        let trust =
            simulator.ca_pem().map_or(RootCerts::Platform, |pem| RootCerts::Pem(pem.into()));
        Settings::default().with_proxy(proxy).with_root_certs(trust)
    }

    /// Stops the proxy and returns its log.
    fn stop(mut self) -> String {
        self.kill();
        self.log.take().expect("not yet stopped").join().expect("its log")
    }

    fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for TinyProxy {
    fn drop(&mut self) {
        self.kill();
    }
}

fn simulators() -> [Simulator; 2] {
    [Simulator::builder(), Simulator::builder().tls()].map(|builder| {
        let simulator = builder.token(TOKEN).start().expect("started");
        simulator.push("id", Answer::body(200, "{}").times(10));
        simulator
    })
}

#[test]
fn calls_pass_a_proxy_without_a_password() {
    let Some(proxy) = TinyProxy::start("open", "") else {
        println!("SKIPPED: a real proxy (tinyproxy missing)");
        return;
    };
    let mut calls = 0;
    for adapter in Adapter::connecting() {
        for simulator in simulators() {
            let transport = adapter.start(proxy.settings("", &simulator));
            for _ in 0..2 {
                let response = transport.execute(get(&simulator.url(), "id"));
                assert_eq!(response.expect("a response").status(), 200, "{adapter:?}");
            }
            assert_eq!(simulator.connection_count(), 1, "the tunnel is kept");
            calls += 1;
        }
    }
    let log = proxy.stop();
    assert_eq!(log.matches(": CONNECT 127.0.0.1:").count(), calls, "{log}");
    assert!(!log.contains(TOKEN), "{log}");
}

#[test]
fn a_proxy_with_a_password_accepts_only_the_right_one() {
    let Some(proxy) = TinyProxy::start("password", "BasicAuth user pass-canary") else {
        println!("SKIPPED: a real proxy (tinyproxy missing)");
        return;
    };
    for adapter in Adapter::connecting() {
        for simulator in simulators() {
            let call = |user_info| {
                let transport = adapter.start(proxy.settings(user_info, &simulator));
                transport.execute(get(&simulator.url(), "id"))
            };
            assert_eq!(call("user:pass-canary@").expect("a response").status(), 200, "{adapter:?}");
            assert_eq!(simulator.connection_count(), 1);
            let error = call("").expect_err("rejected");
            let status = error.proxy_status().map(|status| status.as_u16());
            assert_eq!(status, Some(407), "{error:?}");
            for wrong in ["user:wrong@", "user@"] {
                // tinyproxy returns 401 in place of 407.
                let error = call(wrong).expect_err("rejected");
                let status = error.proxy_status().map(|status| status.as_u16());
                assert_eq!(status, Some(401), "{adapter:?}, {wrong:?}: {error:?}");
            }
            assert_eq!(simulator.connection_count(), 1, "never past the proxy");
        }
    }
    let log = proxy.stop();
    assert!(!log.contains(TOKEN) && !log.contains("canary"), "{log}");
}
