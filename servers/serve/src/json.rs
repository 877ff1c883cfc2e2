//! JSON bodies (RFC 8259), parsed strictly and in bounded memory.
//!
//! A first pass looks at the whole text and builds nothing: it refuses what nests too deep, what holds too
//! many values, and objects that name a member twice, in whatever spelling. Only then is the text parsed into
//! the caller's type, which ignores members it does not know.

use std::{borrow::Cow, collections::HashSet, fmt, marker::PhantomData};

use hyper::StatusCode;
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor,
        value::MapAccessDeserializer,
    },
};

use crate::{Limits, Response};

/// Why a body was refused. Nothing of the body is in it, so it may be logged and sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The body is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// Arrays and objects nest deeper than [`Limits::json_depth`].
    #[error("the body nests too deep")]
    TooDeep,
    /// More values than [`Limits::json_values`].
    #[error("the body holds too many values")]
    TooMany,
    /// An object names a member twice.
    #[error("the body names a member twice")]
    Duplicate,
    /// The body is not JSON.
    #[error("the body is not JSON: line {line}, column {column}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// In bytes, counted from 1.
        column: usize,
    },
    /// The body is JSON, but a member is missing or has the wrong type.
    #[error("a member of the body is missing or of the wrong type: line {line}, column {column}")]
    Shape {
        /// Counted from 1.
        line: usize,
        /// In bytes, counted from 1.
        column: usize,
    },
}

impl From<JsonError> for Response {
    fn from(error: JsonError) -> Self {
        Response::errors(StatusCode::BAD_REQUEST, &[&error.to_string()])
    }
}

/// Parses a body.
///
/// ```
/// use strongroom_serve::{Limits, json};
/// #[derive(serde::Deserialize)]
/// struct Encrypt { plaintext: String }
/// let body: Encrypt = json::parse(br#"{"plaintext":"aGk=","extra":1}"#, &Limits::default()).unwrap();
/// assert_eq!(body.plaintext, "aGk=");
/// assert!(json::parse::<Encrypt>(br#"{"plaintext":"","plain\u0074ext":""}"#, &Limits::default()).is_err());
/// ```
///
/// # Errors
/// [`JsonError`]; it never holds a part of the body.
pub fn parse<T: DeserializeOwned>(body: &[u8], limits: &Limits) -> Result<T, JsonError> {
    let text = std::str::from_utf8(body).map_err(|_| JsonError::NotUtf8)?;
    guard(text, limits)?;
    serde_json::from_str(text).map_err(|error| place(&error))
}

/// A body that passed the first pass, and whose members are to be taken out, once or more often.
///
/// ```
/// use strongroom_serve::{Limits, json::Checked};
/// #[derive(serde::Deserialize)]
/// struct Seal { reset: bool }
/// let body = Checked::or_empty(br#"{"reset":true,"other":[1]}"#, &Limits::default()).unwrap();
/// assert!(body.object::<Seal>().unwrap().reset);
/// assert_eq!(body.names(), ["reset", "other"]);
/// ```
#[derive(Clone, Copy)]
pub struct Checked<'a>(&'a str);

impl<'a> Checked<'a> {
    /// Checks a body; nothing at all and `null` stand for `{}`, as Vault's clients send them.
    ///
    /// # Errors
    /// [`JsonError`]; it never holds a part of the body.
    pub fn or_empty(body: &'a [u8], limits: &Limits) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(body).map_err(|_| JsonError::NotUtf8)?;
        if matches!(text.trim_matches([' ', '\t', '\n', '\r']), "" | "null") {
            return Ok(Self("{}"));
        }
        guard(text, limits)?;
        Ok(Self(text))
    }

    /// The members that `T` knows.
    ///
    /// # Errors
    /// [`JsonError::Shape`] if the body is no object, or a member is missing or of the wrong type.
    pub fn object<T: Deserialize<'a>>(&self) -> Result<T, JsonError> {
        serde_json::from_str(self.0).map(|Object(value)| value).map_err(|error| place(&error))
    }

    /// The names of all members; none if the body is no object.
    pub fn names(&self) -> Vec<Cow<'a, str>> {
        serde_json::from_str(self.0).map(|MemberNames(names)| names).unwrap_or_default()
    }
}

impl fmt::Debug for Checked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checked({} bytes)", self.0.len())
    }
}

/// A value that is written as an object, and not as an array of its members in order, which a derived
/// [`Deserialize`] takes as well.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }
        parser.deserialize_map(Members(PhantomData))
    }
}

impl<T> fmt::Debug for Object<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Object(…)")
    }
}

/// The names of an object's members.
struct MemberNames<'a>(Vec<Cow<'a, str>>);

impl<'de> Deserialize<'de> for MemberNames<'de> {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = MemberNames<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = object.next_key_seed(Key)? {
                    object.next_value::<IgnoredAny>()?;
                    names.push(name);
                }
                Ok(MemberNames(names))
            }
        }
        parser.deserialize_map(Members)
    }
}

fn guard(text: &str, limits: &Limits) -> Result<(), JsonError> {
    let mut guard = Guard { depth: limits.json_depth, values: limits.json_values, refused: None };
    let mut parser = serde_json::Deserializer::from_str(text);
    let walked = Value(&mut guard).deserialize(&mut parser).and_then(|()| parser.end());
    match (walked, guard.refused) {
        (Ok(()), None) => Ok(()),
        (_, Some(refused)) => Err(refused),
        (Err(error), None) => Err(place(&error)),
    }
}

/// Keeps the position and the category; the message of a parser may quote the body.
fn place(error: &serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    if error.is_data() { JsonError::Shape { line, column } } else { JsonError::Syntax { line, column } }
}

struct Guard {
    depth: usize,
    values: usize,
    refused: Option<JsonError>,
}

impl Guard {
    fn refuse<E: serde::de::Error>(&mut self, why: JsonError) -> E {
        self.refused = Some(why);
        E::custom("")
    }

    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.depth = self.depth.checked_sub(1).ok_or_else(|| self.refuse(JsonError::TooDeep))?;
        Ok(())
    }
}

/// One value, walked and forgotten.
struct Value<'g>(&'g mut Guard);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        self.0.values = match self.0.values.checked_sub(1) {
            Some(left) => left,
            None => return Err(self.0.refuse(JsonError::TooMany)),
        };
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        self.0.enter()?;
        while array.next_element_seed(Value(self.0))?.is_some() {}
        self.0.depth += 1;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        self.0.enter()?;
        let mut names = Names::default();
        while let Some(name) = object.next_key_seed(Key)? {
            if !names.insert(name) {
                return Err(self.0.refuse(JsonError::Duplicate));
            }
            object.next_value_seed(Value(self.0))?;
        }
        self.0.depth += 1;
        Ok(())
    }
}

/// A member's name with its escapes resolved; borrowed from the body where there are none.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// The names of one object: compared one by one while few, hashed with a random state when many.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    const FEW: usize = 16;

    /// Whether the name is new.
    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        if self.many.is_empty() && self.few.len() < Self::FEW {
            let new = !self.few.contains(&name);
            self.few.push(name);
            return new;
        }
        self.many.extend(self.few.drain(..));
        self.many.insert(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), JsonError> {
        parse::<serde::de::IgnoredAny>(text.as_bytes(), &Limits::default()).map(|_| ())
    }

    #[test]
    fn depth_32_passes_and_33_does_not() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(check(&nested(32)), Ok(()));
            assert_eq!(check(&nested(33)), Err(JsonError::TooDeep));
        }
        assert_eq!(check(&"[".repeat(1_000_000)), Err(JsonError::TooDeep));
        assert_eq!(check(&format!("[{}1]", "[[]],".repeat(100))), Ok(()), "siblings do not add up");
    }

    #[test]
    fn a_member_named_twice_is_refused_in_every_spelling() {
        let many: String = (0..40).map(|number| format!("\"m{number}\":0,")).collect();
        for text in [
            r#"{"a":1,"a":2}"#.to_owned(),
            r#"{"a":1,"\u0061":2}"#.to_owned(),
            r#"{"\u0061":1,"a":2}"#.to_owned(),
            r#"{"/":1,"\/":2}"#.to_owned(),
            "{\"\u{1F600}\":1,\"\\ud83d\\uDE00\":2}".to_owned(),
            r#"{"ignored":{"deep":[{"a":1,"b":2,"a":3}]}}"#.to_owned(),
            format!("{{{many}\"m7\":1}}"),
            format!("{{{many}\"\\u006d39\":1}}"),
        ] {
            assert_eq!(check(&text), Err(JsonError::Duplicate), "{text}");
        }
        assert_eq!(check(r#"{"a":{"a":[{"a":1},{"a":1}]},"A":1}"#), Ok(()));
    }

    #[test]
    fn of_a_million_small_members_nothing_is_looked_at_beyond_the_limit() {
        let members: String = (0..1_000_000).map(|number| format!("\"{number}\":0,")).collect();
        let (object, array) = (format!("{{{members}\"x\":0}}"), format!("[{}0]", "0,".repeat(1_000_000)));
        assert_eq!(check(&object), Err(JsonError::TooMany));
        assert_eq!(check(&array), Err(JsonError::TooMany));
        let most = Limits::default().json_values;
        for rest in ["", "!", "{{{", "\"\\x\""] {
            assert_eq!(check(&format!("[{}{rest}", "0,".repeat(most))), Err(JsonError::TooMany), "{rest}");
        }
        assert_eq!(check(&format!("[{}0]", "0,".repeat(most - 2))), Ok(()), "the array is a value, too");
    }

    #[test]
    fn an_error_never_holds_a_part_of_the_body() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only the parsing matters")]
        struct Typed {
            count: u32,
            kind: Kind,
        }
        #[derive(Debug, serde::Deserialize)]
        enum Kind {}
        for body in [
            r#"{"count":"canary"}"#,
            r#"{"count":1,"kind":"canary"}"#,
            r#"{"canary":1,"canary":1}"#,
            r#"{"count": canary}"#,
            r#"{"count":1,"kind":"\canary"}"#,
            r#""canary"#,
            r#"{"canary":1}"#,
        ] {
            let error = parse::<Typed>(body.as_bytes(), &Limits::default()).expect_err(body);
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }

    #[test]
    fn what_is_not_json_is_told_by_its_place() {
        assert_eq!(check("{\n \"a\" 1}"), Err(JsonError::Syntax { line: 2, column: 6 }));
        assert_eq!(parse::<()>(b"\"\xff\"", &Limits::default()), Err(JsonError::NotUtf8));
        for text in ["", "{} {}", "\u{feff}{}", "{'a':1}", "[1,]", "NaN", "{1:2}", "\"\\ud800\""] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_and_null_stand_for_an_empty_object_and_nothing_else_does() {
        let limits = Limits::default();
        for text in ["", " ", "\r\n\t", "null", " null\n", "{}"] {
            let body = Checked::or_empty(text.as_bytes(), &limits).expect(text);
            assert!(body.names().is_empty(), "{text}");
            body.object::<IgnoredAny>().expect(text);
        }
        for text in ["[]", "\"null\"", "0", "false", "[null]"] {
            let body = Checked::or_empty(text.as_bytes(), &limits).expect(text);
            assert!(matches!(body.object::<IgnoredAny>(), Err(JsonError::Shape { .. })), "{text}");
            assert!(body.names().is_empty(), "{text}");
        }
        for text in ["nul", "null null", "{", "\u{a0}", "{}{}"] {
            assert!(Checked::or_empty(text.as_bytes(), &limits).is_err(), "{text}");
        }
    }

    #[test]
    fn members_are_taken_by_name_and_never_by_their_order() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only the parsing matters")]
        struct Pair {
            one: u32,
            other: u32,
        }
        let limits = Limits::default();
        let pair =
            |text: &str| Checked::or_empty(text.as_bytes(), &limits).and_then(|body| body.object::<Pair>());
        assert!(pair(r#"{"other":1,"one":2}"#).is_ok());
        assert!(matches!(pair("[1,2]"), Err(JsonError::Shape { .. })));
        assert!(serde_json::from_str::<Pair>("[1,2]").is_ok(), "which is what a derived type would do");
    }
}
