//! The real binary, run as users run it, and a blocking HTTP client.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything takes on a loaded machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_strongroom");

/// The binary with the settings of whoever runs the tests taken away.
pub(crate) fn strongroom() -> Command {
    bare(Command::new(BINARY))
}

pub(crate) fn bare(mut command: Command) -> Command {
    for name in ["STRONGROOM_ADDR", "STRONGROOM_CACERT", "STRONGROOM_TOKEN"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    strongroom().args(arguments).output().unwrap()
}

/// Runs the binary with a text on its standard input.
pub(crate) fn run_with(mut command: Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may refuse before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What an error prints and the code that the process ends with.
pub(crate) fn refused(output: &Output) -> (i32, String) {
    assert!(!output.status.success(), "{}", text(&output.stdout));
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    (output.status.code().expect("ended by itself"), text(&output.stderr))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Whether a tool is there; says so if not.
pub(crate) fn installed(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        let _ = writeln!(io::stderr(), "NOT SHOWN on this machine: {tool} is not installed");
    }
    found
}

/// A server that runs: killed when it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    /// `http://…` or `https://…`, as it was printed.
    pub(crate) url: String,
    output: TempDir,
}

impl Server {
    /// `strongroom dev` on a port of its own, once it says that it is ready.
    pub(crate) fn dev(data: &Path, more: &[&str]) -> Self {
        let mut command = strongroom();
        command.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(more);
        Self::start(command)
    }

    /// Starts a command that becomes a server.
    pub(crate) fn start(command: Command) -> Self {
        Self::try_start(command).unwrap_or_else(|output| panic!("it ended: {output}"))
    }

    /// The same; the output of a process that ended instead.
    pub(crate) fn try_start(mut command: Command) -> Result<Self, String> {
        let output = tempfile::tempdir().unwrap();
        let file = |name| File::create(output.path().join(name)).unwrap();
        command.stdout(file("out")).stderr(file("err"));
        let child = command.spawn().unwrap();
        let mut server = Self { child, url: String::new(), output };
        let begin = Instant::now();
        while begin.elapsed() < LONG {
            let ended = server.child.try_wait().unwrap().is_some();
            let said = server.said();
            let ready = ["Stop it with", "listening"].iter().any(|word| said.contains(word));
            if ready && let Some(url) = url(&said) {
                server.url = url;
                return Ok(server);
            }
            if ended {
                return Err(said);
            }
            sleep(Duration::from_millis(5));
        }
        panic!("not ready: {}", server.said());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn out(&self) -> String {
        fs::read_to_string(self.output.path().join("out")).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        fs::read_to_string(self.output.path().join("err")).unwrap()
    }

    /// All that it has printed and logged.
    pub(crate) fn said(&self) -> String {
        self.out() + &self.err()
    }

    pub(crate) fn client(&self, token: &str) -> Client {
        Client::connect(&self.url, token).unwrap()
    }

    /// Sends a signal by the name that kill(1) knows.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.signal("INT");
        self.wait()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begin = Instant::now();
        while begin.elapsed() < LONG {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            sleep(Duration::from_millis(5));
        }
        panic!("it does not end: {}", self.said());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first address in what a server says.
fn url(said: &str) -> Option<String> {
    let start = ["http://", "https://"].iter().filter_map(|scheme| said.find(scheme)).min()?;
    said[start..].split(|end: char| end.is_whitespace() || end == '"').next().map(str::to_owned)
}

/// A command by a shell, in a folder, with this umask.
pub(crate) fn with_umask(umask: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = bare(Command::new("sh"));
    command.arg("-c").arg(format!("umask {umask} && exec \"$0\" \"$@\"")).arg(BINARY).args(arguments);
    command.current_dir(folder).process_group(0);
    command
}

/// A connection over which requests are made one after the other.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    token: String,
    rest: Vec<u8>,
}

pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Client {
    pub(crate) fn connect(url: &str, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap())?;
        stream.set_read_timeout(Some(LONG))?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream, token))
    }

    pub(crate) fn over(stream: impl Stream + 'static, token: &str) -> Self {
        Self { stream: Box::new(stream), token: token.to_owned(), rest: Vec::new() }
    }

    /// Asks, and gives the status and the JSON of the answer; an error if the connection broke.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &Value) -> io::Result<(u16, Value)> {
        let (status, body) = self.exchange(method, path, body)?;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        Ok((status, body))
    }

    /// Asks for a text.
    pub(crate) fn text(&mut self, method: &str, path: &str, body: &Value) -> String {
        let (status, body) = self.exchange(method, path, body).unwrap();
        assert_eq!(status, 200, "{method} {path}: {}", text(&body));
        text(&body)
    }

    fn exchange(&mut self, method: &str, path: &str, body: &Value) -> io::Result<(u16, Vec<u8>)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} /v1/{path} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.write_all(request.as_bytes())?;
        let end = loop {
            if let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.read_more()?;
        };
        let head: Vec<u8> = self.rest.drain(..end).collect();
        let head = text(&head).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        while self.rest.len() < length {
            self.read_more()?;
        }
        let body: Vec<u8> = self.rest.drain(..length).collect();
        Ok((head[9..12].parse().unwrap(), body))
    }

    /// Asks for what must succeed, and gives `data` of its answer.
    pub(crate) fn good(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let (status, mut answer) = self.ask(method, path, body).unwrap();
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        match answer.get_mut("data") {
            Some(data) => data.take(),
            None => answer,
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut space = [0; 16384];
        match self.stream.read(&mut space)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.rest.extend_from_slice(&space[..count]);
                Ok(())
            }
        }
    }
}

/// The token that `strongroom dev` keeps in its folder.
pub(crate) fn dev_token(data: &Path) -> String {
    fs::read_to_string(data.join("root-token")).unwrap()
}

/// A path as an argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A file that only its owner reads.
pub(crate) fn private_file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    set_mode(&path, 0o600);
    path
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
