use std::{collections::BTreeMap, time::Duration};

use minicbor::{Decode, Decoder, Encode, bytes::ByteArray};
use strongroom_core::{StoreError, Time};

use super::{Cidr, tables::Accessor};

const FORMAT: u8 = 1;

/// A service token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Record {
    #[n(0)]
    format: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub accessor: Accessor,
    /// What its text is looked up by.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub hash: [u8; 32],
    #[n(3)]
    pub made: Time,
    /// When it ends, unless it is renewed.
    #[n(4)]
    pub until: Time,
    /// No renewal goes past it.
    #[n(5)]
    pub latest: Option<Time>,
    /// What a renewal adds when nothing else is asked for, in milliseconds.
    #[n(6)]
    pub ttl: u64,
    /// What each renewal adds, in milliseconds.
    #[n(7)]
    pub period: Option<u64>,
    #[n(8)]
    pub renewable: bool,
    /// How often it may still be used.
    #[n(9)]
    pub uses: Option<u32>,
    /// Canonical, sorted, each once.
    #[n(10)]
    pub policies: Vec<String>,
    #[n(11)]
    pub metadata: BTreeMap<String, String>,
    #[n(12)]
    pub display_name: String,
    #[n(13)]
    pub bound: Vec<Cidr>,
    /// Who made it, and who made those: the nearest first.
    #[n(14)]
    pub ancestors: Vec<ByteArray<16>>,
    /// It has ended alone: what it made goes on without it and without its ancestors.
    #[n(15)]
    pub left: bool,
    /// Names its due work: random, as such names stand in the clear.
    #[cbor(n(16), with = "minicbor::bytes")]
    pub work: [u8; 16],
}

impl Record {
    pub(crate) const FORMAT: u8 = FORMAT;

    /// A record in the newest format, with what every token has.
    pub(crate) fn new(accessor: Accessor, hash: [u8; 32], made: Time, until: Time) -> Self {
        Self {
            format: FORMAT,
            accessor,
            hash,
            made,
            until,
            latest: None,
            ttl: until.since(made).as_millis().try_into().unwrap_or(u64::MAX),
            period: None,
            renewable: true,
            uses: None,
            policies: Vec::new(),
            metadata: BTreeMap::new(),
            display_name: String::new(),
            bound: Vec::new(),
            ancestors: Vec::new(),
            left: false,
            work: [0; 16],
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(bytes);
        let format = decoder.array().and_then(|_| decoder.u64()).map_err(|_| StoreError::Corrupt)?;
        if format != u64::from(Self::FORMAT) {
            return Err(StoreError::Unsupported("read a service token that a newer version made"));
        }
        let found: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        if found.to_bytes()? == bytes { Ok(found) } else { Err(StoreError::Corrupt) }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)
    }

    /// Whether it is good by itself; its ancestors are another question.
    pub(crate) fn is_good(&self, now: Time) -> bool {
        !self.left && now < self.until && self.uses != Some(0)
    }

    /// When it would end if it were renewed now: never earlier than it does already, and never past its latest.
    pub(crate) fn renewed(&self, now: Time, increment: Option<Duration>) -> Time {
        let asked = increment.filter(|increment| !increment.is_zero());
        let ttl = match self.period {
            Some(period) => Duration::from_millis(period),
            None => asked.unwrap_or(Duration::from_millis(self.ttl)),
        };
        let until = now + ttl;
        self.latest.map_or(until, |latest| until.min(latest)).max(self.until)
    }

    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &Accessor> {
        self.ancestors.iter().map(|accessor| &**accessor)
    }
}

/// Which token a text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Place {
    #[n(0)]
    format: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub tenant: [u8; 16],
    #[cbor(n(2), with = "minicbor::bytes")]
    pub accessor: Accessor,
}

impl Place {
    pub(crate) fn new(tenant: [u8; 16], accessor: Accessor) -> Self {
        Self { format: FORMAT, tenant, accessor }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let found: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        if found.format == FORMAT { Ok(found) } else { Err(StoreError::Corrupt) }
    }

    pub(crate) fn to_bytes(self) -> Result<Vec<u8>, StoreError> {
        minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let mut record = Record::new([1; 16], [2; 32], Time::from_millis(3), Time::from_millis(4003));
        (record.latest, record.period, record.uses) = (Some(Time::from_millis(9000)), Some(7), Some(5));
        record.policies = vec!["default".into()];
        record.metadata = [("k".into(), "v".into())].into();
        record.display_name = "name".into();
        record.bound = vec![Cidr::parse("192.0.2.0/24").unwrap()];
        (record.ancestors, record.work) = (vec![[6; 16].into()], [8; 16]);
        record
    }

    fn golden() -> Vec<u8> {
        let text: String = include_str!("format-1.txt").split_whitespace().collect();
        let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    #[test]
    fn what_the_first_format_wrote_reads_the_same_for_ever() {
        assert_eq!(Record::read(&golden()).unwrap(), record());
        assert_eq!(record().to_bytes().unwrap(), golden());
    }

    #[test]
    fn a_damaged_or_newer_record_is_an_error_and_no_token() {
        let good = golden();
        for length in 0..good.len() {
            assert!(Record::read(good.get(..length).unwrap()).is_err(), "{length} bytes");
        }
        let mut newer = good.clone();
        newer[1] = 2;
        assert!(matches!(Record::read(&newer), Err(StoreError::Unsupported(_))));
        assert!(matches!(Record::read(&[good, vec![0]].concat()), Err(StoreError::Corrupt)));
    }
}
