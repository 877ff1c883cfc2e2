use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Limits;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The TLS handshake.
    Handshake,
    /// Open, and nothing came yet.
    New,
    /// Between two requests.
    Idle,
    /// A head arrives.
    Head,
    /// A body arrives.
    Body,
    /// The service works, or waits for a pool.
    Work,
    /// An answer is there, and nothing of it was written.
    Answer,
    /// Something of the answer was written, but not all.
    Written,
    /// All was answered, and the client still sends; see [`Watched`].
    Linger,
}

impl Phase {
    const ALL: [Self; 9] = [
        Self::Handshake,
        Self::New,
        Self::Idle,
        Self::Head,
        Self::Body,
        Self::Work,
        Self::Answer,
        Self::Written,
        Self::Linger,
    ];

    /// The phases that end at a limit by the client's fault; [`Written`](Self::Written) counts as its first half.
    pub(crate) const TIMED: [Self; 5] = [Self::Handshake, Self::New, Self::Head, Self::Body, Self::Answer];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::New => "new",
            Self::Idle => "idle",
            Self::Head => "head",
            Self::Body => "body",
            Self::Work => "work",
            Self::Answer | Self::Written => "answer",
            Self::Linger => "linger",
        }
    }

    /// How long it may last. Work has the deadline of its pool.
    pub(crate) fn limit(self, limits: &Limits) -> Duration {
        match self {
            Self::Handshake => limits.handshake_timeout,
            Self::New | Self::Head => limits.header_timeout,
            Self::Idle => limits.idle_timeout,
            Self::Body => limits.body_timeout,
            Self::Work => Duration::MAX,
            Self::Answer | Self::Written => limits.answer_timeout,
            Self::Linger => Duration::from_secs(1),
        }
    }
}

/// The phase of one connection. Its task writes it, and the server's sweep reads it: so a request costs no
/// timer and no look at the clock.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The phase in the lowest four bits, above them a number that grows with each change.
    state: AtomicU64,
    /// An answer was given to a request whose body was not read to its end.
    unread: AtomicBool,
}

/// A phase, and which of its kind on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) fn phase(self) -> Phase {
        usize::try_from(self.0 & 15).ok().and_then(|at| Phase::ALL.get(at).copied()).unwrap_or(Phase::Idle)
    }
}

impl Watch {
    pub(crate) fn new(phase: Phase) -> Arc<Self> {
        Arc::new(Self { state: AtomicU64::new(phase as u64), unread: AtomicBool::new(false) })
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment(self.state.load(Ordering::Relaxed))
    }

    /// Only the connection's task calls this, so load and store need not be one step.
    pub(crate) fn enter(&self, phase: Phase) {
        let number = self.state.load(Ordering::Relaxed) >> 4;
        self.state.store(number.wrapping_add(1) << 4 | phase as u64, Ordering::Relaxed);
    }

    fn step(&self, from: &[Phase], to: Phase) {
        if from.contains(&self.moment().phase()) {
            self.enter(to);
        }
    }

    pub(crate) fn set_unread(&self, unread: bool) {
        self.unread.store(unread, Ordering::Relaxed);
    }
}

/// A socket that keeps its [`Watch`] up to date.
///
/// At the end it also reads what a client still sends after an early answer, and throws it away: a socket that
/// is closed with unread bytes resets the connection, and the client would lose the answer (RFC 9112, section
/// 9.6). The sweep ends that after a second.
pub(crate) struct Watched<S> {
    socket: S,
    watch: Arc<Watch>,
    shut: bool,
}

impl<S> Watched<S> {
    pub(crate) fn new(socket: S, watch: Arc<Watch>) -> Self {
        Self { socket, watch, shut: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.watch.step(&[Phase::New, Phase::Idle], Phase::Head);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes))?;
        self.watch.step(&[Phase::Answer], Phase::Written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, slices))?;
        self.watch.step(&[Phase::Answer], Phase::Written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// The protocol flushes the socket only when it has nothing left to write, so a written answer is complete here.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        self.watch.step(&[Phase::Written], Phase::Idle);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            self.shut = true;
            if !self.watch.unread.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            self.watch.enter(Phase::Linger);
        }
        loop {
            let mut space = [0; 4096];
            let mut buffer = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
