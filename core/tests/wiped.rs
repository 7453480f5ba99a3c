//! What is dropped is gone: the memory that this process can write is searched for the secrets.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    hint::black_box,
    io::{Read, Seek, SeekFrom},
    ops::Range,
    sync::Mutex,
};

use huaweicloud_sms_core::{
    AccessKey, Endpoint, IamUser, IssueToken, ObtainCommand, Operation, Scope, ServerId, Timestamp,
    Unauthenticated,
};

/// A secret that is nowhere but where it is put: a byte at a time is calculated.
#[derive(Clone, Copy)]
struct Pattern {
    seed: u32,
    length: usize,
}

impl Pattern {
    /// Visible, and nothing that JSON escapes.
    fn byte(self, index: usize) -> u8 {
        let mixed = black_box(self.seed).wrapping_add(index as u32).wrapping_mul(0x9e37_79b1);
        b'#' + u8::try_from((mixed >> 16) % u32::from(b'\\' - b'#')).expect("a byte")
    }

    /// Hands the secret out and leaves no trace of it.
    fn with<T>(self, take: impl FnOnce(&str) -> T) -> T {
        let mut buffer = vec![0; self.length];
        for (index, byte) in buffer.iter_mut().enumerate() {
            *byte = self.byte(index);
        }
        let taken = take(std::str::from_utf8(&buffer).expect("ASCII"));
        wipe(&mut buffer);
        taken
    }

    /// What is looked for: the latter half, since an allocator writes into the beginning of what is
    /// freed.
    fn tail(self) -> Range<usize> {
        self.length / 2..self.length
    }

    fn is_at(self, place: &[u8]) -> bool {
        self.tail().zip(place).all(|(index, byte)| *byte == self.byte(index))
    }

    /// How often it is in the memory that this process can write.
    fn count(self) -> usize {
        // One at a time, lest another search's copies be found.
        static SEARCH: Mutex<()> = Mutex::new(());
        let _alone = SEARCH.lock();
        let mut memory = File::open("/proc/self/mem").expect("one's own memory");
        let mut chunk = vec![0; 1 << 16];
        let start = chunk.as_ptr() as u64;
        let own = start..start + chunk.len() as u64;
        // The chunk itself is left out: reading it into itself multiplies what is in it.
        let around = |region: Range<u64>| {
            [region.start..region.end.min(own.start), region.start.max(own.end)..region.end]
        };
        let first = self.byte(self.tail().start);
        let mut count = 0;
        for part in writable().into_iter().flat_map(around) {
            let mut at = part.start;
            while at < part.end {
                let length = chunk.len().min(usize::try_from(part.end - at).expect("64 bits"));
                memory.seek(SeekFrom::Start(at)).expect("an address");
                // A region may have gone since it was listed, and some can't be read.
                if memory.read_exact(&mut chunk[..length]).is_err() {
                    break;
                }
                let places = chunk[..length].windows(self.tail().len());
                count += places.filter(|place| place[0] == first && self.is_at(place)).count();
                // Each next one begins before this one's end, lest a secret lie across.
                let is_last = at + length as u64 == part.end;
                at += if is_last { length } else { length - (self.tail().len() - 1) } as u64;
            }
        }
        wipe(&mut chunk);
        count
    }
}

fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    black_box(bytes);
}

fn writable() -> Vec<Range<u64>> {
    let maps = fs::read_to_string("/proc/self/maps").expect("one's own memory");
    let region = |line: &str| {
        let mut fields = line.split(' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        fields.next()?.starts_with("rw").then(|| address(start)..address(end))
    };
    maps.lines().filter_map(region).collect()
}

fn endpoint() -> Endpoint {
    Endpoint::new("https://host.example").expect("valid")
}

#[test]
fn a_key_and_its_clones() {
    // As real ones, over one block of the hash, and as long as may be.
    for (seed, length) in [(0x1000, 40), (0x2000, 100), (0x3000, AccessKey::MAX_CHARS)] {
        let secret = Pattern { seed, length };
        assert_eq!(secret.count(), 0, "before anything");
        let key = secret.with(|secret| AccessKey::new("id", secret)).expect("valid");
        assert_eq!(secret.count(), 1, "the search works");
        let clones = vec![key.clone(), key.clone().project_id("p").expect("valid")];
        assert_eq!(secret.count(), 3);

        let call = ObtainCommand::new(&endpoint(), &ServerId::new("id").expect("valid"));
        for clone in &clones {
            let request = call.request(&clone.at(Timestamp::MAX));
            assert!(request.headers().contains_key("authorization"));
        }
        assert_eq!(secret.count(), 3, "signing makes no copy");

        drop(clones);
        assert_eq!(secret.count(), 1);
        drop(key);
        assert_eq!(secret.count(), 0, "{length} characters");
    }
}

#[test]
fn a_refused_key() {
    let secret = Pattern { seed: 0x4000, length: 40 };
    let key = secret.with(|secret| AccessKey::new("id,", secret).map(drop));
    assert!(key.is_err());
    let too_long = Pattern { seed: 0x5000, length: AccessKey::MAX_CHARS + 1 };
    let key = too_long.with(|secret| AccessKey::new("id", secret).map(drop));
    assert!(key.is_err());
    assert_eq!((secret.count(), too_long.count()), (0, 0));
}

#[test]
fn a_user_and_a_login() {
    // Names that are escaped all over make the body as long as it can be: had it moved while it was
    // written, it would have left the password behind.
    let quotes = "\"".repeat(IamUser::MAX_CHARS);
    for (seed, length, name) in
        [(0x6000, 16, "migration"), (0x7000, IamUser::MAX_CHARS, quotes.as_str())]
    {
        let password = Pattern { seed, length };
        let user = password.with(|password| IamUser::new(name, name, password)).expect("valid");
        assert_eq!(password.count(), 1, "the search works");
        let clone = user.clone();
        let login = IssueToken::new(&endpoint(), &user, Scope::DomainName(name)).expect("valid");
        assert_eq!(password.count(), 3, "a user, a clone, a login");
        let logins = [login.clone(), login];
        assert_eq!(password.count(), 4);
        drop((user, clone));
        assert_eq!(password.count(), 2);

        // What is sent is the caller's to wipe.
        let mut body = logins[0].request(&Unauthenticated).into_body();
        assert_eq!(password.count(), 3);
        wipe(&mut body);
        drop(body);
        drop(logins);
        assert_eq!(password.count(), 0, "{length} characters");
    }
}
