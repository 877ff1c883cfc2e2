"""Rows of exchanges.py on every kind of key that OpenBao has, and on what needs no key."""

from random_calls import random_calls
from rows import (
    AAD,
    DIGEST,
    FAULT,
    MESSAGE,
    NO_CONTEXT,
    NONE,
    NO_NONCE,
    NO_UPSERT,
    NOT_BACK,
    NOT_BASE64,
    OTHER,
    batch,
    config,
    decrypt,
    encrypt,
    rewrap,
    row,
    sign,
    verify,
)

# Options of rows that are meant to differ.
ONE_SIZE = {"ours": (400,), "why": "a key of HMAC is as long as its digest"}
ONE_HASH = {"ours": (400,), "why": "a key of HMAC has one hash: another one is another type of key"}
NO_DERIVED_SIGNER = {"ours": (400,), "why": "signing keys are not derived: make a key for each context"}

CONTEXT = "Y29udGV4dA=="
SYMMETRIC = ("aes128-gcm96", "chacha20-poly1305", "xchacha20-poly1305")
CURVES = ("ecdsa-p384", "ecdsa-p521")
HASHES = ("sha2-224", "sha2-256", "sha2-384", "sha2-512", "sha3-224", "sha3-256", "sha3-384", "sha3-512")


def hmac(key, save=None, path="", options={}, **body):
    return row(f"POST transit/hmac/{key}{path}", body, save={save: "data.hmac"} if save else {}, **options)


def data_key(form, key, **body):
    return row(f"POST transit/datakey/{form}/{key}", body)


CREATED = [
    *(row(f"POST transit/keys/{kind}", {"type": kind}) for kind in (*SYMMETRIC, *CURVES, "rsa-2048")),
    row("POST transit/keys/hmac", {"type": "hmac", "key_size": 32}),
    row("POST transit/keys/hmac64", {"type": "hmac", "key_size": 31}),
    row("POST transit/keys/sized", {"key_size": 32}),
    row("POST transit/keys/managed", {"type": "managed_key"}),
    row("POST transit/keys/external", {"type": "external-key"}),
    row("POST transit/keys/derived", {"derived": True}),
    row("POST transit/keys/convergent", {"derived": True, "convergent_encryption": True}),
    row("POST transit/keys/wrong", {"convergent_encryption": True}),
    row("POST transit/keys/wrong", {"type": "rsa-2048", "derived": True}, **FAULT),
    row("POST transit/keys/wrong", {"type": "hmac", "key_size": 32, "derived": True}, **FAULT),
    row("POST transit/keys/wrong", {"type": "ecdsa-p256", "derived": True, "convergent_encryption": True}, **FAULT),
    row("POST transit/keys/long", {"type": "hmac", "key_size": 64}, **ONE_SIZE),
    row("POST transit/keys/derived-ed", {"type": "ed25519", "derived": True}, **NO_DERIVED_SIGNER),
    row("POST transit/keys/exportable", {"exportable": True, "allow_plaintext_backup": True}),
    row("POST transit/keys/yearly", {"auto_rotate_period": "8760h"}),
    row("POST transit/keys/hourly", {"auto_rotate_period": 3600}),
    row("POST transit/keys/wrong", {"auto_rotate_period": "59m"}),
    config("yearly", auto_rotate_period="24h"),
    config("yearly", auto_rotate_period=0),
    config("yearly", auto_rotate_period="5m"),
    config("yearly", exportable=True),
    row("POST transit/keys/yearly/config", {"exportable": False}, **NOT_BACK),
    config("yearly", allow_plaintext_backup=True),
    row("GET transit/keys/yearly"),
]

DERIVED = [
    call
    for key in ("derived", "convergent")
    for call in (
        encrypt(key, f"{key}_c", plaintext=MESSAGE, context=CONTEXT),
        encrypt(key, f"{key}_a", plaintext=MESSAGE, context=CONTEXT, associated_data=AAD),
        encrypt(key, plaintext=MESSAGE),
        encrypt(key, plaintext=MESSAGE, context=""),
        encrypt(key, plaintext=MESSAGE, context=NOT_BASE64),
        encrypt(key, plaintext=MESSAGE, context=CONTEXT, nonce="AAAAAAAAAAAAAAAA", options=NO_NONCE),
        decrypt(f"${key}_c", key, context=CONTEXT),
        decrypt(f"${key}_c", key, context=OTHER),
        decrypt(f"${key}_c", key),
        decrypt(f"${key}_a", key, context=CONTEXT, associated_data=AAD),
        decrypt(f"${key}_a", key, context=CONTEXT),
        rewrap(f"${key}_c", key, context=CONTEXT),
        rewrap(f"${key}_c", key),
        data_key("wrapped", key, context=CONTEXT),
        data_key("wrapped", key),
        hmac(key, input=MESSAGE),
    )
]

ENCRYPTED = [
    call
    for key in (*SYMMETRIC, "rsa-2048")
    for call in (
        encrypt(key, f"{key.replace('-', '_')}_c", plaintext=MESSAGE),
        decrypt(f"${key.replace('-', '_')}_c", key),
        decrypt(f"${key.replace('-', '_')}_c_flipped", key, FAULT if key == "rsa-2048" else NONE),
        rewrap(f"${key.replace('-', '_')}_c", key),
        encrypt(key, plaintext=""),
        encrypt(key, plaintext=NOT_BASE64),
        encrypt(key, plaintext=MESSAGE, context=CONTEXT, options=NO_CONTEXT),
        batch(f"encrypt/{key}", {"plaintext": MESSAGE}, {"plaintext": OTHER, "reference": "r"}),
        row(f"POST transit/keys/{key}/rotate"),
        decrypt(f"${key.replace('-', '_')}_c", key),
        rewrap(f"${key.replace('-', '_')}_c", key),
    )
]

SIGNED = [
    call
    for key in CURVES
    for hashed in HASHES
    for call in (
        sign(f"{key}/{hashed}", "s", input=MESSAGE),
        verify(f"{key}/{hashed}", input=MESSAGE, signature="$s"),
        verify(f"{key}/{hashed}", input=OTHER, signature="$s"),
    )
] + [
    call
    for padding in ("pss", "pkcs1v15")
    for hashed in HASHES
    for salt in ("auto", "hash", 20, 0, -1)
    for call in (
        sign("rsa-2048", "s", input=MESSAGE, hash_algorithm=hashed, signature_algorithm=padding, salt_length=salt),
        verify("rsa-2048", input=MESSAGE, signature="$s", hash_algorithm=hashed, signature_algorithm=padding),
        verify("rsa-2048", input=OTHER, signature="$s", hash_algorithm=hashed, signature_algorithm=padding),
    )
] + [
    sign("rsa-2048", "s", input=DIGEST, prehashed=True, hash_algorithm="sha2-256"),
    verify("rsa-2048", input=MESSAGE, signature="$s"),
    sign("rsa-2048", input=MESSAGE, signature_algorithm="nope", options=FAULT),
    sign("rsa-2048", input=MESSAGE, salt_length="nope"),
    sign("rsa-2048", input=MESSAGE, salt_length=-5),
    sign("rsa-2048", input=MESSAGE, hash_algorithm="nope"),
]

AUTHENTICATED = [
    call
    for key in ("aes", "ed", "p256", "rsa-2048", "xchacha20-poly1305", "hmac")
    for call in (
        hmac(key, "h", input=MESSAGE),
        verify(key, input=MESSAGE, hmac="$h"),
        verify(key, input=OTHER, hmac="$h"),
        verify(key, input=MESSAGE, hmac="$h_flipped"),
        hmac(key, input=""),
        hmac(key),
        hmac(key, input=NOT_BASE64),
        hmac(key, input=MESSAGE, key_version=9),
        hmac(key, input=MESSAGE, algorithm="nope"),
        verify(key, input=MESSAGE, hmac="x"),
        verify(key, input=MESSAGE, hmac="vault:v9:AAAA"),
        verify(key, input=MESSAGE, hmac="vault:v1:" + NOT_BASE64),
        batch(f"hmac/{key}", {"input": MESSAGE}, {"input": NOT_BASE64}, {"input": OTHER, "reference": "r"}),
        batch(f"hmac/{key}"),
    )
] + [
    *(hmac("aes", input=MESSAGE, path=f"/{hashed}") for hashed in HASHES),
    hmac("hmac", input=MESSAGE, algorithm="sha2-512", options=ONE_HASH),
    verify("aes", input=MESSAGE),
    verify("aes", input=MESSAGE, hmac="vault:v1:AAAA", signature="vault:v1:AAAA"),
    hmac("none", input=MESSAGE),
]

DATA_KEYS = [
    data_key("plaintext", "aes"),
    data_key("wrapped", "aes"),
    *(data_key("plaintext", "aes", bits=bits) for bits in (128, 256, 512, 64, "512")),
    data_key("plaintext", "aes", key_version=1),
    data_key("wrapped", "rsa-2048"),
    data_key("wrapped", "ed"),
    data_key("wrapped", "hmac"),
    data_key("wrapped", "none"),
    data_key("nope", "aes"),
]

TOOLS = [
    *(row(f"POST transit/random{path}") for path in ("", "/16", "/platform", "/platform/8", "/all/8")),
    *(row(f"POST transit/random{path}") for path in ("/0", "/131073", "/nope", "/8x", "/nope/8")),
    *(row("POST transit/random", body) for body in ({"format": "hex"}, {"format": "nope"}, {"bytes": -1})),
    row("GET transit/random"),
    *(row(f"POST transit/hash/{hashed}", {"input": MESSAGE}) for hashed in (*HASHES, "nope", "none", "sha1")),
    row("POST transit/hash", {"input": MESSAGE, "format": "base64"}),
    row("POST transit/hash", {"input": MESSAGE, "format": "nope"}),
    row("POST transit/hash", {"input": MESSAGE, "algorithm": "sha2-512"}),
    row("POST transit/hash", {"input": NOT_BASE64}),
    row("POST transit/hash", {"input": ""}),
    row("POST transit/hash", {}),
    row("POST transit/cache-config", {"size": 0}),
    row("POST transit/cache-config", {"size": 5}),
    row("POST transit/cache-config", {"size": -1}),
    row("POST transit/config/keys", {"disable_upsert": True}),
    row("GET transit/config/keys"),
    row("POST transit/config/keys", {"disable_upsert": False}, **NO_UPSERT),
]

ENDED = [
    row("DELETE transit/keys/hourly/soft-delete"),
    row("POST transit/keys/hourly/soft-delete"),
    row("GET transit/keys/hourly"),
    encrypt("hourly", plaintext=MESSAGE),
    hmac("hourly", input=MESSAGE),
    row("POST transit/keys/hourly/soft-delete-restore"),
    row("DELETE transit/keys/hourly/soft-delete-restore"),
    encrypt("hourly", plaintext=MESSAGE),
    row("POST transit/keys/hourly/rotate"),
    row("POST transit/keys/hourly/trim", {}),
    row("POST transit/keys/hourly/trim", {"min_available_version": 2}),
    config("hourly", min_decryption_version=2, min_encryption_version=2),
    row("POST transit/keys/hourly/trim", {"min_available_version": 3}),
    row("POST transit/keys/hourly/trim", {"min_available_version": 2}),
    row("POST transit/keys/none/trim", {"min_available_version": 1}),
    row("GET transit/keys/hourly"),
]

KINDS = [
    *CREATED, *DERIVED, *ENCRYPTED, *SIGNED, *AUTHENTICATED, *DATA_KEYS, *TOOLS, *ENDED, *random_calls(),
]  # fmt: skip
