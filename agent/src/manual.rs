//! `sms-agent completions` and `sms-agent man`: describe the command line to shells and as manual pages.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{args::Args, exit::Exit};

pub(crate) fn completions(shell: Shell) -> ExitCode {
    // `generate` panics if its output cannot be written, so it writes into memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "sms-agent", &mut script);
    Exit::Answer.if_written(io::stdout().write_all(&script)).into()
}

/// Writes a manual page for the program and one for each subcommand.
pub(crate) fn man(folder: &Path) -> ExitCode {
    match clap_mangen::generate_to(Args::command(), folder) {
        Ok(()) => Exit::Answer.into(),
        Err(error) => {
            log::error!("the pages cannot be written to {}: {error}", folder.display());
            Exit::Unwritten.into()
        }
    }
}
