//! How the types of an event that other modules own stand in CBOR.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as Malformed,
    encode::{Error, Write},
};

use crate::{Name, Revision, Tenant};

impl<C> Encode<C> for Tenant {
    fn encode<W: Write>(&self, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), Error<W::Error>> {
        encoder.bytes(self.as_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Tenant {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, Malformed> {
        let bytes = decoder.bytes()?.try_into().map_err(|_| Malformed::message("a tenant has 16 bytes"))?;
        Ok(Self::from_bytes(bytes))
    }
}

impl<C> Encode<C> for Name {
    fn encode<W: Write>(&self, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), Error<W::Error>> {
        encoder.str(self)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Name {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, Malformed> {
        Self::parse(decoder.str()?).map_err(|_| Malformed::message("not a name"))
    }
}

impl<C> Encode<C> for Revision {
    fn encode<W: Write>(&self, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), Error<W::Error>> {
        encoder.u64(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Revision {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, Malformed> {
        decoder.u64().map(Self)
    }
}

/// An address as its 4 or 16 bytes.
pub(crate) mod address {
    use super::{Decoder, Encoder, Error, IpAddr, Ipv4Addr, Ipv6Addr, Malformed, Write};

    pub(crate) fn encode<C, W: Write>(
        address: &IpAddr,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), Error<W::Error>> {
        match address {
            IpAddr::V4(address) => encoder.bytes(&address.octets())?.ok(),
            IpAddr::V6(address) => encoder.bytes(&address.octets())?.ok(),
        }
    }

    pub(crate) fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<IpAddr, Malformed> {
        let bytes = decoder.bytes()?;
        let four = <[u8; 4]>::try_from(bytes).map(|octets| Ipv4Addr::from(octets).into());
        let sixteen = || <[u8; 16]>::try_from(bytes).map(|octets| Ipv6Addr::from(octets).into());
        four.or_else(|_| sixteen()).map_err(|_| Malformed::message("an address has 4 or 16 bytes"))
    }
}
