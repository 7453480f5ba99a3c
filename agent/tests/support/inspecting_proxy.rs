//! A proxy that inspects TLS. After CONNECT it responds itself, with a certificate of its own CA.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

use huaweicloud_sms_simulator::Simulator;

pub(crate) struct InspectingProxy {
    addr: SocketAddr,
    inside: Simulator,
}

impl InspectingProxy {
    /// Starts the proxy. `inside` speaks TLS with its CA, and responds in place of every host.
    pub(crate) fn start(inside: Simulator) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let addr = listener.local_addr().expect("an address");
        let target = inside.addr();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // The client gets the errors of its connection.
                thread::spawn(move || drop(serve(client, target)));
            }
        });
        Self { addr, inside }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn ca_pem(&self) -> &str {
        self.inside.ca_pem().expect("it speaks TLS")
    }
}

fn serve(mut client: TcpStream, target: SocketAddr) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let mut server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let mut from_server = server.try_clone()?;
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut client);
        let _ = client.shutdown(Shutdown::Both);
    });
    io::copy(&mut reader, &mut server)?;
    server.shutdown(Shutdown::Both)
}
