//! The server. It gives the same response to every request, on one thread. It runs in a separate process, so
//! that its work is not counted.

use std::{
    error::Error,
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const BODY: &str =
    r#"{"command_name":"START","command_param":{"task_id":"2c0689c860ad4728a497c91ec0844384"}}"#;

/// The process of a server. Dropping this value ends it.
pub(crate) struct Server {
    process: Child,
    url: String,
}

impl Server {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("no output")?;
        let mut server = Self { process, url: String::new() };
        BufReader::new(output).read_line(&mut server.url)?;
        server.url.truncate(server.url.trim_end().len());
        Ok(server)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until the process is killed. Prints the URL first.
pub(crate) fn serve() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(answer(stream));
        }
    })
}

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let reply = format!(
        "HTTP/1.1 200 OK\r\nServer: raw\r\nDate: Thu, 26 Nov 2026 09:00:00 GMT\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nX-Request-Id: 0123456789abcdef\r\n\
         X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n{BODY}",
        BODY.len()
    );
    let (mut buffer, mut filled) = ([0; 4096], 0);
    loop {
        match stream.read(&mut buffer[filled..]).await? {
            0 => return Ok(()),
            count => filled += count,
        }
        // Each request is short and has no body, and the next one follows only after the response.
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            stream.write_all(reply.as_bytes()).await?;
            filled = 0;
        }
    }
}
