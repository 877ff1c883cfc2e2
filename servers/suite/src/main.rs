//! `strongroom`: every service in one process, and the command line.

mod ask;
mod audit;
mod client;
mod dev;
mod files;
mod offline;
mod operator;
mod reach;
mod rotation;
mod slot;
mod transit;
mod upkeep;

use std::{alloc::System, process::ExitCode};

use clap::{
    Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};
use strongroom_serve::{LogFormat, guard_memory, report, start_log};
use strongroom_sm_kms::{Options, Serves};
use zeroizing_alloc::ZeroAlloc;

/// Whatever is freed is wiped: also the buffers of HTTP, TLS and JSON, where shares and tokens pass.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

/// Keeps keys, and encrypts and signs with them, over Vault's HTTP API.
#[derive(Parser)]
#[command(name = "strongroom", version, after_help = BEGIN)]
struct Arguments {
    /// Write the log as one JSON object a line
    #[arg(long, global = true)]
    log_json: bool,

    #[command(subcommand)]
    command: Command,
}

const BEGIN: &str = "\
To look at it: `strongroom dev`. To run it: `strongroom server`, then `strongroom operator init` and
`strongroom operator unseal`; `strongroom server --help` shows the whole way.";

const FIRST_SERVER: &str = "\
A first server, with a certificate that signs itself:

  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=strongroom \\
    -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1,DNS:localhost \\
    -keyout server.key -out server.pem
  chmod 600 server.key
  strongroom server --data data --tls-cert server.pem --tls-key server.key

In another terminal, in the same folder:

  export STRONGROOM_CACERT=server.pem
  strongroom operator init
  strongroom operator unseal

`init` prints shares and the root token; `unseal` asks for one share, and is repeated until `strongroom operator
status` says unsealed. With --unseal-secret the server unseals itself from its next start on.";

#[derive(Subcommand)]
enum Command {
    /// Start a server to try things with: it makes all it needs, and is unsealed
    Dev(dev::Dev),
    /// Start a server: sealed, and uninitialized on an empty folder
    #[command(after_long_help = FIRST_SERVER)]
    Server(Options),
    /// Initialize, unseal, seal and look after a running server
    Operator(operator::Operator),
    /// Read the log of events, prove what stands in it, and verify proofs and exports offline
    Audit(audit::Audit),
    /// Make and look after keys, and encrypt, sign and compute with them
    Transit(transit::Transit),
}

fn main() -> ExitCode {
    let guard = guard_memory();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(error),
    };
    start_log(if arguments.log_json { LogFormat::Json } else { LogFormat::Text });
    match arguments.command {
        Command::Dev(dev) => report(dev.run()),
        Command::Server(options) => {
            guard.tell();
            report(options.run(Serves::KeysAndLog))
        }
        Command::Audit(audit) => match audit.run() {
            Ok(code) => code,
            Err(error) => report(Err(error)),
        },
        Command::Transit(transit) => match transit.run() {
            Ok(code) => code,
            Err(error) => report(Err(error)),
        },
        Command::Operator(operator) => match operator.run() {
            Ok(code) => code,
            Err(error) => report(Err(error)),
        },
    }
}

/// Prints help, or what is wrong with the arguments. Where a value stands that belongs nowhere, it may be a share
/// or a token: it is not repeated.
fn usage(mut error: clap::Error) -> ExitCode {
    let stray = |value: &ContextValue| matches!(value, ContextValue::String(text) if !text.starts_with('-'));
    if error.kind() == ErrorKind::UnknownArgument && error.get(ContextKind::InvalidArg).is_some_and(stray) {
        error.insert(ContextKind::InvalidArg, ContextValue::String("(not shown)".into()));
    }
    // There is nobody to tell if this fails.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
