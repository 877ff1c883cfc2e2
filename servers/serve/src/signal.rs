use std::io;

/// Is done when the system asks the program to end: SIGTERM or SIGINT, or Ctrl-C where there are no signals.
/// To be given to [`Server::run`](crate::Server::run).
///
/// The signals are caught from the call on, not from the first poll.
///
/// # Errors
/// The system does not let the program catch them.
#[cfg(unix)]
pub fn asked_to_end() -> io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Is done when the user presses Ctrl-C. To be given to [`Server::run`](crate::Server::run).
///
/// # Errors
/// None on this system.
#[cfg(not(unix))]
pub fn asked_to_end() -> io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        // Without a way to learn of the signal the program ends by it at once, which is as good.
        let _ = tokio::signal::ctrl_c().await;
    })
}
