use std::time::Duration;

use arbitrary::{Result, Unstructured};
use huaweicloud_sms_core::{Operation, Poller, ResponseError, Step};

use crate::books::{Books, Durations, Moment};

/// A [`Poller`] on a virtual clock that panics as soon as an invariant of its docs does not hold.
pub struct Watched {
    poller: Poller<Moment>,
    books: Books,
    now: Moment,
}

impl Watched {
    /// A poller whose first call goes out at once.
    ///
    /// # Panics
    /// If the pace is refused or an invariant does not hold; so do all methods.
    #[must_use]
    pub fn new(durations: Durations, seed: u64) -> Self {
        let now = Duration::from_secs(1_000_000);
        let poller = Poller::new(durations.pace(), seed, now).expect("a legal pace");
        let mut watched = Self { poller, books: Books::new(durations, now), now };
        assert_eq!(watched.step(), Step::Obtain);
        watched
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Lets time pass: an early wake-up, a late one, a suspended machine.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.step();
    }

    /// What to do now, checked.
    #[allow(clippy::must_use_candidate, reason = "the checks alone are reason enough to ask")]
    pub fn step(&mut self) -> Step<Moment> {
        let step = self.poller.poll(self.now);
        assert_eq!(step, self.poller.poll(self.now), "asking changes nothing");
        match step {
            Step::WaitUntil(next) => {
                assert!(next > self.now, "waits for what is over");
                self.books.announced(next);
            }
            Step::Obtain | Step::RenewAuth => self.books.check(self.now, step),
        }
        step
    }

    /// A call goes out.
    pub fn start(&mut self) {
        assert_eq!(self.step(), Step::Obtain);
        self.poller.on_start(self.now);
        self.books.start(self.now);
        self.step();
    }

    /// The call was answered.
    pub fn answer(&mut self) {
        self.poller.on_answer(self.now);
        self.books.answer(self.now);
        self.step();
    }

    /// The call was answered by an error.
    pub fn error(&mut self, error: &ResponseError) {
        self.poller.on_error(self.now, error);
        self.books.error(self.now, error);
        self.step();
    }

    /// The call got no response.
    pub fn failure(&mut self) {
        self.poller.on_failure(self.now);
        self.books.failure(self.now);
        self.step();
    }

    /// A new credential is there, asked for or not.
    pub fn renewed(&mut self) {
        self.poller.on_auth_renewed();
        self.books.renewed();
        self.step();
    }

    /// There is no new credential.
    pub fn kept(&mut self) {
        self.poller.on_auth_kept(self.now);
        self.books.kept(self.now);
        self.step();
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at {:?}, {:?}, {:?}", self.now, self.books, self.poller)
    }
}

/// An error of each kind that makes a difference to the poller; `retry_after` in seconds.
///
/// # Panics
/// If there is no such number; there are [`ERRORS`].
#[must_use]
pub fn error(number: usize, retry_after: Option<u64>) -> ResponseError {
    let (status, body) = RESPONSES[number];
    let mut response = http::Response::builder().status(status);
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    let response = response.body(body).expect("valid");
    crate::call().parse(&response).expect_err("an error")
}

/// How many errors [`error`] knows.
pub const ERRORS: usize = RESPONSES.len();

const RESPONSES: [(u16, &str); 16] = [
    (401, r#"{"error_code":"SMS.6521","error_msg":"m"}"#),
    (401, r#"{"error_code":"APIGW.0307","error_msg":"m"}"#),
    (401, "<html>"),
    (401, r#"{"error_code":"APIGW.0301","error_msg":"failed to reach the limit"}"#),
    (400, r#"{"error_code":"SMS.0205","error_msg":"m"}"#),
    (429, r#"{"error_code":"APIGW.0308","error_msg":"m"}"#),
    (500, r#"{"error_code":"SMS.6000","error_msg":"m"}"#),
    (503, ""),
    (404, r#"{"error_code":"SMS.7602","error_msg":"m"}"#),
    (403, r#"{"error_code":"SMS.6542","error_msg":"m"}"#),
    (400, r#"{"error_code":"SMS.6016","error_msg":"m"}"#),
    (400, r#"{"error_code":"SMS.7606","error_msg":"m"}"#),
    (200, "<html>"),
    (302, ""),
    (403, r#"{"error_code":"SMS.9004","error_msg":"m"}"#),
    (404, r#"{"error_code":"APIGW.0101","error_msg":"m"}"#),
];

/// **Property 5.** Whatever happens, and in whatever order, the poller keeps the invariants of its
/// docs.
pub fn poll(data: &[u8]) {
    // Ends where the data does.
    let _ = events(&mut Unstructured::new(data));
}

fn events(u: &mut Unstructured<'_>) -> Result<()> {
    let mut poller = Watched::new(durations(u)?, u.arbitrary()?);
    while !u.is_empty() {
        match u.int_in_range(0..=7)? {
            0 => poller.pass(Duration::from_millis(u.int_in_range(0..=100_000_000)?)),
            1 => {
                if let Step::WaitUntil(next) = poller.step() {
                    poller.pass(next - poller.now());
                }
            }
            2 => match poller.step() {
                Step::Obtain => poller.start(),
                Step::RenewAuth => poller.renewed(),
                Step::WaitUntil(_) => {}
            },
            3 => poller.answer(),
            4 => {
                let retry_after = u.arbitrary::<Option<u32>>()?.map(u64::from);
                poller.error(&error(u.choose_index(ERRORS)?, retry_after));
            }
            5 => poller.failure(),
            6 => poller.renewed(),
            _ => poller.kept(),
        }
    }
    Ok(())
}

/// A legal pace.
pub(crate) fn durations(u: &mut Unstructured<'_>) -> Result<Durations> {
    let mut durations = [Duration::ZERO; 4];
    for duration in &mut durations {
        *duration = Duration::from_millis(u.int_in_range(1..=86_400_000)?);
    }
    let [interval, call_limit, one, other] = durations;
    let jitter = u.int_in_range(0..=100)?;
    let (first_backoff, max_backoff) = (one.min(other), one.max(other));
    Ok(Durations { interval, call_limit, first_backoff, max_backoff, jitter })
}
