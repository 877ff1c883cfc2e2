//! The body of a request: strict JSON in bounded memory.

use std::{collections::BTreeSet, fmt};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use strongroom_serve::{
    JsonError, Limits,
    json::{Checked, parse},
};

use crate::Seed;

/// - A body is accepted exactly if it is UTF-8, JSON, not too deep, not too long, and names no member twice; of the
///   limits the tree of the whole body decides, which is built here and never in the parser.
/// - What is accepted means what JSON says it means.
/// - A refusal has no word of the body in it.
pub fn run(data: &[u8]) {
    let tight = Limits { json_depth: 4, json_values: 24, ..Limits::default() };
    for limits in [Limits::default(), tight] {
        let parsed = parse::<Tree>(data, &limits);
        match (&parsed, accepted(data, &limits)) {
            (Ok(tree), Some(expected)) => assert_eq!(*tree, expected),
            (Err(error), None) => tells_nothing(*error, data),
            (parsed, expected) => panic!("{parsed:?} instead of {expected:?}"),
        }
        checked(data, &limits, parsed.as_ref().ok());
        assert_eq!(parse::<IgnoredAny>(data, &limits).is_ok(), parsed.is_ok());
        if let Ok(value) = parse::<serde_json::Value>(data, &limits) {
            let again = serde_json::to_vec(&value).expect("was JSON");
            assert!(parse::<serde_json::Value>(&again, &limits).is_ok());
        }
    }
}

/// What is taken out of a body member by member is what the whole says; nothing and `null` stand for no members.
fn checked(data: &[u8], limits: &Limits, tree: Option<&Tree>) {
    let nothing = data.iter().all(|byte| b" \t\r\n".contains(byte));
    let body = Checked::or_empty(data, limits).ok();
    assert_eq!(body.is_some(), tree.is_some() || nothing);
    let Some(body) = body else { return };
    let object = body.object::<Tree>().ok();
    match tree {
        None | Some(Tree::Null) => assert_eq!(object, Some(Tree::Object(Vec::new()))),
        Some(Tree::Object(members)) => {
            assert_eq!(object.as_ref(), tree);
            assert!(body.names().iter().eq(members.iter().map(|(name, _)| name)));
        }
        Some(_) => assert_eq!((object, body.names().len()), (None, 0)),
    }
}

fn accepted(data: &[u8], limits: &Limits) -> Option<Tree> {
    let tree: Tree = serde_json::from_str(std::str::from_utf8(data).ok()?).ok()?;
    let fits = tree.depth() <= limits.json_depth && tree.values() <= limits.json_values;
    (fits && tree.names_differ()).then_some(tree)
}

fn tells_nothing(error: JsonError, data: &[u8]) {
    let place = match error {
        JsonError::Syntax { line, column } | JsonError::Shape { line, column } => (line, column),
        _ => (0, 0),
    };
    assert!(place.0 <= data.len() + 1 && place.1 <= data.len() + 1, "{error:?}");
    let text = format!("{error}");
    let words = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -:,.".contains(&byte));
    assert!(words && text.len() < 100, "{text}");
}

/// A body with all its members, also those that are named twice.
#[derive(Debug, Clone, PartialEq)]
enum Tree {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    fn depth(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.iter().map(|(_, tree)| tree.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    fn values(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::values).sum::<usize>(),
            Self::Object(members) => 1 + members.iter().map(|(_, tree)| tree.values()).sum::<usize>(),
            _ => 1,
        }
    }

    fn names_differ(&self) -> bool {
        match self {
            Self::Array(items) => items.iter().all(Self::names_differ),
            Self::Object(members) => {
                let names: BTreeSet<&str> = members.iter().map(|(name, _)| &**name).collect();
                names.len() == members.len() && members.iter().all(|(_, tree)| tree.names_differ())
            }
            _ => true,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        parser.deserialize_any(Builder)
    }
}

struct Builder;

impl<'de> Visitor<'de> for Builder {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = array.next_element()? {
            items.push(item);
        }
        Ok(Tree::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = object.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Object(members))
    }
}

/// Bodies of Vault's clients, at each limit, and what is nearly JSON.
pub fn seeds() -> Vec<Seed> {
    let nested = |depth: usize| format!("{}0{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}0{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let values = |count: usize| format!("[{}]", vec!["0"; count - 1].join(","));
    let members = |count: usize, last: &str| {
        let members: String = (0..count).map(|number| format!("\"m{number}\":0,")).collect();
        format!("{{{members}\"{last}\":1}}")
    };
    let table = [
        ("encrypt", r#"{"plaintext":"aGVsbG8=","associated_data":"b3JkZXIgNw=="}"#.to_owned()),
        ("batch", r#"{"batch_input":[{"plaintext":"YQ=="},{"plaintext":"Yg==","context":null}]}"#.to_owned()),
        ("every-kind", r#"[null,true,false,0,-1,18446744073709551615,0.5,-0.0,1e9,"x",[],{}]"#.to_owned()),
        ("empty", String::new()),
        ("null", " null\n".to_owned()),
        ("space-alone", " \t\r\n".to_owned()),
        ("empty-object", "{}".to_owned()),
        ("truncated", r#"{"plaintext":"aGVs"#.to_owned()),
        ("depth-at-the-tight-limit", nested(4)),
        ("depth-above-the-tight-limit", nested(5)),
        ("depth-at-the-limit", nested(32)),
        ("depth-above-the-limit", nested(33)),
        ("depth-does-not-add-up-over-siblings", r#"[[[]],[[]],[{}],[{}],{"a":{}},{"a":{}}]"#.to_owned()),
        ("depth-of-objects-above-the-limit", objects(33)),
        ("depth-of-a-thousand", "[".repeat(1000)),
        ("values-at-the-tight-limit", values(24)),
        ("values-above-the-tight-limit", values(25)),
        ("member-twice", r#"{"a":1,"a":2}"#.to_owned()),
        ("member-twice-in-another-spelling", r#"{"a":1,"\u0061":2}"#.to_owned()),
        ("member-twice-as-surrogates", "{\"\u{1F600}\":1,\"\\ud83d\\uDE00\":2}".to_owned()),
        ("member-twice-deep-inside", r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#.to_owned()),
        ("member-twice-among-many", members(20, "m7")),
        ("members-many", members(20, "m20")),
        ("number-too-large", "1e999".to_owned()),
        ("number-of-many-digits", "123456789012345678901234567890.5".to_owned()),
        ("number-with-a-zero-in-front", "01".to_owned()),
        ("number-nan", "NaN".to_owned()),
        ("surrogate-alone", r#""\ud800""#.to_owned()),
        ("control-in-a-text", "\"a\nb\"".to_owned()),
        ("comma-at-the-end", "[1,]".to_owned()),
        ("two-values", "{} {}".to_owned()),
        ("byte-order-mark", "\u{feff}{}".to_owned()),
        ("single-quotes", "{'a':1}".to_owned()),
        ("comment", "{}//x".to_owned()),
    ];
    let mut seeds: Vec<Seed> = table.into_iter().map(|(name, text)| Seed::new(name, text)).collect();
    seeds.push(Seed::new("not-utf-8", *b"\"\xff\""));
    seeds
}
