use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// What becomes of bytes on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// They arrive.
    Fair,
    /// They arrive later.
    Slow(Duration),
    /// What the server says is lost, and nobody hears of it.
    LoseAnswers,
    /// What is said to the server is lost, and nobody hears of it.
    LoseRequests,
    /// The next request is lost, and its connection breaks; then it is fair.
    CutAtRequest,
    /// The next answer is lost, and its connection breaks; then it is fair.
    CutAtAnswer,
}

/// A listener on this machine that passes bytes on to a server's socket, and loses them when a test wants it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Debug)]
struct State {
    weather: Weather,
    links: Vec<Arc<Link>>,
}

#[derive(Debug)]
struct Link {
    client: TcpStream,
    server: UnixStream,
    /// What is said to the server waits on its way, also when its sender is gone.
    held: AtomicBool,
}

impl Proxy {
    /// Before the socket of a server.
    ///
    /// # Panics
    /// If the system gives no port.
    #[expect(clippy::expect_used, reason = "a test ends at the first surprise")]
    pub fn before(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = State { weather: Weather::Fair, links: Vec::new() };
        let shared = Arc::new(Shared { state: Mutex::new(state), released: Condvar::new() });
        let accepting = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                // Without a server, the connection breaks.
                let link = client.and_then(|client| link(client, &socket));
                link.into_iter().for_each(|link| accepting.run(&link));
            }
        });
        Self { port, shared }
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes what becomes of what is said from now on.
    pub fn set(&self, weather: Weather) {
        self.shared.state().weather = weather;
    }

    /// Whether a cut has been made.
    pub fn is_fair(&self) -> bool {
        self.shared.state().weather == Weather::Fair
    }

    /// Breaks all connections.
    pub fn cut(&self) {
        self.shared.state().links.drain(..).for_each(|link| link.cut());
    }

    /// Holds what is said to the server on the connections that there are, but not on new ones.
    pub fn hold(&self) {
        self.shared.state().links.iter().for_each(|link| link.held.store(true, Ordering::SeqCst));
    }

    /// Lets arrive what was held.
    pub fn release(&self) {
        self.shared.state().links.iter().for_each(|link| link.held.store(false, Ordering::SeqCst));
        self.shared.released.notify_all();
    }
}

fn link(client: TcpStream, socket: &PathBuf) -> io::Result<Arc<Link>> {
    client.set_nodelay(true)?;
    Ok(Arc::new(Link { client, server: UnixStream::connect(socket)?, held: AtomicBool::new(false) }))
}

impl Link {
    fn cut(&self) {
        // They may be closed already.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(self: &Arc<Self>, link: &Arc<Link>) {
        self.state().links.push(link.clone());
        let (requests, answers) = ((self.clone(), link.clone()), (self.clone(), link.clone()));
        thread::spawn(move || {
            let (shared, link) = requests;
            let _ = shared.pump(&link.client, &link.server, &link, true);
            let _ = link.server.shutdown(Shutdown::Write);
        });
        thread::spawn(move || {
            let (shared, link) = answers;
            let _ = shared.pump(&link.server, &link.client, &link, false);
            link.cut();
        });
    }

    fn pump(&self, mut from: impl Read, mut to: impl Write, link: &Link, request: bool) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = from.read(&mut buffer)?;
            let bytes = buffer.get(..read).filter(|bytes| !bytes.is_empty());
            let bytes = bytes.ok_or(io::ErrorKind::UnexpectedEof)?;
            if request {
                self.wait_until_released(link);
            }
            match self.strike(request) {
                Weather::Fair => to.write_all(bytes)?,
                Weather::Slow(time) => {
                    thread::sleep(time);
                    to.write_all(bytes)?;
                }
                Weather::LoseAnswers | Weather::LoseRequests => {}
                Weather::CutAtAnswer | Weather::CutAtRequest => {
                    link.cut();
                    return Ok(());
                }
            }
        }
    }

    /// What the weather does to a request or an answer.
    fn strike(&self, request: bool) -> Weather {
        let mut state = self.state();
        match (state.weather, request) {
            (Weather::LoseAnswers | Weather::CutAtAnswer, true) => Weather::Fair,
            (Weather::LoseRequests | Weather::CutAtRequest, false) => Weather::Fair,
            (once @ (Weather::CutAtAnswer | Weather::CutAtRequest), _) => {
                state.weather = Weather::Fair;
                once
            }
            (other, _) => other,
        }
    }

    fn wait_until_released(&self, link: &Link) {
        let mut state = self.state();
        while link.held.load(Ordering::SeqCst) {
            state = self.released.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
