"""What a row of exchanges.py is, and what its options mean."""

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
    Tolerance("transit/keys/(random-|in-)?hmac", r"\.data\.keys\.\d+$", True, "keys of HMAC have versions like all others"),
    Tolerance("", r"\.(server_time_utc|creation_time)$", False, CLOCK),
    Tolerance("transit/keys", r"\.data\.keys\.\d+$", False, CLOCK),
    Tolerance("sys/(health|seal-status|unseal)", r"\.cluster_(name|id)$", True, CLUSTER),
    Tolerance("sys/leader", r"\.ha_enabled$", False, CLUSTER),
    Tolerance("sys/leader", r"\.(is_self|active_time|leader_\w+|raft_\w+)$", True, CLUSTER),
    Tolerance("sys/(seal-status|unseal)", r"\.commit_date$", True, "a detail of OpenBao's build"),
    Tolerance("mounts", r"\.(cubbyhole|identity)/\.", True, "engines that Strongroom does not have"),
    Tolerance("mounts", r"\.(\w*plugin_version|running_sha256|deprecation_status)$", True, "there are no plugins"),
    Tolerance("mounts", r"\.passthrough_request_headers\b", True, "there are no plugins to pass headers to"),
    Tolerance("key-status", r"\.(term|encryptions)$", False, "the root's term, which sys/rotate/root makes new"),
    Tolerance("key-status", r"\.install_time$", False, CLOCK),
    Tolerance("transit/keys", r"\.supports_derivation$", False, "signing keys are not derived"),
    Tolerance("transit/keys", r"\.data\.(kdf|convergent_encryption_version)$", True, "an envelope derives its key itself"),
    Tolerance("transit/keys/convergent", r"\.data\.type$", False, "convergent encryption is a type of its own, AES-SIV"),
    Tolerance("transit/datakey/plaintext", r"\.data\.plaintext$", False, "the key is random"),
    Tolerance("transit/keys", r"\.data\.(state|version_states\.\d+)$", True, "states are our own"),
    Tolerance("transit/export/(encryption|signing)", r"\.data\.keys\.\d+$", False, "PKCS#8, not PKCS#1, SEC 1 or bare"),
    Tolerance("transit/keys/turns", r"\.imported_key(_allow_rotation)?$", True, "an imported key stays one when rotated"),
    Tolerance("transit/keys", r"\.data\.(backup|restore)_info\b", True, "the audit log tells of backups"),
    Tolerance("mounts", r"\.(seal_wrap|external_entropy_access)$", False, "everything is sealed by the barrier"),
]

# Options of a row that is meant to differ.
NONE = {}
FAULT = {"ours": (400,), "why": "the caller's fault is a 400; OpenBao answers 500"}
STRICT_JSON = {"ours": (400,), "why": "JSON is strict: members are not repeated, a text is a text"}
NO_UPSERT = {"ours": (400, 404), "why": "keys are made by name, not by their first use"}
NO_NONCE = {"ours": (400,), "why": "no caller names a nonce; OpenBao warns that it ignores it"}
NO_CONTEXT = {"ours": (400,), "why": "a context is for derived keys; OpenBao ignores it silently for others"}
NOT_BACK = {"ours": (400,), "why": "what may have left a key stays allowed; OpenBao ignores the wish silently"}
NO_SIGNATURE = {"ours": (200,), "why": "bytes that are no signature at all are not valid; OpenBao says that they do not parse"}
LIMITS = {"ours": (400,), "why": "a limit is positive; OpenBao takes others for none"}
HEAD = {"ours": (200,), "why": "HEAD is answered where GET is (RFC 9110, section 9.3.2)"}
NAMESPACES = {"ours": (404,), "why": "there are no namespaces: everything below an unknown one is 404"}
CANONICAL = {"ours": (400, 404), "why": "a path that is not canonical is refused, not redirected"}
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
