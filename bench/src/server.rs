//! Servers in processes of their own: the program `rings`, and this one, started again.

use std::{
    convert::Infallible,
    env,
    fs::{self, Permissions},
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{self, Command, Stdio},
    time::Duration,
};

use http_body_util::Full;
use hyper::{Response, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use strongroom_core::{Algorithm, Name};
use strongroom_sm_kms::{Node, SecretFile, node, open_store};

use crate::{Result, rate};

const SECRET: &str = "secret";

/// Makes a database with this many rings in a folder; answers its root token.
pub(crate) fn prepare(folder: &Path, rings: u64) -> Result<String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    fs::write(folder.join(SECRET), secret)?;
    fs::set_permissions(folder.join(SECRET), Permissions::from_mode(0o600))?;
    let node = node_in(folder)?;
    let token = node.new_token()?;
    node.initialize(None, &token)?;
    node.unseal_with_secrets()?;
    let open = node.open().ok_or("it stays sealed")?;
    let of_tenant = open.kms.without_caller(open.unsealed.first_tenant());
    rate::for_each(rings, |number| {
        of_tenant.create(&Name::parse(&ring(number))?, Algorithm::Aes256Gcm)?;
        Ok(())
    })?;
    node.tend();
    node.seal()?;
    Ok(token.secret().expose_secret().to_owned())
}

/// The name of a ring.
pub(crate) fn ring(number: u64) -> String {
    format!("ring-{number}")
}

fn node_in(folder: &Path) -> Result<Node> {
    Ok(node(open_store(folder)?, vec![SecretFile::new(folder.join(SECRET))])?)
}

/// In the child: the least that hyper can do.
pub(crate) fn serve_bare() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(anywhere()).await?;
        tell(listener.local_addr()?)?;
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(answer)));
        }
    })
}

async fn answer(
    _: hyper::Request<hyper::body::Incoming>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(&[b'x'; 200]))))
}

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Tells the parent where this child listens.
fn tell(address: SocketAddr) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{address}")?;
    Ok(out.flush()?)
}

/// A server in a process of its own, killed on drop.
pub(crate) struct Child {
    process: process::Child,
    pub(crate) address: SocketAddr,
}

impl Child {
    pub(crate) fn serve_rings(folder: &Path) -> Result<Self> {
        let program = env::current_exe()?.with_file_name("rings");
        Self::start(Command::new(program).arg(folder).arg(folder.join(SECRET)))
    }

    pub(crate) fn serve_bare() -> Result<Self> {
        Self::start(Command::new(env::current_exe()?).arg("serve-bare"))
    }

    fn start(command: &mut Command) -> Result<Self> {
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let out = process.stdout.take().ok_or("the child has no output")?;
        let mut child = Self { process, address: anywhere() };
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        child.address = line.trim().parse().map_err(|_| "the server did not start")?;
        Ok(child)
    }

    /// CPU time so far, in user and kernel mode.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // proc(5): the name in parentheses is field 2, `utime` 14 and `stime` 15.
        let after = stat.rsplit_once(')').ok_or("no name in /proc/PID/stat")?.1;
        let fields: Vec<&str> = after.split_ascii_whitespace().collect();
        let ticks = fields.get(11..13).ok_or("too few fields in /proc/PID/stat")?;
        let ticks: u64 = ticks.iter().map(|field| field.parse::<u64>()).sum::<std::result::Result<_, _>>()?;
        Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
    }

    /// Resident memory now, and at most so far.
    pub(crate) fn memory(&self) -> Result<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let mib = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
            Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
        };
        Ok(format!("{:.1} MiB (peak {:.1})", mib("VmRSS:")?, mib("VmHWM:")?))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
