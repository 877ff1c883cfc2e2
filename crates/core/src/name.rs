use std::{borrow::Borrow, fmt, ops::Deref, str::FromStr};

/// A name that people give to a thing: 1 to 128 of the ASCII letters, digits, `_`, `-` and `.`, beginning
/// and ending with a letter, a digit or `_`.
///
/// There is one spelling of each name: no case folding, no Unicode, no separators. So a name compares, sorts
/// and appears in a path as the same bytes everywhere.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<str>);

/// A text is not a [`Name`]: use 1 to 128 of `A-Z a-z 0-9 _ - .`, with a letter, digit or `_` at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name: use 1 to 128 of A-Z a-z 0-9 _ - . with a letter, digit or _ at both ends")]
pub struct InvalidName;

impl Name {
    /// The longest name, in bytes.
    pub const MAX: usize = 128;

    /// Takes a text that fulfils the rule.
    ///
    /// # Errors
    /// [`InvalidName`] for every other text.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let bytes = text.as_bytes();
        let ends = bytes.first().is_some_and(word) && bytes.last().is_some_and(word);
        let inside = bytes.iter().all(|byte| word(byte) || matches!(byte, b'-' | b'.'));
        if ends && inside && bytes.len() <= Self::MAX { Ok(Self(text.into())) } else { Err(InvalidName) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

impl Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_only() {
        for good in ["a", "_", "orders", "a-b.c_d", "0", &"x".repeat(128)] {
            assert_eq!(Name::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "-a", "a-", "a/b", "a b", "ä", "a\0", "a\n", "%2e", &"x".repeat(129)] {
            assert_eq!(Name::parse(bad), Err(InvalidName), "{bad:?}");
        }
    }
}
