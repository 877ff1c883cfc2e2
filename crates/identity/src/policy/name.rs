use std::fmt;

use strongroom_core::Name;

/// The name of a policy: a [`Name`] in lower case, whatever case it was written in.
///
/// `root` is none, in no spelling: what the root token may do is no policy, so nothing can attach it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyName(Name);

/// Why a text names no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicyName {
    /// It is no [`Name`].
    #[error("not the name of a policy: use 1 to 128 of a-z 0-9 _ - . with a letter, digit or _ at both ends")]
    Name,
    /// It is `root`.
    #[error("root is no policy that can be read, written or attached")]
    Root,
}

impl PolicyName {
    /// Takes a name, in lower case.
    ///
    /// # Errors
    /// [`InvalidPolicyName`].
    pub fn parse(text: &str) -> Result<Self, InvalidPolicyName> {
        let name = Name::parse(&text.to_ascii_lowercase()).map_err(|_| InvalidPolicyName::Name)?;
        if name.as_str() == "root" { Err(InvalidPolicyName::Root) } else { Ok(Self(name)) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn name(&self) -> &Name {
        &self.0
    }

    /// The text of the policy while nobody wrote another.
    pub(super) fn built_in(&self) -> Option<&'static str> {
        match self.as_str() {
            "default" => Some(include_str!("default.hcl")),
            "response-wrapping" => Some(include_str!("response-wrapping.hcl")),
            _ => None,
        }
    }

    /// Whether nobody may write it.
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self.as_str(), "response-wrapping" | "control-group")
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
