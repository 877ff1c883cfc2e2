//! The two ways in which a database is written down.

use zeroize::Zeroizing;

use crate::InvalidConfig;

/// A name and its value, which may be a password.
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: String,
}

pub(crate) fn settings(text: &str) -> Result<Vec<Setting>, InvalidConfig> {
    let text = text.trim();
    match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
        Some(address) => of_address(address),
        None => of_list(text),
    }
}

/// `user:password@host:port/database?setting=value&…`, with percent encoding, as in RFC 3986.
fn of_address(address: &str) -> Result<Vec<Setting>, InvalidConfig> {
    let (address, query) = address.split_once('?').unwrap_or((address, ""));
    let (authority, database) = address.split_once('/').unwrap_or((address, ""));
    let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    let (host, port) = host_and_port(host)?;
    let mut found = Vec::new();
    let mut add = |name: &str, value: &str| -> Result<(), InvalidConfig> {
        found.push(Setting { name: decode(name)?, value: decode(value)? });
        Ok(())
    };
    let parts = [("user", user), ("host", host), ("port", port), ("dbname", database)];
    parts.iter().filter(|(_, value)| !value.is_empty()).try_for_each(|(name, value)| add(name, value))?;
    password.map_or(Ok(()), |password| add("password", password))?;
    query.split('&').filter(|pair| !pair.is_empty()).try_for_each(|pair| {
        let (name, value) = pair.split_once('=').ok_or(InvalidConfig::Malformed)?;
        add(name, value)
    })?;
    Ok(found)
}

/// An address of IPv6 stands in brackets.
fn host_and_port(text: &str) -> Result<(&str, &str), InvalidConfig> {
    if let Some(inner) = text.strip_prefix('[') {
        let (host, rest) = inner.split_once(']').ok_or(InvalidConfig::Malformed)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, port)),
            None if rest.is_empty() => Ok((host, "")),
            None => Err(InvalidConfig::Malformed),
        };
    }
    Ok(text.split_once(':').unwrap_or((text, "")))
}

fn decode(text: &str) -> Result<String, InvalidConfig> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit =
            |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(match byte {
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(InvalidConfig::Malformed),
            },
            other => other,
        });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| InvalidConfig::Malformed)?;
    if text.contains('\0') { Err(InvalidConfig::Malformed) } else { Ok(text.to_owned()) }
}

/// `name = value` separated by spaces; a value with spaces stands in single quotes, and a backslash takes the next
/// character as it is.
fn of_list(text: &str) -> Result<Vec<Setting>, InvalidConfig> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or(InvalidConfig::Malformed)?;
        let (value, after) = value(after.trim_start())?;
        found.push(Setting { name: name.trim().to_owned(), value });
        rest = after.trim_start();
    }
    if found.is_empty() { Err(InvalidConfig::Malformed) } else { Ok(found) }
}

fn value(text: &str) -> Result<(String, &str), InvalidConfig> {
    let (quoted, body) = match text.strip_prefix('\'') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let (mut value, mut characters) = (String::new(), body.char_indices());
    while let Some((place, character)) = characters.next() {
        match character {
            '\0' => return Err(InvalidConfig::Malformed),
            '\\' => value.push(characters.next().ok_or(InvalidConfig::Malformed)?.1),
            '\'' if quoted => return Ok((value, body.get(place + 1..).unwrap_or_default())),
            space if !quoted && space.is_whitespace() => {
                return Ok((value, body.get(place..).unwrap_or_default()));
            }
            other => value.push(other),
        }
    }
    if quoted { Err(InvalidConfig::Malformed) } else { Ok((value, "")) }
}
