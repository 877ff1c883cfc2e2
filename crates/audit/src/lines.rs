use base64::{Engine as _, prelude::BASE64_STANDARD};

/// The lines of a text, each with its end. Whoever reads one compares what it displays as with the text, so that each
/// text has one spelling; so nothing here needs to be strict.
pub(crate) struct Lines<'t>(std::iter::Peekable<std::str::Split<'t, char>>);

impl<'t> Lines<'t> {
    /// Nothing if the last line has no end.
    pub(crate) fn of(text: &'t str) -> Option<Self> {
        Some(Self(text.strip_suffix('\n')?.split('\n').peekable()))
    }

    pub(crate) fn next(&mut self) -> Option<&'t str> {
        self.0.next()
    }

    /// What follows `name` in the next line.
    pub(crate) fn value(&mut self, name: &str) -> Option<&'t str> {
        self.next()?.strip_prefix(name)
    }

    /// The number that follows `name` in the next line.
    pub(crate) fn number(&mut self, name: &str) -> Option<u64> {
        self.value(name)?.parse().ok()
    }

    /// The bytes that follow `name` in the next line.
    pub(crate) fn bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(self.value(name)?).ok()
    }

    /// Whether the next line begins so.
    pub(crate) fn begins(&mut self, with: &str) -> bool {
        self.0.peek().is_some_and(|line| line.starts_with(with))
    }
}

/// Base64 with padding (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}
