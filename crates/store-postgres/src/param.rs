use std::error::Error;

use bytes::{BufMut, BytesMut};
use postgres_protocol::IsNull;

use crate::cause::Cause;

pub(crate) const BYTEA: u32 = 17;
pub(crate) const INT8: u32 = 20;
pub(crate) const INT4: u32 = 23;
pub(crate) const BYTEA_ARRAY: u32 = 1001;
pub(crate) const INT4_ARRAY: u32 = 1007;
pub(crate) const INT8_ARRAY: u32 = 1016;

/// A parameter of a statement, in PostgreSQL's binary format.
#[derive(Debug)]
pub(crate) enum Param<'p> {
    Bytes(&'p [u8]),
    Int(i32),
    Long(i64),
    Ints(&'p [i32]),
    Longs(&'p [Option<i64>]),
    AllBytes(&'p [&'p [u8]]),
}

type Written = Result<IsNull, Box<dyn Error + Sync + Send>>;

impl Param<'_> {
    pub(crate) fn write(&self, out: &mut BytesMut) -> Written {
        match self {
            Self::Bytes(bytes) => out.put_slice(bytes),
            Self::Int(number) => out.put_i32(*number),
            Self::Long(number) => out.put_i64(*number),
            Self::Ints(numbers) => {
                head(out, INT4, numbers.len(), false)?;
                for number in *numbers {
                    element(out, &number.to_be_bytes())?;
                }
            }
            Self::Longs(numbers) => {
                head(out, INT8, numbers.len(), true)?;
                for number in *numbers {
                    match number {
                        Some(number) => element(out, &number.to_be_bytes())?,
                        None => out.put_i32(-1),
                    }
                }
            }
            Self::AllBytes(all) => {
                head(out, BYTEA, all.len(), false)?;
                all.iter().try_for_each(|bytes| element(out, bytes))?;
            }
        }
        Ok(IsNull::No)
    }
}

/// An array: dimensions, whether there are nulls, the type; for each dimension its length and the number of the first.
fn head(
    out: &mut BytesMut,
    element: u32,
    length: usize,
    nulls: bool,
) -> Result<(), std::num::TryFromIntError> {
    out.put_i32(if length == 0 { 0 } else { 1 });
    out.put_i32(i32::from(nulls));
    out.put_u32(element);
    if length > 0 {
        out.put_i32(i32::try_from(length)?);
        out.put_i32(1);
    }
    Ok(())
}

fn element(out: &mut BytesMut, bytes: &[u8]) -> Result<(), std::num::TryFromIntError> {
    out.put_i32(i32::try_from(bytes.len())?);
    out.put_slice(bytes);
    Ok(())
}

/// Reads an array of `bigint` without nulls.
pub(crate) fn read_longs(bytes: &[u8]) -> Result<Vec<i64>, Cause> {
    let word = |place: usize| {
        let bytes = bytes.get(place..)?.first_chunk()?;
        Some(i32::from_be_bytes(*bytes))
    };
    let head = (word(0), word(8));
    match head {
        (Some(0), _) => return Ok(Vec::new()),
        (Some(1), Some(kind)) if kind == INT8.cast_signed() => {}
        _ => return Err(Cause::Protocol),
    }
    let (elements, rest) = bytes.get(20..).ok_or(Cause::Protocol)?.as_chunks::<12>();
    let count = word(12).and_then(|count| usize::try_from(count).ok());
    if !rest.is_empty() || count != Some(elements.len()) {
        return Err(Cause::Protocol);
    }
    let read = |element: &[u8; 12]| match element.split_first_chunk::<4>() {
        Some(([0, 0, 0, 8], number)) => {
            number.try_into().map(i64::from_be_bytes).map_err(|_| Cause::Protocol)
        }
        _ => Err(Cause::Protocol),
    };
    elements.iter().map(read).collect()
}
