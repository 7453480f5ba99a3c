//! Pipes to a program whose reads and writes end with its run, even if a process that outlives the program
//! keeps the other end open.

#[cfg(not(unix))]
pub(super) use other::Over;
#[cfg(unix)]
pub(super) use unix::Over;

#[cfg(unix)]
mod unix {
    use std::{
        io::{self, Read, Write},
        os::{fd::AsFd, unix::net::UnixStream},
    };

    use rustix::{
        event::{PollFd, PollFlags, poll},
        io::Errno,
    };

    /// The number of bytes that are read after the program has ended. A pipe holds at most this many, so all
    /// output of the program is read. The limit matters if another process goes on writing.
    const MAX_AFTER_END: usize = 1024 * 1024;

    /// Dropping this ends the reads and writes of all pipes that were made with it.
    pub(in super::super) struct Over {
        /// Dropping this closes it, and the other end sees that.
        _closed_by_drop: UnixStream,
        seen: UnixStream,
    }

    impl Over {
        pub(in super::super) fn new() -> io::Result<Self> {
            let (closed, seen) = UnixStream::pair()?;
            Ok(Self { _closed_by_drop: closed, seen })
        }

        pub(in super::super) fn pipe<P: AsFd>(&self, pipe: P) -> io::Result<Pipe<P>> {
            rustix::io::ioctl_fionbio(&pipe, true)?;
            Ok(Pipe { pipe, over: self.seen.try_clone()?, left: MAX_AFTER_END })
        }
    }

    /// Our end of a pipe.
    pub(in super::super) struct Pipe<P> {
        pipe: P,
        over: UnixStream,
        /// The number of bytes that are still read after the run.
        left: usize,
    }

    impl<P: AsFd> Pipe<P> {
        /// Waits for the pipe or for the end of the run. Returns for each whether it has come.
        fn wait(&self, what: PollFlags) -> io::Result<(bool, bool)> {
            loop {
                let mut fds =
                    [PollFd::new(&self.pipe, what), PollFd::new(&self.over, PollFlags::IN)];
                match poll(&mut fds, None) {
                    Ok(_) => {
                        let [is_ready, is_over] = fds.map(|fd| !fd.revents().is_empty());
                        return Ok((is_ready, is_over));
                    }
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    impl<P: AsFd + Read> Read for Pipe<P> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (is_ready, is_over) = self.wait(PollFlags::IN)?;
            if !is_ready || self.left == 0 {
                return Ok(0);
            }
            let length = self.pipe.read(buffer)?;
            if is_over {
                self.left = self.left.saturating_sub(length);
            }
            Ok(length)
        }
    }

    impl<P: AsFd + Write> Write for Pipe<P> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.wait(PollFlags::OUT)? {
                (_, true) => Err(io::ErrorKind::BrokenPipe.into()),
                (_, false) => self.pipe.write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            self.pipe.flush()
        }
    }
}

/// The end of the job ends every process that has the other end of a pipe. So each read and write ends.
#[cfg(not(unix))]
mod other {
    use std::io;

    pub(in super::super) struct Over;

    impl Over {
        pub(in super::super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(in super::super) fn pipe<P>(&self, pipe: P) -> io::Result<Pipe<P>> {
            Ok(pipe)
        }
    }

    pub(in super::super) type Pipe<P> = P;
}
