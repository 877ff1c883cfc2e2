use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::{Config, connection::Connection, layout, testing::Proxy};

/// The environment variable with the first line of `cluster.sh`, where one cluster serves a whole run of tests.
const VARIABLE: &str = "STRONGROOM_TEST_POSTGRES";

const SCRIPT: &str = include_str!("cluster.sh");

/// A private cluster. It stops when it is dropped, or when its process ends in whatever way.
#[derive(Debug)]
pub struct Cluster {
    folder: String,
    port: u16,
    /// A cluster of our own: it lives as long as the pipe.
    own: Option<Own>,
}

/// The script that runs the server.
#[derive(Debug)]
struct Own {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// A database of its own for a test, which lives as long as its cluster.
#[derive(Debug, Clone)]
pub struct Database {
    folder: String,
    port: u16,
    name: String,
}

/// A new database on the cluster of this run, or on one that this process starts. Nothing where PostgreSQL's server is
/// not installed, which fails in continuous integration.
///
/// # Panics
/// If the server cannot be started, or in continuous integration if it is not installed.
pub fn database() -> Option<Database> {
    shared().map(Cluster::database)
}

/// The cluster of this run, or of this process.
pub(super) fn shared() -> Option<&'static Cluster> {
    // The statics of a process are not dropped: what ends the cluster is that the pipe ends with the process.
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| match env::var(VARIABLE) {
        Ok(line) => Some(Cluster::at(&line, None)),
        Err(_) => Cluster::start(&[]),
    });
    if shared.is_none() {
        assert!(env::var_os("CI").is_none(), "PostgreSQL's server is not installed");
        // A process that cannot say it has nobody to tell.
        let said = b"PostgreSQL's server is not installed: nothing of it was shown\n";
        let _ = std::io::stderr().write_all(said);
    }
    shared.as_ref()
}

impl Cluster {
    /// Starts a cluster with settings such as `ssl=on`, in memory where there is room; nothing if PostgreSQL's server is not installed.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(settings: &[&str]) -> Option<Self> {
        Self::run(settings)
    }

    /// Starts one whose data is on a disk, for measurements of what has to reach one; nothing if PostgreSQL's server is
    /// not installed.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start_on_disk() -> Option<Self> {
        Self::run(&["--on-disk"])
    }

    #[expect(clippy::expect_used, clippy::panic, reason = "a test ends at the first surprise")]
    fn run(arguments: &[&str]) -> Option<Self> {
        let mut child = Command::new("bash")
            .args(["-c", SCRIPT, "cluster.sh"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A pipe of its own, as whoever waits for the output of the tests does not wait for the cluster.
            .stderr(Stdio::piped())
            .spawn()
            .expect("bash");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        output.read_line(&mut line).expect("the first line");
        if line.is_empty() {
            return match child.wait().expect("a child").code() {
                Some(3) => None,
                _ => {
                    let mut why = String::new();
                    let _ = child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut why));
                    panic!("PostgreSQL did not start: {why}")
                }
            };
        }
        let input = child.stdin.take();
        Some(Self::at(&line, Some(Own { child, input, output })))
    }

    #[expect(clippy::expect_used, reason = "a test ends at the first surprise")]
    fn at(line: &str, own: Option<Own>) -> Self {
        let (folder, port) = line.trim().rsplit_once(' ').expect("a folder and a port");
        Self { folder: folder.to_owned(), port: port.parse().expect("a port"), own }
    }

    /// A new database.
    ///
    /// # Panics
    /// If it cannot be created.
    #[expect(clippy::expect_used, reason = "a test ends at the first surprise")]
    pub fn database(&self) -> Database {
        let id = layout::random_id().expect("random bytes");
        let name = format!("test_{:032x}", u128::from_be_bytes(id));
        let main = self.first_database();
        main.run(&format!("CREATE DATABASE {name} TEMPLATE template0")).expect("a database");
        Database { name, ..main }
    }

    /// Kills the server as a crash would, and starts it again, with the settings that are in its files by then.
    ///
    /// # Panics
    /// If the cluster is one that others use too, or the server does not start.
    #[expect(clippy::expect_used, reason = "a test ends at the first surprise")]
    pub fn restart(&mut self) {
        let own = self.own.as_mut().expect("a cluster of one's own");
        writeln!(own.input.as_mut().expect("a pipe"), "restart").expect("a script that reads");
        let mut line = String::new();
        own.output.read_line(&mut line).expect("a line");
        assert_eq!(line, "restarted\n");
    }

    /// Restarts the server as a standby, which only reads, of nothing.
    ///
    /// # Panics
    /// As for [`Cluster::restart`].
    #[expect(clippy::expect_used, reason = "a test ends at the first surprise")]
    pub fn become_standby(&mut self) {
        std::fs::write(format!("{}/data/standby.signal", self.folder), "").expect("a file");
        self.restart();
    }

    /// The database that a cluster begins with, of a server that the store may refuse.
    pub fn first_database(&self) -> Database {
        Database { name: "postgres".to_owned(), folder: self.folder.clone(), port: self.port }
    }

    /// The folder of the server's socket and of its data.
    pub fn folder(&self) -> &str {
        &self.folder
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(own) = &mut self.own {
            drop(own.input.take());
            let _ = own.child.wait();
        }
    }
}

impl Database {
    /// How its owner reaches it, by the socket.
    pub fn config(&self) -> Config {
        self.parse(&format!("host={} port={} user=postgres dbname={}", self.folder, self.port, self.name))
    }

    /// How a user reaches it over TCP, with further settings.
    pub fn config_over_tcp(&self, host: &str, user: &str, further: &str) -> Config {
        self.parse(&format!("host={host} port={} user={user} dbname={} {further}", self.port, self.name))
    }

    /// How its owner reaches it through a proxy.
    pub fn config_through(&self, proxy: &Proxy) -> Config {
        self.parse(&format!("host=127.0.0.1 port={} user=postgres dbname={}", proxy.port(), self.name))
    }

    /// A proxy before the server.
    pub fn proxy(&self) -> Proxy {
        Proxy::before(self.socket())
    }

    /// The server's socket.
    pub fn socket(&self) -> PathBuf {
        format!("{}/.s.PGSQL.{}", self.folder, self.port).into()
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs SQL as the superuser; the text of the last row's columns.
    ///
    /// # Errors
    /// What the server answers.
    pub fn run(&self, sql: &str) -> Result<Vec<String>, crate::PostgresError> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut connection = Connection::open(&self.config(), deadline)?;
        let mut last = Vec::new();
        let answer = connection.script(sql, deadline, |row| {
            last.clear();
            while let Ok(column) = row.next() {
                last.push(String::from_utf8_lossy(column.unwrap_or_default()).into_owned());
            }
            Ok(())
        });
        answer.map_err(crate::cause::Failure::cause)?;
        Ok(last)
    }

    #[expect(clippy::expect_used, reason = "a test ends at the first surprise")]
    fn parse(&self, text: &str) -> Config {
        Config::parse(text).expect("settings of our own")
    }
}
