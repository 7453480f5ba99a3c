//! Rows about connections: reuse, TLS, proxies, redirects, and where nobody is.

use huaweicloud_sms_simulator::{Certificate, Step, proxy::ProxyBehavior};

use crate::{
    answers::whole,
    row::{Protocol, Row, Sent, World, differing, row},
};

pub(crate) fn rows() -> Vec<Row> {
    [reuse(), stray(), accept(), certificates(), proxies(), elsewhere()]
        .into_iter()
        .flatten()
        .collect()
}

/// What a server does with a connection that is kept for reuse.
fn reuse() -> Vec<Row> {
    let late = |bytes: &str| vec![Step::send(bytes), Step::Close];
    let timeout = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    vec![
        row("closed while idle", World::Idle(vec![Step::Close]), "command START"),
        differing(
            "reset while idle",
            World::Idle(vec![Step::Reset]),
            "command START",
            "command START | closed",
            "hyper may not have seen the reset yet when the request comes",
        ),
        row("408 while idle, then closed", World::Idle(late(timeout)), "command START"),
        row("stray bytes while idle", World::Idle(late(&whole("DELETE"))), "command START"),
        row(
            "stray bytes behind the answer",
            World::Behind(vec![Step::send(whole("DELETE")), Step::Hold]),
            "command START",
        ),
        // Never sent again by itself: the poller decides that.
        row("closed upon the second request", World::Race(vec![Step::Close]), "closed"),
        row("reset upon the second request", World::Race(vec![Step::Reset]), "closed"),
    ]
}

/// A response that nobody asked for is not the response to the next request.
fn stray() -> Vec<Row> {
    let mut rows = Vec::new();
    for (protocol, over) in
        [(Protocol::Http, "HTTP"), (Protocol::Tls12, "TLS 1.2"), (Protocol::Tls13, "TLS 1.3")]
    {
        for (sent, how) in [
            (Sent::InOneWrite, "in one write"),
            (Sent::InManyWrites, "in many writes"),
            (Sent::Behind, "behind the first"),
        ] {
            for bytes in [5_000, 9_000, 20_000] {
                let name = format!("stray, {over}, {bytes}, {how}");
                rows.push(row(name, World::Stray { protocol, bytes, sent }, "command START"));
            }
        }
    }
    rows
}

/// Before any request.
fn accept() -> Vec<Row> {
    let steps = |tls, steps: &[Step]| World::Accept { tls, steps: steps.to_vec() };
    let banner = Step::send("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    vec![
        row("silence from the start", steps(false, &[Step::Hold]), "timeout head"),
        row("silence from the start, under TLS", steps(true, &[Step::Hold]), "timeout connect"),
        row("closed from the start, under TLS", steps(true, &[Step::Close]), "connect"),
        row("reset from the start, under TLS", steps(true, &[Step::Reset]), "connect"),
        row(
            "a banner in place of TLS",
            steps(true, &[banner, Step::Hold]),
            "tls: the peer did not speak TLS",
        ),
        row(
            "every byte by itself, in time",
            World::Trickle { tls: false, pause: 1 },
            "command START",
        ),
        row(
            "every byte by itself, TLS's too",
            World::Trickle { tls: true, pause: 1 },
            "command START",
        ),
        row(
            "every byte by itself, too slow",
            World::Trickle { tls: false, pause: 30 },
            "timeout head",
        ),
        row(
            "every byte of TLS by itself, too slow",
            World::Trickle { tls: true, pause: 30 },
            "timeout connect",
        ),
        row(
            "HTTPS to a server of HTTP",
            World::WrongScheme { tls: true },
            "tls: the peer did not speak TLS",
        ),
        row("HTTP to a server of HTTPS", World::WrongScheme { tls: false }, "protocol"),
    ]
}

fn certificates() -> Vec<Row> {
    let of = World::Certificate;
    vec![
        row("a good certificate", of(Certificate::Good), "command START"),
        row(
            "an expired certificate",
            of(Certificate::Expired),
            "tls: it has expired (or the clock is wrong)",
        ),
        row(
            "a certificate of the future",
            of(Certificate::NotYetValid),
            "tls: it is not valid yet (or the clock is wrong)",
        ),
        row(
            "a certificate for another host",
            of(Certificate::OtherHost),
            "tls: it is for another host",
        ),
        row(
            "a certificate of an unknown CA",
            of(Certificate::UnknownCa),
            "tls: it is issued by an unknown CA",
        ),
        row(
            "a self-signed certificate",
            of(Certificate::SelfSigned),
            "tls: it is issued by an unknown CA",
        ),
    ]
}

fn proxies() -> Vec<Row> {
    let proxy = |proxying| World::Proxy(proxying, "");
    vec![
        row(
            "a proxy's tunnel",
            World::Proxy(ProxyBehavior::Tunnel, "user:p%40ss@"),
            "command START",
        ),
        row("a proxy without its password", proxy(ProxyBehavior::Tunnel), "proxy 407"),
        row(
            "a proxy with a wrong password",
            World::Proxy(ProxyBehavior::Tunnel, "user:wrong@"),
            "proxy 407",
        ),
        row("a proxy that forbids", proxy(ProxyBehavior::Reject(403)), "proxy 403"),
        row("a proxy that does not get there", proxy(ProxyBehavior::Reject(502)), "proxy 502"),
        row("a proxy that redirects", proxy(ProxyBehavior::Reject(302)), "proxy 302"),
        row("a proxy that hangs", proxy(ProxyBehavior::Hang), "timeout connect"),
        row("a proxy that answers byte by byte", proxy(ProxyBehavior::Dribble), "timeout connect"),
        row("a proxy that closes", proxy(ProxyBehavior::Close), "proxy"),
        row("a proxy that is none", proxy(ProxyBehavior::Garbage), "proxy"),
        row("a proxy that answers for the service", proxy(ProxyBehavior::Inject), "proxy"),
        row("a proxy where nobody listens", World::NoProxy(""), "connect"),
        row("a proxy without address", World::NoProxy("http://nonexistent.invalid:3128"), "dns"),
    ]
}

fn elsewhere() -> Vec<Row> {
    let redirect = |tls, status| World::Redirect { tls, status };
    vec![
        row("302 to another port", redirect(false, 302), "status 302"),
        row("307 to another port", redirect(false, 307), "status 307"),
        row("302 from HTTPS to HTTP", redirect(true, 302), "status 302"),
        row("307 from HTTPS to HTTP", redirect(true, 307), "status 307"),
        row("nobody listens", World::Nobody(""), "connect"),
        row("a name without address", World::Nobody("http://nonexistent.invalid:80"), "dns"),
    ]
}
