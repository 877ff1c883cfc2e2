//! What the program says of itself.

use std::process::Command;

use crate::support::{Server, bare, installed, refused, run, strongroom, text};

const COMMANDS: [&[&str]; 88] = [
    &["dev"],
    &["server"],
    &["operator"],
    &["operator", "init"],
    &["operator", "unseal"],
    &["operator", "seal"],
    &["operator", "status"],
    &["operator", "rotate"],
    &["operator", "recovery-key"],
    &["operator", "restore"],
    &["operator", "drill"],
    &["operator", "fsck"],
    &["operator", "verify-backup"],
    &["operator", "slot"],
    &["operator", "slot", "list"],
    &["operator", "slot", "add"],
    &["operator", "slot", "add", "shamir"],
    &["operator", "slot", "add", "secret"],
    &["operator", "slot", "add", "passphrase"],
    &["operator", "slot", "remove"],
    &["operator", "slot", "label"],
    &["operator", "slot", "replace"],
    &["operator", "slot", "confirm"],
    &["operator", "slot", "cancel"],
    &["operator", "slot", "verify"],
    &["operator", "rotation"],
    &["operator", "rotation", "status"],
    &["operator", "rotation", "set"],
    &["operator", "rewrap"],
    &["operator", "renew"],
    &["operator", "shred"],
    &["operator", "scrub"],
    &["operator", "backup"],
    &["audit"],
    &["audit", "list"],
    &["audit", "show"],
    &["audit", "tail"],
    &["audit", "proof"],
    &["audit", "checkpoint"],
    &["audit", "consistency"],
    &["audit", "key"],
    &["audit", "export"],
    &["audit", "verify"],
    &["audit", "fsck"],
    &["audit", "retention"],
    &["audit", "hold", "place"],
    &["audit", "prune"],
    &["audit", "producer", "list"],
    &["audit", "producer", "register"],
    &["audit", "producer", "end"],
    &["transit"],
    &["transit", "encrypt"],
    &["transit", "decrypt"],
    &["transit", "rewrap"],
    &["transit", "datakey"],
    &["transit", "sign"],
    &["transit", "verify"],
    &["transit", "hmac"],
    &["transit", "cmac"],
    &["transit", "derive"],
    &["transit", "agree"],
    &["transit", "encapsulate"],
    &["transit", "decapsulate"],
    &["transit", "random"],
    &["transit", "hash"],
    &["transit", "key"],
    &["transit", "key", "create"],
    &["transit", "key", "read"],
    &["transit", "key", "list"],
    &["transit", "key", "rotate"],
    &["transit", "key", "config"],
    &["transit", "key", "disable"],
    &["transit", "key", "enable"],
    &["transit", "key", "trim"],
    &["transit", "key", "delete"],
    &["transit", "key", "schedule-deletion"],
    &["transit", "key", "cancel-deletion"],
    &["transit", "key", "version"],
    &["transit", "key", "import"],
    &["transit", "key", "export"],
    &["transit", "key", "wrapping-key"],
    &["transit", "key", "backup"],
    &["transit", "key", "restore"],
    &["transit", "key", "version", "suspend"],
    &["transit", "key", "version", "resume"],
    &["transit", "key", "version", "deactivate"],
    &["transit", "key", "version", "compromise"],
    &["transit", "key", "version", "destroy"],
];

fn help(command: &[&str]) -> String {
    let output = run(&[command, &["--help"]].concat());
    assert!(output.status.success());
    text(&output.stdout)
}

#[test]
fn alone_it_prints_its_help_and_what_to_begin_with() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    for word in ["Usage: strongroom", "dev", "server", "operator", "strongroom dev"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn every_command_and_every_flag_is_explained() {
    for command in COMMANDS {
        let help = help(command);
        assert!(!help.starts_with("Usage"), "{command:?} says what it does: {help}");
        // The examples come after the flags.
        let flags = help.split("\nA ").next().unwrap();
        let lines: Vec<_> = flags.lines().collect();
        let flag = |(_, line): &(usize, &&str)| line.starts_with("  ") && line.trim().starts_with('-');
        let flags: Vec<_> = lines.iter().enumerate().filter(flag).collect();
        assert!(flags.len() >= 2, "{help}");
        for (place, line) in flags {
            let beside = line.trim().split_once("  ").is_some();
            let below = lines.get(place + 1).is_some_and(|next| next.starts_with("          "));
            assert!(beside || below, "{command:?}: {line}");
        }
    }
}

#[test]
fn the_flags_of_the_specification_are_there() {
    for (command, flags) in [
        (&["dev"][..], &["--data <DIR>", "--listen <ADDR>", "--root-token <TOKEN>"][..]),
        (
            &["server"],
            &[
                "--data <DIR>",
                "--listen <ADDR>",
                "--tls-cert <FILE>",
                "--tls-key <FILE>",
                "--unseal-secret <FILE>",
            ],
        ),
        (
            &["operator"],
            &[
                "init",
                "unseal",
                "seal",
                "status",
                "rotate",
                "--ca-cert <FILE>",
                "--token-file <FILE>",
                "--json",
            ],
        ),
        (&["operator", "rotate"], &["--root"]),
        (&["operator", "recovery-key"], &["--out <FILE>"]),
        (
            &["operator", "restore"],
            &["--from <BACKUP>", "--recovery-key <FILE>", "--signer <TEXT>", "--data <DIR>"],
        ),
        (&["operator", "drill"], &["--share-file <FILE>", "--unseal-secret <FILE>", "--passphrase"]),
        (&["operator", "fsck"], &["--data <DIR>", "--share-file <FILE>", "--unseal-secret <FILE>"]),
        (&["operator", "verify-backup"], &["--from <BACKUP>", "--signer <TEXT>"]),
        (&["operator"], &["slot", "rotation", "rewrap", "renew", "shred", "backup"]),
        (&["operator", "unseal"], &["--passphrase", "--share-file <FILE>"]),
        (&["operator", "slot", "confirm"], &["--share-file <FILE>", "--threshold-only"]),
        (&["operator", "rotation", "set"], &["--root-days <", "--tenant-days <", "--rewrap <"]),
        (&["server"], &["--backup-dir <DIR>", "--backup-recipient <TEXT>"]),
        (&["dev"], &["--backup-dir <DIR>", "--backup-recipient <TEXT>"]),
        (&["operator", "init"], &["--shares <", "--threshold <"]),
    ] {
        let help = help(command);
        flags.iter().for_each(|flag| assert!(help.contains(flag), "{flag}: {help}"));
    }
    assert!(help(&["dev"]).contains("development only"));
}

#[test]
fn a_newcomer_is_led_from_the_files_to_the_first_key() {
    let server = help(&["server"]);
    for word in ["openssl req", "--tls-cert", "operator init", "operator unseal"] {
        assert!(server.contains(word), "{word}: {server}");
    }
    let operator = help(&["operator"]);
    for word in ["--ca-cert", "operator init", "STRONGROOM_TOKEN"] {
        assert!(operator.contains(word), "{word}: {operator}");
    }
}

#[test]
fn an_unknown_setting_is_an_error_of_usage() {
    for command in COMMANDS {
        let (code, said) = refused(&run(&[command, &["--unknown"]].concat()));
        assert_eq!(code, 2, "{command:?}");
        assert!(said.contains("--unknown") && said.contains("--help"), "{said}");
    }
    for wrong in [
        &["unknown"][..],
        &["dev", "--listen", "everywhere"],
        &["server"],
        &["server", "--data", "x"],
        &["server", "--data", "x", "--tls-cert", "y"],
        &["server", "--data", "x", "--insecure-http", "--tls-cert", "y", "--tls-key", "z"],
        &["operator"],
        &["operator", "init", "--shares", "256"],
        &["operator", "unseal", "--reset", "--share-file", "x"],
        &["operator", "status", "--token-file"],
    ] {
        assert_eq!(refused(&run(wrong)).0, 2, "{wrong:?}");
    }
    let mut wrong = strongroom();
    wrong.args(["operator", "status"]).env("STRONGROOM_ADDR", "no address at all");
    assert_eq!(refused(&wrong.output().unwrap()).0, 2);
}

#[test]
fn a_secret_typed_as_an_argument_is_refused_and_not_repeated() {
    for command in [
        &["operator", "unseal", "canary"][..],
        &["operator", "seal", "canary"],
        &["operator", "--token", "canary", "seal"],
        &["operator", "seal", "--token=canary"],
        &["operator", "fsck", "--data", "x", "--passphrase", "canary"],
        &["operator", "restore", "canary"],
        &["server", "--unseal-secret", "file", "canary"],
        &["dev", "canary"],
        &["operator", "unseal", "--passphrase", "canary"],
        &["operator", "slot", "add", "passphrase", "canary"],
        &["operator", "slot", "confirm", "x", "canary"],
    ] {
        let (code, said) = refused(&run(command));
        assert_eq!(code, 2);
        assert!(!said.contains("canary"), "{command:?}: {said}");
    }
}

#[test]
fn the_certificate_of_the_help_serves_and_is_trusted() {
    if !installed("openssl") || !installed("bash") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let help = help(&["server"]);
    let (_, example) = help.split_once("  openssl req").unwrap();
    let (example, _) = example.split_once("  strongroom server").unwrap();
    let mut bash = bare(Command::new("bash"));
    bash.current_dir(folder.path()).arg("-ec").arg(format!("openssl req{example}"));
    let made = bash.output().unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let mut command = strongroom();
    command.current_dir(folder.path()).args(["server", "--data", "data", "--listen", "127.0.0.1:0"]);
    let server = Server::start({
        command.args(["--tls-cert", "server.pem", "--tls-key", "server.key"]);
        command
    });
    let mut init = strongroom();
    init.current_dir(folder.path()).args(["operator", "--address", &server.url, "init"]);
    let made = init.env("STRONGROOM_CACERT", "server.pem").output().unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
}
