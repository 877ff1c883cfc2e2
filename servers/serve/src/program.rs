use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use tracing_subscriber::fmt;

/// How the log is written, on the standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Begins to log this process. Call it once, first of all; a second call changes nothing.
pub fn start_log(format: LogFormat) {
    let log = fmt().with_writer(io::stderr).with_target(false).with_ansi(false);
    // It fails where there is a log already, and then that one stays.
    let _ = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}

/// What `main` returns: prints an error with all its causes to the standard error.
pub fn report<E: Error>(outcome: Result<(), E>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    // There is nobody to tell if this fails.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::FAILURE
}
