"""Checks of hvac_run.py on every kind of key; each removes the keys that it made."""

import base64
from contextlib import contextmanager

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hvac.exceptions import InvalidRequest

from checks import raises

MESSAGE = base64.b64encode(b"attack at dawn").decode()
CONTEXT = base64.b64encode(b"user 7").decode()
SYMMETRIC = ("aes256-gcm96", "chacha20-poly1305")
HASHES = {"sha2-256": hashes.SHA256, "sha2-512": hashes.SHA512}


@contextmanager
def key(run, name, **options):
    """A key for a while."""
    run.transit.create_key(name, **options)
    try:
        yield name
    finally:
        run.transit.update_key_configuration(name, deletion_allowed=True)
        run.transit.delete_key(name)


def signed(text):
    return base64.b64decode(text.split(":")[2])


def every_symmetric_kind_encrypts(run):
    for kind in SYMMETRIC:
        with key(run, kind, key_type=kind):
            ciphertext = run.transit.encrypt_data(kind, plaintext=MESSAGE)["data"]["ciphertext"]
            run.transit.rotate_key(kind)
            moved = run.transit.rewrap_data(kind, ciphertext)["data"]["ciphertext"]
            assert moved.startswith("vault:v2:")
            for text in (ciphertext, moved):
                assert run.transit.decrypt_data(kind, text)["data"]["plaintext"] == MESSAGE


def rsa_encrypts_and_signs(run):
    with key(run, "rsa", key_type="rsa-2048"):
        ciphertext = run.transit.encrypt_data("rsa", plaintext=MESSAGE)["data"]["ciphertext"]
        assert run.transit.decrypt_data("rsa", ciphertext)["data"]["plaintext"] == MESSAGE
        public = load_pem_public_key(run.key("rsa")["keys"]["1"]["public_key"].encode())
        sealed = public.encrypt(
            b"from outside", padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        )
        text = f"vault:v1:{base64.b64encode(sealed).decode()}"
        assert base64.b64decode(run.transit.decrypt_data("rsa", text)["data"]["plaintext"]) == b"from outside"
        for name, scheme in (
            ("pss", padding.PSS(padding.MGF1(hashes.SHA512()), padding.PSS.AUTO)),
            ("pkcs1v15", padding.PKCS1v15()),
        ):
            how = {"hash_algorithm": "sha2-512", "signature_algorithm": name}
            signature = run.transit.sign_data("rsa", MESSAGE, **how)["data"]["signature"]
            public.verify(signed(signature), base64.b64decode(MESSAGE), scheme, hashes.SHA512())
            verified = run.transit.verify_signed_data("rsa", MESSAGE, signature=signature, **how)
            assert verified["data"]["valid"] is True


def every_curve_signs_with_every_hash(run):
    for kind in ("ecdsa-p384", "ecdsa-p521"):
        with key(run, kind, key_type=kind):
            public = load_pem_public_key(run.key(kind)["keys"]["1"]["public_key"].encode())
            for name, algorithm in HASHES.items():
                signature = run.transit.sign_data(kind, MESSAGE, hash_algorithm=name)["data"]["signature"]
                public.verify(signed(signature), base64.b64decode(MESSAGE), ec.ECDSA(algorithm()))
                raises(InvalidSignature, public.verify, signed(signature), b"other", ec.ECDSA(algorithm()))


def derived_keys_need_their_context(run):
    with key(run, "derived", derived=True), key(run, "same", derived=True, convergent_encryption=True):
        for name in ("derived", "same"):
            one, two = (
                run.transit.encrypt_data(name, plaintext=MESSAGE, context=CONTEXT)["data"]["ciphertext"]
                for _ in range(2)
            )
            assert (one == two) == (name == "same")
            assert run.transit.decrypt_data(name, one, context=CONTEXT)["data"]["plaintext"] == MESSAGE
            raises(InvalidRequest, run.transit.decrypt_data, name, one)
            raises(InvalidRequest, run.transit.decrypt_data, name, one, context=MESSAGE)
            raises(InvalidRequest, run.transit.encrypt_data, name, plaintext=MESSAGE)


def every_kind_computes_hmac(run):
    with key(run, "mac", key_type="rsa-2048"):
        for name in ("aes", "ed", "p256", "mac"):
            for algorithm in HASHES:
                code = run.transit.generate_hmac(name, MESSAGE, algorithm=algorithm)["data"]["hmac"]
                for message, valid in ((MESSAGE, True), (CONTEXT, False)):
                    checked = run.transit.verify_signed_data(name, message, hmac=code, hash_algorithm=algorithm)
                    assert checked["data"]["valid"] is valid


def data_keys_open_again(run):
    for bits in (128, 256, 512):
        made = run.transit.generate_data_key("aes", "plaintext", bits=bits)["data"]
        assert len(base64.b64decode(made["plaintext"])) * 8 == bits
        assert run.transit.decrypt_data("aes", made["ciphertext"])["data"]["plaintext"] == made["plaintext"]
    assert "plaintext" not in run.transit.generate_data_key("aes", "wrapped")["data"]


def random_bytes_and_hashes_come(run):
    assert len(bytes.fromhex(run.transit.generate_random_bytes(16, output_format="hex")["data"]["random_bytes"])) == 16
    digest = hashes.Hash(hashes.SHA384())
    digest.update(base64.b64decode(MESSAGE))
    summed = run.transit.hash_data(MESSAGE, algorithm="sha2-384", output_format="hex")["data"]["sum"]
    assert bytes.fromhex(summed) == digest.finalize()


def a_key_rotates_by_itself_if_it_is_asked_to(run):
    with key(run, "timed", auto_rotate_period="24h"):
        assert run.key("timed")["auto_rotate_period"] == 86_400
        raises(InvalidRequest, run.transit.create_key, "hasty", auto_rotate_period="1m")


def old_versions_are_trimmed(run):
    with key(run, "long"):
        for _ in range(2):
            run.transit.rotate_key("long")
        run.transit.update_key_configuration("long", min_decryption_version=2, min_encryption_version=3)
        run.transit.trim_key("long", min_version=2)
        assert (run.key("long")["min_available_version"], list(run.key("long")["keys"])) == (2, ["2", "3"])


ALL = (
    every_symmetric_kind_encrypts,
    rsa_encrypts_and_signs,
    every_curve_signs_with_every_hash,
    derived_keys_need_their_context,
    every_kind_computes_hmac,
    data_keys_open_again,
    random_bytes_and_hashes_come,
    a_key_rotates_by_itself_if_it_is_asked_to,
    old_versions_are_trimmed,
)
