//! `sms-agent demo`: one call through each transport, without a network or a cloud account.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use huaweicloud_sms::{
    Answer, AuthToken, Endpoint, ObtainCommand, Proxy, RootCerts, ServerId, Settings,
};
use huaweicloud_sms_simulator::{Request, Script, Simulator};

use crate::{
    args::Transport,
    exit::Exit,
    print, redactor,
    transport::{self, AVAILABLE},
};

const SERVER_ID: &str = "f32ab4d6-d150-4fb3-aa55-edbb5cf9947f";
const TOKEN: &str = "demo-token-that-is-not-a-secret";
const NEXT: &str = "
Next, in one shell:
  sms-agent simulate --listen 127.0.0.1:8080
and in another:
  HW_AUTH_TOKEN=any-token sms-agent obtain --allow-http \\
      --endpoint http://127.0.0.1:8080 --server-id f32ab4d6-d150-4fb3-aa55-edbb5cf9947f";

pub(crate) fn run() -> ExitCode {
    let mut out = io::stdout().lock();
    let mut written = writeln!(out, "Obtains a command from a simulated Server Migration Service.");
    for &transport in AVAILABLE {
        for tls in [false, true] {
            match obtain(transport, tls) {
                Ok(shown) => written = written.and_then(|()| out.write_all(&shown)),
                Err(error) => {
                    let scheme = if tls { "https" } else { "http" };
                    // Standard error is the last output, so an error of it is ignored.
                    let error = redactor::shown(&error);
                    let _ = writeln!(io::stderr(), "error: {transport} over {scheme}: {error}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    Exit::Answer.if_written(written.and_then(|()| writeln!(out, "{NEXT}"))).into()
}

/// Obtains a command. Returns the text that shows the call.
fn obtain(transport: Transport, tls: bool) -> Result<Vec<u8>, String> {
    let mut builder = Simulator::builder().token(TOKEN).script(Script::example());
    if tls {
        builder = builder.tls();
    }
    let simulator = builder.start().map_err(|error| error.to_string())?;

    let url = simulator.url();
    let endpoint = if tls { Endpoint::new(&url) } else { Endpoint::cleartext(&url) };
    let endpoint = endpoint.map_err(|error| error.to_string())?;
    let server_id: ServerId = SERVER_ID.parse().map_err(|error| format!("{error}"))?;
    let token: AuthToken = TOKEN.parse().map_err(|error| format!("{error}"))?;

    let mut settings = Settings::default().with_proxy(Proxy::Direct);
    if let Some(pem) = simulator.ca_pem() {
        settings = settings.with_root_certs(RootCerts::Pem(pem.into()));
    }
    let client = transport::client(transport, settings).map_err(|failure| failure.message())?;
    let call = ObtainCommand::new(&endpoint, &server_id);
    let answer = client.send(&call, &token).map_err(|error| error.to_string())?;

    let requests = simulator.requests();
    let [request] = requests.as_slice() else {
        return Err(format!("{} requests were sent instead of one", requests.len()));
    };
    let mut shown = Vec::new();
    show(&mut shown, transport, &url, request, answer).map_err(|error| error.to_string())?;
    Ok(shown)
}

fn show(
    out: &mut impl Write,
    transport: Transport,
    url: &str,
    request: &Request,
    answer: Answer,
) -> io::Result<()> {
    writeln!(out, "\n{transport} to {url}")?;
    writeln!(out, "  > {} {}", request.method, request.target)?;
    for (name, value) in &request.headers {
        let value = match name.eq_ignore_ascii_case("x-auth-token") {
            true => "[redacted]".into(),
            false => String::from_utf8_lossy(value),
        };
        writeln!(out, "  > {name}: {value}")?;
    }
    writeln!(out, "  < status {}", request.status)?;
    let answer = print::text(&Ok(answer));
    answer.lines().try_for_each(|line| writeln!(out, "  < {line}"))
}
