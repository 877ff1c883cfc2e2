use std::{borrow::Cow, fmt, ops::Deref};

/// The most segments that a path may have.
pub const MAX_SEGMENTS: usize = 64;

/// A request's path in its only spelling: decoded, without the slash in front and a slash at the end.
///
/// - It began with `/`; no segment is empty, `.` or `..`; there are at most [`MAX_SEGMENTS`].
/// - It is UTF-8 without control characters and backslashes. A `/` in it was a `/` on the wire.
/// - It has been decoded once and holds nothing that would decode again, so that whoever decodes it once more
///   by mistake sees the same path.
///
/// Router, policies and audit see this text and no other.
///
/// ```
/// use strongroom_serve::Path;
/// let path = Path::parse("/v1/secret/metadata/my%20app/", 4096).unwrap();
/// assert_eq!(path.as_str(), "v1/secret/metadata/my app");
/// assert!(path.ends_with_slash());
/// assert!(matches!(*path.segments(), ["v1", mount, "metadata", "my app"] if mount == "secret"));
/// assert!(Path::parse("/v1/secret/%2e%2e/sys", 4096).is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Path<'a> {
    text: Cow<'a, str>,
    slash: bool,
}

/// Why a path was refused. The path itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPath {
    /// Longer than the limit, or more than [`MAX_SEGMENTS`] segments.
    #[error("the path is too long")]
    TooLong,
    /// The path does not begin with `/`.
    #[error("the path must begin with a slash")]
    NotAbsolute,
    /// Two slashes follow each other.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// A segment is `.` or `..`, encoded or not.
    #[error("the path has a dot segment")]
    DotSegment,
    /// A slash, a backslash, NUL or another control character, encoded or not where that makes sense.
    #[error("the path has a character that is not allowed")]
    Character,
    /// A `%` without two hexadecimal digits, not UTF-8, or a text that would decode a second time.
    #[error("the path is not correctly percent-encoded")]
    Encoding,
}

impl<'a> Path<'a> {
    /// Takes a path as it came, without query, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`InvalidPath`] for every path that has not exactly one meaning.
    pub fn parse(raw: &'a str, limit: usize) -> Result<Self, InvalidPath> {
        if raw.len() > limit {
            return Err(InvalidPath::TooLong);
        }
        let rest = raw.strip_prefix('/').ok_or(InvalidPath::NotAbsolute)?;
        let (rest, slash) = rest.strip_suffix('/').map_or((rest, false), |cut| (cut, true));
        if slash && rest.is_empty() {
            return Err(InvalidPath::EmptySegment);
        }
        let text = decode(rest, false).map_err(|Undecodable| InvalidPath::Encoding)?;
        if let Cow::Owned(decoded) = &text {
            check_decoded(rest, decoded)?;
        }
        check_segments(&text)?;
        Ok(Self { text, slash })
    }

    /// The canonical text, such as `v1/transit/encrypt/orders`; empty for `/`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the path ended with a slash, as those of Vault's listings do.
    pub fn ends_with_slash(&self) -> bool {
        self.slash
    }

    /// The segments, to be matched as a slice.
    pub fn segments(&self) -> Segments<'_> {
        let mut segments = Segments { all: [""; MAX_SEGMENTS], count: 0 };
        if !self.text.is_empty() {
            for (place, segment) in segments.all.iter_mut().zip(self.text.split('/')) {
                *place = segment;
                segments.count += 1;
            }
        }
        segments
    }

    /// What follows the first `count` segments, such as the path of a secret behind its mount; empty if nothing does.
    pub fn after(&self, count: usize) -> &str {
        (0..count).fold(&*self.text, |rest, _| rest.split_once('/').map_or("", |(_, rest)| rest))
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}{}", self.text, if self.slash { "/" } else { "" })
    }
}

/// The segments of a [`Path`]; dereferences to a slice of them.
#[derive(Debug, Clone, Copy)]
pub struct Segments<'a> {
    all: [&'a str; MAX_SEGMENTS],
    count: usize,
}

impl<'a> Deref for Segments<'a> {
    type Target = [&'a str];
    fn deref(&self) -> &Self::Target {
        self.all.get(..self.count).unwrap_or_default()
    }
}

/// A text that percent-decoding cannot make UTF-8 of.
pub(crate) struct Undecodable;

/// Percent-decoding (RFC 3986, section 2.1), with `+` as a space in forms and queries.
pub(crate) fn decode(text: &str, form: bool) -> Result<Cow<'_, str>, Undecodable> {
    let special = |byte: u8| byte == b'%' || (form && byte == b'+');
    if !text.bytes().any(special) {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next())? << 4 | hex(bytes.next())?,
            b'+' if form => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| Undecodable)
}

fn hex(digit: Option<u8>) -> Result<u8, Undecodable> {
    match digit.ok_or(Undecodable)? {
        digit @ b'0'..=b'9' => Ok(digit - b'0'),
        digit @ b'a'..=b'f' => Ok(digit - b'a' + 10),
        digit @ b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(Undecodable),
    }
}

/// A slash that was encoded would move the borders of segments; `%25` before two digits would decode again.
fn check_decoded(raw: &str, decoded: &str) -> Result<(), InvalidPath> {
    let slashes = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
    if slashes(raw) != slashes(decoded) {
        return Err(InvalidPath::Character);
    }
    let again = |at: &[u8]| matches!(at, [b'%', first, second] if first.is_ascii_hexdigit() && second.is_ascii_hexdigit());
    if decoded.as_bytes().windows(3).any(again) { Err(InvalidPath::Encoding) } else { Ok(()) }
}

fn check_segments(text: &str) -> Result<(), InvalidPath> {
    if text.chars().any(|character| character.is_control() || character == '\\') {
        return Err(InvalidPath::Character);
    }
    if text.is_empty() {
        return Ok(());
    }
    for (at, segment) in text.split('/').enumerate() {
        match segment {
            "" => return Err(InvalidPath::EmptySegment),
            "." | ".." => return Err(InvalidPath::DotSegment),
            _ if at >= MAX_SEGMENTS => return Err(InvalidPath::TooLong),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(raw: &str) -> InvalidPath {
        Path::parse(raw, 4096).expect_err(raw)
    }

    #[test]
    fn every_other_spelling_of_a_path_is_refused() {
        for raw in ["//", "//v1", "/v1//sys", "/v1/sys//", "/v1///"] {
            assert_eq!(refused(raw), InvalidPath::EmptySegment, "{raw}");
        }
        for raw in [
            "/.",
            "/..",
            "/v1/../sys",
            "/v1/./sys",
            "/v1/sys/..",
            "/v1/sys/../",
            "/%2e",
            "/v1/%2e%2E/sys",
            "/v1/.%2e",
        ] {
            assert_eq!(refused(raw), InvalidPath::DotSegment, "{raw}");
        }
        for raw in [
            "/v1%2fsys",
            "/v1/%2F",
            "/v1/a%5cb",
            "/v1/a\\b",
            "/v1/a%00",
            "/v1/%0d%0a",
            "/v1/%7f",
            "/v1/%C2%80",
            "/%2f",
        ] {
            assert_eq!(refused(raw), InvalidPath::Character, "{raw}");
        }
        for raw in [
            "/%",
            "/%2",
            "/%zz",
            "/v1/%ff",
            "/v1/%C3",
            "/%252e%252e/x",
            "/v1/%252f",
            "/%c0%ae%c0%ae/",
            "/%c0%af",
            "/%+1f",
        ] {
            assert_eq!(refused(raw), InvalidPath::Encoding, "{raw}");
        }
        for raw in ["", "v1", "*", "../v1", "%2fv1"] {
            assert_eq!(refused(raw), InvalidPath::NotAbsolute, "{raw}");
        }
        assert_eq!(refused(&"/a".repeat(65)), InvalidPath::TooLong);
        assert_eq!(refused(&"/".repeat(5000)), InvalidPath::TooLong);
    }

    #[test]
    fn a_canonical_path_keeps_its_segments() {
        let table: [(&str, &[&str], bool); 6] = [
            ("/", &[], false),
            ("/v1/sys/health", &["v1", "sys", "health"], false),
            ("/v1/secret/metadata/", &["v1", "secret", "metadata"], true),
            ("/v1/a%3Fb%23c", &["v1", "a?b#c"], false),
            ("/v1/%E2%82%AC/...", &["v1", "€", "..."], false),
            ("/v1/100%25", &["v1", "100%"], false),
        ];
        for (raw, segments, slash) in table {
            let path = Path::parse(raw, 4096).expect(raw);
            assert_eq!((&*path.segments(), path.ends_with_slash()), (segments, slash), "{raw}");
        }
        assert_eq!(Path::parse("/v1/secret/data/a/b", 99).expect("canonical").after(3), "a/b");
        assert_eq!(Path::parse("/v1", 99).expect("canonical").after(3), "");
    }

    proptest! {
        #[test]
        fn decoding_a_canonical_path_again_changes_nothing(raw in "/([a-z.%/2eEfF5c]|%25|%[0-9a-f]{2}|é){0,24}") {
            if let Ok(path) = Path::parse(&raw, 4096) {
                let text = format!("/{}", path.as_str());
                match Path::parse(&text, 4096) {
                    Ok(again) => prop_assert_eq!(again.as_str(), path.as_str()),
                    // A lone `%` is a character of the name; on the wire it can only be `%25`.
                    Err(why) => prop_assert!(why == InvalidPath::Encoding && text.contains('%')),
                }
                prop_assert!(!path.segments().iter().any(|segment| matches!(*segment, "" | "." | "..")));
            }
        }
    }
}
