#!/usr/bin/env python3
"""Writes a backup of format 1 from the documentation alone: a second implementation, on `cryptography`.

    golden/make.py > golden/python.backup

Ids, salts and keys are fixed, so it writes the same file each time. Needs the package `cryptography`.
"""

import hashlib
import hmac
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 1 << 20


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def be(number, size):
    return number.to_bytes(size, "big")


# RFC 9180 in base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM

KEM = b"KEM" + be(0x0020, 2)
HPKE = b"HPKE" + be(0x0020, 2) + be(0x0001, 2) + be(0x0002, 2)


def extract(suite, salt, label, ikm):
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def expand(suite, prk, label, info, size):
    info = be(size, 2) + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, info + b"\x01", "sha256")[:size]


def raw(public):
    return public.public_bytes_raw()


def derive_key_pair(ikm):
    prk = extract(KEM, b"", b"dkp_prk", ikm)
    return X25519PrivateKey.from_private_bytes(expand(KEM, prk, b"sk", b"", 32))


def hpke_seal(ephemeral, public, info, aad, plaintext):
    enc = raw(ephemeral.public_key())
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    eae = extract(KEM, b"", b"eae_prk", shared)
    secret = expand(KEM, eae, b"shared_secret", enc + public, 32)
    context = b"\x00" + extract(HPKE, b"", b"psk_id_hash", b"") + extract(HPKE, b"", b"info_hash", info)
    prk = extract(HPKE, secret, b"secret", b"")
    key = expand(HPKE, prk, b"key", context, 32)
    nonce = expand(HPKE, prk, b"base_nonce", context, 12)
    return enc + AESGCM(key).encrypt(nonce, plaintext, aad)


# The sealed envelope, format 1

def envelope(key, key_id, salt, nonce, parts, plaintext):
    header = b"SR\x01\x01" + key_id + be(1, 4) + salt
    context = sha256(be(len(parts), 4), *(be(len(part), 4) + part for part in parts))
    okm = [
        hmac.digest(key, be(i, 4) + b"strongroom/v1/envelope\0" + header + context + be(512, 4), "sha256")
        for i in (1, 2)
    ]
    return header + okm[1] + nonce + AESGCM(okm[0]).encrypt(nonce, plaintext, header)


# The backup, format 1

def cbor(value):
    def head(major, number):
        for size, code in ((0, 0), (1, 24), (2, 25), (4, 26), (8, 27)):
            if number < (24 if size == 0 else 1 << (8 * size)):
                return bytes([major << 5 | (number if size == 0 else code)]) + (be(number, size) if size else b"")

    match value:
        case None:
            return b"\xf6"
        case int():
            return head(0, value)
        case bytes():
            return head(2, len(value)) + value
        case str():
            return head(3, len(value)) + value.encode()
        case list():
            return head(4, len(value)) + b"".join(map(cbor, value))


class Backup:
    def __init__(self):
        start = b"SRBACKUP" + be(1, 4)
        self.link = sha256(b"strongroom/v1/backup/preamble\0", start)
        self.file = start + self.link[:4]

    def frame(self, kind, body):
        place = self.link + bytes([kind]) + be(len(body), 4)
        check = sha256(b"strongroom/v1/backup/frame\0", place)[:4]
        self.link = sha256(b"strongroom/v1/backup/link\0", place, body)
        self.file += be(len(body), 4) + check + body + self.link


def write(stream, recovery, signer, file_key, backup_id):
    backup, signing = Backup(), Ed25519PrivateKey.from_private_bytes(signer)
    public = raw(recovery.public_key())
    backup.frame(1, cbor([
        backup_id, raw(signing.public_key()), 1, bytes([1] * 16), bytes([2] * 16), 3, 1_800_000_000_000,
        "sqlite", 4, len(stream),
    ]))
    fingerprint = sha256(b"strongroom/v1/backup/recipient\0", public)[:16]
    ephemeral = derive_key_pair(bytes([43] * 32))
    backup.frame(2, fingerprint + hpke_seal(ephemeral, public, b"strongroom/v1/backup/key", backup.link, file_key))
    backup.frame(3, signing.sign(b"strongroom/v1/backup/header\0" + backup.link))
    for index in range(len(stream) // CHUNK + 1):
        plaintext = stream[index * CHUNK:(index + 1) * CHUNK]
        parts = [b"backup", backup_id, be(index, 8), bytes([len(plaintext) < CHUNK])]
        salt, nonce = bytes([44 + index] * 24), bytes([46 + index] * 12)
        backup.frame(4, envelope(file_key, backup_id, salt, nonce, parts, plaintext))
    backup.frame(5, signing.sign(b"strongroom/v1/backup/whole\0" + backup.link))
    return backup.file


if __name__ == "__main__":
    stream = b"What was written once can be read for ever.\n"
    recovery = derive_key_pair(bytes([42] * 32))
    sys.stdout.buffer.write(write(stream, recovery, bytes([7] * 32), bytes([48] * 32), bytes([49] * 16)))
