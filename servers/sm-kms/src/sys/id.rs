//! Ids of slots and tenants in paths and answers: 32 lower-case hex digits, and no other spelling.

/// What a slot or a tenant is called.
pub(crate) type Id = [u8; 16];

pub(crate) fn text(id: &Id) -> String {
    format!("{:032x}", u128::from_be_bytes(*id))
}

/// Nothing for any other text.
pub(crate) fn parse(digits: &str) -> Option<Id> {
    let plain = digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let number = u128::from_str_radix(digits, 16).ok().filter(|_| plain)?;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff];
        assert_eq!(text(&id), "000102030405060708090a0b0c0d0eff");
        assert_eq!(parse(&text(&id)), Some(id));
        let upper = text(&id).to_uppercase();
        for wrong in ["", "0", &upper, &text(&id)[1..], "+00102030405060708090a0b0c0d0eff"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
