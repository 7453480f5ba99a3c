//! Notifies systemd of a service's state (`Type=notify`). Elsewhere it does nothing.

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        env,
        ffi::OsStr,
        io,
        os::{
            linux::net::SocketAddrExt,
            unix::{
                ffi::OsStrExt,
                net::{SocketAddr, UnixDatagram},
            },
        },
        process,
        sync::{Arc, Mutex, Once, PoisonError},
        thread,
        time::{Duration, Instant},
    };

    /// The timeout of a message, for a socket whose owner does not read.
    const SEND_TIMEOUT: Duration = Duration::from_millis(300);
    /// The shortest pause between two signs of life. A shorter one would keep a processor busy.
    const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

    /// Serves systemd's watchdog as long as the main loop meets its deadlines.
    pub(crate) struct Notifier {
        /// The deadline of the main loop's present round.
        due: Arc<Mutex<Instant>>,
    }

    impl Notifier {
        /// Notifies systemd that the service is ready. Starts a thread if systemd has a watchdog for it.
        pub(crate) fn start() -> Self {
            let due = Arc::new(Mutex::new(Instant::now()));
            notify("READY=1");
            if let Some(period) = watchdog_period() {
                let due = Arc::clone(&due);
                let watchdog = thread::Builder::new().name("watchdog".into());
                // Twice in a period, as systemd's documentation advises.
                let pause = (period / 2).max(SHORTEST_PAUSE);
                if let Err(error) = watchdog.spawn(move || keep_alive(&due, pause)) {
                    log::warn!("the watchdog cannot be served: {error}");
                }
            }
            Self { due }
        }

        /// Sets the deadline of the main loop's next round.
        pub(crate) fn expect_by(&self, deadline: Instant) {
            *self.due.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
        }
    }

    /// Sets the text that `systemctl status` shows.
    pub(crate) fn status(text: &str) {
        // A line break would begin another variable.
        notify(&format!("STATUS={}", text.replace('\n', " ")));
    }

    pub(crate) fn stopping() {
        notify("STOPPING=1");
    }

    fn keep_alive(due: &Mutex<Instant>, pause: Duration) {
        loop {
            if Instant::now() <= *due.lock().unwrap_or_else(PoisonError::into_inner) {
                notify("WATCHDOG=1");
            }
            thread::sleep(pause);
        }
    }

    /// Returns the time within which systemd expects a sign of life, if it expects one of this process; see
    /// [`sd_watchdog_enabled(3)`](https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html).
    fn watchdog_period() -> Option<Duration> {
        let pid = env::var("WATCHDOG_PID").unwrap_or_default();
        let is_ours = pid.is_empty() || pid == process::id().to_string();
        let micros = env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
        (is_ours && micros > 0).then(|| Duration::from_micros(micros))
    }

    /// Sends a state, if `NOTIFY_SOCKET` is set.
    fn notify(state: &str) {
        static WARNING: Once = Once::new();
        let Some(socket) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return;
        };
        if let Err(error) = send(&socket, state) {
            WARNING.call_once(|| log::warn!("systemd cannot be notified at {socket:?}: {error}"));
        }
    }

    /// Sends a state as [`sd_notify(3)`](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html)
    /// describes it: to a path, or after an `@` to a name in the abstract namespace.
    fn send(socket: &OsStr, state: &str) -> io::Result<()> {
        let address = match socket.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(socket)?,
        };
        let sender = UnixDatagram::unbound()?;
        sender.set_write_timeout(Some(SEND_TIMEOUT))?;
        sender.send_to_addr(state.as_bytes(), &address).map(drop)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn sends_to_a_path_and_to_an_abstract_name() {
            let name = format!("sms-agent-test-{}", process::id());
            let path = env::temp_dir().join(&name);
            let by_path = SocketAddr::from_pathname(&path).expect("short");
            let by_name = SocketAddr::from_abstract_name(&name).expect("short");
            for (address, socket) in
                [(by_path, path.clone().into_os_string()), (by_name, format!("@{name}").into())]
            {
                let receiver = UnixDatagram::bind_addr(&address).expect("bound");
                send(&socket, "READY=1").expect("sent");
                let mut message = [0; 100];
                let length = receiver.recv(&mut message).expect("received");
                assert_eq!(&message[..length], b"READY=1");
            }
            std::fs::remove_file(path).expect("removed");
            send(OsStr::new("@nobody"), "READY=1").expect_err("nobody listens");
        }

        /// Without a timeout, the service would hang.
        #[test]
        fn a_full_socket_is_an_error() {
            let name = format!("sms-agent-full-{}", process::id());
            let address = SocketAddr::from_abstract_name(&name).expect("short");
            let _receiver = UnixDatagram::bind_addr(&address).expect("bound");
            let socket = format!("@{name}");
            let is_full = |_| send(OsStr::new(&socket), &"x".repeat(10_000)).is_err();
            assert!((0..10_000).any(is_full));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::time::Instant;

    pub(crate) struct Notifier;

    impl Notifier {
        pub(crate) fn start() -> Self {
            Self
        }

        pub(crate) fn expect_by(&self, _: Instant) {}
    }

    pub(crate) fn status(_: &str) {}

    pub(crate) fn stopping() {}
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{Notifier, status, stopping};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{Notifier, status, stopping};
