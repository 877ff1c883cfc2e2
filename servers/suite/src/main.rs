//! `strongroom`: every service in one process, and the command line.

mod client;
mod dev;
mod files;
mod operator;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use strongroom_serve::{LogFormat, report, start_log};
use strongroom_sm_kms::Options;

/// Keeps keys, and encrypts and signs with them, over Vault's HTTP API.
///
/// To look at it: `strongroom dev`. To run it: `strongroom server`, then `strongroom operator init` and
/// `strongroom operator unseal`.
#[derive(Parser)]
#[command(name = "strongroom", version)]
struct Arguments {
    /// Write the log as one JSON object a line
    #[arg(long, global = true)]
    log_json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a server to try things with: it makes all it needs, and is unsealed
    Dev(dev::Dev),
    /// Start a server: sealed, and uninitialized on an empty folder
    Server(Options),
    /// Initialize, unseal, seal and look after a running server
    Operator(operator::Operator),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log(if arguments.log_json { LogFormat::Json } else { LogFormat::Text });
    match arguments.command {
        Command::Dev(dev) => report(dev.run()),
        Command::Server(options) => report(options.run()),
        Command::Operator(operator) => match operator.run() {
            Ok(code) => code,
            Err(error) => report(Err(error)),
        },
    }
}
