//! Readers and writers that fail, at every byte.

use std::{
    error::Error as _,
    fs,
    io::{self, Read, Write},
};

use strongroom_backup::{BackupError, read, restore, verify};

use crate::support::House;

const FAULT: &str = "the disk is on fire";

/// Passes so many bytes, then fails for good.
struct Failing<T>(T, usize);

impl<T> Failing<T> {
    fn next(&self, wanted: usize) -> io::Result<usize> {
        if self.1 == 0 { Err(io::Error::other(FAULT)) } else { Ok(self.1.min(wanted)) }
    }
}

impl<R: Read> Read for Failing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let next = self.next(buffer.len())?;
        let read = self.0.read(&mut buffer[..next])?;
        self.1 -= read;
        Ok(read)
    }
}

impl<W: Write> Write for Failing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let next = self.next(bytes.len())?;
        let written = self.0.write(&bytes[..next])?;
        self.1 -= written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next(1).map(drop)
    }
}

fn assert_cause(error: &BackupError) {
    assert_eq!(error.source().unwrap().to_string(), FAULT);
}

#[test]
fn a_backup_whose_writer_fails_at_any_byte_is_an_error_of_the_output() {
    let house = House::new();
    let length = house.backup(b"all records").len();
    // At the last one only the flush fails.
    for at in 0..=length {
        let error = house.write(b"all records".as_slice(), Failing(io::sink(), at)).unwrap_err();
        assert!(matches!(error, BackupError::Write(_)), "byte {at}: {error:?}");
        assert_cause(&error);
    }
}

#[test]
fn a_backup_whose_stream_fails_at_any_byte_is_an_error_of_the_input() {
    let (house, stream) = (House::new(), b"all records".as_slice());
    for at in 0..=stream.len() {
        let error = house.write(Failing(stream, at), io::sink()).unwrap_err();
        assert!(matches!(error, BackupError::Read(_)), "byte {at}: {error:?}");
        assert_cause(&error);
    }
}

#[test]
fn a_restore_whose_backup_fails_at_any_byte_leaves_no_file() {
    let (house, folder) = (House::new(), tempfile::tempdir().unwrap());
    let (backup, destination) = (house.backup(b"all records"), folder.path().join("restored"));
    for at in 0..=backup.len() {
        let mut from = Failing(backup.as_slice(), at);
        let (provider, trusted) = (&house.provider, house.trusted());
        let error =
            restore(provider, &house.recovery, &trusted, &mut from, &destination, &mut |_| ()).unwrap_err();
        assert!(matches!(error, BackupError::Read(_)), "byte {at}: {error:?}");
        assert_cause(&error);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut from = Failing(backup.as_slice(), at);
        assert!(matches!(verify(provider, &trusted, &mut from, &mut |_| ()), Err(BackupError::Read(_))));
    }
}

#[test]
fn a_stream_that_cannot_be_written_out_is_an_error_of_the_output() {
    let house = House::new();
    let backup = house.backup(b"all records");
    for at in 0..=b"all records".len() {
        let mut to = Failing(io::sink(), at);
        let (provider, trusted) = (&house.provider, house.trusted());
        let result = read(provider, &house.recovery, &trusted, &mut &*backup, &mut to, &mut |_| ());
        let error = result.unwrap_err();
        assert!(matches!(error, BackupError::Write(_)), "byte {at}: {error:?}");
        assert_cause(&error);
    }
}

/// Claims to have read more than there was room for.
struct Boasting;

impl Read for Boasting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(buffer.len() + 1)
    }
}

#[test]
fn a_reader_that_claims_too_much_is_an_error_of_the_input() {
    let house = House::new();
    assert!(matches!(house.write(Boasting, io::sink()), Err(BackupError::Read(_))));
    let result = verify(&house.provider, &house.trusted(), &mut Boasting, &mut |_| ());
    assert!(matches!(result, Err(BackupError::Read(_))));
}
