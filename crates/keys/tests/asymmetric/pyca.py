"""Answers for the Rust test beside it, by pyca/cryptography on OpenSSL: reads one request as JSON, writes the answer.
Bytes are hex. Needs a cryptography with ML-DSA, ML-KEM and HPKE."""

import hashlib
import json
import os
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hpke, keywrap
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, mlkem, padding, x25519

DER, PKCS8, PLAIN = form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption()
SPKI = form.PublicFormat.SubjectPublicKeyInfo
MAKE = {
    "MlDsa44": mldsa.MLDSA44PrivateKey.generate,
    "MlDsa65": mldsa.MLDSA65PrivateKey.generate,
    "MlDsa87": mldsa.MLDSA87PrivateKey.generate,
    "MlKem768": mlkem.MLKEM768PrivateKey.generate,
    "MlKem1024": mlkem.MLKEM1024PrivateKey.generate,
    "HpkeX25519": x25519.X25519PrivateKey.generate,
    "HpkeP256": lambda: ec.generate_private_key(ec.SECP256R1()),
}
KEMS = {
    "HpkeX25519": hpke.KEM.X25519,
    "HpkeP256": hpke.KEM.P256,
    "HpkeXWing": hpke.KEM.MLKEM768_X25519,
}


def suite(algorithm):
    return hpke.Suite(KEMS[algorithm], hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def x_wing_private(seed):
    """The two keys of X-Wing come of SHAKE-256 of its seed."""
    parts = hashlib.shake_256(seed).digest(96)
    return hpke.MLKEM768X25519PrivateKey(
        mlkem.MLKEM768PrivateKey.from_seed_bytes(parts[:64]),
        x25519.X25519PrivateKey.from_private_bytes(parts[64:]),
    )


def x_wing_public(public):
    return hpke.MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(public[:1184]),
        x25519.X25519PublicKey.from_public_bytes(public[1184:]),
    )


def private(request):
    material = bytes.fromhex(request["private"])
    if request["algorithm"] == "HpkeXWing":
        return x_wing_private(material)
    return form.load_der_private_key(material, None)


def public(request):
    material = bytes.fromhex(request["public"])
    if request["algorithm"] == "HpkeXWing":
        return x_wing_public(material)
    return form.load_der_public_key(material)


def verified(request):
    try:
        public(request).verify(bytes.fromhex(request["signature"]), bytes.fromhex(request["message"]))
    except InvalidSignature:
        return False
    return True


def encapsulated(request):
    secret, ciphertext = public(request).encapsulate()
    return {"secret": secret.hex(), "ciphertext": ciphertext.hex()}


def oaep(request):
    hash = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}[request["hash"]]()
    return padding.OAEP(padding.MGF1(hash), hash, None)


def wrapped(request, key):
    if request["how"] == "oaep":
        return public(request).encrypt(key, oaep(request))
    ephemeral = os.urandom(32)
    return public(request).encrypt(ephemeral, oaep(request)) + keywrap.aes_key_wrap_with_padding(ephemeral, key)


def unwrapped(request, sealed):
    if request["how"] == "oaep":
        return private(request).decrypt(sealed, oaep(request))
    ephemeral = private(request).decrypt(sealed[:256], oaep(request))
    return keywrap.aes_key_unwrap_with_padding(ephemeral, sealed[256:])


def answer(request):
    algorithm = request.get("algorithm")
    take = lambda name: bytes.fromhex(request[name])
    match request["do"]:
        case "make":
            key = MAKE[algorithm]()
            return {
                "private": key.private_bytes(DER, PKCS8, PLAIN).hex(),
                "public": key.public_key().public_bytes(DER, SPKI).hex(),
            }
        case "sign":
            return private(request).sign(take("message")).hex()
        case "verify":
            return verified(request)
        case "encapsulate":
            return encapsulated(request)
        case "decapsulate":
            return private(request).decapsulate(take("ciphertext")).hex()
        case "wrap":
            return wrapped(request, take("message")).hex()
        case "unwrap":
            return unwrapped(request, take("sealed")).hex()
        case "seal":
            return suite(algorithm).encrypt(take("message"), public(request), take("info")).hex()
        case "open":
            return suite(algorithm).decrypt(take("sealed"), private(request), take("info")).hex()


json.dump([answer(request) for request in json.load(sys.stdin)], sys.stdout)
