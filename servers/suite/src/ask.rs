//! Secrets from whoever sits there, unseen; from the standard input; or from files. None is ever an argument.

use std::{
    fs,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// A secret or an answer was not entered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("{} cannot be read", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("no {0} was entered")]
    Nothing(&'static str),
    #[error("the two entries differ")]
    Differ,
    #[error("the terminal or the standard stream failed")]
    Io(#[from] io::Error),
}

const LONGEST: u64 = 4096;

/// A share, or another secret without spaces around it.
pub(crate) fn share() -> Result<Zeroizing<String>, AskError> {
    let text = typed("Share (not shown): ")?;
    let share = Zeroizing::new(text.trim().to_owned());
    if share.is_empty() { Err(AskError::Nothing("share")) } else { Ok(share) }
}

/// A passphrase as it is, without the newline that ends it.
pub(crate) fn passphrase() -> Result<Zeroizing<String>, AskError> {
    let text = typed("Passphrase (not shown): ")?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let passphrase = Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned());
    if passphrase.is_empty() { Err(AskError::Nothing("passphrase")) } else { Ok(passphrase) }
}

/// A passphrase that is to be kept: at a terminal it is typed twice.
pub(crate) fn new_passphrase() -> Result<Zeroizing<String>, AskError> {
    let passphrase = passphrase()?;
    let twice = io::stdin().is_terminal();
    if twice && *rpassword::prompt_password("Once more: ").map(Zeroizing::new)? != *passphrase {
        return Err(AskError::Differ);
    }
    Ok(passphrase)
}

/// A line that is no secret; `question` is shown where somebody sits.
pub(crate) fn line(question: &str) -> Result<String, AskError> {
    if io::stdin().is_terminal() {
        eprint(question);
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, AskError> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    text.map_err(|error| AskError::File(path.to_owned(), error))
}

/// The bytes of a file.
pub(crate) fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, AskError> {
    let bytes = fs::read(path).map(Zeroizing::new);
    bytes.map_err(|error| AskError::File(path.to_owned(), error))
}

/// Tells whoever sits there, apart from the answer. There is nobody else to tell if this fails.
pub(crate) fn eprint(text: &str) {
    use std::io::Write;
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

fn typed(prompt: &str) -> Result<Zeroizing<String>, AskError> {
    let mut text = Zeroizing::new(String::new());
    if io::stdin().is_terminal() {
        *text = rpassword::prompt_password(prompt)?;
    } else {
        io::stdin().take(LONGEST).read_to_string(&mut text)?;
    }
    Ok(text)
}
