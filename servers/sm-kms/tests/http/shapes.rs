//! What every answer has in common; methods and paths that there are not. `Answer::check` holds for each answer
//! of all tests.

use serde_json::{Value, json};

use crate::{
    routes,
    support::{Request, Vault},
};

const METHODS: [&str; 10] =
    ["GET", "HEAD", "LIST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"];

#[test]
fn an_answer_with_data_is_an_envelope() {
    let vault = Vault::with_rings();
    let answer = vault.write("transit/encrypt/aes", json!({ "plaintext": "" }));
    let mut body = answer.json();
    let id = body["request_id"].take();
    body["data"].take();
    let rest = json!({
        "request_id": null, "lease_id": "", "renewable": false, "lease_duration": 0, "data": null,
        "wrap_info": null, "warnings": null, "auth": null,
    });
    assert_eq!(body, rest);
    let shape: Vec<usize> = id.as_str().unwrap().split('-').map(str::len).collect();
    assert_eq!(shape, [8, 4, 4, 4, 12]);
    let other = vault.write("transit/encrypt/aes", json!({ "plaintext": "" })).json();
    assert_ne!(id, other["request_id"]);
}

#[test]
fn head_has_the_status_and_the_headers_of_get_and_no_body() {
    let vault = Vault::with_rings();
    for route in routes::all(&vault).iter().filter(|route| route.method == "HEAD") {
        // A ring that is not there yet; and what the log of events has more of by the second request.
        if route.path == "transit/keys/new" || route.path.ends_with("checkpoint") {
            continue;
        }
        let ask = |method: &str| {
            let mut client = vault.connect();
            let answer = client.exchange(&vault.request(method, &route.path));
            assert!(client.is_quiet(), "{method} {}", route.path);
            answer
        };
        let (get, head) = (ask("GET"), ask("HEAD"));
        assert!(head.body.is_empty() && !get.body.is_empty(), "{}", route.path);
        assert_eq!(head.status, get.status);
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_eq!(head.header("content-length"), get.header("content-length"), "{}", route.path);
    }
}

/// A path with `ID` in the place of ids, and without a query that does not choose the operation.
fn shape(path: &str) -> String {
    let path = if path.starts_with("audit") { path.split('?').next().unwrap() } else { path };
    let is_id = |part: &&str| part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = path.trim_end_matches('/').split('/');
    parts.map(|part| if is_id(&part) { "ID" } else { part }).collect::<Vec<_>>().join("/")
}

#[test]
fn a_method_that_a_path_does_not_have_does_nothing() {
    let vault = Vault::with_rings();
    let routes = routes::all(&vault);
    let seal = routes::seal();
    let before = vault.list("transit/keys").data();
    for path in routes.iter().chain(&seal).map(|route| &*route.path) {
        let known = |method: &str| {
            let mut routes = routes.iter().chain(&seal);
            routes.any(|route| route.method == method && shape(&route.path) == shape(path))
        };
        let listing = path.contains("list=true");
        for method in METHODS.into_iter().filter(|method| !known(method) && !listing) {
            let request = vault.request(method, path).json(&json!({ "key": "x", "type": "ed25519" }));
            let answer = vault.send(&request);
            assert!(matches!(answer.status, 404 | 405), "{method} {path} {}", answer.status);
            let stranger = Request::new(method, path);
            assert!(matches!(vault.send(&stranger).status, 403 | 405), "{method} {path}");
        }
    }
    assert_eq!(vault.list("transit/keys").data(), before);
    assert!(vault.node.open().is_some());
}

#[test]
fn a_path_that_there_is_not_is_404_for_those_who_may_ask() {
    let vault = Vault::with_rings();
    for path in [
        "nothing",
        "nothing/here",
        "sys",
        "sys/nothing",
        "sys/rotate/nothing",
        "sys/renew/x",
        "sys/slots/x",
        "sys/slots/verify/x",
        "sys/slots/0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f/x",
        "sys/tenants/0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F",
        "sys/tenants/x",
        "sys/backup/x",
        "sys/rotate/root/x",
        "sys/seal/x",
        "sys/raw/core",
        "sys/generate-root/attempt",
        "sys/rekey/init",
        "sys/audit/file/x",
        "sys/audit-hash",
        "sys/audit-hash/file",
        "audit",
        "audit/nothing",
        "audit/tile/0/0",
        "audit/tile/9999",
        "audit/proof/x",
        "audit/proof/01",
        "audit/global/events",
        "audit/global/proof/0",
        "audit/system/retention",
        "audit/hold/suit/x",
        "sys/plugins/catalog",
        "sys/policies/acl/root",
        "auth",
        "auth/token/create",
        "auth/token/lookup-self/x",
        "auth/userpass/login/x",
        "transit",
        "transit/nothing",
        "transit/nothing/aes",
        "transit/keys/aes/nothing",
        "transit/keys/aes/rotate/x",
        "transit/datakey/aes",
        "transit/datakey/plaintext/aes/x",
        "transit/random/all/32/x",
        "transit/hash/sha2-256/x",
        "transit/hmac/aes/sha2-256/x",
        "transit/cmac/aes/16",
        "transit/agree/aes/x",
        "transit/config",
        "transit/config/x",
        "transit/cache-config/x",
        "transit/sign/ed/sha2-256/asn1",
        "transit/encrypt/aes/sha2-256",
        "Transit/keys/aes",
        "transit/Keys/aes",
        "SYS/health",
        "cubbyhole/x",
        "identity/entity",
        "secret/data/x",
        "metrics",
    ] {
        for method in ["GET", "POST", "DELETE", "LIST"] {
            assert_eq!(vault.send(&vault.request(method, path)).error().0, 404, "{method} {path}");
            assert_eq!(
                vault.send(&Request::new(method, path)).error(),
                (403, "permission denied".into()),
                "{method} {path}"
            );
        }
    }
    for path in
        ["/", "/v1", "/v2/sys/health", "/ui", "/metrics", "/sys/health", "/V1/sys/health", "/v1sys/health"]
    {
        assert_eq!(vault.send(&vault.request("GET", path)).error(), (404, String::new()), "{path}");
    }
}

#[test]
fn members_that_nothing_reads_are_named_in_a_warning() {
    let vault = Vault::with_rings();
    let warnings = |path: &str, body: Value| vault.write(path, body).json()["warnings"].clone();
    let ignored = |names: &str| json!([format!("Endpoint ignored these unrecognized parameters: [{names}]")]);
    let extra = json!({ "plaintext": "", "zeta": { "a": [1] }, "alpha": null });
    assert_eq!(warnings("transit/encrypt/aes", extra), ignored("alpha zeta"));
    assert_eq!(warnings("transit/sign/ed", json!({ "input": "", "plaintext": "" })), ignored("plaintext"));
    assert_eq!(warnings("transit/keys/x", json!({ "kind": "ed25519" })), ignored("kind"));
    assert_eq!(warnings("transit/keys/x/config", json!({ "type": "ed25519" })), ignored("type"));
    assert_eq!(warnings("transit/keys/x/rotate", json!({ "force": true })), ignored("force"));
    assert_eq!(warnings("transit/encrypt/aes", json!({ "plaintext": "" })), Value::Null);
    let mut many = json!({ "plaintext": "" });
    for number in 0..1000 {
        many[format!("{number:0100}")] = Value::Null;
    }
    let text = warnings("transit/encrypt/aes", many).to_string();
    assert!(text.len() < 1000, "a warning does not grow with what was sent: {}", text.len());
}
