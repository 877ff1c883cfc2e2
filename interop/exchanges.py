"""What differential.py sends, in order, and which differences are meant.

`$name` in a path, token or body is a value that an earlier answer of the same server gave (`save`). A saved
`vault:vN:…` or base64 also gives `$name_body`, what follows the version, and `$name_flipped`, with one bit changed.
"""

from typing import NamedTuple


class Exchange(NamedTuple):
    """One request. With `ours`, our server may answer one of these statuses instead, for the reason in `why`."""

    request: str  # method and path below /v1/; a path that starts with a slash stands as it is
    body: object = None  # None: no body; a string is sent as it is; anything else as JSON
    token: str | None = "$root"
    headers: dict = {}
    save: dict = {}  # name -> path into the answer
    ours: tuple = ()
    why: str = ""


class Tolerance(NamedTuple):
    """Paths of answers that may differ: in their value only, or in whether they are there at all."""

    request: str  # regular expressions, searched
    path: str
    absent: bool
    why: str


CLOCK = "the time of the answer or of the key's making"
CLUSTER = "OpenBao is a cluster of one with Raft storage; Strongroom is one process without a cluster"
TOLERANCES = [
    Tolerance("", r"\.(server_time_utc|creation_time)$", False, CLOCK),
    Tolerance("transit/keys", r"\.data\.keys\.\d+$", False, CLOCK),
    Tolerance("sys/(health|seal-status|unseal)", r"\.cluster_(name|id)$", True, CLUSTER),
    Tolerance("sys/leader", r"\.ha_enabled$", False, CLUSTER),
    Tolerance("sys/leader", r"\.(is_self|active_time|leader_\w+|raft_\w+)$", True, CLUSTER),
    Tolerance("sys/(seal-status|unseal)", r"\.commit_date$", True, "a detail of OpenBao's build"),
    Tolerance("mounts", r"\.(cubbyhole|identity)/\.", True, "engines that Strongroom does not have"),
    Tolerance("mounts", r"\.(\w*plugin_version|running_sha256|deprecation_status)$", True, "there are no plugins"),
    Tolerance("mounts", r"\.passthrough_request_headers\b", True, "there are no plugins to pass headers to"),
    Tolerance(
        "rotate/config",
        r"\.(enabled|interval|max_operations|root_seconds|tenant_seconds|reseal)$",
        True,
        "keys rotate by age, root and tenants each by their own",
    ),
    Tolerance("key-status", r"\.(term|encryptions)$", False, "the root's term, which sys/rotate/root makes new"),
    Tolerance("key-status", r"\.install_time$", False, CLOCK),
    Tolerance("transit/keys", r"\.supports_derivation$", False, "keys are not derived"),
    Tolerance("mounts", r"\.(seal_wrap|external_entropy_access)$", False, "everything is sealed by the barrier"),
]

# Options of a row that is meant to differ.
NONE = {}
FAULT = {"ours": (400,), "why": "the caller's fault is a 400; OpenBao answers 500"}
STRICT_JSON = {"ours": (400,), "why": "JSON is strict: members are not repeated, a text is a text"}
THREE_TYPES = {"ours": (400,), "why": "keys are aes256-gcm96, ed25519 or ecdsa-p256"}
NO_DERIVATION = {"ours": (400,), "why": "keys are neither derived nor convergent"}
NEVER_LEAVES = {"ours": (400,), "why": "keys neither leave in the clear nor go into plain backups"}
NO_UPSERT = {"ours": (400, 404), "why": "keys are made by name, not by their first use"}
NO_NONCE = {"ours": (400,), "why": "no caller names a nonce; OpenBao warns that it ignores it"}
NO_CONTEXT = {"ours": (400,), "why": "no key is derived; OpenBao ignores the context silently"}
LIMITS = {"ours": (400,), "why": "a limit is positive; OpenBao takes others for none"}
HEAD = {"ours": (200,), "why": "HEAD is answered where GET is (RFC 9110, section 9.3.2)"}
NAMESPACES = {"ours": (404,), "why": "there are no namespaces: everything below an unknown one is 404"}
CANONICAL = {"ours": (400, 404), "why": "a path that is not canonical is refused, not redirected"}
OWN_SCHEDULE = {"ours": (400,), "why": "keys rotate by age, root and tenants each by their own"}
NOT_OFFERED = {"ours": (404, 405), "why": "a path of OpenBao that Strongroom does not have"}

MESSAGE, OTHER = "bWVzc2FnZQ==", "b3RoZXI="
DIGEST = "q1MKE+RZFJgrefm34/uplM/R8/si9xzqGvvwK0YMbR0="  # SHA-256 of MESSAGE
AAD, NOT_BASE64 = "YWFk", "!!"


def row(request, body=None, **options):
    return Exchange(request, body, **options)


def anyone(request, body=None, **options):
    return Exchange(request, body, None, **options)


def config(key, **body):
    return row(f"POST transit/keys/{key}/config", body)


def encrypt(key="aes", save=None, options=NONE, **body):
    return row(f"POST transit/encrypt/{key}", body, save={save: "data.ciphertext"} if save else {}, **options)


def decrypt(ciphertext, key="aes", options=NONE, **body):
    return row(f"POST transit/decrypt/{key}", {"ciphertext": ciphertext, **body}, **options)


def rewrap(ciphertext, key="aes", **body):
    return row(f"POST transit/rewrap/{key}", {"ciphertext": ciphertext, **body})


def sign(key, save=None, options=NONE, **body):
    return row(f"POST transit/sign/{key}", body, save={save: "data.signature"} if save else {}, **options)


def verify(key, options=NONE, **body):
    return row(f"POST transit/verify/{key}", body, **options)


def batch(path, *items, **options):
    return row(f"POST transit/{path}", {"batch_input": list(items)}, **options)


UNINITIALISED = [
    anyone("GET sys/init"),
    anyone("GET sys/seal-status"),
    anyone("GET sys/health"),
    anyone("HEAD sys/health"),
    anyone("GET sys/health?uninitcode=299"),
    anyone("GET sys/leader"),
    anyone("GET transit/keys/a"),
    anyone("PUT sys/unseal", {"key": "00" * 33}),
    anyone("DELETE sys/init"),
    anyone("PUT sys/init", "{"),
    anyone("PUT sys/init", ""),
    anyone("PUT sys/init", "[]"),
    anyone("PUT sys/init", {}),
    anyone("PUT sys/init", {"secret_shares": 5}),
    anyone("PUT sys/init", {"secret_shares": 5, "secret_threshold": 6}),
    anyone("PUT sys/init", {"secret_shares": 5, "secret_threshold": 1}),
    anyone("PUT sys/init", {"secret_shares": -1, "secret_threshold": -1}),
    anyone("PUT sys/init", {"secret_shares": 256, "secret_threshold": 3}),
    anyone("PUT sys/init", {"secret_shares": "5", "secret_threshold": 3}),
    anyone("PUT sys/init", {"secret_shares": 5, "secret_threshold": 3, "pgp_keys": ["x"]}),
    anyone(
        "PUT sys/init",
        {"secret_shares": 5, "secret_threshold": 3},
        save={"root": "root_token", **{f"share{n}": f"keys_base64.{n}" for n in range(5)}, "hex1": "keys.1"},
    ),
]

SEALED = [
    anyone("GET sys/init"),
    anyone("PUT sys/init", {"secret_shares": 1, "secret_threshold": 1}),
    anyone("GET sys/seal-status"),
    anyone("GET sys/health"),
    anyone("HEAD sys/health"),
    anyone("GET sys/health?sealedcode=299"),
    anyone("GET sys/health?sealedcode=abc"),
    anyone("POST sys/health"),
    anyone("GET sys/leader"),
    row("GET sys/mounts"),
    anyone("GET sys/internal/ui/mounts"),
    row("GET auth/token/lookup-self"),
    row("LIST transit/keys"),
    row("POST transit/keys/a"),
    encrypt(plaintext=MESSAGE),
    row("GET nothing/here"),
    row("PUT sys/rotate"),
    row("PUT sys/seal"),
]

UNSEAL = [
    anyone("GET sys/unseal"),
    anyone("PATCH sys/unseal", {"key": "$share0"}),
    anyone("PUT sys/unseal", "{"),
    anyone("PUT sys/unseal", ""),
    anyone("PUT sys/unseal", {}),
    anyone("PUT sys/unseal", {"key": ""}),
    anyone("PUT sys/unseal", {"key": 5}),
    anyone("PUT sys/unseal", {"key": NOT_BASE64}),
    anyone("PUT sys/unseal", {"key": "c2hvcnQ="}),
    anyone("PUT sys/unseal", {"key": "A" * 400}),
    anyone("PUT sys/unseal", {"key": "$share0"}),
    anyone("GET sys/seal-status"),
    anyone("PUT sys/unseal", {"key": "$share0"}),
    anyone("PUT sys/unseal", {"reset": True}),
    anyone("PUT sys/unseal", {"key": "$share0"}),
    anyone("POST sys/unseal", {"key": "$hex1"}),
    anyone("PUT sys/unseal", {"key": "$share4_flipped"}),
    anyone("GET sys/seal-status", ours=(200,), why="a share that is refused leaves the others, OpenBao forgets all"),
    anyone("PUT sys/unseal", {"reset": True}),
    anyone("GET sys/seal-status"),
    anyone("PUT sys/unseal", {"key": "$share2"}),
    anyone("PUT sys/unseal", {"key": "$share3"}),
    anyone("PUT sys/unseal", {"key": "$share4"}),
]

UNSEALED = [
    anyone("GET sys/seal-status"),
    anyone("PUT sys/unseal", {"key": "$share0"}),
    anyone("PUT sys/unseal", {"key": NOT_BASE64}),
    anyone("PUT sys/unseal", {"reset": True}),
    anyone("GET sys/init"),
    anyone("PUT sys/init", {"secret_shares": 5, "secret_threshold": 3}),
    anyone("GET sys/health"),
    anyone("HEAD sys/health"),
    anyone("GET sys/health?activecode=299"),
    anyone("GET sys/health?activecode=204"),
    anyone("GET sys/health?activecode=abc"),
    anyone("GET sys/health?standbyok=true&perfstandbyok=true"),
    anyone("GET sys/leader"),
    row("GET sys/mounts"),
    row("GET sys/internal/ui/mounts"),
    anyone("GET sys/internal/ui/mounts"),
    row("GET sys/internal/ui/mounts/transit"),
    row("GET sys/internal/ui/mounts/transit/keys/x"),
    row("GET sys/internal/ui/mounts/nope"),
    anyone("GET sys/internal/ui/mounts/transit"),
    row("PUT sys/rotate"),
    row("POST sys/rotate"),
    row("GET sys/rotate"),
]

TOKENS = [
    row("GET auth/token/lookup-self"),
    anyone("GET auth/token/lookup-self", headers={"Authorization": "Bearer $root"}),
    anyone("GET auth/token/lookup-self", headers={"Authorization": "Basic abc"}),
    *(
        Exchange(request, token=token)
        for token in (None, "", "garbage", "s.000000000000000000000000", "$root$root")
        for request in (
            "GET auth/token/lookup-self",
            "GET sys/mounts",
            "PUT sys/rotate",
            "PUT sys/seal",
            "GET transit/keys/a",
            "LIST transit/keys",
            "POST transit/encrypt/a",
            "GET nothing/here",
            "GET sys/nothing",
        )
    ),
    *(
        row("GET auth/token/lookup-self", headers={"X-Vault-Namespace": name})
        for name in ("", "/", "root", "root/", "unknown", "unknown/", "a/b")
    ),
    row("POST transit/keys/a", headers={"X-Vault-Namespace": "unknown"}),
    anyone("GET sys/health", headers={"X-Vault-Namespace": "unknown"}, **NAMESPACES),
    anyone("GET sys/seal-status", headers={"X-Vault-Namespace": "unknown"}, **NAMESPACES),
]

PATHS = [
    row("GET nothing/here"),
    row("POST nothing/here", {}),
    row("LIST nothing/here"),
    row("GET sys/nothing"),
    row("GET auth/token/nothing"),
    row("GET "),
    row("GET /v1"),
    row("GET /foo"),
    row("GET /v2/sys/health"),
    row("PUT sys/seal-status"),
    row("POST sys/leader"),
    row("GET sys/seal"),
    row("DELETE sys/seal"),
    row("DELETE sys/unseal"),
    row("POST sys/mounts"),
    row("FOO sys/mounts"),
    row("OPTIONS sys/health"),
    row("OPTIONS sys/mounts", ours=(405,), why="a method that no path has; OpenBao answers 400"),
    *(row(f"HEAD {path}", **HEAD) for path in ("sys/mounts", "sys/init", "sys/seal-status", "sys/leader")),
    row("GET sys/mounts/"),
    row("GET sys/mounts?list=true"),
    row("LIST sys/mounts"),
    row("GET sys/health?list=true"),
    row("LIST sys/health"),
    row("GET sys/health/"),
    anyone("GET sys/health/"),
    row("PUT sys/rotate", "{"),
    row("PUT sys/rotate", "[]"),
    row("PUT sys/seal", "{"),
    row("GET sys/key-status"),
    row("GET transit//keys/a", **CANONICAL),
    row("GET transit/../sys/mounts", **CANONICAL),
    row("GET transit/keys/%2e%2e"),
    row("GET transit"),
    row("GET transit/nothing"),
    row("POST transit/encrypt", {"plaintext": MESSAGE}),
    row("POST transit/encrypt/", {"plaintext": MESSAGE}, **CANONICAL),
    row("GET transit/encrypt/aes"),
    row("DELETE transit/encrypt/aes"),
    row("GET transit/decrypt/aes"),
    row("GET transit/sign/ed"),
    row("GET sys/rotate/config"),
    row("POST sys/rotate/config", {"enabled": True, "interval": "2160h"}, **OWN_SCHEDULE),
    row("GET transit/cache-config", **NOT_OFFERED),
]

KEYS = [
    row("LIST transit/keys"),
    row("GET transit/keys?list=true"),
    row("GET transit/keys"),
    row("POST transit/keys"),
    row("GET transit/keys/none"),
    row("DELETE transit/keys/none"),
    row("POST transit/keys/none/rotate"),
    config("none", min_decryption_version=1),
    row("POST transit/keys/aes"),
    row("POST transit/keys/aes"),
    row("POST transit/keys/aes", {"type": "aes256-gcm96"}),
    row("PUT transit/keys/put"),
    row("POST transit/keys/empty", {}),
    row("POST transit/keys/ed", {"type": "ed25519"}),
    row("POST transit/keys/p256", {"type": "ecdsa-p256"}),
    row("POST transit/keys/a.b_c-d"),
    row("POST transit/keys/UPPER"),
    *(row(f"POST transit/keys/{name}") for name in ("bad%20name", "%C3%BC", "a/b", "-lead", "%20")),
    *(row(f"POST transit/keys/{name}", **CANONICAL) for name in ("a%00", "a%2Fb")),
    row("POST transit/keys/bad", {"type": "nope"}),
    row("POST transit/keys/bad", {"type": ""}),
    row("POST transit/keys/bad", {"type": 5}),
    row("POST transit/keys/bad", "{"),
    row("POST transit/keys/bad", "[]"),
    row("POST transit/keys/bad", '"x"'),
    *(row(f"GET transit/keys/{name}") for name in ("aes", "ed", "p256", "bad")),
    row("GET transit/keys/aes?list=true"),
    row("GET transit/keys/aes/"),
    row("LIST transit/keys/aes"),
    row("LIST transit/encrypt/aes"),
    row("LIST transit/keys?limit=2"),
    row("LIST transit/keys?after=aes&limit=1"),
    row("LIST transit/keys?after=zzz"),
    row("LIST transit/keys?limit=x"),
    row("LIST transit/keys?limit=99999999999999999999"),
    *(row(f"LIST transit/keys?limit={limit}", **LIMITS) for limit in (0, -1)),
    row("LIST transit/keys?after=!!", ours=(400,), why="a listing goes on after a name, and this is none"),
    row("LIST transit/keys"),
    row("GET transit/keys?list=true"),
    row("LIST transit/keys/"),
    row("POST transit/keys/aes/rotate"),
    row("PUT transit/keys/aes/rotate", {}),
    row("POST transit/keys/ed/rotate"),
    row("GET transit/keys/aes/rotate"),
    row("GET transit/keys/aes"),
    row("GET transit/keys/ed"),
    row("DELETE transit/keys/put"),
    config("put", deletion_allowed=True),
    row("DELETE transit/keys/put"),
    row("DELETE transit/keys/put"),
    row("GET transit/keys/put"),
]

CONFIG = [
    row("GET transit/keys/aes/config"),
    row("POST transit/keys/aes/config", "{"),
    config("aes"),
    config("aes", min_decryption_version=2),
    config("aes", min_decryption_version=0),
    config("aes", min_decryption_version=-1),
    config("aes", min_decryption_version=4),
    config("aes", min_decryption_version="x"),
    config("aes", min_encryption_version=4),
    config("aes", min_encryption_version=-1),
    config("aes", min_decryption_version=3, min_encryption_version=2),
    config("aes", min_decryption_version=2, min_encryption_version=3),
    config("aes", min_encryption_version=0),
    config("aes", deletion_allowed="maybe"),
    row("PUT transit/keys/aes/config", {"min_decryption_version": 1}),
    row("GET transit/keys/aes"),
]

ENCRYPT = [
    encrypt(save="c3", plaintext=MESSAGE),
    encrypt(save="c1", plaintext=MESSAGE, key_version=1),
    encrypt(save="bound", plaintext=MESSAGE, associated_data=AAD),
    row("PUT transit/encrypt/aes", {"plaintext": MESSAGE}),
    encrypt(plaintext=""),
    encrypt(),
    row("POST transit/encrypt/aes"),
    encrypt(plaintext=NOT_BASE64),
    encrypt(plaintext="aGVsbG8"),
    encrypt(plaintext="_-8="),
    encrypt(plaintext=5),
    encrypt(plaintext=["a"]),
    encrypt(plaintext={"a": 1}),
    row("POST transit/encrypt/aes", "{"),
    row("POST transit/encrypt/aes", "[]"),
    row("POST transit/encrypt/aes", '{"plaintext":"eA=="}trailing'),
    row("POST transit/encrypt/aes", '{"plaintext":' + "[" * 600 + "]" * 600 + "}"),
    encrypt(plaintext=MESSAGE, associated_data=NOT_BASE64, options=FAULT),
    encrypt(plaintext=MESSAGE, key_version=0),
    encrypt(plaintext=MESSAGE, key_version=9),
    encrypt(plaintext=MESSAGE, key_version=-1),
    encrypt(plaintext=MESSAGE, key_version="x"),
    encrypt("ed", plaintext=MESSAGE),
    encrypt("p256", plaintext=MESSAGE),
]

DECRYPT = [
    decrypt("$c3"),
    decrypt("$c1"),
    row("PUT transit/decrypt/aes", {"ciphertext": "$c3"}),
    decrypt("$bound", associated_data=AAD),
    decrypt("$bound"),
    decrypt("$bound", associated_data=OTHER),
    decrypt("$bound", associated_data=NOT_BASE64, options=FAULT),
    decrypt("$c3", associated_data=AAD),
    decrypt("$c3_flipped"),
    decrypt("vault:v1:$c3_body"),
    decrypt("vault:v9:$c3_body"),
    decrypt("vault:v0:$c3_body"),
    decrypt("vault:v-1:$c3_body"),
    decrypt("vault:vx:$c3_body"),
    decrypt("vault:$c3_body"),
    decrypt("$c3_body"),
    decrypt("vault:v3:" + NOT_BASE64),
    decrypt("vault:v3:"),
    decrypt("vault:v3:AAAA"),
    decrypt(""),
    decrypt(5),
    row("POST transit/decrypt/aes", {}),
    decrypt("$c3", "UPPER"),
    decrypt("$c1", "UPPER"),
    decrypt("$c3", "none"),
    decrypt("$c3", "ed"),
    rewrap("$c1"),
    rewrap("$c3"),
    rewrap("$c1", key_version=2),
    rewrap("$c1", key_version=9),
    rewrap("$c3_flipped"),
    rewrap("$bound"),
    rewrap("$c3", "none"),
    rewrap("$c3", "ed"),
    row("POST transit/rewrap/aes", {}),
    config("aes", min_decryption_version=2, min_encryption_version=3),
    decrypt("$c1"),
    rewrap("$c1"),
    encrypt(plaintext=MESSAGE, key_version=2),
    config("aes", min_decryption_version=1, min_encryption_version=0),
    decrypt("$c1"),
]

GOOD, BAD = {"plaintext": MESSAGE}, {"plaintext": NOT_BASE64}
BATCHES = [
    batch("encrypt/aes", GOOD, {**GOOD, "key_version": 1}, {**GOOD, "associated_data": AAD, "reference": "r3"}),
    batch("encrypt/aes", GOOD, BAD),
    batch("encrypt/aes", BAD),
    batch("encrypt/aes", GOOD, {**GOOD, "key_version": 9}),
    batch("encrypt/aes", GOOD, {}, **FAULT),
    batch("encrypt/aes", GOOD, {**GOOD, "associated_data": NOT_BASE64}, **FAULT),
    batch("encrypt/aes"),
    batch("encrypt/aes", "x", **FAULT),
    batch("encrypt/aes", {"plaintext": 5}, **FAULT),
    row("POST transit/encrypt/aes", {"batch_input": "x"}, **FAULT),
    row("POST transit/encrypt/aes", {"batch_input": [GOOD], "plaintext": MESSAGE}),
    row("POST transit/encrypt/aes", {"batch_input": [GOOD, BAD], "partial_failure_response_code": 200}),
    row("POST transit/encrypt/aes", {"batch_input": [GOOD, BAD], "partial_failure_response_code": "202"}),
    row("POST transit/encrypt/aes", {"batch_input": [BAD, BAD], "partial_failure_response_code": 202}),
    row("POST transit/encrypt/aes", {"batch_input": [GOOD, BAD], "partial_failure_response_code": "abc"}),
    row("POST transit/encrypt/aes", {"batch_input": [GOOD, BAD], "partial_failure_response_code": 99}, **FAULT),
    row("POST transit/rewrap/aes", {"batch_input": [{"ciphertext": "$c1"}], "partial_failure_response_code": 202}),
    batch("encrypt/ed", GOOD),
    batch("decrypt/aes", {"ciphertext": "$c3"}, {"ciphertext": "$c1", "reference": "r2"}),
    batch("decrypt/aes", {"ciphertext": "$c3"}, {"ciphertext": "$c3_flipped"}, {"ciphertext": "$c3_body"}),
    batch("decrypt/aes", {"ciphertext": "$bound", "associated_data": AAD}, {"ciphertext": "$bound"}),
    batch("decrypt/aes", {"ciphertext": "$c3"}, {}, **FAULT),
    batch("decrypt/aes", {"ciphertext": ""}),
    batch("decrypt/aes"),
    batch("decrypt/none", {"ciphertext": "$c3"}),
    batch("rewrap/aes", {"ciphertext": "$c3"}, {"ciphertext": "$c1", "reference": "r2"}),
    batch("rewrap/aes", {"ciphertext": "$c1"}, {"ciphertext": "$c3_flipped"}, {"ciphertext": "$c3_body"}),
    batch("rewrap/aes", {}),
    batch("rewrap/aes"),
]

SIGN = [
    sign("ed", "ed", input=MESSAGE),
    sign("ed", "ed_jws", input=MESSAGE, marshaling_algorithm="jws"),
    sign("ed", input=MESSAGE, key_version=1),
    sign("ed", input=MESSAGE, key_version=9, options=FAULT),
    sign("ed", input=MESSAGE, key_version=-1, options=FAULT),
    sign("ed", input=MESSAGE, hash_algorithm="nope"),
    sign("ed", input=MESSAGE, marshaling_algorithm="nope"),
    sign("ed", input=""),
    sign("ed", input=NOT_BASE64),
    sign("none", input=MESSAGE),
    sign("aes", input=MESSAGE),
    row("POST transit/sign/ed", "{"),
    sign("p256", "asn1", input=MESSAGE),
    sign("p256", "jws", input=MESSAGE, marshaling_algorithm="jws"),
    sign("p256", "sha512", input=MESSAGE, hash_algorithm="sha2-512"),
    sign("p256", "digest", input=DIGEST, prehashed=True, hash_algorithm="sha2-256"),
    sign("p256", input=MESSAGE, marshaling_algorithm="nope"),
    sign("p256", input=MESSAGE, hash_algorithm="nope"),
    sign("p256", input=MESSAGE, hash_algorithm="none"),
    sign("p256", input=MESSAGE, algorithm="nope"),
    sign("p256", "older", input=MESSAGE, algorithm="sha2-512"),
    verify("p256", input=MESSAGE, signature="$older", hash_algorithm="sha2-512"),
    sign("p256/sha2-512", "by_path", input=MESSAGE),
    sign("p256/nope", input=MESSAGE),
    batch("sign/p256", {"input": MESSAGE}, {"input": OTHER, "reference": "r2"}),
    batch("sign/p256", {"input": MESSAGE}, {"input": NOT_BASE64}, {}),
    batch("sign/p256"),
    batch("sign/p256", "x", **FAULT),
    batch("sign/aes", {"input": MESSAGE}),
    batch("sign/none", {"input": MESSAGE}),
]

SIGNED = {"input": MESSAGE, "signature": "$asn1"}
VERIFY = [
    verify("ed", input=MESSAGE, signature="$ed"),
    verify("ed", input=OTHER, signature="$ed"),
    verify("ed", input=MESSAGE, signature="$ed_flipped"),
    verify("ed", input=MESSAGE, signature="vault:v1:$ed_body"),
    verify("ed", input=MESSAGE, signature="vault:v9:$ed_body"),
    verify("ed", input=MESSAGE, signature="vault:v0:$ed_body"),
    verify("ed", input=MESSAGE, signature="vault:vx:AAAA"),
    verify("ed", input=MESSAGE, signature="vault:v2:AAAA"),
    verify("ed", input=MESSAGE, signature="vault:v2:" + NOT_BASE64),
    verify("ed", input=MESSAGE, signature="$ed_body"),
    verify("ed", input=MESSAGE, signature=""),
    verify("ed", input=MESSAGE, signature=5),
    verify("ed", input=MESSAGE),
    verify("ed", input=NOT_BASE64, signature="$ed"),
    verify("ed", input=MESSAGE, signature="$ed_jws", marshaling_algorithm="jws"),
    verify("ed", input=MESSAGE, signature="$ed", marshaling_algorithm="jws"),
    verify("none", input=MESSAGE, signature="$ed"),
    verify("aes", input=MESSAGE, signature="$ed"),
    verify("p256", **SIGNED),
    verify("p256", input=OTHER, signature="$asn1"),
    verify("p256", input=MESSAGE, signature="$jws", marshaling_algorithm="jws"),
    verify("p256", input=MESSAGE, signature="$jws"),
    verify("p256", input=MESSAGE, signature="$asn1", marshaling_algorithm="nope"),
    verify("p256", input=MESSAGE, signature="vault:v1:AAAA"),
    verify("p256", input=MESSAGE, signature="$sha512", hash_algorithm="sha2-512"),
    verify("p256", input=MESSAGE, signature="$sha512"),
    verify("p256", input=MESSAGE, signature="$digest"),
    verify("p256", input=DIGEST, signature="$asn1", prehashed=True),
    verify("p256/sha2-512", input=MESSAGE, signature="$by_path"),
    batch("verify/p256", SIGNED, {"input": OTHER, "signature": "$asn1", "reference": "r2"}),
    batch("verify/p256", SIGNED, {"input": MESSAGE}),
    batch("verify/p256", {"input": MESSAGE, "signature": "x"}),
    batch("verify/p256", {"input": MESSAGE}),
    batch("verify/p256", {"input": MESSAGE, "signature": ""}),
    batch("verify/p256", SIGNED, {"input": NOT_BASE64, "signature": "$asn1"}, {"signature": "$asn1"}),
    batch("verify/aes", SIGNED),
    batch("decrypt/ed", {"ciphertext": "$c3"}),
    batch("rewrap/ed", {"ciphertext": "$c3"}),
    batch("verify/p256"),
    config("ed", min_decryption_version=2),
    verify("ed", input=MESSAGE, signature="vault:v1:$ed_body"),
    sign("ed", input=MESSAGE, key_version=1, options=FAULT),
    config("ed", min_decryption_version=1, min_encryption_version=2),
    sign("ed", input=MESSAGE, key_version=1, options=FAULT),
]

RESEALED = [
    row("POST sys/seal"),
    anyone("GET sys/seal-status"),
    anyone("GET sys/health"),
    row("PUT sys/seal"),
    decrypt("$c3"),
    row("LIST transit/keys"),
    anyone("PUT sys/unseal", {"key": "$share2"}),
    anyone("PUT sys/unseal", {"key": "$share1"}),
    anyone("PUT sys/unseal", {"key": "$share0"}),
    row("GET auth/token/lookup-self"),
    row("LIST transit/keys"),
    row("GET transit/keys/ed"),
    decrypt("$c3"),
    decrypt("$c1"),
    verify("p256", **SIGNED),
]

# Last, because the two servers may hold different keys from here on.
DIVERGING = [
    row("POST transit/keys/aes", {"type": "ed25519"}, ours=(400,), why="an existing key has its type"),
    row("POST transit/keys/null", "null"),
    row("POST transit/keys/blank", " "),
    row("POST transit/keys/twice", '{"type":"aes256-gcm96","type":"ed25519"}', **STRICT_JSON),
    row("POST transit/encrypt/aes", '{"plaintext":"eA==","plaintext":"eQ=="}', **STRICT_JSON),
    encrypt(plaintext=None, options=STRICT_JSON),
    encrypt(plaintext=MESSAGE, key_version="2"),
    encrypt(plaintext=MESSAGE, key_version="2x"),
    batch("encrypt/aes", {**GOOD, "key_version": "2"}, ours=(200,), why="a number may be a text here, too"),
    encrypt(plaintext=MESSAGE, key_version=1.5),
    row("POST transit/keys/aes/config", {"min_decryption_version": "1", "deletion_allowed": "false"}),
    row("POST transit/keys/aes/config", {"deletion_allowed": 1}),
    config("aes", deletion_allowed=False),
    config("aes", deletion_allowed=[]),
    config("aes", min_encryption_version=1.5),
    encrypt(plaintext=MESSAGE, nonsense=1),
    encrypt(plaintext=MESSAGE, nonce="AAAAAAAAAAAAAAAA", options=NO_NONCE),
    encrypt(plaintext=MESSAGE, context="YQ==", options=NO_CONTEXT),
    decrypt("$c3", context="YQ==", options=NO_CONTEXT),
    sign("ed", input=MESSAGE, context="YQ==", options=NO_CONTEXT),
    encrypt(plaintext=MESSAGE, context=""),
    encrypt(plaintext=MESSAGE, reference="r"),
    decrypt("$c3", plaintext=MESSAGE),
    row("POST transit/encrypt/aes", {"batch_input": None, "plaintext": MESSAGE}),
    row("POST transit/encrypt/aes", "[]"),
    row("POST transit/keys/aes/rotate", "{"),
    row("POST transit/keys/extra", {"nonsense": 1}),
    row("POST transit/keys/" + "n" * 600, ours=(400, 404), why="names have a limit"),
    *(row(f"POST transit/keys/{name}", {"type": name}, **THREE_TYPES) for name in ("rsa-2048", "chacha20-poly1305")),
    row("POST transit/keys/derived", {"derived": True}, **NO_DERIVATION),
    row("POST transit/keys/convergent", {"derived": True, "convergent_encryption": True}, **NO_DERIVATION),
    row("POST transit/keys/exportable", {"exportable": True}, **NEVER_LEAVES),
    row("POST transit/keys/backup", {"allow_plaintext_backup": True}, **NEVER_LEAVES),
    row("POST transit/keys/aes/config", {"exportable": True}, **NEVER_LEAVES),
    encrypt("upsert", plaintext=MESSAGE, options=NO_UPSERT),
    encrypt("upsert2", plaintext=NOT_BASE64),
    batch("encrypt/upsert3", GOOD, **NO_UPSERT),
]

EXCHANGES = [
    *UNINITIALISED, *SEALED, *UNSEAL, *UNSEALED, *TOKENS, *PATHS, *KEYS, *CONFIG, *ENCRYPT, *DECRYPT, *BATCHES,
    *SIGN, *VERIFY, *RESEALED, *DIVERGING,
]  # fmt: skip
