//! Notifies systemd of a service's state (`Type=notify`). Elsewhere it does nothing.

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        sync::{Arc, Mutex, Once, PoisonError},
        thread,
        time::{Duration, Instant},
    };

    use sd_notify::NotifyState;

    /// Serves systemd's watchdog as long as the main loop meets its deadlines.
    pub(crate) struct Notifier {
        /// The deadline of the main loop's present round.
        due: Arc<Mutex<Instant>>,
    }

    impl Notifier {
        /// Tells that the service is ready, and starts a thread for the watchdog if there is one.
        pub(crate) fn start() -> Self {
            let due = Arc::new(Mutex::new(Instant::now()));
            notify(NotifyState::Ready);
            let period = sd_notify::watchdog_enabled().filter(|period| !period.is_zero());
            if let Some(period) = period {
                let due = Arc::clone(&due);
                let watchdog = thread::Builder::new().name("watchdog".into());
                // Twice in a period, as systemd's documentation advises.
                if let Err(error) = watchdog.spawn(move || keep_alive(&due, period / 2)) {
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

    /// Sets what `systemctl status` shows.
    pub(crate) fn status(text: &str) {
        notify(NotifyState::Status(text));
    }

    pub(crate) fn stopping() {
        notify(NotifyState::Stopping);
    }

    fn keep_alive(due: &Mutex<Instant>, period: Duration) {
        loop {
            if Instant::now() <= *due.lock().unwrap_or_else(PoisonError::into_inner) {
                notify(NotifyState::Watchdog);
            }
            thread::sleep(period);
        }
    }

    fn notify(state: NotifyState<'_>) {
        static WARNING: Once = Once::new();
        // Without NOTIFY_SOCKET this does nothing.
        if let Err(error) = sd_notify::notify(&[state]) {
            WARNING.call_once(|| log::warn!("systemd cannot be notified: {error}"));
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
