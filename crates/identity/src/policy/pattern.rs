use super::path::{InvalidPolicyPath, PolicyPath, check_segment};

/// The places that a rule speaks of: segments, of which `+` stands for any one, and `*` at the very end for all that
/// goes on from there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    pub(super) pieces: Vec<Piece>,
    pub(super) open: bool,
}

/// One segment of a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Piece {
    /// `+`: any segment.
    Any,
    /// Exactly this segment; as the last one before `*`, what the segment begins with.
    Literal(String),
}

/// Why a text is no [`Pattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// What is between the wildcards is no path.
    #[error(transparent)]
    Path(#[from] InvalidPolicyPath),
    /// `*` is not the last character.
    #[error("`*` stands only at the end of a path: write `+` for one segment")]
    Star,
    /// `+` is a part of a segment.
    #[error("`+` stands for a whole segment: write it between slashes, without `*` behind it")]
    Plus,
}

impl Pattern {
    /// Reads a pattern as policies write it. One slash in front is left out, as users write it both ways.
    ///
    /// # Errors
    /// [`InvalidPattern`].
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let text = text.strip_prefix('/').unwrap_or(text);
        if text.len() > PolicyPath::MAX || (text.is_empty()) {
            return Err(InvalidPolicyPath::Length.into());
        }
        let (text, open) = text.strip_suffix('*').map_or((text, false), |cut| (cut, true));
        let parts: Vec<&str> = text.split('/').collect();
        if parts.len() > PolicyPath::MAX_SEGMENTS + 1 {
            return Err(InvalidPolicyPath::Segments.into());
        }
        let last = parts.len() - 1;
        let piece = |(at, part): (usize, &&str)| piece(part, at == last, open);
        let pieces = parts.iter().enumerate().map(piece).collect::<Result<_, _>>()?;
        Ok(Self { pieces, open })
    }

    /// Its segments.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether `*` is at its end.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Its text without the `*`.
    pub fn text(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Any => "+".to_owned(),
            Piece::Literal(text) => text.clone(),
        };
        self.pieces.iter().map(text).collect::<Vec<_>>().join("/")
    }
}

fn piece(part: &str, last: bool, open: bool) -> Result<Piece, InvalidPattern> {
    match part {
        "+" if last && open => return Err(InvalidPattern::Plus),
        "+" => return Ok(Piece::Any),
        "" if last => {}
        "." | ".." if last && open => {}
        _ => check_segment(part)?,
    }
    if part.contains('*') {
        return Err(InvalidPattern::Star);
    }
    if part.starts_with('+') {
        return Err(InvalidPattern::Plus);
    }
    Ok(Piece::Literal(part.to_owned()))
}
