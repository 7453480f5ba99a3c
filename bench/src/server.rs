//! The server. It writes the same response to every request, in one write.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use crate::clients::BODY;

/// Serves until the process is killed. Prints the URL first.
pub(crate) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("http://{}/v3/sources/id/command", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // An error means that the client has ended.
        thread::spawn(move || drop(answer(stream)));
    }
    Ok(())
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Date: Thu, 26 Nov 2026 09:00:00 GMT\r\nX-Request-Id: 2c0689c860ad4728a497c91ec0844384\r\n\
         Server: api-gateway\r\nStrict-Transport-Security: max-age=31536000\r\n\
         X-Frame-Options: SAMEORIGIN\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut buffer = [0; 8192];
    let mut read = 0;
    loop {
        let count = stream.read(&mut buffer[read..])?;
        if count == 0 {
            return Ok(());
        }
        read += count;
        if buffer[..read].ends_with(b"\r\n\r\n") {
            stream.write_all(answer.as_bytes())?;
            read = 0;
        }
    }
}
