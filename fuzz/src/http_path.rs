//! The path of a request: one spelling of each place, for the router, policies and the audit log alike.

use strongroom_serve::{InvalidPath, MAX_SEGMENTS, Path};

use crate::Seed;

const LIMIT: usize = 512;

/// - A path is accepted or refused as the rules say when they are applied one by one.
/// - What is accepted has neither empty nor dot segments, controls or backslashes, and as many segments as slashes
///   were sent. Its segments are its text.
/// - Written out again it is the same path; so the text alone names the place.
pub fn run(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    let parsed = Path::parse(&raw, LIMIT);
    assert_eq!(
        parsed.as_ref().ok().map(|path| (path.as_str().to_owned(), path.ends_with_slash())),
        model(&raw)
    );
    let Ok(path) = parsed else { return };
    let segments: Vec<&str> = path.segments().to_vec();
    assert_eq!(segments.join("/"), path.as_str());
    assert!(segments.len() <= MAX_SEGMENTS && segments.iter().all(|segment| may_be(segment)));
    assert_eq!(segments.len().max(1) + usize::from(path.ends_with_slash()), raw.matches('/').count());
    for count in 0..=segments.len() + 1 {
        assert_eq!(path.after(count), segments.get(count..).unwrap_or_default().join("/"));
    }
    let again = encoded(path.as_str(), path.ends_with_slash());
    assert_eq!(Path::parse(&again, 3 * LIMIT + 2).as_ref(), Ok(&path));
    if !path.as_str().contains('%') {
        let plain = format!("/{}", path.as_str());
        assert_eq!(Path::parse(&plain, 3 * LIMIT).expect("decoded already").as_str(), path.as_str());
    }
    assert_eq!(Path::parse(&raw, raw.len() - 1), Err(InvalidPath::TooLong));
}

fn may_be(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..") && !segment.chars().any(|c| c.is_control() || c == '\\' || c == '/')
}

/// The rules, segment by segment.
fn model(raw: &str) -> Option<(String, bool)> {
    let rest = raw.strip_prefix('/').filter(|_| raw.len() <= LIMIT)?;
    if rest.is_empty() {
        return Some((String::new(), false));
    }
    let slash = rest.ends_with('/');
    let mut segments: Vec<&str> = rest.split('/').collect();
    segments.truncate(segments.len() - usize::from(slash));
    let decoded = segments.iter().map(|segment| decoded(segment)).collect::<Option<Vec<_>>>()?;
    let allowed = decoded.len() <= MAX_SEGMENTS && decoded.iter().all(|segment| may_be(segment));
    allowed.then(|| (decoded.join("/"), slash))
}

/// A segment decoded, if it is spelt right and would not decode again.
fn decoded(segment: &str) -> Option<String> {
    let mut pieces = segment.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let digits = piece.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    let decodes_again = |at: usize| {
        bytes[at] == b'%'
            && bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    let twice = (0..bytes.len()).any(decodes_again);
    String::from_utf8(bytes).ok().filter(|_| !twice)
}

/// The path with everything encoded that could be.
fn encoded(text: &str, slash: bool) -> String {
    let byte = |byte: u8| match byte {
        b'/' => "/".to_owned(),
        other => format!("%{other:02X}"),
    };
    let end = if slash { "/" } else { "" };
    format!("/{}{end}", text.bytes().map(byte).collect::<String>())
}

/// Paths of Vault's API, and the spellings that led others astray.
pub fn seeds() -> Vec<Seed> {
    let table = [
        ("root", "/"),
        ("health", "/v1/sys/health"),
        ("listing", "/v1/transit/keys/"),
        ("encoded-space", "/v1/secret/data/my%20app"),
        ("encoded-letters", "/v1/%73ys/%68ealth"),
        ("euro-sign", "/v1/%E2%82%AC/%e2%82%ac/€"),
        ("percent-sign", "/v1/100%25"),
        ("percent-sign-before-digits", "/v1/%2541"),
        ("three-dots", "/v1/..."),
        ("dot", "/v1/./sys"),
        ("dot-dot", "/v1/../sys"),
        ("dot-dot-encoded", "/v1/%2e%2E/sys"),
        ("dot-dot-at-the-end", "/v1/sys/.."),
        ("slash-encoded", "/v1/secret%2fsys"),
        ("slash-overlong", "/v1/%c0%af"),
        ("backslash", "/v1/a\\b"),
        ("backslash-encoded", "/v1/a%5cb"),
        ("two-slashes", "/v1//sys"),
        ("two-slashes-in-front", "//v1/sys"),
        ("two-slashes-at-the-end", "/v1/sys//"),
        ("nul", "/v1/a%00"),
        ("line-end", "/v1/a%0d%0aX: y"),
        ("control-of-two-bytes", "/v1/%C2%80"),
        ("not-utf-8", "/v1/%ff"),
        ("percent-alone", "/v1/%"),
        ("percent-and-one-digit", "/v1/%2"),
        ("percent-and-a-plus", "/v1/%+1f"),
        ("percent-between-two-encodings", "/v1/%25%34%31"),
        ("relative", "v1/sys"),
        ("empty", ""),
        ("asterisk", "*"),
    ];
    let mut seeds: Vec<Seed> = table.iter().map(|(name, path)| Seed::new(name, *path)).collect();
    seeds.push(Seed::new("segments-at-the-limit", "/a".repeat(MAX_SEGMENTS)));
    seeds.push(Seed::new("segments-above-the-limit", "/a".repeat(MAX_SEGMENTS + 1)));
    seeds.push(Seed::new("bytes-at-the-limit", format!("/{}", "a".repeat(LIMIT - 1))));
    seeds.push(Seed::new("bytes-above-the-limit", format!("/{}", "a".repeat(LIMIT))));
    seeds
}
