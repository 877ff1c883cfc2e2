use std::{fmt, net::IpAddr};

use minicbor::{Decode, Encode};

/// A block of addresses (RFC 4632, RFC 4291): those that share the first bits. An IPv4 address that came as IPv6
/// (`::ffff:a.b.c.d`) is the IPv4 address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Cidr {
    /// The address as a number: IPv4 in the low 32 bits.
    #[cbor(n(0), with = "minicbor::bytes")]
    first: [u8; 16],
    #[n(1)]
    four: bool,
    #[n(2)]
    bits: u8,
}

/// A text is no block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a block of addresses: write 192.0.2.0/24, 2001:db8::/32, or one address")]
pub struct InvalidCidr;

impl Cidr {
    /// Reads `address/bits`, or one address. Bits after the prefix are dropped.
    ///
    /// # Errors
    /// [`InvalidCidr`].
    pub fn parse(text: &str) -> Result<Self, InvalidCidr> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| InvalidCidr)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().map_err(|_| InvalidCidr)?
            }
            Some(_) => return Err(InvalidCidr),
            None => width,
        };
        if bits > width {
            return Err(InvalidCidr);
        }
        let number = number(address) & mask(width, bits);
        Ok(Self { first: number.to_be_bytes(), four: address.is_ipv4(), bits })
    }

    /// Whether the address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let width = if self.four { 32 } else { 128 };
        let same = number(address) & mask(width, self.bits) == u128::from_be_bytes(self.first);
        address.is_ipv4() == self.four && same
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => four.to_bits().into(),
        IpAddr::V6(six) => six.to_bits(),
    }
}

/// Ones in the first `bits` of the last `width` bits of a number.
fn mask(width: u8, bits: u8) -> u128 {
    u128::MAX.checked_shl(u32::from(width.saturating_sub(bits))).unwrap_or(0)
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = u128::from_be_bytes(self.first);
        match u32::try_from(number) {
            Ok(four) if self.four => write!(f, "{}/{}", std::net::Ipv4Addr::from_bits(four), self.bits),
            _ => write!(f, "{}/{}", std::net::Ipv6Addr::from_bits(number), self.bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(block: &str, address: &str) -> bool {
        Cidr::parse(block).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_block_holds_its_addresses_and_no_others() {
        for (block, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.77/24", "192.0.2.0", "191.0.2.77"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.0"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("2001:db8::/32", "2001:db8:ffff::", "2001:db9::"),
            ("::1/128", "::1", "::2"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.0.0.0"),
        ] {
            assert!(holds(block, inside) && !holds(block, outside), "{block}");
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in
            ["", "/", "1.2.3.4/33", "::/129", "1.2.3/8", "1.2.3.4/", "1.2.3.4/+8", "a/8", "1.2.3.4/8/8"]
        {
            assert_eq!(Cidr::parse(text), Err(InvalidCidr), "{text}");
        }
        assert_eq!(Cidr::parse("192.0.2.77/24").unwrap().to_string(), "192.0.2.0/24");
        assert_eq!(Cidr::parse("2001:db8::1/32").unwrap().to_string(), "2001:db8::/32");
    }
}
