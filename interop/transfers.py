"""Rows of exchanges.py on keys that come and go: import, export, backup and restore."""

import base64
from dataclasses import dataclass

from key_material import SYMMETRIC, certificate, encrypted, made, public_pem, wrap
from rows import (
    FAULT,
    MESSAGE,
    NONE,
    NOT_BASE64,
    NOT_OFFERED,
    OTHER,
    config,
    decrypt,
    encrypt,
    row,
    sign,
    verify,
)

# Options of rows that are meant to differ.
OWN_CODES = {"ours": (400,), "why": "the key of codes beside a key of another type is derived from it, and never leaves"}
OWN_HEAD = {"ours": (400,), "why": "a symmetric ciphertext has a head of ours: what was encrypted elsewhere comes in anew"}
ONE_FORM = {"ours": (400,), "why": "each type of key is exported in one form, and no other is asked for"}
NO_SHA224 = {"ours": (400,), "why": "OAEP with SHA-224 is not offered"}
ONE_KEY = {"ours": (400,), "why": "ciphertext and public_key exclude each other; OpenBao ignores the public key silently"}
STAYS_IMPORTED = {"ours": (204,), "why": "an imported key stays one after it was rotated; OpenBao forgets it"}
SEALED = {"ours": (200,), "why": "a backup is sealed for its database, so it needs no permission"}
ONE_NAME = {"ours": (400, 404), "why": "a key has one name at a time: a backup does not make a second one"}
NO_CERTIFICATES = {"ours": (400,), "why": "keys have no certificates: a request is signed with transit/sign"}
NO_FOLDER = {"ours": (200,), "why": "the wrapping key is none of the keys; OpenBao lists its folder, import/"}
METHOD = {"ours": (405,), "why": "a method that the path does not have; OpenBao answers 404"}

KINDS = (
    "aes128-gcm96", "aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305", "hmac", "rsa-2048", "ecdsa-p256",
    "ecdsa-p384", "ecdsa-p521", "ed25519",
)  # fmt: skip
# Both servers are given the same keys.
FIRST, SECOND = ({kind: made(kind) for kind in KINDS} for _ in range(2))


@dataclass(frozen=True)
class Wrapped:
    """A key in a body, wrapped for the server that it is sent to."""

    key: object
    hash_function: str = "SHA256"

    def filled(self, saved):
        return wrap(self.key, saved["wrapping"], self.hash_function)


def imported(key, ciphertext, options=NONE, **body):
    return row(f"POST transit/keys/{key}/import", {"ciphertext": ciphertext, **body}, **options)


def version(key, ciphertext, options=NONE, **body):
    return row(f"POST transit/keys/{key}/import_version", {"ciphertext": ciphertext, **body}, **options)


def export(what, key, which="", options=NONE):
    return row(f"GET transit/export/{what}-key/{key}{which}", **options)


def export_of(what, prefix, kind, which=""):
    """What becomes of a key of this kind."""
    options = NONE
    if what == "hmac" and kind != "hmac":
        options = OWN_CODES
    if what == "public" and kind in SYMMETRIC:
        options = FAULT
    return export(what, f"{prefix}-{kind}", which, options)


IMPORTED = [
    row("GET transit/wrapping_key", save={"wrapping": "data.public_key"}),
    row("POST transit/wrapping_key"),
    row("LIST transit/keys", **NO_FOLDER),
    row("LIST transit/wrapping_key", **METHOD),
] + [
    call
    for kind in KINDS
    for call in (
        imported(f"in-{kind}", Wrapped(FIRST[kind]), type=kind, exportable=True),
        imported(f"in-{kind}", Wrapped(FIRST[kind]), FAULT, type=kind),
        row(f"GET transit/keys/in-{kind}"),
        row(f"POST transit/keys/in-{kind}/rotate", **FAULT),
        version(f"in-{kind}", Wrapped(SECOND[kind])),
        row(f"GET transit/keys/in-{kind}"),
        *(export_of(what, "in", kind) for what in ("encryption", "signing", "hmac", "public")),
        *(export_of("public", "in", kind, which) for which in ("/1", "/latest")),
    )
]

BEFORE = {
    kind: encrypted(kind, FIRST[kind], base64.b64decode(MESSAGE))
    for kind in ("aes128-gcm96", "aes256-gcm96", "chacha20-poly1305", "rsa-2048")
}
OLDER = [
    call
    for kind, ciphertext in BEFORE.items()
    for call in (
        decrypt(ciphertext, f"in-{kind}", NONE if kind == "rsa-2048" else OWN_HEAD),
        decrypt(ciphertext.replace(":v1:", ":v2:"), f"in-{kind}", FAULT if kind == "rsa-2048" else NONE),
    )
]

REFUSED = [
    imported("bad", Wrapped(b"short"), FAULT, type="aes256-gcm96"),
    imported("bad", Wrapped(FIRST["aes128-gcm96"]), FAULT, type="aes256-gcm96"),
    imported("bad", Wrapped(FIRST["ecdsa-p256"]), FAULT, type="ecdsa-p384"),
    imported("bad", Wrapped(FIRST["ecdsa-p256"]), FAULT, type="rsa-2048"),
    imported("bad", Wrapped(FIRST["rsa-2048"]), FAULT, type="rsa-3072"),
    imported("bad", Wrapped(FIRST["ed25519"]), FAULT, type="ecdsa-p256"),
    imported("bad", Wrapped(b"no PKCS#8"), FAULT, type="rsa-2048"),
    imported("bad", Wrapped(FIRST["aes256-gcm96"]), type="nope"),
    imported("bad", Wrapped(FIRST["aes256-gcm96"]), FAULT, hash_function="SHA384"),
    imported("bad", Wrapped(FIRST["aes256-gcm96"]), hash_function="nope"),
    imported("bad", Wrapped(FIRST["aes256-gcm96"]), FAULT, auto_rotate_period="24h"),
    imported("bad", Wrapped(FIRST["aes256-gcm96"]), FAULT, derived=True, convergent_encryption=True),
    imported("bad", "AAAA", FAULT),
    imported("bad", NOT_BASE64, FAULT),
    imported("bad", "A" * 1200, FAULT),
    imported("bad", "", FAULT),
    row("POST transit/keys/bad/import", {"type": "aes256-gcm96"}, **FAULT),
    row("POST transit/keys/bad/import", "{"),
    row("GET transit/keys/bad/import"),
    row("GET transit/keys/bad"),
    *(
        imported(f"by-{name}", Wrapped(FIRST["aes256-gcm96"], name), hash_function=name)
        for name in ("SHA1", "SHA384", "SHA512")
    ),
    imported("by-224", Wrapped(FIRST["aes256-gcm96"], "SHA224"), NO_SHA224, hash_function="SHA224"),
    imported("by-both", Wrapped(FIRST["rsa-2048"]), ONE_KEY, public_key=public_pem(FIRST["rsa-2048"]), type="rsa-2048"),
    imported("by-lower", Wrapped(FIRST["aes256-gcm96"]), hash_function="sha256"),
    version("none", Wrapped(FIRST["aes256-gcm96"]), FAULT),
    version("aes", Wrapped(FIRST["aes256-gcm96"]), FAULT),
    version("in-aes256-gcm96", Wrapped(FIRST["aes128-gcm96"]), FAULT),
    version("in-rsa-2048", Wrapped(FIRST["ecdsa-p256"]), FAULT),
    version("in-aes256-gcm96", Wrapped(FIRST["aes256-gcm96"]), FAULT, version=1),
    version("in-aes256-gcm96", Wrapped(FIRST["aes256-gcm96"]), FAULT, version=9),
]

ROTATED = [
    imported("turns", Wrapped(FIRST["aes256-gcm96"]), allow_rotation=True, auto_rotate_period="24h"),
    row("POST transit/keys/turns/rotate"),
    row("GET transit/keys/turns"),
    version("turns", Wrapped(SECOND["aes256-gcm96"]), STAYS_IMPORTED),
    imported("derived-in", Wrapped(FIRST["aes256-gcm96"]), derived=True),
    encrypt("derived-in", plaintext=MESSAGE, context="Y29udGV4dA=="),
    encrypt("derived-in", plaintext=MESSAGE),
]

PUBLIC = [
    call
    for kind in ("rsa-2048", "ecdsa-p256", "ed25519")
    for call in (
        row(f"POST transit/keys/half-{kind}/import", {"public_key": public_pem(FIRST[kind]), "type": kind}),
        row(f"GET transit/keys/half-{kind}"),
        sign(f"half-{kind}", input=MESSAGE, options=FAULT),
        sign(f"in-{kind}", "half", input=MESSAGE, key_version=1),
        verify(f"half-{kind}", input=MESSAGE, signature="$half"),
        verify(f"half-{kind}", input=OTHER, signature="$half"),
        export("public", f"half-{kind}"),
        export("signing", f"half-{kind}"),
        version(f"half-{kind}", Wrapped(SECOND[kind]), FAULT, version=1),
        version(f"half-{kind}", Wrapped(FIRST[kind]), version=1),
        sign(f"half-{kind}", input=MESSAGE),
        version(f"half-{kind}", Wrapped(FIRST[kind]), FAULT, version=1),
    )
] + [
    row("POST transit/keys/half/import", {"public_key": public_pem(FIRST["rsa-2048"]), "type": "aes256-gcm96"}, **FAULT),
    row("POST transit/keys/half/import", {"public_key": public_pem(FIRST["rsa-2048"]), "type": "rsa-3072"}, **FAULT),
    row("POST transit/keys/half/import", {"public_key": "nope", "type": "rsa-2048"}, **FAULT),
    row("GET transit/keys/half"),
]

EXPORTED = [
    *(row(f"POST transit/keys/out-{kind}", {"type": kind, "exportable": True}) for kind in KINDS if kind != "hmac"),
    *(export_of(what, "out", kind) for kind in KINDS if kind != "hmac" for what in ("encryption", "signing", "public")),
    *(export("encryption", "out-aes256-gcm96", which) for which in ("/1", "/latest", "/v1", "/2", "/0", "/-1", "/x")),
    export("encryption", "out-aes256-gcm96", "?format=raw", ONE_FORM),
    *(export("encryption", "out-aes256-gcm96", f"?format={form}", FAULT) for form in ("pem", "der")),
    *(export("signing", "out-ed25519", f"?format={form}", ONE_FORM) for form in ("raw", "pem", "der")),
    *(
        export(what, "out-ecdsa-p256", f"?format={form}", options)
        for what in ("signing", "public")
        for form, options in (("raw", FAULT), ("pem", ONE_FORM), ("der", ONE_FORM), ("nope", NONE), ("", NONE))
    ),
    export("encryption", "out-aes256-gcm96", "?format=nope"),
    export("encryption", "aes"),
    export("signing", "ed"),
    export("public", "ed"),
    export("public", "aes", options=FAULT),
    export("public", "ed", "/1"),
    export("encryption", "none"),
    export("nope", "out-ed25519"),
    row("POST transit/export/encryption-key/out-aes256-gcm96"),
    row("POST transit/keys/out-aes256-gcm96/rotate"),
    config("out-aes256-gcm96", min_decryption_version=2),
    export("encryption", "out-aes256-gcm96"),
    export("encryption", "out-aes256-gcm96", "/1"),
    *(row(f"GET transit/byok-export/in-rsa-2048/out-{kind}") for kind in KINDS if kind != "hmac"),
    *(row(f"GET transit/byok-export/in-rsa-2048/out-aes256-gcm96{which}") for which in ("/2", "/latest", "/9", "/x")),
    *(row(f"GET transit/byok-export/{path}", **FAULT) for path in ("out-aes256-gcm96/out-ed25519", "none/out-ed25519")),
    row("GET transit/byok-export/in-rsa-2048/aes"),
    row("GET transit/byok-export/in-rsa-2048/none", **FAULT),
]

BACKED_UP = [
    row("POST transit/keys/kept", {"exportable": True, "allow_plaintext_backup": True}),
    encrypt("kept", "kept_c", plaintext=MESSAGE),
    row("GET transit/backup/kept", save={"backup": "data.backup"}),
    row("POST transit/backup/kept"),
    row("GET transit/backup/none", **FAULT),
    row("GET transit/backup/aes", **SEALED),
    row("POST transit/restore/kept", {"backup": "$backup"}, **FAULT),
    row("POST transit/restore", {"backup": "$backup"}, **FAULT),
    row("POST transit/restore/kept", {"backup": "$backup", "force": True}),
    decrypt("$kept_c", "kept"),
    config("kept", deletion_allowed=True),
    row("DELETE transit/keys/kept"),
    decrypt("$kept_c", "kept"),
    row("POST transit/restore", {"backup": "$backup"}),
    decrypt("$kept_c", "kept"),
    row("GET transit/keys/kept"),
    row("POST transit/restore/other", {"backup": "$backup"}, **ONE_NAME),
    decrypt("$kept_c", "other", ONE_NAME),
    row("GET transit/keys/other", **ONE_NAME),
    row("POST transit/restore/flipped", {"backup": "$backup_flipped"}, **FAULT),
    row("POST transit/restore/wrong", {"backup": "AAAA"}, **FAULT),
    row("POST transit/restore/wrong", {"backup": NOT_BASE64}, **FAULT),
    row("POST transit/restore/wrong", {"backup": ""}),
    row("POST transit/restore/wrong", {}),
    row("GET transit/restore/wrong"),
]

AGREEMENT = {"base_key_name": "p256", "peer_public_key": public_pem(FIRST["ecdsa-p256"])}
CHAIN = {"version": 1, "certificate_chain": certificate(FIRST["ecdsa-p256"])}
ABSENT = [
    row("POST transit/derive-key/agreed", AGREEMENT, **NOT_OFFERED),
    row("POST transit/keys/p256/csr", {}, **NO_CERTIFICATES),
    row("GET transit/export/certificate-chain/in-ecdsa-p256/1", **FAULT),
    row("POST transit/keys/in-ecdsa-p256/set-certificate", CHAIN, **NO_CERTIFICATES),
    row("GET transit/export/certificate-chain/in-ecdsa-p256/1", **NO_CERTIFICATES),
]

TRANSFERS = [*IMPORTED, *OLDER, *REFUSED, *ROTATED, *PUBLIC, *EXPORTED, *BACKED_UP, *ABSENT]
