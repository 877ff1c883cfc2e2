use std::{fmt, str::FromStr};

/// A place that requests ask for and rules speak of, relative to a namespace, in its only spelling.
///
/// - Segments are joined by `/`; none is empty, `.` or `..`, but a listing's path ends with one `/`.
/// - There is no slash in front, no control character, no backslash, and nothing that would decode again as a
///   percent-encoding. Case is kept.
///
/// Nothing is repaired: a text is this path, or it is no path. So two texts are never the same place.
///
/// ```
/// use strongroom_identity::PolicyPath;
/// assert_eq!(PolicyPath::parse("secret/data/My App").unwrap().as_str(), "secret/data/My App");
/// assert!(PolicyPath::parse("secret/../sys").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyPath(Box<str>);

/// Why a text is no [`PolicyPath`]. The text itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPolicyPath {
    /// Nothing, or longer than [`PolicyPath::MAX`].
    #[error("a path has 1 to 2048 bytes")]
    Length,
    /// More than [`PolicyPath::MAX_SEGMENTS`].
    #[error("a path has at most 64 segments")]
    Segments,
    /// A slash in front, or two in a row.
    #[error("the path has an empty segment: write each slash once, and none in front")]
    EmptySegment,
    /// `.` or `..`.
    #[error("the path has a dot segment: write the place itself")]
    DotSegment,
    /// A control character or a backslash.
    #[error("the path has a control character or a backslash")]
    Character,
    /// `%` and two hexadecimal digits.
    #[error("the path is percent-encoded: write it decoded")]
    Encoded,
}

impl PolicyPath {
    /// The longest path, in bytes.
    pub const MAX: usize = 2048;
    /// The most segments.
    pub const MAX_SEGMENTS: usize = 64;

    /// Takes a text that is in its only spelling.
    ///
    /// # Errors
    /// [`InvalidPolicyPath`].
    pub fn parse(text: &str) -> Result<Self, InvalidPolicyPath> {
        if text.is_empty() || text.len() > Self::MAX {
            return Err(InvalidPolicyPath::Length);
        }
        let inner = text.strip_suffix('/').unwrap_or(text);
        if inner.split('/').count() > Self::MAX_SEGMENTS {
            return Err(InvalidPolicyPath::Segments);
        }
        inner.split('/').try_for_each(check_segment)?;
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments; the last one is empty where the path ends with a slash.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The path as listings ask for it: with the slash at its end.
    #[must_use]
    pub fn as_listing(&self) -> Self {
        if self.0.ends_with('/') { self.clone() } else { Self(format!("{}/", self.0).into()) }
    }

    /// The path without the slash at its end.
    pub fn without_slash(&self) -> &str {
        self.0.strip_suffix('/').unwrap_or(&self.0)
    }
}

/// What every segment obeys, in requests, rules and the values of templates.
pub(super) fn check_segment(segment: &str) -> Result<(), InvalidPolicyPath> {
    let digits = |two: &[u8]| two.iter().all(u8::is_ascii_hexdigit);
    let mut threes = segment.as_bytes().windows(3);
    match segment {
        "" => Err(InvalidPolicyPath::EmptySegment),
        "." | ".." => Err(InvalidPolicyPath::DotSegment),
        _ if segment.chars().any(|one| one.is_control() || one == '\\') => Err(InvalidPolicyPath::Character),
        _ if threes
            .any(|three| three.split_first().is_some_and(|(one, two)| *one == b'%' && digits(two))) =>
        {
            Err(InvalidPolicyPath::Encoded)
        }
        _ => Ok(()),
    }
}

impl FromStr for PolicyPath {
    type Err = InvalidPolicyPath;
    fn from_str(text: &str) -> Result<Self, InvalidPolicyPath> {
        Self::parse(text)
    }
}

impl fmt::Display for PolicyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PolicyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
