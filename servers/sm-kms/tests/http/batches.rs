//! `batch_input`: many things to do in one request.

use serde_json::{Value, json};

use crate::support::{Vault, b64};

fn batch(vault: &Vault, path: &str, items: Value) -> (u16, Value) {
    let answer = vault.write(&format!("transit/{path}"), json!({ "batch_input": items }));
    let body = answer.json();
    let results = body["data"]["batch_results"].clone();
    (answer.status, if results.is_null() { body["errors"].clone() } else { results })
}

#[test]
fn a_batch_keeps_its_order_and_its_references() {
    let vault = Vault::with_rings();
    let items: Vec<Value> = (0..20)
        .map(|number| json!({ "plaintext": b64(format!("{number}")), "reference": format!("r{number}") }))
        .collect();
    let (status, sealed) = batch(&vault, "encrypt/aes", json!(items));
    assert_eq!(status, 200);
    let ciphertexts: Vec<Value> = sealed
        .as_array()
        .unwrap()
        .iter()
        .map(|item| json!({ "ciphertext": item["ciphertext"], "reference": item["reference"] }))
        .collect();
    let (status, rewrapped) = batch(&vault, "rewrap/aes", json!(ciphertexts));
    assert_eq!((status, rewrapped.as_array().unwrap().len()), (200, 20));
    let (status, opened) = batch(&vault, "decrypt/aes", json!(ciphertexts));
    assert_eq!((status, opened), (200, json!(items)));
}

#[test]
fn an_item_fails_alone_and_says_why() {
    let vault = Vault::with_rings();
    let (ciphertext, signature) = (vault.encrypt("aes", "x"), vault.sign("ed", "x"));
    let text = |item: &Value| item["error"].as_str().map(str::to_owned);
    let table = [
        (
            "encrypt/aes",
            json!([{ "plaintext": b64("x") }, { "plaintext": "!!" }, {}]),
            400,
            json!({ "reference": "" }),
        ),
        (
            "decrypt/aes",
            json!([{ "ciphertext": ciphertext }, { "ciphertext": "vault:v1:AAAA" }, {}]),
            400,
            json!({ "plaintext": "", "reference": "" }),
        ),
        (
            "rewrap/aes",
            json!([{ "ciphertext": ciphertext }, { "ciphertext": "x" }, {}]),
            200,
            json!({ "reference": "" }),
        ),
        (
            "sign/ed",
            json!([{ "input": b64("x") }, { "input": "!!" }, {}]),
            200,
            json!({ "key_version": 0, "reference": "" }),
        ),
        (
            "verify/ed",
            json!([{ "input": b64("x"), "signature": signature }, { "input": "!!", "signature": signature }, { "signature": "x" }]),
            200,
            json!({ "valid": false, "reference": "" }),
        ),
    ];
    for (path, items, expected, beside) in table {
        let (status, results) = batch(&vault, path, items);
        assert_eq!(status, expected, "{path}");
        assert_eq!(text(&results[0]), None, "{path}");
        for failed in [&results[1], &results[2]] {
            assert!(text(failed).is_some_and(|text| !text.is_empty()), "{path} {failed}");
            let mut rest = failed.clone();
            rest.as_object_mut().unwrap().remove("error");
            assert_eq!(rest, beside, "{path}");
        }
    }
}

#[test]
fn what_concerns_the_whole_batch_refuses_it_whole() {
    let vault = Vault::with_rings();
    for (path, items) in [
        ("encrypt/none", json!([{ "plaintext": "" }])),
        ("decrypt/none", json!([{ "ciphertext": "vault:v1:AAAA" }, { "ciphertext": "" }])),
        ("sign/aes", json!([{ "input": "" }])),
        ("verify/ed", json!([{ "input": "" }])),
        ("encrypt/aes", json!([])),
        ("encrypt/aes", json!("x")),
        ("encrypt/aes", json!({ "plaintext": "" })),
        ("encrypt/aes", json!([1])),
        ("encrypt/aes", json!([null])),
        ("encrypt/aes", json!([["eA==", null, "", null, null, "", ""]])),
        ("encrypt/aes", json!([{ "plaintext": 5 }])),
        ("sign/ed", json!([{ "input": "", "key_version": {} }])),
    ] {
        let answer = vault.write(&format!("transit/{path}"), json!({ "batch_input": items }));
        if path != "decrypt/none" {
            assert_eq!(answer.error().0, 400, "{path} {items}");
        }
        assert_eq!(answer.status, 400, "{path} {items}");
    }
}

#[test]
fn a_batch_has_a_thousand_items_and_no_more() {
    let vault = Vault::with_rings();
    let items = |count: usize| json!(vec![json!({ "plaintext": "eA==" }); count]);
    let (status, results) = batch(&vault, "encrypt/aes", items(1000));
    assert_eq!((status, results.as_array().unwrap().len()), (200, 1000));
    assert_eq!(batch(&vault, "encrypt/aes", items(1001)).0, 400);
}

#[test]
fn a_caller_chooses_the_status_of_a_part_that_failed() {
    let vault = Vault::with_rings();
    let ask = |items: Value, code: Value| {
        let body = json!({ "batch_input": items, "partial_failure_response_code": code });
        vault.write("transit/encrypt/aes", body).status
    };
    let part = json!([{ "plaintext": "" }, { "plaintext": "!!" }]);
    assert_eq!(ask(part.clone(), json!(207)), 207);
    assert_eq!(ask(part.clone(), json!("200")), 200);
    assert_eq!(ask(part.clone(), json!(0)), 400);
    assert_eq!(ask(json!([{ "plaintext": "!!" }]), json!(207)), 400, "all failed");
    assert_eq!(ask(json!([{ "plaintext": "" }]), json!(207)), 200, "none failed");
    let rewrap = json!({ "batch_input": [{ "ciphertext": "x" }], "partial_failure_response_code": 207 });
    let answer = vault.write("transit/rewrap/aes", rewrap);
    assert_eq!((answer.status, answer.json()["warnings"].as_array().unwrap().len()), (200, 1));
}

/// One such number makes OpenBao 2.7.2 drop the connection with a panic.
#[test]
fn a_caller_cannot_choose_a_status_that_breaks_http() {
    let vault = Vault::with_rings();
    let items = json!([{ "plaintext": "" }, { "plaintext": "!!" }]);
    for code in [-1, 1, 99, 100, 101, 199, 204, 205, 304, 600, 999, 1000, 65736, i64::MAX] {
        let body = json!({ "batch_input": items, "partial_failure_response_code": code });
        let mut client = vault.connect();
        let answer = client.exchange(&vault.request("POST", "transit/encrypt/aes").json(&body));
        assert_eq!(answer.error().0, 400, "{code}");
        assert!(client.is_quiet());
    }
}
