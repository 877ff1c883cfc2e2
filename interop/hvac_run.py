"""Drives a fresh, uninitialised server through hvac, unmodified, and verifies signatures without the server.

    hvac_run.py URL [--oracle]

--oracle: the server is an OpenBao, which has to be told to mount transit.
"""

import argparse
import base64
import sys
import time
from dataclasses import dataclass, field

import hvac
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, VaultDown

import hvac_kinds
import hvac_transfers
from checks import Checks, raises

SHARES, THRESHOLD = 5, 3
MESSAGE = b"attack at dawn"
HASHES = {"sha2-256": hashes.SHA256, "sha2-384": hashes.SHA384, "sha2-512": hashes.SHA512}

checks = Checks("hvac")
check = checks.add


@dataclass
class Run:
    """What one check leaves to the next."""

    url: str
    oracle: bool
    client: hvac.Client
    shares: list = field(default_factory=list)
    old: str = ""  # a ciphertext of version 1 of the key "aes"

    @property
    def sys(self):
        return self.client.sys

    @property
    def transit(self):
        return self.client.secrets.transit

    def other(self, **changes):
        """A client like ours, but for the changes."""
        return hvac.Client(**{"url": self.url, "token": self.client.token, **changes})

    def unseal(self, shares):
        """Submits the shares and waits until the server is active: OpenBao is standby for a moment."""
        status = self.sys.submit_unseal_keys(shares)
        deadline = time.monotonic() + 20
        while self.health() != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        return status

    def health(self):
        return self.sys.read_health_status().status_code

    def encrypt(self, name, plaintext=MESSAGE, **options):
        return self.transit.encrypt_data(name, plaintext=b64(plaintext), **options)["data"]["ciphertext"]

    def decrypt(self, name, ciphertext, **options):
        answer = self.transit.decrypt_data(name, ciphertext=ciphertext, **options)
        return base64.b64decode(answer["data"]["plaintext"], validate=True)

    def sign(self, name, message=MESSAGE, **options):
        return self.transit.sign_data(name, hash_input=b64(message), **options)["data"]["signature"]

    def verify(self, name, signature, message=MESSAGE, **options):
        answer = self.transit.verify_signed_data(name, b64(message), signature=signature, **options)
        return answer["data"]["valid"]

    def key(self, name):
        return self.transit.read_key(name)["data"]

    def public(self, name, version="1"):
        """The public key as read_key gives it, in the form of the independent implementation."""
        text = self.key(name)["keys"][version]["public_key"]
        if "BEGIN" in text:
            return load_pem_public_key(text.encode())
        return ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def b64(data):
    return base64.b64encode(data).decode()


def payload(text):
    """The bytes of `vault:vN:<base64>`."""
    scheme, _, body = text.split(":")
    assert scheme == "vault"
    return base64.b64decode(body, validate=True)


def jws_payload(text):
    """The bytes of `vault:vN:<base64url without padding>`."""
    body = text.split(":")[2]
    assert "=" not in body
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))


def flipped(text, at=-1):
    """The same text with one bit of one payload byte changed."""
    data = bytearray(payload(text))
    data[at] ^= 1
    return f"{text.rpartition(':')[0]}:{b64(data)}"


# Initialise, unseal, seal


@check
def uninitialised_server_says_so(run):
    assert not run.sys.is_initialized()
    status = run.sys.read_seal_status()
    assert status["sealed"] and not status["initialized"]
    assert run.health() == 501


@check
def initialise_gives_five_shares_and_a_token(run):
    answer = run.sys.initialize(secret_shares=SHARES, secret_threshold=THRESHOLD)
    run.shares, run.client.token = answer["keys_base64"], answer["root_token"]
    assert [base64.b64decode(share) for share in run.shares] == [bytes.fromhex(share) for share in answer["keys"]]
    assert len(set(run.shares)) == SHARES
    assert run.client.token


@check
def initialising_twice_is_refused(run):
    assert run.sys.is_initialized()
    raises(InvalidRequest, run.sys.initialize, secret_shares=1, secret_threshold=1)


@check
def sealed_server_answers_health_503_and_nothing_else(run):
    assert run.sys.is_sealed()
    assert run.health() == 503
    raises(VaultDown, run.transit.list_keys)
    raises(VaultDown, run.sys.list_mounted_secrets_engines)


@check
def one_share_counts_once(run):
    assert run.sys.submit_unseal_key(run.shares[0])["progress"] == 1
    assert run.sys.submit_unseal_key(run.shares[0])["progress"] == 1
    assert run.sys.submit_unseal_key(run.shares[1])["progress"] == 2
    assert run.sys.submit_unseal_key(reset=True)["progress"] == 0


@check
def a_changed_share_does_not_unseal(run):
    changed = bytearray(base64.b64decode(run.shares[2]))
    changed[0] ^= 1
    raises(InvalidRequest, run.sys.submit_unseal_keys, [*run.shares[:2], b64(changed)])
    status = run.sys.read_seal_status()
    # OpenBao sees at the last share that one of them is wrong, and forgets all; Strongroom refuses the wrong one.
    assert status["sealed"] and status["progress"] == (0 if run.oracle else 2)
    assert run.sys.submit_unseal_key(reset=True)["progress"] == 0


@check
def three_shares_unseal(run):
    status = run.unseal(run.shares[:THRESHOLD])
    assert not status["sealed"]
    assert (status["t"], status["n"]) == (THRESHOLD, SHARES)
    assert run.health() == 200


@check
def health_has_a_body(run):
    body = run.sys.read_health_status(method="GET")
    assert body["initialized"] and not body["sealed"] and not body["standby"]
    assert body["version"] and body["server_time_utc"]


@check
def leader_answers(run):
    assert isinstance(run.sys.read_leader_status()["ha_enabled"], bool)


@check
def the_root_token_looks_itself_up(run):
    assert run.client.is_authenticated()
    data = run.client.auth.token.lookup_self()["data"]
    assert data["policies"] == ["root"] and data["ttl"] == 0


@check
def transit_is_mounted(run):
    if run.oracle:
        run.sys.enable_secrets_engine("transit")
    assert run.sys.list_mounted_secrets_engines()["data"]["transit/"]["type"] == "transit"


# Who may


@check
def a_wrong_token_is_forbidden(run):
    stranger = run.other(token="s.000000000000000000000000")
    raises(Forbidden, stranger.secrets.transit.list_keys)
    raises(Forbidden, stranger.sys.seal)
    raises(Forbidden, stranger.auth.token.lookup_self)


@check
def no_token_is_forbidden(run):
    nobody = run.other(token="")
    raises(Forbidden, nobody.secrets.transit.list_keys)
    raises(Forbidden, nobody.sys.rotate_encryption_key)
    raises(Forbidden, nobody.sys.seal)
    assert not run.sys.is_sealed()


@check
def an_unknown_namespace_is_not_found(run):
    elsewhere = run.other(namespace="elsewhere")
    raises(InvalidPath, elsewhere.secrets.transit.create_key, "aes")
    raises(InvalidPath, elsewhere.auth.token.lookup_self)


@check
def the_root_namespace_by_name_is_the_root(run):
    assert run.other(namespace="root").is_authenticated()


# Keys


@check
def listing_nothing_is_not_found(run):
    raises(InvalidPath, run.transit.list_keys)


@check
def create_three_types(run):
    run.transit.create_key("aes")
    run.transit.create_key("ed", key_type="ed25519")
    run.transit.create_key("p256", key_type="ecdsa-p256")
    assert run.transit.list_keys()["data"]["keys"] == ["aes", "ed", "p256"]


@check
def read_tells_type_and_abilities(run):
    aes, ed, p256 = (run.key(name) for name in ("aes", "ed", "p256"))
    assert (aes["type"], ed["type"], p256["type"]) == ("aes256-gcm96", "ed25519", "ecdsa-p256")
    assert aes["supports_encryption"] and aes["supports_decryption"] and not aes["supports_signing"]
    for key in (ed, p256):
        assert key["supports_signing"] and not key["supports_encryption"]
    for key in (aes, ed, p256):
        assert key["latest_version"] == key["min_decryption_version"] == 1
        assert not key["exportable"] and not key["deletion_allowed"]


@check
def symmetric_keys_never_leave(run):
    assert all(isinstance(when, int) for when in run.key("aes")["keys"].values())


@check
def creating_again_leaves_the_key(run):
    before = run.encrypt("aes")
    run.transit.create_key("aes")
    assert run.key("aes")["latest_version"] == 1
    assert run.decrypt("aes", before) == MESSAGE


@check
def an_unknown_key_is_refused(run):
    raises(InvalidPath, run.transit.read_key, "none")
    raises(InvalidRequest, run.decrypt, "none", run.encrypt("aes"))
    raises(InvalidRequest, run.sign, "none")
    raises(InvalidRequest, run.transit.rotate_key, "none")
    raises(InvalidRequest, run.transit.delete_key, "none")


# Encrypt, decrypt, rewrap


@check
def what_is_encrypted_decrypts(run):
    for plaintext in (MESSAGE, b"", bytes(range(256)) * 256):
        assert run.decrypt("aes", run.encrypt("aes", plaintext)) == plaintext


@check
def the_same_plaintext_encrypts_differently(run):
    assert run.encrypt("aes") != run.encrypt("aes")


@check
def associated_data_is_bound(run):
    bound = run.encrypt("aes", associated_data=b64(b"invoice 7"))
    assert run.decrypt("aes", bound, associated_data=b64(b"invoice 7")) == MESSAGE
    raises(InvalidRequest, run.decrypt, "aes", bound)
    raises(InvalidRequest, run.decrypt, "aes", bound, associated_data=b64(b"invoice 8"))
    raises(InvalidRequest, run.decrypt, "aes", run.encrypt("aes"), associated_data=b64(b"invoice 7"))


@check
def a_changed_ciphertext_does_not_decrypt(run):
    ciphertext = run.encrypt("aes")
    for at in (0, len(payload(ciphertext)) // 2, -1):
        raises(InvalidRequest, run.decrypt, "aes", flipped(ciphertext, at))
    raises(InvalidRequest, run.decrypt, "aes", ciphertext[:-8])
    raises(InvalidRequest, run.decrypt, "aes", ciphertext.removeprefix("vault:"))


@check
def another_keys_ciphertext_does_not_decrypt(run):
    run.transit.create_key("aes2")
    raises(InvalidRequest, run.decrypt, "aes2", run.encrypt("aes"))


@check
def a_batch_keeps_its_order_and_references(run):
    items = [{"plaintext": b64(bytes([n])), "reference": f"r{n}"} for n in range(20)]
    items[3]["associated_data"] = b64(b"three")
    sealed = run.transit.encrypt_data("aes", batch_input=items)["data"]["batch_results"]
    assert [item["reference"] for item in sealed] == [f"r{n}" for n in range(20)]
    back = [{"ciphertext": item["ciphertext"]} for item in sealed]
    back[3]["associated_data"] = b64(b"three")
    opened = run.transit.decrypt_data("aes", batch_input=back)["data"]["batch_results"]
    assert [item["plaintext"] for item in opened] == [item["plaintext"] for item in items]


@check
def a_bad_item_fails_the_batch_with_the_rest_answered(run):
    good = run.encrypt("aes")
    batch = [{"ciphertext": good}, {"ciphertext": flipped(good)}]
    answer = raises(InvalidRequest, run.transit.decrypt_data, "aes", batch_input=batch).json
    first, second = answer["data"]["batch_results"]
    assert first["plaintext"] == b64(MESSAGE)
    assert second["error"] and not second.get("plaintext")


@check
def rotation_makes_a_new_version_and_opens_the_old(run):
    run.old = run.encrypt("aes")
    run.transit.rotate_key("aes")
    assert run.key("aes")["latest_version"] == 2 and set(run.key("aes")["keys"]) == {"1", "2"}
    assert run.encrypt("aes").startswith("vault:v2:")
    assert run.decrypt("aes", run.old) == MESSAGE


@check
def a_version_can_be_named_and_its_label_cannot_be_changed(run):
    assert run.encrypt("aes", key_version=1).startswith("vault:v1:")
    raises(InvalidRequest, run.encrypt, "aes", key_version=3)
    raises(InvalidRequest, run.decrypt, "aes", run.old.replace("vault:v1:", "vault:v2:"))
    raises(InvalidRequest, run.decrypt, "aes", run.old.replace("vault:v1:", "vault:v3:"))


@check
def rewrap_moves_to_the_latest_version(run):
    data = run.transit.rewrap_data("aes", run.old)["data"]
    assert "plaintext" not in data and data["ciphertext"].startswith("vault:v2:")
    assert run.decrypt("aes", data["ciphertext"]) == MESSAGE
    batch = run.transit.rewrap_data("aes", None, batch_input=[{"ciphertext": run.old}] * 2)["data"]["batch_results"]
    assert [run.decrypt("aes", item["ciphertext"]) for item in batch] == [MESSAGE] * 2
    raises(InvalidRequest, run.transit.rewrap_data, "aes", flipped(run.old))


# Configuration


@check
def min_decryption_version_is_enforced(run):
    run.transit.update_key_configuration("aes", min_decryption_version=2)
    assert run.key("aes")["min_decryption_version"] == 2 and set(run.key("aes")["keys"]) == {"2"}
    raises(InvalidRequest, run.decrypt, "aes", run.old)
    raises(InvalidRequest, run.transit.rewrap_data, "aes", run.old)
    run.transit.update_key_configuration("aes", min_decryption_version=1)
    assert run.decrypt("aes", run.old) == MESSAGE


@check
def min_encryption_version_is_enforced(run):
    run.transit.update_key_configuration("aes", min_encryption_version=2)
    raises(InvalidRequest, run.encrypt, "aes", key_version=1)
    assert run.encrypt("aes", key_version=2).startswith("vault:v2:")
    run.transit.update_key_configuration("aes", min_encryption_version=0)
    assert run.encrypt("aes", key_version=1).startswith("vault:v1:")


@check
def bounds_beyond_the_latest_version_are_refused(run):
    raises(InvalidRequest, run.transit.update_key_configuration, "aes", min_decryption_version=3)
    raises(InvalidRequest, run.transit.update_key_configuration, "aes", min_encryption_version=3)
    assert run.key("aes")["min_decryption_version"] == 1


@check
def deletion_is_refused_until_allowed(run):
    raises(InvalidRequest, run.transit.delete_key, "aes2")
    run.transit.update_key_configuration("aes2", deletion_allowed=True)
    lost = run.encrypt("aes2")
    run.transit.delete_key("aes2")
    raises(InvalidPath, run.transit.read_key, "aes2")
    raises(InvalidRequest, run.decrypt, "aes2", lost)
    assert "aes2" not in run.transit.list_keys()["data"]["keys"]


@check
def a_key_of_a_deleted_name_is_another_key(run):
    run.transit.create_key("again")
    lost = run.encrypt("again")
    run.transit.update_key_configuration("again", deletion_allowed=True)
    run.transit.delete_key("again")
    run.transit.create_key("again")
    raises(InvalidRequest, run.decrypt, "again", lost)


# Sign, verify


@check
def ed25519_signatures_verify_elsewhere(run):
    public = run.public("ed")
    public.verify(payload(run.sign("ed")), MESSAGE)
    public.verify(jws_payload(run.sign("ed", marshaling_algorithm="jws")), MESSAGE)
    raises(InvalidSignature, public.verify, payload(run.sign("ed")), b"other")


@check
def ed25519_signatures_verify_here(run):
    assert run.verify("ed", run.sign("ed")) is True
    jws = {"marshaling_algorithm": "jws"}
    assert run.verify("ed", run.sign("ed", **jws), **jws) is True


@check
def ecdsa_asn1_signatures_verify_elsewhere(run):
    public = run.public("p256")
    assert isinstance(public.curve, ec.SECP256R1)
    public.verify(payload(run.sign("p256")), MESSAGE, ec.ECDSA(hashes.SHA256()))
    for name, function in HASHES.items():
        signature = run.sign("p256", hash_algorithm=name, marshaling_algorithm="asn1")
        public.verify(payload(signature), MESSAGE, ec.ECDSA(function()))


@check
def ecdsa_jws_signatures_verify_elsewhere(run):
    raw = jws_payload(run.sign("p256", marshaling_algorithm="jws"))
    assert len(raw) == 64
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    run.public("p256").verify(der, MESSAGE, ec.ECDSA(hashes.SHA256()))


@check
def ecdsa_signs_what_was_hashed_before(run):
    for name, function in HASHES.items():
        hasher = hashes.Hash(function())
        hasher.update(MESSAGE)
        digest = hasher.finalize()
        signature = run.sign("p256", digest, prehashed=True, hash_algorithm=name)
        run.public("p256").verify(payload(signature), digest, ec.ECDSA(utils.Prehashed(function())))
        assert run.verify("p256", signature, hash_algorithm=name) is True
        assert run.verify("p256", signature, digest, prehashed=True, hash_algorithm=name) is True


@check
def ecdsa_signatures_verify_here(run):
    for marshaling in ("asn1", "jws"):
        for name in HASHES:
            options = {"marshaling_algorithm": marshaling, "hash_algorithm": name}
            assert run.verify("p256", run.sign("p256", **options), **options) is True


@check
def a_wrong_signature_is_false(run):
    for key in ("ed", "p256"):
        signature = run.sign(key)
        assert run.verify(key, signature, b"other") is False
        assert run.verify(key, flipped(signature)) is False
    run.transit.create_key("ed2", key_type="ed25519")
    assert run.verify("ed2", run.sign("ed")) is False
    assert run.verify("p256", run.sign("p256"), hash_algorithm="sha2-512") is False


@check
def a_signature_that_is_none_is_refused(run):
    raises(InvalidRequest, run.verify, "ed", "no signature")
    raises(InvalidRequest, run.verify, "p256", run.sign("p256", marshaling_algorithm="jws"))
    raises(InvalidRequest, run.verify, "ed", run.sign("ed").replace("vault:v1:", "vault:v9:"))


@check
def old_signatures_verify_after_rotation(run):
    for key in ("ed", "p256"):
        old = run.sign(key)
        run.transit.rotate_key(key)
        assert run.sign(key).startswith("vault:v2:")
        assert run.verify(key, old) is True
        assert run.verify(key, old.replace("vault:v1:", "vault:v2:")) is False
    run.public("ed", "2").verify(payload(run.sign("ed")), MESSAGE)
    run.public("ed", "1").verify(payload(run.sign("ed", key_version=1)), MESSAGE)


@check
def signatures_below_min_decryption_version_are_refused(run):
    run.transit.create_key("p256b", key_type="ecdsa-p256")
    old = run.sign("p256b")
    run.transit.rotate_key("p256b")
    run.transit.update_key_configuration("p256b", min_decryption_version=2)
    raises(InvalidRequest, run.verify, "p256b", old)
    assert set(run.key("p256b")["keys"]) == {"2"}


@check
def a_batch_is_signed_item_by_item(run):
    batch = [{"input": b64(bytes([n])), "reference": str(n)} for n in range(5)]
    results = run.transit.sign_data("ed", batch_input=batch)["data"]["batch_results"]
    public = run.public("ed", "2")
    for n, item in enumerate(results):
        assert item["reference"] == str(n)
        public.verify(payload(item["signature"]), bytes([n]))


@check
def a_key_does_only_what_its_type_does(run):
    raises(InvalidRequest, run.sign, "aes")
    raises(InvalidRequest, run.verify, "aes", run.sign("ed"))
    raises(InvalidRequest, run.encrypt, "ed")
    raises(InvalidRequest, run.decrypt, "p256", run.old)


# Every kind of key, and keys that come and go

for named in (*hvac_kinds.ALL, *hvac_transfers.ALL):
    check(named)


# Afterwards


@check
def rotating_the_barrier_loses_nothing(run):
    for _ in range(2):
        assert run.sys.rotate_encryption_key().status_code == 204
    assert run.decrypt("aes", run.old) == MESSAGE


@check
def sealing_ends_everything(run):
    assert run.sys.seal().status_code == 204
    assert run.sys.is_sealed() and run.health() == 503
    raises(VaultDown, run.decrypt, "aes", run.old)
    raises(VaultDown, run.transit.read_key, "aes")


@check
def other_three_shares_bring_everything_back(run):
    assert not run.unseal(run.shares[-THRESHOLD:])["sealed"]
    assert run.client.is_authenticated()
    assert run.decrypt("aes", run.old) == MESSAGE
    # OpenBao lists the folder of its wrapping key, too.
    folders = ["import/"] if run.oracle else []
    keys = ["aes", "again", "ed", "ed2", *folders, "p256", "p256b"]
    assert run.transit.list_keys()["data"]["keys"] == keys
    assert run.key("p256b")["min_decryption_version"] == 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--oracle", action="store_true")
    arguments = parser.parse_args()
    run = Run(arguments.url, arguments.oracle, hvac.Client(url=arguments.url, token=""))
    return checks.run(run)


if __name__ == "__main__":
    sys.exit(main())
