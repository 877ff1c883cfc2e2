//! `strongroom-sm-kms`: key rings over HTTP, with the log of what was done.

use std::{alloc::System, process::ExitCode};

use clap::Parser;
use strongroom_serve::{LogFormat, guard_memory, report, start_log};
use strongroom_sm_kms::{Options, Serves};
use zeroizing_alloc::ZeroAlloc;

/// Whatever is freed is wiped: also the buffers of HTTP, TLS and JSON, where shares and tokens pass.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

/// Key rings over Vault's HTTP API (sys and transit).
#[derive(Parser)]
#[command(name = "strongroom-sm-kms", version)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    let guard = guard_memory();
    start_log(LogFormat::Text);
    guard.tell();
    report(Arguments::parse().options.run(Serves::KeysAndLog))
}
