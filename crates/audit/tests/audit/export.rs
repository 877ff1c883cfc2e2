//! Logs that are taken out and verified without the database.

use std::{collections::BTreeMap, io};

use strongroom_audit::{
    Archive, AuditError, Checkpoint, Disclose, ExportFault, ExportedEntry, Folder, LogId, Part, ProofError,
    VerifierKey, verify_export, verify_export_range,
};
use strongroom_core::Caller;

use crate::support::{Fixture, TENANT, names};

const LOG: LogId = LogId::Tenant(TENANT);

#[derive(Default, Clone)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Archive for Files {
    fn put(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.insert(path.into(), bytes.into());
        Ok(())
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path).cloned())
    }
}

fn exported(count: usize, disclose: Disclose) -> (Fixture, Files, VerifierKey) {
    let (fixture, _) = Fixture::with_events(count);
    let mut files = Files::default();
    fixture.log.export(LOG, disclose, &mut files, &mut |_| ()).unwrap();
    let key = fixture.log.verifier_key(LOG).unwrap();
    (fixture, files, key)
}

fn verify(files: &dyn Archive, key: &VerifierKey) -> Result<(Checkpoint, Vec<ExportedEntry>), ExportFault> {
    let mut entries = Vec::new();
    let checkpoint = verify_export(files, key, &mut |entry| entries.push(entry.clone()), &mut |_| ())?;
    Ok((checkpoint, entries))
}

#[test]
fn an_export_has_the_files_of_tlog_tiles() {
    let (_, files, _) = exported(515, Disclose::Events);
    let paths: Vec<_> = files.0.keys().map(String::as_str).collect();
    let expected = [
        "checkpoint",
        "events/000",
        "events/001",
        "events/002.p/3",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/3",
        "tile/1/000.p/2",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/3",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn an_export_verifies_with_the_public_key_alone_and_tells_the_events() {
    let (fixture, files, key) = exported(515, Disclose::Events);
    let folder = tempfile::tempdir().unwrap();
    let mut on_disk = Folder::new(folder.path());
    files.0.iter().for_each(|(path, bytes)| on_disk.put(path, bytes).unwrap());
    let mut done = Vec::new();
    let mut payloads = Vec::new();
    let each = &mut |entry: &ExportedEntry| payloads.push(entry.payload.clone().unwrap());
    let checkpoint = verify_export(&on_disk, &key, each, &mut |progress| done.push(progress)).unwrap();
    assert_eq!((checkpoint.size, payloads), (515, fixture.all(TENANT)));
    assert_eq!(
        done.iter().map(|progress| (progress.done, progress.total)).collect::<Vec<_>>(),
        [(256, 515), (512, 515), (515, 515)]
    );
}

#[test]
fn an_export_without_events_tells_nothing_of_them() {
    let (_, files, key) = exported(10, Disclose::Nothing);
    let (_, entries) = verify(&files, &key).unwrap();
    assert!(entries.iter().all(|entry| entry.payload.is_none()));
    let all: Vec<u8> = files.0.values().flatten().copied().collect();
    assert!(!all.windows(4).any(|window| window == b"key-"));
}

#[test]
fn every_flipped_bit_of_an_export_is_found_and_its_part_named() {
    let (_, files, key) = exported(259, Disclose::Events);
    for (path, bytes) in &files.0 {
        let step = (bytes.len() * 8 / 60).max(1);
        for bit in (0..bytes.len() * 8).step_by(step) {
            let mut damaged = files.clone();
            damaged.0.get_mut(path).unwrap()[bit / 8] ^= 1 << (bit % 8);
            let fault = verify(&damaged, &key).unwrap_err();
            let named = match (&fault, path.split('/').next().unwrap()) {
                (ExportFault::Checkpoint(_), "checkpoint") => true,
                (ExportFault::Damaged(Part::Entry(_)), _) => {
                    path.contains("entries") || path.contains("events")
                }
                (ExportFault::Damaged(Part::Tile(tile)), _) => *path == tile.to_string(),
                _ => false,
            };
            assert!(named, "bit {bit} of {path}: {fault:?}");
        }
    }
}

#[test]
fn a_flipped_bit_of_a_leaf_names_the_very_entry() {
    let (_, files, key) = exported(300, Disclose::Nothing);
    for entry in [0, 7, 255, 256, 299] {
        let mut damaged = files.clone();
        let (path, place) =
            if entry < 256 { ("tile/entries/000", entry) } else { ("tile/entries/001.p/44", entry - 256) };
        // The hash at the end of the leaf, which makes sense whatever it is.
        damaged.0.get_mut(path).unwrap()[place * 96 + 95] ^= 1;
        let fault = verify(&damaged, &key).unwrap_err();
        assert!(
            matches!(fault, ExportFault::Damaged(Part::Entry(found)) if found == entry as u64),
            "{entry}: {fault:?}"
        );
    }
}

#[test]
fn a_file_that_is_missing_cut_off_or_longer_is_found() {
    let (_, files, key) = exported(259, Disclose::Events);
    for path in files.0.keys() {
        let mut missing = files.clone();
        missing.0.remove(path);
        // Events may be left out: then the export discloses less.
        assert_eq!(verify(&missing, &key).is_err(), !path.starts_with("events"), "{path}");
        let mut short = files.clone();
        short.0.get_mut(path).unwrap().pop();
        assert!(verify(&short, &key).is_err(), "{path}");
        let mut long = files.clone();
        long.0.get_mut(path).unwrap().push(0);
        assert!(verify(&long, &key).is_err(), "{path}");
    }
}

#[test]
fn a_range_is_verified_without_the_rest() {
    let (fixture, files, key) = exported(600, Disclose::Events);
    let mut payloads = Vec::new();
    let mut partial = files.clone();
    partial.0.remove("tile/entries/000");
    let each = &mut |entry: &ExportedEntry| payloads.push(entry.payload.clone().unwrap());
    verify_export_range(&partial, &key, 300..520, each, &mut |_| ()).unwrap();
    assert_eq!(names(&payloads), names(&fixture.all(TENANT))[300..520]);
    let range = |files: &Files, range| verify_export_range(files, &key, range, &mut |_| (), &mut |_| ());
    assert!(range(&files, 0..600).is_ok() && range(&files, 10..10).is_ok());
    assert!(matches!(range(&files, 0..601), Err(ExportFault::Range { size: 600 })));
    for (path, bytes) in files.0.iter().filter(|(path, _)| path.contains("001") || path.contains("tile/1")) {
        let mut damaged = files.clone();
        damaged.0.get_mut(path).unwrap()[bytes.len() / 2] ^= 1;
        assert!(range(&damaged, 300..520).is_err(), "{path}");
    }
}

#[test]
fn an_export_of_another_log_or_another_key_is_refused() {
    let (fixture, files, key) = exported(3, Disclose::Events);
    let other = key.of_log(LogId::Global);
    assert!(matches!(verify(&files, &other), Err(ExportFault::Checkpoint(ProofError::OtherLog))));
    let (_, _, stranger) = exported(3, Disclose::Events);
    assert!(matches!(verify(&files, &stranger), Err(ExportFault::Checkpoint(ProofError::Signature))));
    drop(fixture);
}

#[test]
fn the_global_log_is_exported_and_verified_too() {
    let (fixture, _) = Fixture::with_events(3);
    fixture.put_keys(3..4);
    fixture.log.drain_all().unwrap();
    let mut files = Files::default();
    fixture.log.export(LogId::Global, Disclose::Events, &mut files, &mut |_| ()).unwrap();
    let key = fixture.log.verifier_key(LogId::Global).unwrap();
    let (checkpoint, entries) = verify(&files, &key).unwrap();
    assert_eq!((checkpoint.size, entries.len()), (3, 3));
    let last = String::from_utf8(entries[2].leaf.clone()).unwrap();
    assert!(fixture.log.checkpoint(LOG).unwrap().to_string().starts_with(&last));
}

#[test]
fn an_export_is_brought_up_to_date_and_says_what_was_erased() {
    let (fixture, mut files, key) = exported(300, Disclose::Events);
    let caller = Caller::application(TENANT);
    fixture.erase_month(&caller, TENANT, strongroom_audit::Month::new(2023, 11).unwrap()).unwrap();
    fixture.put_keys(300..310);
    fixture.log.drain_all().unwrap();
    fixture.log.export(LOG, Disclose::Events, &mut files, &mut |_| ()).unwrap();
    let (checkpoint, entries) = verify(&files, &key).unwrap();
    assert_eq!(checkpoint.size, 311);
    assert!(entries.iter().all(|entry| entry.payload.is_some() == (entry.index >= 300)));
    assert!(matches!(
        fixture.log.export(
            LogId::Tenant(strongroom_core::Tenant::from_bytes([7; 16])),
            Disclose::Nothing,
            &mut files,
            &mut |_| ()
        ),
        Err(strongroom_audit::ExportError::Log(AuditError::NotFound))
    ));
}
