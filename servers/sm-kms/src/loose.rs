//! Values as Vault takes them. Its command line sends numbers and truth values as texts, and its clients send
//! empty members for what they do not ask for.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny},
};

/// A whole number, or a text of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) i64);

/// A whole number, a text of one, or another text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NumberOrWord {
    Number(i64),
    Word(String),
}

/// A truth value, a text of one, or 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

/// Whether a member asks for something: anything but null, false, or an empty text or array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Asked(pub(crate) bool);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

impl<'de> Deserialize<'de> for NumberOrWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrWordVisitor)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }
}

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AskedVisitor)
    }
}

struct NumberVisitor;

impl de::Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
        number.try_into().map(Number).map_err(|_| E::custom(""))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
        text.parse().map(Number).map_err(|_| E::custom(""))
    }
}

struct NumberOrWordVisitor;

impl de::Visitor<'_> for NumberOrWordVisitor {
    type Value = NumberOrWord;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number or a word")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<NumberOrWord, E> {
        Ok(NumberOrWord::Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<NumberOrWord, E> {
        number.try_into().map(NumberOrWord::Number).map_err(|_| E::custom(""))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<NumberOrWord, E> {
        Ok(text.parse().map_or_else(|_| NumberOrWord::Word(text.to_owned()), NumberOrWord::Number))
    }
}

struct FlagVisitor;

impl de::Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Flag, E> {
        Ok(Flag(flag))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Flag, E> {
        match number {
            0 => Ok(Flag(false)),
            1 => Ok(Flag(true)),
            _ => Err(E::custom("")),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Flag, E> {
        match text {
            "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(Flag(true)),
            "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(Flag(false)),
            _ => Err(E::custom("")),
        }
    }
}

struct AskedVisitor;

impl<'de> de::Visitor<'de> for AskedVisitor {
    type Value = Asked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Asked, E> {
        Ok(Asked(false))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Asked, E> {
        Ok(Asked(flag))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Asked, E> {
        Ok(Asked(true))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Asked, E> {
        Ok(Asked(true))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Asked, E> {
        Ok(Asked(true))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Asked, E> {
        Ok(Asked(!text.is_empty()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut array: A) -> Result<Asked, A::Error> {
        let mut asked = false;
        while array.next_element::<IgnoredAny>()?.is_some() {
            asked = true;
        }
        Ok(Asked(asked))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut object: A) -> Result<Asked, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Asked(true))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    fn read<T: DeserializeOwned>(json: &str) -> Option<T> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn numbers_may_be_texts_and_nothing_else() {
        for (json, number) in [("7", 7), ("-7", -7), ("\"7\"", 7), ("\"-7\"", -7), ("0", 0)] {
            assert_eq!(read(json), Some(Number(number)), "{json}");
        }
        let far = "18446744073709551615";
        for json in ["1.5", "1e3", "\"1.5\"", "\"\"", "\" 1\"", "\"0x1\"", "true", "[]", "{}", "null", far] {
            assert_eq!(read::<Number>(json), None, "{json}");
        }
    }

    #[test]
    fn what_is_no_number_may_be_a_word() {
        for (json, number) in [("7", 7), ("\"7\"", 7), ("-1", -1)] {
            assert_eq!(read(json), Some(NumberOrWord::Number(number)), "{json}");
        }
        assert_eq!(read("\"auto\""), Some(NumberOrWord::Word("auto".into())));
        for json in ["1.5", "true", "[]", "{}", "null"] {
            assert_eq!(read::<NumberOrWord>(json), None, "{json}");
        }
    }

    #[test]
    fn truth_values_may_be_texts_and_nothing_else() {
        for json in ["true", "1", "\"true\"", "\"1\"", "\"T\""] {
            assert_eq!(read(json), Some(Flag(true)), "{json}");
        }
        for json in ["false", "0", "\"false\"", "\"0\"", "\"F\""] {
            assert_eq!(read(json), Some(Flag(false)), "{json}");
        }
        for json in ["2", "-1", "1.0", "\"yes\"", "\"\"", "\"tRUE\"", "[]", "null"] {
            assert_eq!(read::<Flag>(json), None, "{json}");
        }
    }

    #[test]
    fn empty_members_ask_for_nothing() {
        for json in ["null", "\"\"", "[]", "false"] {
            assert_eq!(read(json), Some(Asked(false)), "{json}");
        }
        for json in ["\"a\"", "[\"\"]", "true", "0", "-1", "1.5", "{}", "{\"a\":[1]}"] {
            assert_eq!(read(json), Some(Asked(true)), "{json}");
        }
    }
}
