//! Rotation, rewrapping, renewing, shredding and backups, from the command line over TLS.

use std::{
    fs::{self, File},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};
use strongroom::backup::{RecoveryKey, SignerKey, verify};
use strongroom_barrier::{Sealed, Share, Unlock, Unsealed};
use strongroom_core::{Caller, SystemClock, Tenant};
use strongroom_keys::RustCrypto;
use strongroom_sm_kms::open_store;

use crate::{
    server::good,
    slot::{Operated, made},
    support::{argument, refused, run_with, text},
};

/// What a command that must succeed prints, and what it told meanwhile.
fn told(output: &std::process::Output) -> (String, String) {
    assert!(output.status.success(), "{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

/// Works on the database of a server that does not run.
fn offline<T>(here: &mut Operated, work: impl FnOnce(&Unsealed) -> T) -> T {
    here.server.end();
    let store = open_store(&here.setup.data()).unwrap();
    let provider = Arc::new(RustCrypto::new());
    let shares: Vec<_> =
        here.shares.iter().take(2).map(|share| Share::parse(&*provider, share).unwrap()).collect();
    let sealed = Sealed::open(store, provider, Arc::new(SystemClock)).unwrap();
    let done = work(&sealed.unseal(&Unlock::Shares(&shares)).unwrap());
    drop(sealed);
    here.server = here.setup.start(&[]);
    here.shares.iter().take(2).for_each(|share| drop(good(here.setup.unseal(&here.server, share))));
    done
}

#[test]
fn the_status_shows_what_is_rotated_when_and_why() {
    let here = Operated::new(&[]);
    let status = good(here.run(&["rotation", "status"]));
    for word in ["Root     version 1", "(created)", "every 365 days", "every 90 days", "(first)", "(system)"]
    {
        assert!(status.contains(word), "{word}: {status}");
    }
    let set = ["rotation", "set", "--root-days", "30", "--tenant-days", "7", "--rewrap", "false"];
    assert_eq!(good(here.run(&set)), "The schedule is set.\n");
    good(here.run(&["rotate", "--root"]));
    let status = here.json(&["rotation", "status"]);
    assert_eq!(
        status["schedule"],
        json!({ "root_seconds": 2_592_000, "tenant_seconds": 604_800, "reseal": false })
    );
    assert_eq!((&status["root"]["version"], &status["root"]["reason"]), (&json!(2), &json!("asked")));
    here.fails(&["rotation", "set", "--root-days", "0"], "between one day");
}

#[test]
fn thousands_of_records_are_rewrapped_with_progress_and_older_keys_go() {
    let mut here = Operated::new(&[]);
    good(here.run(&["rotation", "set", "--rewrap", "false"]));
    let mut client = here.setup.client(&here.server, &here.token);
    client.good("POST", "transit/keys/app", &json!({}));
    let sealed = client.good("POST", "transit/encrypt/app", &json!({ "plaintext": "aGVsbG8=" }));
    offline(&mut here, |unsealed| fill(unsealed, 3_000));
    good(here.run(&["rotate"]));
    let (shown, progress) = told(&here.run(&["rewrap"]));
    assert!(shown.contains("none is left below version 2"), "{shown}");
    assert!(progress.contains("records looked at"), "{progress}");
    let status = here.json(&["rotation", "status"]);
    let tenants = status["tenants"].as_array().unwrap();
    let first = tenants.iter().find(|tenant| tenant["role"] == "first").unwrap();
    assert_eq!(first["versions"].as_array().unwrap().len(), 1);
    assert!(first["resealed"]["examined"].as_u64().unwrap() > 3_000, "{first}");
    assert_eq!(first["resealed"]["found"], 0);
    let mut client = here.setup.client(&here.server, &here.token);
    let opened = client.good("POST", "transit/decrypt/app", &json!({ "ciphertext": sealed["ciphertext"] }));
    assert_eq!(opened["plaintext"], "aGVsbG8=");
    let begun = good(here.run(&["rewrap", "--no-wait"]));
    assert!(begun.contains("rotation status"), "{begun}");
}

/// Records of the first tenant, in a table of an application.
fn fill(unsealed: &Unsealed, count: u64) {
    use strongroom_core::{CommitError, RecordKey, Segment, Table, commit};
    let tenant = unsealed.first_tenant();
    let numbers: Vec<u64> = (0..count).collect();
    for some in numbers.chunks(500) {
        commit(unsealed, tenant, |reader| {
            let mut change = reader.change(());
            for number in some {
                let key = RecordKey::new(tenant, Table::new(0x7f01), &[Segment::Number(*number)]).unwrap();
                change.put(&key, b"a record of an application");
            }
            Ok::<_, CommitError>(change)
        })
        .unwrap();
    }
}

#[test]
fn after_a_leak_every_key_and_every_way_in_is_new() {
    let mut here = Operated::new(&[]);
    let mut client = here.setup.client(&here.server, &here.token);
    client.good("POST", "transit/keys/app", &json!({}));
    let sealed = client.good("POST", "transit/encrypt/app", &json!({ "plaintext": "aGVsbG8=" }));
    let old = here.shamir();
    let (new, shares) =
        made(&good(here.run(&["slot", "replace", &old, "shamir", "--shares", "2", "--threshold", "2"])));
    shares.iter().for_each(|share| drop(good(here.run_with(&["slot", "confirm", &new], share))));
    let (shown, _) = told(&here.run(&["renew"]));
    for word in ["Every key is new, below root version 2", "does not heal", "slot replace", "backups"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    assert!(good(here.run(&["scrub"])).contains("nothing any more"));
    let status = here.json(&["rotation", "status"]);
    assert_eq!((&status["root"]["reason"], &status["root"]["older"]), (&json!("leak"), &json!([])));
    for tenant in status["tenants"].as_array().unwrap() {
        let versions = tenant["versions"].as_array().unwrap();
        assert!(versions.iter().all(|version| version["reason"] == "leak"), "{tenant}");
    }
    let (again, _) = told(&here.run(&["renew", "--no-wait", "--json"]));
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap()["root"], 3);

    here.crash();
    assert!(!here.setup.unseal(&here.server, &here.shares[0]).status.success());
    shares.iter().for_each(|share| drop(good(here.setup.unseal(&here.server, share))));
    let mut client = here.setup.client(&here.server, &here.token);
    client.good("POST", "transit/decrypt/app", &json!({ "ciphertext": sealed["ciphertext"] }));
}

#[test]
fn a_tenant_is_shredded_once_its_id_was_given_twice() {
    let mut here = Operated::new(&[]);
    let new = |unsealed: &Unsealed| {
        [(); 2]
            .map(|()| unsealed.create_tenant(&Caller::system()).unwrap())
            .map(|tenant: Tenant| tenant.to_string())
    };
    let [one, two] = offline(&mut here, new);
    let (code, said) = refused(&here.run_with(&["shred", &one], &two));
    assert!(code == 1 && said.contains("nothing was erased"), "{said}");
    let shown = good(here.run_with(&["shred", &one], &format!("{one}\n")));
    assert!(shown.contains("Backups and other copies") && shown.contains(&one), "{shown}");
    here.fails(&["shred", &one, "--yes"], "no such tenant");
    assert_eq!(here.json(&["shred", &two, "--yes"])["tenant"], json!(two));
    let status = here.json(&["rotation", "status"]);
    assert_eq!(status["tenants"].as_array().unwrap().len(), 2);
    let first =
        status["tenants"].as_array().unwrap().iter().find(|tenant| tenant["role"] == "first").unwrap();
    here.fails(&["shred", first["id"].as_str().unwrap(), "--yes"], "not shredded");
}

#[test]
fn a_backup_is_taken_while_others_write() {
    let key = RecoveryKey::generate(&RustCrypto::new()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let recipient = key.recipient().to_string();
    let here = Operated::new(&["--backup-dir", argument(folder.path()), "--backup-recipient", &recipient]);
    let mut client = here.setup.client(&here.server, &here.token);
    let stop = AtomicBool::new(false);
    let (shown, last) = thread::scope(|scope| {
        let (stopped, writer) = (&stop, &mut client);
        let writes = scope.spawn(move || {
            let mut count = 0;
            while !stopped.load(Ordering::Relaxed) {
                writer.good("POST", &format!("transit/keys/ring-{count}"), &json!({}));
                count += 1;
            }
            count
        });
        let (shown, _) = told(&here.run(&["backup"]));
        let (last, _) = told(&here.run(&["backup", "--json"]));
        stop.store(true, Ordering::Relaxed);
        assert!(writes.join().unwrap() > 0);
        (shown, serde_json::from_str::<Value>(&last).unwrap())
    });
    for word in ["File     strongroom-", "Folder   ", "Size     ", "Signer   strongroom-signer-"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let signer = [SignerKey::parse(last["signer"].as_str().unwrap()).unwrap()];
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        verify(&RustCrypto::new(), &signer, &mut File::open(file).unwrap(), &mut |_| ()).unwrap();
    }
}

#[test]
fn without_a_folder_a_backup_says_what_the_server_needs() {
    let here = Operated::new(&[]);
    here.fails(&["backup"], "--backup-dir");
    let start = |more: &[&str]| refused(&run_with(here.setup.command(more), ""));
    let folder = argument(here.setup.folder.path());
    assert_eq!(start(&["--backup-dir", folder]).0, 2, "nobody to encrypt it to");
    let (code, said) = start(&["--backup-dir", folder, "--backup-recipient", "canary-of-a-recovery-key"]);
    assert!(code == 1 && said.contains("strongroom-recipient-") && !said.contains("canary"), "{said}");
}

#[test]
fn every_task_has_its_answer_as_json() {
    let here = Operated::new(&[]);
    let slot = here.shamir();
    let id = |answer: &Value| answer["id"].as_str().unwrap().to_owned();
    let proposed = here.json(&["slot", "replace", &slot, "shamir", "--shares", "1", "--threshold", "1"]);
    let share = here.file("share", proposed["shares"][0].as_str().unwrap().as_bytes());
    let share = argument(&share);
    assert_eq!(here.json(&["slot", "verify", "--share-file", share])["state"], "proposed");
    let confirmed = here.json(&["slot", "confirm", &id(&proposed), "--share-file", share]);
    assert_eq!(confirmed, json!({ "confirmed": true, "id": id(&proposed), "replaced": slot }));
    assert_eq!(here.json(&["slot", "verify", "--share-file", share])["opens"], true);
    let another = here.json(&["slot", "replace", &id(&proposed), "shamir"]);
    assert_eq!(here.json(&["slot", "cancel", &id(&another)]), json!({}));
    let added = here.json(&["slot", "add", "shamir"]);
    assert_eq!(added["shares"].as_array().unwrap().len(), 5);
    assert_eq!(here.json(&["slot", "remove", &id(&added)]), json!({}));
    assert_eq!(here.json(&["rotation", "set", "--root-days", "30"]), json!({}));
    assert_eq!(here.json(&["rewrap", "--no-wait"]), json!({}));
    let rewrapped = here.run(&["rewrap", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&told(&rewrapped).0).unwrap()["reseal"], Value::Null);
    here.fails(&["backup", "--json"], "--backup-dir");
}
