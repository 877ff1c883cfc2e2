//! `strongroom-sm-kms`: key rings over HTTP, and nothing else.

use std::process::ExitCode;

use clap::Parser;
use strongroom_serve::{LogFormat, report, start_log};
use strongroom_sm_kms::Options;

/// Key rings over Vault's HTTP API (sys and transit).
#[derive(Parser)]
#[command(name = "strongroom-sm-kms", version)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    start_log(LogFormat::Text);
    report(Arguments::parse().options.run())
}
