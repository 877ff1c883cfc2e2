use strongroom_core::{Batch, Expect, RecordKey, Write};

use crate::{
    cause::Cause,
    connection::{Columns, Statement},
    group::Group,
    locks::locks,
    param::{BYTEA, BYTEA_ARRAY, INT4, INT4_ARRAY, INT8, INT8_ARRAY, Param, read_longs},
};

const COMMIT_SOME: Statement = Statement {
    name: "commit_some",
    text: "SELECT strongroom_commit_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    types: &[
        BYTEA,
        INT8,
        INT4,
        INT4_ARRAY,
        INT4_ARRAY,
        BYTEA_ARRAY,
        INT8_ARRAY,
        INT4_ARRAY,
        BYTEA_ARRAY,
        BYTEA_ARRAY,
        INT4_ARRAY,
        BYTEA_ARRAY,
    ],
};

const COMMIT_ONE: Statement = Statement {
    name: "commit_one",
    text: "SELECT strongroom_commit_2($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    types: &[BYTEA, INT8, INT4_ARRAY, BYTEA_ARRAY, INT8_ARRAY, BYTEA_ARRAY, BYTEA_ARRAY, BYTEA_ARRAY, INT4],
};

/// A batch alone is small with so many expectations and writes: statements for each cost less than those for sets.
const SMALL_OPERATIONS: usize = 12;
/// And with so many bytes, which the server copies once for each value in an array.
const SMALL_BYTES: usize = 64 << 10;

/// How a group is committed, and what with.
#[derive(Debug)]
pub(crate) struct Call<'g> {
    kind: Kind,
    locks: Vec<i32>,
    /// How many batches, and of each of the others the number of its batch.
    batches: i32,
    expect_batch: Vec<i32>,
    expect_key: Vec<&'g [u8]>,
    expect_revision: Vec<Option<i64>>,
    put_batch: Vec<i32>,
    put_key: Vec<&'g [u8]>,
    put_value: Vec<&'g [u8]>,
    delete_batch: Vec<i32>,
    delete_key: Vec<&'g [u8]>,
}

/// Which function of the server's does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Some,
    /// A small batch alone, whose first put is the check of the expectation in this place, if that is not 0.
    One(i32),
}

impl<'g> Call<'g> {
    pub(crate) fn of(group: &'g Group) -> Self {
        let mut call = Self {
            kind: Kind::Some,
            locks: locks(group),
            batches: 0,
            expect_batch: Vec::new(),
            expect_key: Vec::new(),
            expect_revision: Vec::new(),
            put_batch: Vec::new(),
            put_key: Vec::new(),
            put_value: Vec::new(),
            delete_batch: Vec::new(),
            delete_key: Vec::new(),
        };
        group.batches().for_each(|batch| call.add(batch));
        if call.batches == 1 && group.operations() <= SMALL_OPERATIONS && group.bytes() <= SMALL_BYTES {
            call.kind = Kind::One(call.check_by_put());
        }
        call
    }

    fn add(&mut self, batch: &'g Batch) {
        self.batches += 1;
        for (key, expect) in &batch.expectations {
            self.expect_batch.push(self.batches);
            self.expect_key.push(key.as_bytes());
            self.expect_revision.push(match expect {
                Expect::Absent => None,
                // No record has a revision beyond what a sequence gives.
                Expect::At(revision) => Some(i64::try_from(revision.0).unwrap_or(i64::MAX)),
            });
        }
        for (key, write) in &batch.writes {
            self.write(key, write);
        }
    }

    fn write(&mut self, key: &'g RecordKey, write: &'g Write) {
        match write {
            Write::Put(value) => {
                self.put_batch.push(self.batches);
                self.put_key.push(key.as_bytes());
                self.put_value.push(value);
            }
            Write::Delete => {
                self.delete_batch.push(self.batches);
                self.delete_key.push(key.as_bytes());
            }
        }
    }

    /// Makes a put of an expected key the first one, and answers the place of the expectation, counted from 1; 0 if
    /// there is none.
    fn check_by_put(&mut self) -> i32 {
        let place_of = |key| self.expect_key.iter().position(|expected| expected == key);
        let found =
            self.put_key.iter().enumerate().find_map(|(put, key)| place_of(key).map(|place| (put, place)));
        let Some((put, place)) = found else { return 0 };
        self.put_key.swap(0, put);
        self.put_value.swap(0, put);
        i32::try_from(place + 1).unwrap_or_default()
    }

    pub(crate) fn statement(&self) -> &'static Statement {
        match self.kind {
            Kind::Some => &COMMIT_SOME,
            Kind::One(_) => &COMMIT_ONE,
        }
    }

    /// What the statement takes, with the lane and the number of the call.
    pub(crate) fn parameters<'c>(&'c self, lane: &'c [u8; 16], number: i64) -> Vec<Param<'c>> {
        let mut all = vec![Param::Bytes(lane), Param::Long(number)];
        match self.kind {
            Kind::Some => all.extend([
                Param::Int(self.batches),
                Param::Ints(&self.locks),
                Param::Ints(&self.expect_batch),
                Param::AllBytes(&self.expect_key),
                Param::Longs(&self.expect_revision),
                Param::Ints(&self.put_batch),
                Param::AllBytes(&self.put_key),
                Param::AllBytes(&self.put_value),
                Param::Ints(&self.delete_batch),
                Param::AllBytes(&self.delete_key),
            ]),
            Kind::One(checked_by_put) => all.extend([
                Param::Ints(&self.locks),
                Param::AllBytes(&self.expect_key),
                Param::Longs(&self.expect_revision),
                Param::AllBytes(&self.put_key),
                Param::AllBytes(&self.put_value),
                Param::AllBytes(&self.delete_key),
                Param::Int(checked_by_put),
            ]),
        }
        all
    }

    /// What the statement answers, for each batch.
    pub(crate) fn results(&self, row: &mut Columns<'_>) -> Result<Vec<i64>, Cause> {
        match self.kind {
            Kind::Some => row.bytes().and_then(read_longs),
            Kind::One(_) => row.long().map(|result| vec![result]),
        }
    }
}
