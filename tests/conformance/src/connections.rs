//! Rows about connections: reuse, TLS, proxies, redirects, and hosts that cannot be reached.

use huaweicloud_sms_simulator::{Certificate, Step, proxy::ProxyBehavior};

use crate::{
    outcome::{Outcome::Status, START, error},
    responses::whole,
    row::{Protocol, Row, Scenario, Sent, row},
};

pub(crate) fn rows() -> Vec<Row> {
    [reuse(), stray(), accept(), certificates(), proxies(), elsewhere()]
        .into_iter()
        .flatten()
        .collect()
}

/// Rows about a server that acts on an idle connection, or on its second request.
fn reuse() -> Vec<Row> {
    let late = |bytes: &str| vec![Step::send(bytes), Step::Close];
    let timeout = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    vec![
        row("closed while idle", Scenario::Idle(vec![Step::Close]), START),
        row("reset while idle", Scenario::Idle(vec![Step::Reset]), START),
        row("408 while idle, then closed", Scenario::Idle(late(timeout)), START),
        row("stray bytes while idle", Scenario::Idle(late(&whole("DELETE"))), START),
        row(
            "stray bytes behind the response",
            Scenario::Behind(vec![Step::send(whole("DELETE")), Step::Hold]),
            START,
        ),
        // The transport never sends a request twice. The session decides that.
        row("closed upon the second request", Scenario::Race(vec![Step::Close]), error("closed")),
        row("reset upon the second request", Scenario::Race(vec![Step::Reset]), error("closed")),
    ]
}

/// Rows about unsolicited responses. None may become the response to the next request.
fn stray() -> Vec<Row> {
    let mut rows = Vec::new();
    for (protocol, over) in
        [(Protocol::Http, "HTTP"), (Protocol::Tls12, "TLS 1.2"), (Protocol::Tls13, "TLS 1.3")]
    {
        for (sent, how) in [
            (Sent::InOneWrite, "in one write"),
            (Sent::InManyWrites, "in many writes"),
            (Sent::Behind, "behind the first"),
            (Sent::HalfRecord, "half a record"),
        ] {
            for bytes in [5_000, 9_000, 20_000] {
                let name = format!("stray, {over}, {bytes}, {how}");
                rows.push(row(name, Scenario::Stray { protocol, bytes, sent }, START));
            }
        }
    }
    rows
}

/// Rows about a server that acts before any request.
fn accept() -> Vec<Row> {
    let steps = |tls, steps: &[Step]| Scenario::Accept { tls, steps: steps.to_vec() };
    let banner = Step::send("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    vec![
        row("silence from the start", steps(false, &[Step::Hold]), error("timeout head")),
        row(
            "silence from the start, under TLS",
            steps(true, &[Step::Hold]),
            error("timeout connect"),
        ),
        row("closed from the start, under TLS", steps(true, &[Step::Close]), error("connect")),
        row("reset from the start, under TLS", steps(true, &[Step::Reset]), error("connect")),
        row(
            "a banner in place of TLS",
            steps(true, &[banner, Step::Hold]),
            error("tls: the peer did not speak TLS"),
        ),
        row("every byte by itself, in time", Scenario::Trickle { tls: false, pause: 1 }, START),
        row("every byte by itself, TLS's too", Scenario::Trickle { tls: true, pause: 1 }, START),
        row(
            "every byte by itself, too slow",
            Scenario::Trickle { tls: false, pause: 30 },
            error("timeout head"),
        ),
        row(
            "every byte of TLS by itself, too slow",
            Scenario::Trickle { tls: true, pause: 30 },
            error("timeout connect"),
        ),
        row(
            "HTTPS to a server of HTTP",
            Scenario::WrongScheme { tls: true },
            error("tls: the peer did not speak TLS"),
        ),
        row("HTTP to a server of HTTPS", Scenario::WrongScheme { tls: false }, error("protocol")),
    ]
}

fn certificates() -> Vec<Row> {
    let of = Scenario::Certificate;
    let wanted = |name, protocol, long| {
        let scenario = Scenario::ClientCertificate { protocol, long };
        row(name, scenario, error("tls: the peer wants a client certificate"))
    };
    vec![
        row("a good certificate", of(Certificate::Good), START),
        row(
            "an expired certificate",
            of(Certificate::Expired),
            error("tls: it has expired (or the clock is wrong)"),
        ),
        row(
            "a certificate of the future",
            of(Certificate::NotYetValid),
            error("tls: it is not valid yet (or the clock is wrong)"),
        ),
        row(
            "a certificate for another host",
            of(Certificate::OtherHost),
            error("tls: it is for another host"),
        ),
        row(
            "a certificate of an unknown CA",
            of(Certificate::UnknownCa),
            error("tls: it is issued by an unknown CA"),
        ),
        row(
            "a self-signed certificate",
            of(Certificate::SelfSigned),
            error("tls: it is issued by an unknown CA"),
        ),
        row(
            "the CA's own certificate",
            of(Certificate::Ca),
            error("tls: it is a CA's own (CA:TRUE), which a server must not show"),
        ),
        row(
            "a certificate without a host's name",
            of(Certificate::NoName),
            error("tls: it names no host (subjectAltName)"),
        ),
        wanted("a client certificate is wanted, TLS 1.2", Protocol::Tls12, false),
        wanted("a client certificate is wanted, TLS 1.3", Protocol::Tls13, false),
        wanted("a client certificate is wanted, TLS 1.2, a long request", Protocol::Tls12, true),
        wanted("a client certificate is wanted, TLS 1.3, a long request", Protocol::Tls13, true),
    ]
}

fn proxies() -> Vec<Row> {
    let proxy = |behavior| Scenario::Proxy(behavior, "");
    let after = |response| proxy(ProxyBehavior::TunnelAfter(response));
    let head_of = |kib: usize| -> &'static str {
        format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(kib * 1024)).leak()
    };
    let headers = |count: usize| -> &'static str {
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(count)).leak()
    };
    vec![
        row("a proxy's tunnel", Scenario::Proxy(ProxyBehavior::Tunnel, "user:p%40ss@"), START),
        row("a proxy's tunnel with status 201", after("HTTP/1.1 201 Created\r\n\r\n"), START),
        row(
            "103 before a proxy's 200",
            after("HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
            START,
        ),
        row("a proxy's head of 60 KiB", after(head_of(60)), START),
        row("a proxy's head of 70 KiB", after(head_of(70)), error("proxy")),
        row("a proxy's head of 100 headers", after(headers(100)), START),
        row("a proxy's head of 101 headers", after(headers(101)), error("proxy")),
        row("a proxy without its password", proxy(ProxyBehavior::Tunnel), error("proxy 407")),
        row(
            "a proxy with a wrong password",
            Scenario::Proxy(ProxyBehavior::Tunnel, "user:wrong@"),
            error("proxy 407"),
        ),
        row("a proxy that forbids", proxy(ProxyBehavior::Reject(403)), error("proxy 403")),
        row(
            "a proxy that does not reach the host",
            proxy(ProxyBehavior::Reject(502)),
            error("proxy 502"),
        ),
        row("a proxy that redirects", proxy(ProxyBehavior::Reject(302)), error("proxy 302")),
        row("a proxy that hangs", proxy(ProxyBehavior::Hang), error("timeout connect")),
        row(
            "a proxy that answers byte by byte",
            proxy(ProxyBehavior::Dribble),
            error("timeout connect"),
        ),
        row("a proxy that closes", proxy(ProxyBehavior::Close), error("proxy")),
        row("a proxy that does not speak HTTP", proxy(ProxyBehavior::Garbage), error("proxy")),
        row("a proxy that answers for the service", proxy(ProxyBehavior::Inject), error("proxy")),
        row("a closed port as the proxy", Scenario::NoProxy(""), error("connect")),
        row(
            "a proxy without address",
            Scenario::NoProxy("http://nonexistent.invalid:3128"),
            error("dns"),
        ),
    ]
}

fn elsewhere() -> Vec<Row> {
    let redirect = |tls, status| Scenario::Redirect { tls, status };
    vec![
        row("302 to another port", redirect(false, 302), Status(302)),
        row("307 to another port", redirect(false, 307), Status(307)),
        row("302 from HTTPS to HTTP", redirect(true, 302), Status(302)),
        row("307 from HTTPS to HTTP", redirect(true, 307), Status(307)),
        row("a closed port", Scenario::NoServer(""), error("connect")),
        row(
            "a name without address",
            Scenario::NoServer("http://nonexistent.invalid:80"),
            error("dns"),
        ),
    ]
}
