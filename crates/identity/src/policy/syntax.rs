use super::language::{InvalidPolicy, PolicyProblem};

/// Where something begins: line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl At {
    pub(super) fn says(self, problem: PolicyProblem) -> InvalidPolicy {
        InvalidPolicy { line: self.line, column: self.column, problem }
    }
}

/// `key "label" = value`, `key "label" { … }` or `"key": value`.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: At,
    pub(super) key: String,
    pub(super) label: Option<String>,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Number(u64),
    List(Vec<(At, Self)>),
    Object(Vec<Entry>),
}

const DEPTH: usize = 8;

/// Reads the part of HCL that policies use; JSON is the same with other separators.
pub(super) struct Parser<'t> {
    rest: &'t str,
    at: At,
}

impl<'t> Parser<'t> {
    pub(super) fn document(text: &'t str) -> Result<Vec<Entry>, InvalidPolicy> {
        let mut parser = Self { rest: text, at: At { line: 1, column: 1 } };
        let json = parser.peek()? == Some('{');
        if json {
            parser.next();
        }
        let entries = parser.entries(json, 0)?;
        match parser.peek()? {
            None => Ok(entries),
            Some(_) => Err(parser.at.says(PolicyProblem::Syntax("nothing more after the end"))),
        }
    }

    /// Entries up to `}`, if they are in braces, else to the end of the text.
    fn entries(&mut self, braces: bool, depth: usize) -> Result<Vec<Entry>, InvalidPolicy> {
        if depth > DEPTH {
            return Err(self.at.says(PolicyProblem::TooDeep));
        }
        let mut entries = Vec::new();
        loop {
            match self.peek()? {
                None if !braces => return Ok(entries),
                Some('}') if braces => {
                    self.next();
                    return Ok(entries);
                }
                _ => entries.push(self.entry(depth)?),
            }
            if self.peek()? == Some(',') {
                self.next();
            }
        }
    }

    fn entry(&mut self, depth: usize) -> Result<Entry, InvalidPolicy> {
        let at = self.at;
        let key = match self.peek()? {
            Some('"') => self.text()?,
            _ => self.word().ok_or_else(|| at.says(PolicyProblem::Syntax("a key")))?,
        };
        let label = if self.peek()? == Some('"') { Some(self.text()?) } else { None };
        let separated = matches!(self.peek()?, Some('=' | ':'));
        if separated {
            self.next();
        } else if self.peek()? != Some('{') {
            return Err(self.at.says(PolicyProblem::Syntax("`=` or `{`")));
        }
        let (_, value) = self.value(depth)?;
        Ok(Entry { at, key, label, value })
    }

    fn value(&mut self, depth: usize) -> Result<(At, Value), InvalidPolicy> {
        let first = self.peek()?;
        let at = self.at;
        let value = match first {
            Some('"') => Value::Text(self.text()?),
            Some('{') => {
                self.next();
                Value::Object(self.entries(true, depth + 1)?)
            }
            Some('[') => {
                self.next();
                Value::List(self.list(depth + 1)?)
            }
            Some('0'..='9') => {
                let digits = self.word().unwrap_or_default();
                Value::Number(digits.parse().map_err(|_| at.says(PolicyProblem::Syntax("a whole number")))?)
            }
            _ => return Err(at.says(PolicyProblem::Syntax("a text in quotes, a number, `[` or `{`"))),
        };
        Ok((at, value))
    }

    fn list(&mut self, depth: usize) -> Result<Vec<(At, Value)>, InvalidPolicy> {
        if depth > DEPTH {
            return Err(self.at.says(PolicyProblem::TooDeep));
        }
        let mut list = Vec::new();
        while self.peek()? != Some(']') {
            list.push(self.value(depth)?);
            match self.peek()? {
                Some(',') => drop(self.next()),
                Some(']') => {}
                _ => return Err(self.at.says(PolicyProblem::Syntax("`,` or `]`"))),
            }
        }
        self.next();
        Ok(list)
    }

    fn word(&mut self) -> Option<String> {
        let inside = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | '.');
        let mut word = String::new();
        while let Some(one) = self.rest.chars().next().filter(|one| inside(*one)) {
            word.push(one);
            self.next();
        }
        (!word.is_empty()).then_some(word)
    }

    /// A text in quotes; the parser stands before the first of them.
    fn text(&mut self) -> Result<String, InvalidPolicy> {
        let begin = self.at;
        self.next();
        let mut text = String::new();
        loop {
            let at = self.at;
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped(at)?),
                Some('\n') | None => {
                    return Err(begin.says(PolicyProblem::Syntax("a `\"` that ends the text")));
                }
                Some(other) => text.push(other),
            }
        }
    }

    fn escaped(&mut self, at: At) -> Result<char, InvalidPolicy> {
        match self.next() {
            Some(same @ ('"' | '\\' | '/')) => Ok(same),
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some('u') => {
                let digits: String = (0..4).filter_map(|_| self.next()).collect();
                let valid = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| valid);
                code.and_then(char::from_u32)
                    .ok_or_else(|| at.says(PolicyProblem::Syntax("a character as \\u0041")))
            }
            _ => Err(at.says(PolicyProblem::Syntax("one of \\\" \\\\ \\/ \\n \\t \\r \\u"))),
        }
    }

    /// The next character that is neither white space nor of a comment.
    fn peek(&mut self) -> Result<Option<char>, InvalidPolicy> {
        loop {
            match self.rest.chars().next() {
                Some(one) if one.is_ascii_whitespace() => drop(self.next()),
                Some('#') => self.skip_line(),
                Some('/') if self.rest.starts_with("//") => self.skip_line(),
                Some('/') if self.rest.starts_with("/*") => self.skip_block()?,
                other => return Ok(other),
            }
        }
    }

    fn skip_line(&mut self) {
        while !matches!(self.next(), None | Some('\n')) {}
    }

    fn skip_block(&mut self) -> Result<(), InvalidPolicy> {
        let begin = self.at;
        self.next();
        self.next();
        while !self.rest.starts_with("*/") {
            self.next().ok_or_else(|| begin.says(PolicyProblem::Syntax("a `*/` that ends the comment")))?;
        }
        self.next();
        self.next();
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let one = chars.next()?;
        self.rest = chars.as_str();
        self.at = match one {
            '\n' => At { line: self.at.line + 1, column: 1 },
            _ => At { column: self.at.column + 1, ..self.at },
        };
        Some(one)
    }
}
