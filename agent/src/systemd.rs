//! What systemd wants to know of a service (`Type=notify`), where it asks. Elsewhere nothing.

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        sync::{Arc, Mutex, PoisonError},
        thread,
        time::{Duration, Instant},
    };

    use sd_notify::NotifyState;

    /// Tells systemd of this process's state, as long as the process meets its own moments.
    pub(crate) struct Notifier {
        /// When the main loop is to have come round again.
        due: Arc<Mutex<Instant>>,
    }

    impl Notifier {
        /// Says that the service is ready. With a watchdog a thread tells that it is alive, until
        /// the main loop misses its moment.
        pub(crate) fn start() -> Self {
            let due = Arc::new(Mutex::new(Instant::now()));
            notify(&[NotifyState::Ready]);
            if let Some(period) = sd_notify::watchdog_enabled() {
                let due = Arc::clone(&due);
                let watchdog = thread::Builder::new().name("watchdog".into());
                // Twice in a period, as systemd's documents advise.
                if let Err(error) = watchdog.spawn(move || keep_alive(&due, period / 2)) {
                    log::warn!("the watchdog cannot be served: {error}");
                }
            }
            Self { due }
        }

        /// The main loop will have come round by then.
        pub(crate) fn expect_by(&self, moment: Instant) {
            *self.due.lock().unwrap_or_else(PoisonError::into_inner) = moment;
        }

        /// What an operator sees in `systemctl status`.
        pub(crate) fn status(&self, text: &str) {
            notify(&[NotifyState::Status(text)]);
        }
    }

    impl Drop for Notifier {
        fn drop(&mut self) {
            notify(&[NotifyState::Stopping]);
        }
    }

    fn keep_alive(due: &Mutex<Instant>, period: Duration) {
        loop {
            if Instant::now() <= *due.lock().unwrap_or_else(PoisonError::into_inner) {
                notify(&[NotifyState::Watchdog]);
            }
            thread::sleep(period);
        }
    }

    fn notify(state: &[NotifyState<'_>]) {
        // Without NOTIFY_SOCKET this does nothing.
        if let Err(error) = sd_notify::notify(state) {
            log::warn!("systemd cannot be notified: {error}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::time::Instant;

    /// Nobody asks.
    pub(crate) struct Notifier;

    impl Notifier {
        pub(crate) fn start() -> Self {
            Self
        }

        pub(crate) fn expect_by(&self, _: Instant) {}

        pub(crate) fn status(&self, _: &str) {}
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::Notifier;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::Notifier;
