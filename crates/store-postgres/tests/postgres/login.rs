//! Who gets in, and what an error tells.

use strongroom_store_postgres::{
    Config, InvalidConfig, OpenError, PostgresStore, Refusal,
    testing::{Cluster, Database, database},
};

use crate::support::{commit, done, key, put, value};

const PASSWORD: &str = "pa$$ word'\\of Zoë";

/// A user of its own, who may create tables.
fn with_user(database: &Database) -> String {
    let user = format!("user_{}", database.name());
    let quoted = PASSWORD.replace('\'', "''");
    database
        .run(&format!(
            "CREATE ROLE {user} LOGIN PASSWORD '{quoted}'; GRANT ALL ON DATABASE {} TO {user};
            GRANT ALL ON SCHEMA public TO {user}",
            database.name()
        ))
        .unwrap();
    user
}

#[test]
fn a_password_is_proved_and_a_wrong_one_is_refused_without_being_told() {
    let Some(database) = database() else { return };
    let user = with_user(&database);
    let config = database.config_over_tcp("127.0.0.1", &user, "");
    let store = PostgresStore::create(config.clone().with_password(PASSWORD.into())).unwrap();
    done(&commit(&store, &[], vec![(key(1), put(b"x"))]));
    for (wrong, text) in [(config.clone().with_password("Tr0ub4dor".into()), "Tr0ub4dor"), (config, PASSWORD)]
    {
        let refused = PostgresStore::open(wrong).unwrap_err();
        assert!(matches!(refused.why, Refusal::Login), "{refused:?}");
        assert!(refused.to_string().contains("password"));
        assert!(refused.to_string().contains(&format!("on 127.0.0.1, port {}", database.port())));
        assert!(!format!("{refused} {refused:?}").contains(text));
    }
}

#[test]
fn a_user_without_rights_is_told_so() {
    let Some(database) = database() else { return };
    let user = with_user(&database);
    drop(PostgresStore::create(database.config()).unwrap());
    let config = database.config_over_tcp("localhost", &user, "").with_password(PASSWORD.into());
    assert!(matches!(PostgresStore::open(config), Err(OpenError { why: Refusal::Denied, .. })));
}

#[test]
fn an_address_and_a_list_of_settings_say_the_same() {
    let address = "postgres://me:s%20%3A@[::1]:6000/keys?schema=mine&connect_timeout=3";
    let list = "user=me password='s :' host = ::1 port=6000 dbname=keys  schema=mine connect_timeout=3";
    let [one, other] = [address, list].map(|text| Config::parse(text).unwrap());
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    assert!(!format!("{one:?}").contains("s :"), "a password is not printed");
}

#[test]
fn a_text_that_is_not_understood_is_refused_and_not_repeated() {
    use InvalidConfig::{Encryption, Malformed, Missing, Unknown, Value};
    for (text, expected) in [
        ("", Malformed),
        ("hello", Malformed),
        ("postgres://u@h/d?x", Malformed),
        ("postgres://u:%zz@h", Malformed),
        ("host=h user='u", Malformed),
        ("host=h user=u\\", Malformed),
        ("postgres://h/d", Missing("user")),
        ("postgres://u@/d", Missing("host")),
        ("user=u", Missing("host")),
        ("host=h user=u options=-cfsync=off", Unknown),
        ("host=h user=u port=70000", Value("port")),
        ("host=h user=u connect_timeout=0", Value("connect_timeout")),
        ("host=h user=u sslmode=maybe", Value("sslmode")),
        ("host=h user=u sslmode=prefer", Encryption),
        ("host=h user=u sslmode=require", Encryption),
        ("host=h user=u sslmode=verify-ca", Encryption),
    ] {
        assert_eq!(Config::parse(text).unwrap_err(), expected, "{text}");
    }
}

/// A cluster that encrypts, with this certificate.
fn encrypting(made: &rcgen::CertifiedKey<rcgen::KeyPair>) -> Option<Cluster> {
    let mut cluster = Cluster::start(&[])?;
    let database = cluster.database();
    let keep = |name: &str, pem: String| {
        let path = format!("{}/data/{name}", cluster.folder());
        // A line is a row; no character of a PEM file is escaped.
        let lines = format!("SELECT unnest(string_to_array('{pem}', chr(10)))");
        database.run(&format!("COPY ({lines}) TO PROGRAM 'umask 077; cat > {path}'")).unwrap();
    };
    keep("server.crt", made.cert.pem());
    keep("server.key", made.signing_key.serialize_pem());
    database.run("ALTER SYSTEM SET ssl = on").unwrap();
    cluster.restart();
    Some(cluster)
}

#[test]
fn a_connection_is_encrypted_only_to_the_server_whose_certificate_is_good() {
    let certificate = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (made, other) = (certificate(), certificate());
    let Some(cluster) = encrypting(&made) else { return };
    let folder = tempfile::tempdir().unwrap();
    let [good, bad] = [("good.pem", &made), ("bad.pem", &other)].map(|(name, made)| {
        let path = folder.path().join(name);
        std::fs::write(&path, made.cert.pem()).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let database = cluster.database();
    let user = with_user(&database);
    let open = |host: &str, roots: &str| {
        let further = format!("sslmode=verify-full sslrootcert={roots}");
        let config = database.config_over_tcp(host, &user, &further);
        PostgresStore::open_or_create(config.with_password(PASSWORD.into()))
    };
    let store = open("localhost", &good).unwrap();
    done(&commit(&store, &[], vec![(key(1), put(b"x"))]));
    assert_eq!(value(&store, 1), Some(b"x".to_vec()));
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE ssl AND datname = current_database()";
    assert_ne!(database.run(encrypted).unwrap(), ["0"]);
    for (host, roots) in [("localhost", bad.as_str()), ("127.0.0.1", &good), ("localhost", "/nowhere.pem")] {
        let refused = open(host, roots).unwrap_err();
        assert!(matches!(refused.why, Refusal::Unreachable(_)), "{refused:?}");
    }
}

#[test]
fn a_server_that_does_not_encrypt_is_refused_where_that_was_asked() {
    let Some(database) = database() else { return };
    let refused = PostgresStore::open(database.config_over_tcp("127.0.0.1", "u", "sslmode=verify-full"));
    let Err(OpenError { why: Refusal::Unreachable(why), .. }) = refused else { unreachable!("{refused:?}") };
    assert!(why.to_string().contains("does not encrypt"));
}
