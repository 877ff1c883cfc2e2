//! A process that is killed in the middle of a restore.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use strongroom_backup::{RecoveryKey, SignerKey, restore};
use strongroom_keys::RustCrypto;

use crate::support::{CHUNK, House, again, folder_of_child, stream};

const KILLS: u32 = 30;

/// Restores the backup in the folder with the keys there again and again, until it is killed.
fn child(folder: &Path) {
    let text = |name| fs::read_to_string(folder.join(name)).unwrap();
    let recovery = RecoveryKey::parse(&text("recovery")).unwrap();
    let trusted = [SignerKey::parse(&text("signer")).unwrap()];
    for round in 0u32.. {
        let mut backup = fs::File::open(folder.join("backup")).unwrap();
        let to = folder.join("out").join(format!("restored-{round}"));
        restore(&RustCrypto::new(), &recovery, &trusted, &mut backup, &to, &mut |_| ()).unwrap();
    }
}

fn spawn(folder: &Path) -> Child {
    let mut command = again("crash::a_killed_restore_leaves_a_complete_file_or_none", folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn outputs(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder.join("out")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Waits until the child has finished its first restore.
fn wait_for_first(folder: &Path) {
    let begun = Instant::now();
    while !folder.join("out/restored-0").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the child restores nothing");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_killed_restore_leaves_a_complete_file_or_none() {
    if let Some(folder) = folder_of_child() {
        return child(&folder);
    }
    let (house, folder) = (House::new(), tempfile::tempdir().unwrap());
    let (folder, stream) = (folder.path(), stream(CHUNK + 77));
    fs::write(folder.join("backup"), house.backup(&stream)).unwrap();
    fs::write(folder.join("recovery"), house.recovery.expose().as_bytes()).unwrap();
    fs::write(folder.join("signer"), house.ring.key().to_string()).unwrap();
    let mut partial = 0;
    for round in 0..KILLS {
        fs::create_dir(folder.join("out")).unwrap();
        let mut child = spawn(folder);
        wait_for_first(folder);
        thread::sleep(Duration::from_micros(u64::from(round) * 700));
        child.kill().unwrap();
        child.wait().unwrap();
        for path in outputs(folder) {
            if path.extension().is_some_and(|extension| extension == "partial") {
                partial += 1;
            } else {
                assert!(fs::read(&path).unwrap() == stream, "{path:?} is not complete");
            }
        }
        fs::remove_dir_all(folder.join("out")).unwrap();
    }
    assert!(partial > 0, "no child was killed in the middle");
}
