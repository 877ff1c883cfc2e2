//! A database on PostgreSQL: how a server gets there, and how a database moves there and back.

use std::process::{Command, Output};

use serde_json::Value;
use strongroom_store_postgres::testing::{Database, database};

use crate::{
    offline::house::{House, TWO_SHARES},
    server::Setup,
    support::{Server, argument, private_file, refused, strongroom, text},
};

const PASSWORD: &str = "canary-of-a-database-password";
const VARIABLE: &str = "STRONGROOM_STORE_PASSWORD";

/// A new database, and the address of its user, who has to prove the password.
fn address() -> Option<(Database, String)> {
    let database = database()?;
    let (name, port) = (database.name(), database.port());
    let sql = format!(
        "CREATE ROLE user_{name} LOGIN PASSWORD '{PASSWORD}'; GRANT ALL ON SCHEMA public TO user_{name}"
    );
    database.run(&sql).unwrap();
    let address = format!("postgres://user_{name}@127.0.0.1:{port}/{name}");
    Some((database, address))
}

/// `strongroom server` on that database, without a password.
fn server(setup: &Setup, address: &str) -> Command {
    let mut command = strongroom();
    command.env_remove(VARIABLE).env_remove("PGPASSWORD");
    command.args(["server", "--listen", "127.0.0.1:0", "--store", address]);
    command.arg("--tls-cert").arg(&setup.certificate.chain).arg("--tls-key").arg(&setup.certificate.key);
    command
}

fn says_no_password(said: &str) {
    assert!(!said.contains(PASSWORD), "{said}");
}

#[test]
fn a_server_gets_to_its_database_by_a_password_from_a_file_or_from_the_environment() {
    let Some((_database, address)) = address() else { return };
    let setup = Setup::new();
    let file = private_file(setup.folder.path(), "password", format!("{PASSWORD}\n").as_bytes());
    let mut by_file = server(&setup, &address);
    by_file.args(["--store-password-file", argument(&file)]);
    let mut by_environment = server(&setup, &address);
    by_environment.env(VARIABLE, PASSWORD);
    for command in [by_file, by_environment] {
        says_no_password(&Server::start(command).said());
    }
    let refused = Server::try_start(server(&setup, &address)).map(|_| ()).unwrap_err();
    assert!(refused.contains("login"), "{refused}");
}

#[test]
fn a_password_on_the_command_line_is_refused_and_not_repeated() {
    let setup = Setup::new();
    let address = format!("postgres://user:{PASSWORD}@127.0.0.1:1/database");
    let (_, said) = refused(&server(&setup, &address).output().unwrap());
    assert!(said.contains("--store-password-file"), "{said}");
    says_no_password(&said);
    let copy =
        strongroom().args(["operator", "copy", "--from", "sqlite:data", "--to", &address]).output().unwrap();
    says_no_password(&(text(&copy.stdout) + &refused(&copy).1));
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let setup = Setup::new();
    let address = "postgres://user@127.0.0.1:1/database";
    let folder = argument(setup.folder.path()).to_owned();
    let (_, said) = refused(&server(&setup, address).args(["--data", &folder]).output().unwrap());
    assert!(said.contains("--data") && said.contains("--store"), "{said}");
    let (_, said) = refused(&server(&setup, address).args(["--backup-dir", &folder]).output().unwrap());
    assert!(said.contains("--backup-"), "{said}");
}

/// `strongroom operator` with the password in its environment.
fn operator(house: &House, arguments: &[&str]) -> Output {
    let output = house.operator(arguments).env(VARIABLE, PASSWORD).output().unwrap();
    house.tells_no_secret(&output);
    says_no_password(&(text(&output.stdout) + &text(&output.stderr)));
    output
}

/// What a copy says, as JSON.
fn copied(house: &House, from: &str, to: &str) -> Value {
    let output = operator(house, &["copy", "--from", from, "--to", to, "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_database_moves_to_postgresql_and_back_and_opens_by_the_same_shares() {
    let Some((_database, address)) = address() else { return };
    let house = House::new();
    let there = copied(&house, "sqlite:data", &address);
    let (code, said) = refused(&operator(&house, &["copy", "--from", "sqlite:data", "--to", &address]));
    assert_eq!(code, 1, "{said}");

    let back = copied(&house, &address, "sqlite:back");
    assert_eq!((&back["rows"], &back["bytes"]), (&there["rows"], &there["bytes"]));
    for place in [address.as_str(), "sqlite:back"] {
        let output = operator(&house, &[&["fsck", "--store", place], TWO_SHARES.as_slice()].concat());
        let said = text(&output.stdout);
        assert!(output.status.success() && said.contains("Problems  none"), "{said}{}", text(&output.stderr));
    }
    std::fs::rename(house.path("data"), house.path("old")).unwrap();
    std::fs::rename(house.path("back"), house.path("data")).unwrap();
    let (_, room) = house.open();
    let ring = strongroom::Name::parse("orders").unwrap();
    assert_eq!(room.keys().decrypt(&ring, &house.ciphertext, &[]).unwrap().as_slice(), b"from before");
}
