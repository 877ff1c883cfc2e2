//! Processes that are killed in the middle of a backup or of a restoration, or have no room.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use strongroom::{
    Algorithm, SqliteStore, Strongroom, Unlock,
    backup::{self, RecoveryKey, SignerKey},
};

use crate::support::{House, name, names, secret};

const KILLS: u32 = 12;
const ROLE: &str = "STRONGROOM_TEST_ROLE";
const FOLDER: &str = "STRONGROOM_TEST_FOLDER";

/// Does nothing where the tests run; is what a process in a role does.
#[test]
fn plays_its_role() {
    let Ok(role) = env::var(ROLE) else { return };
    let (folder, rounds) = (PathBuf::from(env::var_os(FOLDER).unwrap()), 0_u32..);
    match role.as_str() {
        "takes" => {
            let (room, store) = open(&folder);
            for round in rounds {
                take(&folder, &room, &store, &format!("out/{round}")).unwrap();
            }
        }
        "restores" => rounds.for_each(|round| restore(&folder, &format!("out/{round}")).unwrap()),
        "take" => {
            let (room, store) = open(&folder);
            let taken = take(&folder, &room, &store, "copy");
            fs::write(folder.join("said"), format!("{taken:?}")).unwrap();
        }
        "restore" => fs::write(folder.join("said"), format!("{:?}", restore(&folder, "copy"))).unwrap(),
        other => panic!("no such role: {other}"),
    }
}

fn open(folder: &Path) -> (Strongroom, SqliteStore) {
    let store = SqliteStore::open(folder.join("keys.db")).unwrap();
    (Strongroom::open(store.clone(), &secret()).unwrap(), store)
}

fn recovery(folder: &Path) -> RecoveryKey {
    RecoveryKey::parse(&fs::read_to_string(folder.join("recovery")).unwrap()).unwrap()
}

fn signer(folder: &Path) -> [SignerKey; 1] {
    [SignerKey::parse(&fs::read_to_string(folder.join("signer")).unwrap()).unwrap()]
}

fn take(folder: &Path, room: &Strongroom, store: &SqliteStore, to: &str) -> Result<(), backup::TakeError> {
    let recipients = [recovery(folder).recipient()];
    backup::take(room, store, &recipients, &folder.join(to), &mut |_| ()).map(drop)
}

fn restore(folder: &Path, to: &str) -> Result<(), backup::RestoreError> {
    let mut from = fs::File::open(folder.join("good.backup")).unwrap();
    backup::restore(&mut from, &recovery(folder), &signer(folder), &folder.join(to), &mut |_| ()).map(drop)
}

/// This test binary once more, in a role.
fn in_role(role: &str, folder: &Path, wrapper: &[&str]) -> Command {
    let binary = env::current_exe().unwrap();
    let mut words = wrapper.iter().map(Path::new).chain([binary.as_path()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["faults::plays_its_role", "--exact", "--nocapture"]);
    command.env(ROLE, role).env(FOLDER, folder).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A closed database of some hundred KiB with a good backup, and all that a child needs.
fn closed_house() -> House {
    let house = House::new();
    for ring in 0..600 {
        house.room.keys().create(&name(&format!("ring-{ring}")), Algorithm::Ed25519).unwrap();
    }
    house.take("good.backup");
    fs::write(house.path("recovery"), house.recovery.expose().as_bytes()).unwrap();
    fs::write(house.path("signer"), house.trusted()[0].to_string()).unwrap();
    house
}

/// What is left of a house when its database is closed.
struct Closed {
    folder: tempfile::TempDir,
    shares: Vec<strongroom::Share>,
}

impl Closed {
    fn new() -> Self {
        let House { folder, store, room, shares, .. } = closed_house();
        drop((store, room));
        Self { folder, shares }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A backup is whole if it restores and every record in it opens.
    fn is_whole(&self, backup: &Path) {
        let mut from = fs::File::open(backup).unwrap();
        let (recovery, trusted, unlock) =
            (recovery(self.path()), signer(self.path()), Unlock::Shares(&self.shares));
        let drilled =
            backup::drill(&mut from, &recovery, &trusted, &unlock, self.path(), &mut |_| ()).unwrap();
        let rings: u64 = drilled.trials.iter().map(|trial| trial.rings).sum();
        assert!(drilled.is_sound() && rings == 602, "{:?}", drilled.check);
    }

    /// Kills a child in a role again and again, once it has come through at least once.
    fn kill_often(&self, role: &str, mut whole: impl FnMut(&Path)) {
        let (out, mut partial) = (self.path().join("out"), 0);
        for round in 0..KILLS {
            fs::create_dir(&out).unwrap();
            let mut child = in_role(role, self.path(), &[]).spawn().unwrap();
            wait_for(&mut child, &out.join("0"));
            thread::sleep(Duration::from_micros(u64::from(round) * 7_300));
            child.kill().unwrap();
            child.wait().unwrap();
            for name in names(&out) {
                if name.to_str().unwrap().starts_with(".strongroom-") {
                    partial += 1;
                } else {
                    whole(&out.join(name));
                }
            }
            fs::remove_dir_all(&out).unwrap();
        }
        assert!(partial > 0, "no child was killed in the middle");
    }
}

fn wait_for(child: &mut Child, file: &Path) {
    let begun = Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the child does nothing");
        assert!(child.try_wait().unwrap().is_none(), "the child works on");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_process_that_is_killed_while_it_takes_backups_leaves_whole_ones_and_an_unharmed_database() {
    let house = Closed::new();
    house.kill_often("takes", |backup| house.is_whole(backup));
    let (room, store) = open(house.path());
    room.keys().rotate(&name("orders")).unwrap();
    take(house.path(), &room, &store, "last").unwrap();
    house.is_whole(&house.path().join("last"));
}

#[test]
fn a_process_that_is_killed_while_it_restores_leaves_whole_databases_and_an_unharmed_backup() {
    let house = Closed::new();
    let good = house.path().join("good.backup");
    let before = fs::read(&good).unwrap();
    house.kill_often("restores", |database| {
        let store = SqliteStore::open(database).unwrap();
        assert!(store.identity().unwrap().restored.is_some());
        let room = Strongroom::open(store, &secret()).unwrap();
        assert_eq!(room.keys().list(None, 1_000).unwrap().len(), 602);
    });
    assert!(fs::read(&good).unwrap() == before);
}

#[test]
fn where_there_is_no_room_nothing_is_left_behind() {
    let house = Closed::new();
    for role in ["take", "restore"] {
        let before = names(house.path());
        // Beyond some hundred KiB a write fails with EFBIG, once the signal is ignored.
        let limit = ["sh", "-c", "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\""];
        assert!(in_role(role, house.path(), &limit).status().unwrap().success());
        let said = fs::read_to_string(house.path().join("said")).unwrap();
        fs::remove_file(house.path().join("said")).unwrap();
        assert!(said.starts_with("Err("), "{role}: {said}");
        assert_eq!(names(house.path()), before, "{role}: {said}");
    }
    house.is_whole(&house.path().join("good.backup"));
    let (room, store) = open(house.path());
    take(house.path(), &room, &store, "last").unwrap();
}
