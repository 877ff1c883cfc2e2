//! A file that appears as a whole or not at all.

use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use strongroom_backup::{BackupError, NewFile, Part, Verified, restore};

use crate::support::{CHUNK, House, damage, stream};

fn restored(house: &House, backup: &[u8], to: &Path) -> Result<Verified, BackupError> {
    restore(&house.provider, &house.recovery, &house.trusted(), &mut &*backup, to, &mut |_| ())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_restored_file_is_complete_private_and_alone() {
    let (house, folder) = (House::new(), tempfile::tempdir().unwrap());
    let (stream, to) = (stream(CHUNK + 5), folder.path().join("restored"));
    let verified = restored(&house, &house.backup(&stream), &to).unwrap();
    assert_eq!(verified.length, stream.len() as u64);
    assert!(fs::read(&to).unwrap() == stream);
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(folder.path()), ["restored"]);
}

#[test]
fn nothing_that_is_at_the_destination_is_touched() {
    let (house, folder) = (House::new(), tempfile::tempdir().unwrap());
    let backup = house.backup(b"all records");
    let [file, inside, link] = ["file", "folder", "link"].map(|name| folder.path().join(name));
    fs::write(&file, b"precious").unwrap();
    fs::create_dir(&inside).unwrap();
    symlink("nowhere", &link).unwrap();
    for to in [&file, &inside, &link] {
        assert!(matches!(restored(&house, &backup, to), Err(BackupError::Exists)), "{to:?}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    assert_eq!(names(folder.path()), ["file", "folder", "link"]);
}

#[test]
fn what_came_to_the_destination_meanwhile_is_not_replaced() {
    let (house, folder) = (House::new(), tempfile::tempdir().unwrap());
    let to = folder.path().join("file");
    let mut file = NewFile::create(&house.provider, &to).unwrap();
    file.write_all(b"ours").unwrap();
    fs::write(&to, b"theirs").unwrap();
    assert!(matches!(file.commit(), Err(BackupError::Exists)));
    assert_eq!(fs::read(&to).unwrap(), b"theirs");
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn a_backup_that_is_damaged_at_its_very_end_leaves_no_file() {
    let (house, folder) = (House::new(), tempfile::tempdir().unwrap());
    let mut backup = house.backup(&stream(2 * CHUNK));
    let last = backup.len() - 1;
    backup[last] ^= 1;
    assert_eq!(damage(restored(&house, &backup, &folder.path().join("restored"))).0, Part::Signature);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_file_is_not_there_before_the_commit_and_gone_without_one() {
    let (house, folder) = (House::new(), tempfile::tempdir().unwrap());
    let to = folder.path().join("file");
    let mut file = NewFile::create(&house.provider, &to).unwrap();
    file.write_all(b"half").unwrap();
    assert!(!to.exists());
    let [name] = names(folder.path()).try_into().unwrap();
    assert!(name.starts_with(".strongroom-") && name.ends_with(".partial"), "{name}");
    drop(file);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_path_that_cannot_be_a_new_file_is_refused() {
    let (house, folder) = (House::new(), tempfile::tempdir().unwrap());
    let missing = folder.path().join("missing").join("file");
    for bad in [Path::new("/"), Path::new(""), Path::new(".."), &folder.path().join(".."), &missing] {
        assert!(matches!(NewFile::create(&house.provider, bad), Err(BackupError::Write(_))), "{bad:?}");
    }
}
