"""Keys that are made outside, and wrapped for a server as Vault's import wants them: AES-KWP below RSA-OAEP.

    key_material.py KIND                  prints a fresh key in base64, as `bao transit import` takes it
    key_material.py --same VERSION FILE   whether an answer of transit/export on standard input has that key
"""

import base64
import json
import os
import sys
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
    load_pem_public_key,
)

SYMMETRIC = {"aes128-gcm96": 16, "aes256-gcm96": 32, "chacha20-poly1305": 32, "xchacha20-poly1305": 32, "hmac": 32}
PRIVATE = {
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
OAEP = {
    "SHA1": hashes.SHA1,
    "SHA224": hashes.SHA224,
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}


def made(kind):
    """A fresh key: bytes of a symmetric one, else a private key."""
    return os.urandom(SYMMETRIC[kind]) if kind in SYMMETRIC else PRIVATE[kind]()


def encoded(key):
    """What is wrapped: the bytes themselves, or PKCS#8."""
    return key if isinstance(key, bytes) else key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key):
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def certificate(key):
    """A certificate of its own in PEM."""
    name, now = x509.Name([]), datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def same(text, key):
    """Whether an exported text is this key: base64 of its bytes, or PEM in any of its forms."""
    if text.startswith("-----BEGIN"):
        return encoded(load_pem_private_key(text.encode(), None)) == encoded(key)
    # OpenBao's Ed25519 is the seed and the public half.
    mine = key if isinstance(key, bytes) else key.private_bytes_raw() + key.public_key().public_bytes_raw()
    return base64.b64decode(text) == mine


def wrap(key, wrapping_pem, hash_function="SHA256"):
    """The `ciphertext` of an import: an ephemeral AES key for the server's RSA key, then the key under it."""
    ephemeral, digest = os.urandom(32), OAEP[hash_function]
    for_server = load_pem_public_key(wrapping_pem.encode()).encrypt(
        ephemeral, padding.OAEP(padding.MGF1(digest()), digest(), None)
    )
    return base64.b64encode(for_server + aes_key_wrap_with_padding(ephemeral, encoded(key))).decode()


def encrypted(kind, key, plaintext):
    """A ciphertext as transit writes it, made without any server."""
    if kind.startswith("rsa"):
        body = key.public_key().encrypt(plaintext, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    else:
        nonce, cipher = os.urandom(12), ChaCha20Poly1305 if kind.startswith("chacha") else AESGCM
        body = nonce + cipher(key).encrypt(nonce, plaintext, None)
    return f"vault:v1:{base64.b64encode(body).decode()}"


def came_back(version, path):
    """Whether this version of an answer on standard input is the key in a file."""
    with open(path, encoding="ascii") as file:
        key = base64.b64decode(file.read())
    key = key if len(key) in SYMMETRIC.values() else load_der_private_key(key, None)
    return same(json.load(sys.stdin)["data"]["keys"][version], key)


def main():
    if sys.argv[1] == "--same":
        return 0 if came_back(*sys.argv[2:]) else 1
    print(base64.b64encode(encoded(made(sys.argv[1]))).decode(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
