//! Values as Vault takes them. Its command line sends numbers and truth values as texts, and its clients send
//! empty members for what they do not ask for.

use std::{fmt, time::Duration};

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

/// A time span: seconds, or a text of them or of hours, minutes and seconds as in `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period(pub(crate) Duration);

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

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PeriodVisitor)
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

struct PeriodVisitor;

impl de::Visitor<'_> for PeriodVisitor {
    type Value = Period;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds, or a time span such as 24h")
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Period, E> {
        seconds.try_into().map(|seconds| Period(Duration::from_secs(seconds))).map_err(|_| E::custom(""))
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Period, E> {
        Ok(Period(Duration::from_secs(seconds)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
        seconds(text).map(|seconds| Period(Duration::from_secs(seconds))).ok_or_else(|| E::custom(""))
    }
}

/// The seconds of a text; none in an empty one.
fn seconds(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return if text.is_empty() { Some(0) } else { text.parse().ok() };
    }
    let (mut rest, mut total) = (text, 0_u64);
    while !rest.is_empty() {
        let (number, unit) = rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit())?);
        let length = match unit.as_bytes().first()? {
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(length)?)?;
        rest = unit.get(1..)?;
    }
    Some(total)
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
    fn a_period_has_units_or_is_in_seconds() {
        for (json, seconds) in [
            ("0", 0),
            ("\"\"", 0),
            ("\"0\"", 0),
            ("\"0s\"", 0),
            ("3600", 3_600),
            ("\"3600\"", 3_600),
            ("\"24h\"", 86_400),
            ("\"1h30m5s\"", 5_405),
            ("\"2d\"", 172_800),
        ] {
            assert_eq!(read(json), Some(Period(Duration::from_secs(seconds))), "{json}");
        }
        for json in
            ["-1", "1.5", "\"h\"", "\"1h5\"", "\"1 h\"", "\"-1h\"", "\"1w\"", "\"1µs\"", "[]", "true", "null"]
        {
            assert_eq!(read::<Period>(json), None, "{json}");
        }
        assert_eq!(read::<Period>("\"99999999999999999999d\""), None);
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
