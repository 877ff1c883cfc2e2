//! The same work done by OpenSSL's command, both ways.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use secrecy::ExposeSecret as _;
use strongroom_core::{
    Algorithm, Encoding, HashAlgorithm, Key, OaepHash, Padding, Salt, SealOptions, SignOptions,
};
use strongroom_keys::{private_from_pem, private_to_pem, public_from_pem, public_pem};
use tempfile::TempDir;

use crate::support::{import, software};

const TEXT: &[u8] = b"a message for OpenSSL";

/// A folder with a key in it, both as OpenSSL and as we have it.
struct Bench {
    folder: TempDir,
    key: Arc<dyn Key>,
}

/// Whether the command is here; says so if not, because the test that asks is skipped then.
fn available(test: &str) -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok_and(|end| end.status.success());
    if !found {
        eprintln!("SKIPPED: {test} needs openssl, which is not installed");
    }
    found
}

impl Bench {
    /// A key of ours, which OpenSSL gets as PKCS#8.
    fn ours(algorithm: Algorithm) -> Self {
        let stored = software().generate(algorithm).unwrap();
        let material = software().export(&stored).unwrap();
        let pem = private_to_pem(algorithm, material.expose_secret()).unwrap();
        let bench = Self { folder: tempfile::tempdir().unwrap(), key: software().load(&stored).unwrap() };
        bench.write("private", pem.expose_secret().as_bytes());
        bench.write("public", public_pem(&stored.public.unwrap()).unwrap().as_bytes());
        bench
    }

    /// A key that OpenSSL makes and we take over.
    fn theirs(algorithm: Algorithm, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private");
        let made =
            Command::new("openssl").arg("genpkey").args(arguments).arg("-out").arg(&path).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let pem = fs::read_to_string(&path).unwrap();
        let key = import(algorithm, private_from_pem(algorithm, &pem).unwrap().expose_secret()).unwrap();
        let bench = Self { folder, key };
        bench.run(&["pkey", "-pubout"], &[("-in", "private"), ("-out", "public")]);
        let public = public_from_pem(algorithm, &fs::read_to_string(bench.path("public")).unwrap()).unwrap();
        assert_eq!(Some(&public), bench.key.public());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Runs openssl with these files of the folder; whether it said yes.
    fn says(&self, arguments: &[&str], files: &[(&str, &str)]) -> bool {
        let mut command = Command::new("openssl");
        command.args(arguments);
        command.args(files.iter().flat_map(|(flag, name)| [PathBuf::from(flag), self.path(name)]));
        command.output().unwrap().status.success()
    }

    fn run(&self, arguments: &[&str], files: &[(&str, &str)]) {
        assert!(self.says(arguments, files), "{arguments:?}");
    }

    /// Both sign and both verify, with a digest; `flags` are for OpenSSL what the options are for us.
    fn sign_both_ways(&self, hash: &str, flags: &[&str], options: SignOptions) {
        self.write("text", TEXT);
        let digest = format!("-{hash}");
        let with = |rest: &[&'static str]| -> Vec<String> {
            let all = ["dgst", &digest].into_iter().chain(flags.iter().copied()).chain(rest.iter().copied());
            all.map(str::to_owned).collect()
        };
        let text = self.path("text").display().to_string();
        let go = |action: &'static str, file: &str, signature: &str, out: &'static str| {
            let mut arguments = with(&[]);
            arguments.extend([action.into(), self.path(file).display().to_string(), out.into()]);
            arguments.extend([self.path(signature).display().to_string(), text.clone()]);
            self.says(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[])
        };
        assert!(go("-sign", "private", "theirs", "-out"), "{options:?}");
        assert_eq!(self.key.verify(TEXT, &self.read("theirs"), &options), Ok(true), "{options:?}");
        let mut ours = self.key.sign(TEXT, &options).unwrap();
        self.write("ours", &ours);
        assert!(go("-verify", "public", "ours", "-signature"), "{options:?}");
        let last = ours.len() - 1;
        ours[last] ^= 1;
        self.write("ours", &ours);
        assert!(!go("-verify", "public", "ours", "-signature"), "{options:?}");
    }
}

const PSS: [&str; 3] = ["-sigopt", "rsa_padding_mode:pss", "-sigopt"];

impl Bench {
    /// Both paddings, with a salt as long as the digest.
    fn sign_with_rsa(&self, name: &str, hash: HashAlgorithm) {
        let with = |padding| SignOptions { padding, ..SignOptions::hash(hash) };
        self.sign_both_ways(name, &[], with(Padding::Pkcs1v15));
        let salt = format!("rsa_pss_saltlen:{}", hash.size());
        self.sign_both_ways(name, &[&PSS[..], &[&salt]].concat(), with(Padding::Pss(Salt::Digest)));
    }

    /// Salts of other lengths.
    fn sign_with_salts(&self, name: &str, hash: HashAlgorithm) {
        let length = hash.size().to_string();
        let size = u16::try_from(hash.size()).unwrap();
        for (theirs, ours) in [
            (length.as_str(), Salt::Bytes(size)),
            ("0", Salt::Bytes(0)),
            ("20", Salt::Bytes(20)),
            ("max", Salt::Auto),
        ] {
            let options = SignOptions { padding: Padding::Pss(ours), ..SignOptions::hash(hash) };
            let salt = format!("rsa_pss_saltlen:{theirs}");
            self.sign_both_ways(name, &[&PSS[..], &[&salt]].concat(), options);
        }
    }
}

const HASHES: [(&str, HashAlgorithm); 9] = [
    ("sha224", HashAlgorithm::Sha224),
    ("sha256", HashAlgorithm::Sha256),
    ("sha384", HashAlgorithm::Sha384),
    ("sha512", HashAlgorithm::Sha512),
    ("sha512-256", HashAlgorithm::Sha512_256),
    ("sha3-224", HashAlgorithm::Sha3_224),
    ("sha3-256", HashAlgorithm::Sha3_256),
    ("sha3-384", HashAlgorithm::Sha3_384),
    ("sha3-512", HashAlgorithm::Sha3_512),
];

#[test]
fn ecdsa() {
    if !available("ecdsa") {
        return;
    }
    for (algorithm, curve) in [
        (Algorithm::EcdsaP256, "P-256"),
        (Algorithm::EcdsaP384, "P-384"),
        (Algorithm::EcdsaP521, "P-521"),
        (Algorithm::EcdsaSecp256k1, "secp256k1"),
    ] {
        let group = format!("ec_paramgen_curve:{curve}");
        let theirs = Bench::theirs(algorithm, &["-algorithm", "EC", "-pkeyopt", &group]);
        for bench in [Bench::ours(algorithm), theirs] {
            for (name, hash) in HASHES {
                let options = SignOptions { encoding: Encoding::Der, ..SignOptions::hash(hash) };
                bench.sign_both_ways(name, &[], options);
            }
        }
    }
}

#[test]
fn ed25519() {
    if !available("ed25519") {
        return;
    }
    let theirs = Bench::theirs(Algorithm::Ed25519, &["-algorithm", "ed25519"]);
    for bench in [Bench::ours(Algorithm::Ed25519), theirs] {
        bench.write("text", TEXT);
        let files = [("-inkey", "private"), ("-in", "text"), ("-out", "theirs")];
        bench.run(&["pkeyutl", "-sign", "-rawin"], &files);
        let usual = SignOptions::default();
        assert_eq!(bench.key.verify(TEXT, &bench.read("theirs"), &usual), Ok(true));
        bench.write("ours", &bench.key.sign(TEXT, &usual).unwrap());
        let files = [("-inkey", "public"), ("-in", "text"), ("-sigfile", "ours")];
        bench.run(&["pkeyutl", "-verify", "-pubin", "-rawin"], &files);
    }
}

#[test]
fn rsa_signatures() {
    if !available("rsa_signatures") {
        return;
    }
    let theirs = |algorithm, bits: &str| {
        Bench::theirs(algorithm, &["-algorithm", "RSA", "-pkeyopt", &format!("rsa_keygen_bits:{bits}")])
    };
    for bench in [Bench::ours(Algorithm::Rsa2048), theirs(Algorithm::Rsa2048, "2048")] {
        HASHES.into_iter().for_each(|(name, hash)| bench.sign_with_rsa(name, hash));
        bench.sign_with_salts("sha3-256", HashAlgorithm::Sha3_256);
    }
    for bench in [theirs(Algorithm::Rsa3072, "3072"), theirs(Algorithm::Rsa4096, "4096")] {
        for (name, hash) in [("sha256", HashAlgorithm::Sha256), ("sha3-384", HashAlgorithm::Sha3_384)] {
            bench.sign_with_rsa(name, hash);
        }
    }
}

#[test]
fn rsa_oaep() {
    if !available("rsa_oaep") {
        return;
    }
    let bench = Bench::ours(Algorithm::Rsa2048);
    bench.write("text", TEXT);
    for (name, hash) in [
        ("sha256", OaepHash::Sha256),
        ("sha384", OaepHash::Sha384),
        ("sha512", OaepHash::Sha512),
        ("sha1", OaepHash::LegacySha1),
    ] {
        for (label, hex) in [(&b""[..], ""), (b"label", "6c6162656c")] {
            let (digest, options) = (format!("rsa_oaep_md:{name}"), SealOptions::Oaep { hash, label });
            let labelled = format!("rsa_oaep_label:{hex}");
            let mut flags = vec!["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", &digest];
            if !hex.is_empty() {
                flags.extend(["-pkeyopt", &labelled]);
            }
            let sealing = [&["pkeyutl", "-encrypt", "-pubin"][..], &flags].concat();
            bench.run(&sealing, &[("-inkey", "public"), ("-in", "text"), ("-out", "theirs")]);
            assert_eq!(**bench.key.open(&bench.read("theirs"), &options).unwrap(), *TEXT, "{name}");
            if hash == OaepHash::LegacySha1 {
                continue;
            }
            bench.write("ours", &bench.key.seal(TEXT, &options).unwrap());
            let opening = [&["pkeyutl", "-decrypt"][..], &flags].concat();
            bench.run(&opening, &[("-inkey", "private"), ("-in", "ours"), ("-out", "opened")]);
            assert_eq!(bench.read("opened"), TEXT, "{name}");
        }
    }
}

#[test]
fn key_agreement() {
    if !available("key_agreement") {
        return;
    }
    for (algorithm, arguments) in [
        (Algorithm::EcdhP256, &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"][..]),
        (Algorithm::EcdhP384, &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        (Algorithm::EcdhP521, &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
        (Algorithm::X25519, &["-algorithm", "x25519"]),
    ] {
        let (theirs, ours) = (Bench::theirs(algorithm, arguments), Bench::ours(algorithm));
        theirs.write("peer", &ours.read("public"));
        let files = [("-inkey", "private"), ("-peerkey", "peer"), ("-out", "secret")];
        theirs.run(&["pkeyutl", "-derive"], &files);
        let agreed = ours.key.agree(&theirs.key.public().unwrap().bytes).unwrap();
        assert_eq!(*agreed, theirs.read("secret"), "{algorithm:?}");
    }
}

#[test]
fn older_documents() {
    if !available("older_documents") {
        return;
    }
    let ec = Bench::ours(Algorithm::EcdsaP384);
    ec.run(&["ec"], &[("-in", "private"), ("-out", "sec1")]);
    let rsa = Bench::ours(Algorithm::Rsa2048);
    rsa.run(&["rsa", "-traditional"], &[("-in", "private"), ("-out", "pkcs1")]);
    for (algorithm, bench, file, label) in [
        (Algorithm::EcdsaP384, &ec, "sec1", "-----BEGIN EC PRIVATE KEY-----"),
        (Algorithm::Rsa2048, &rsa, "pkcs1", "-----BEGIN RSA PRIVATE KEY-----"),
    ] {
        let pem = String::from_utf8(bench.read(file)).unwrap();
        assert!(pem.contains(label));
        let key = import(algorithm, private_from_pem(algorithm, &pem).unwrap().expose_secret()).unwrap();
        assert_eq!(key.public(), bench.key.public());
    }
}
