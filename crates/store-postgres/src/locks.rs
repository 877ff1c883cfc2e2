use std::collections::BTreeMap;

use strongroom_core::RecordKey;

use crate::group::Group;

/// Locks that keys are spread over.
const BUCKETS: u64 = 1024;

/// The locks of all keys in ascending order: the number of a bucket, negative where nothing in it is written.
pub(crate) fn locks(group: &Group) -> Vec<i32> {
    let mut buckets = BTreeMap::new();
    let (expected, written) = group.keys();
    for key in expected {
        buckets.entry(bucket(key)).or_insert(false);
    }
    for key in written {
        buckets.insert(bucket(key), true);
    }
    buckets.into_iter().map(|(bucket, exclusive)| if exclusive { bucket } else { -bucket }).collect()
}

/// From 1 to [`BUCKETS`], by FNV-1a and the last step of MurmurHash3, as keys often differ in their last byte alone. A
/// part of the layout: all nodes must agree on it.
fn bucket(key: &RecordKey) -> i32 {
    let hash = key.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    i32::try_from((mixed >> 33) % BUCKETS + 1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use strongroom_core::{Batch, Expect, Lowered, Segment, Table, Tenant, Write};

    use super::*;

    fn key(number: u64) -> RecordKey {
        RecordKey::new(Tenant::SYSTEM, Table::new(0x7f01), &[Segment::Number(number)]).unwrap()
    }

    #[test]
    fn the_bucket_of_a_key_is_the_same_in_every_release() {
        assert_eq!([0, 1, 2, 1 << 40].map(|number| bucket(&key(number))), [330, 554, 52, 881]);
    }

    #[test]
    fn locks_ascend_and_a_bucket_that_is_written_is_locked_once_and_alone() {
        let batch = Batch {
            expectations: (0..300).map(|number| (key(number), Expect::Absent)).collect(),
            writes: (200..400).map(|number| (key(number), Write::Delete)).collect(),
        };
        let group = Group::of([1; 16], &Lowered::new([1; 16], 1, batch).unwrap()).unwrap();
        let locks = locks(&group);
        assert!(locks.is_sorted_by(|one, next| one.abs() < next.abs()));
        for number in 0..400 {
            let (exclusive, any) =
                (locks.contains(&bucket(&key(number))), locks.contains(&-bucket(&key(number))));
            assert!(if number < 200 { exclusive || any } else { exclusive });
        }
    }
}
