use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::{Tenant, Time, cbor};

/// One thing more that an event tells. No kind of detail can hold a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[non_exhaustive]
pub enum Detail {
    /// Which version of the resource.
    #[n(1)]
    Version(#[n(0)] u32),
    /// How many.
    #[n(2)]
    Count(#[n(0)] u64),
    /// How many of them failed.
    #[n(3)]
    Failed(#[n(0)] u64),
    /// Another tenant that it concerns.
    #[n(4)]
    Tenant(#[n(0)] Tenant),
    /// The slot that it concerns.
    #[n(5)]
    Slot(#[cbor(n(0), with = "minicbor::bytes")] [u8; 16]),
    /// The address that it came from.
    #[n(6)]
    Source(#[cbor(n(0), with = "cbor::address")] IpAddr),
    /// It stands for all that happened from the event's time until then.
    #[n(7)]
    Until(#[n(0)] Time),
    /// It was noted outside of the database while that was sealed, and taken over then. Until then, nothing showed
    /// a change of it.
    #[n(8)]
    Spooled(#[n(0)] Time),
    /// It stands for the sources that had no room of their own in the table of sources.
    #[n(9)]
    Others,
    /// What it tells of ends by itself then.
    #[n(10)]
    Expires(#[n(0)] Time),
    /// It was handed in by this producer, which says that it happened: no change of this database shows it.
    #[n(11)]
    Producer(#[cbor(n(0), with = "minicbor::bytes")] [u8; 16]),
}
