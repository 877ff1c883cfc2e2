use std::{collections::BTreeMap, time::Duration};

use super::{
    Capabilities, Conditions, InvalidPattern, Pattern, Policy, Rule,
    syntax::{At, Entry, Parser, Value},
};

/// A text is no policy; where, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct InvalidPolicy {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: PolicyProblem,
}

/// What is wrong with a policy. No text of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// Something else was expected.
    #[error("write {0}")]
    Syntax(&'static str),
    /// Longer than [`Policy::MAX_BYTES`].
    #[error("a policy has at most 262144 bytes")]
    TooLong,
    /// Too many levels.
    #[error("it is nested too deeply")]
    TooDeep,
    /// More than [`Policy::MAX_RULES`].
    #[error("a policy has at most 4096 paths")]
    TooManyRules,
    /// A key that a policy does not have.
    #[error("unknown key: write `path \"…\" {{ … }}`")]
    UnknownKey,
    /// A key that a path does not have.
    #[error(
        "unknown key of a path: write capabilities, policy, required_parameters, allowed_parameters, \
         denied_parameters, min_wrapping_ttl, max_wrapping_ttl, pagination_limit or comment"
    )]
    UnknownRuleKey,
    /// A key that was given before.
    #[error("this key was given before: write it once")]
    Twice,
    /// No capability.
    #[error("write one of create, read, update, patch, delete, list, scan, sudo, deny")]
    Capability,
    /// No word of a legacy rule.
    #[error("write one of deny, read, write, sudo")]
    Legacy,
    /// The value has another type.
    #[error("write {0} as its value")]
    Type(&'static str),
    /// The shortest wrapping is longer than the longest.
    #[error("min_wrapping_ttl is longer than max_wrapping_ttl")]
    Wrapping,
    /// The path.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
}

impl Policy {
    /// The longest text, in bytes.
    pub const MAX_BYTES: usize = 256 * 1024;
    /// The most paths.
    pub const MAX_RULES: usize = 4096;

    /// Reads HCL or JSON as Vault's users write it. What is not understood is an error.
    ///
    /// ```
    /// use strongroom_identity::Policy;
    /// let policy = Policy::parse(r#"path "secret/data/+/app" { capabilities = ["read", "list"] }"#).unwrap();
    /// assert_eq!(policy.rules.len(), 1);
    /// let wrong = Policy::parse("path \"a\" {\n  capabilites = [\"read\"]\n}").unwrap_err();
    /// assert!(wrong.to_string().starts_with("line 2, column 3: unknown key"));
    /// ```
    ///
    /// # Errors
    /// [`InvalidPolicy`].
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        if text.len() > Self::MAX_BYTES {
            return Err(At { line: 1, column: 1 }.says(PolicyProblem::TooLong));
        }
        let mut policy = Self::default();
        for entry in Parser::document(text)? {
            let at = entry.at;
            match (entry.key.as_str(), entry.label, entry.value) {
                ("name", None, Value::Text(_)) => {}
                ("path", Some(label), Value::Object(keys)) => policy.add(at, &label, keys)?,
                ("path", None, Value::Object(rules)) => policy.add_all(rules)?,
                ("path", ..) => return Err(at.says(PolicyProblem::Type("a path in quotes and an object"))),
                _ => return Err(at.says(PolicyProblem::UnknownKey)),
            }
        }
        Ok(policy)
    }

    fn add_all(&mut self, rules: Vec<Entry>) -> Result<(), InvalidPolicy> {
        for Entry { at, key, label, value } in rules {
            match (label, value) {
                (None, Value::Object(keys)) => self.add(at, &key, keys)?,
                _ => return Err(at.says(PolicyProblem::Type("an object"))),
            }
        }
        Ok(())
    }

    fn add(&mut self, at: At, pattern: &str, keys: Vec<Entry>) -> Result<(), InvalidPolicy> {
        if self.rules.len() >= Self::MAX_RULES {
            return Err(at.says(PolicyProblem::TooManyRules));
        }
        let pattern = Pattern::parse(pattern).map_err(|error| at.says(error.into()))?;
        let (capabilities, conditions) = (Capabilities::NONE, Conditions::default());
        let mut rule = Rule { pattern, capabilities, conditions };
        let mut seen: Vec<String> = Vec::new();
        for entry in keys {
            if seen.contains(&entry.key) {
                return Err(entry.at.says(PolicyProblem::Twice));
            }
            seen.push(entry.key.clone());
            rule.set(entry)?;
        }
        let Conditions { min_wrapping, max_wrapping, .. } = rule.conditions;
        if min_wrapping.zip(max_wrapping).is_some_and(|(min, max)| min > max) {
            return Err(at.says(PolicyProblem::Wrapping));
        }
        self.rules.push(rule);
        Ok(())
    }
}

impl Rule {
    fn set(&mut self, Entry { at, key, label, value }: Entry) -> Result<(), InvalidPolicy> {
        let to = &mut self.conditions;
        if label.is_some() {
            return Err(at.says(PolicyProblem::Syntax("`=`")));
        }
        match key.as_str() {
            "capabilities" => {
                let named = |name: String| {
                    Capabilities::named(&name).ok_or_else(|| at.says(PolicyProblem::Capability))
                };
                for name in texts(at, value)? {
                    self.capabilities = self.capabilities.merged(named(name)?);
                }
            }
            "policy" => {
                let legacy = Capabilities::legacy(&text(at, value)?);
                let legacy = legacy.ok_or_else(|| at.says(PolicyProblem::Legacy))?;
                self.capabilities = self.capabilities.merged(legacy);
            }
            "required_parameters" => to.required = lowered(texts(at, value)?),
            "allowed_parameters" => to.allowed = parameters(at, value)?,
            "denied_parameters" => to.denied = parameters(at, value)?,
            "min_wrapping_ttl" => to.min_wrapping = Some(duration(at, value)?),
            "max_wrapping_ttl" => to.max_wrapping = Some(duration(at, value)?),
            "pagination_limit" => match value {
                Value::Number(limit) if limit > 0 => to.page = Some(limit),
                _ => return Err(at.says(PolicyProblem::Type("a number above 0"))),
            },
            "comment" => drop(text(at, value)?),
            _ => return Err(at.says(PolicyProblem::UnknownRuleKey)),
        }
        Ok(())
    }
}

fn text(at: At, value: Value) -> Result<String, InvalidPolicy> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(at.says(PolicyProblem::Type("a text in quotes"))),
    }
}

fn texts(at: At, value: Value) -> Result<Vec<String>, InvalidPolicy> {
    match value {
        Value::List(list) => list.into_iter().map(|(at, value)| text(at, value)).collect(),
        _ => Err(at.says(PolicyProblem::Type("a list of texts"))),
    }
}

fn lowered(names: Vec<String>) -> Vec<String> {
    names.into_iter().map(|name| name.to_lowercase()).collect()
}

/// Names of parameters in one case, with their values: numbers are compared as they are written.
fn parameters(at: At, value: Value) -> Result<BTreeMap<String, Vec<String>>, InvalidPolicy> {
    let Value::Object(entries) = value else {
        return Err(at.says(PolicyProblem::Type("an object of lists")));
    };
    let mut parameters = BTreeMap::new();
    for Entry { at, key, label, value } in entries {
        let Value::List(list) = value else { return Err(at.says(PolicyProblem::Type("a list"))) };
        let written = |(at, value)| match value {
            Value::Number(number) => Ok(number.to_string()),
            other => text(at, other),
        };
        let values = list.into_iter().map(written).collect::<Result<_, _>>()?;
        if label.is_some() || parameters.insert(key.to_lowercase(), values).is_some() {
            return Err(at.says(PolicyProblem::Twice));
        }
    }
    Ok(parameters)
}

/// Seconds, or a text such as `1h30m`.
fn duration(at: At, value: Value) -> Result<Duration, InvalidPolicy> {
    let seconds = match value {
        Value::Number(seconds) => Some(seconds),
        Value::Text(text) => seconds(&text),
        Value::List(_) | Value::Object(_) => None,
    };
    seconds.map(Duration::from_secs).ok_or_else(|| at.says(PolicyProblem::Type("a duration such as \"90s\"")))
}

fn seconds(text: &str) -> Option<u64> {
    let (mut total, mut digits) = (0_u64, String::new());
    for one in text.chars() {
        let unit = match one {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            '0'..='9' => {
                digits.push(one);
                continue;
            }
            _ => return None,
        };
        total = total.checked_add(std::mem::take(&mut digits).parse::<u64>().ok()?.checked_mul(unit)?)?;
    }
    match digits.parse() {
        Ok(seconds) if total == 0 => Some(seconds),
        _ => (digits.is_empty() && !text.is_empty()).then_some(total),
    }
}
