"""A random sequence of calls on keys of every kind that OpenBao has: the same one in every run."""

import base64
import random

from rows import row

SEED, CALLS = 6, 400
KINDS = (
    "aes128-gcm96", "aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305", "ed25519", "ecdsa-p256", "ecdsa-p384",
    "ecdsa-p521", "rsa-2048", "hmac",
)  # fmt: skip
HASHES = ("sha2-224", "sha2-256", "sha2-384", "sha2-512", "sha3-256", "sha3-512")


class Calls:
    """The calls so far, and the texts that they gave: by kind, the names of what was saved."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.saved = {"ciphertext": [], "signature": [], "hmac": []}
        self.count = 0

    def text(self):
        return base64.b64encode(self.random.randbytes(self.random.choice((0, 1, 16, 40)))).decode()

    def maybe(self, body, chance, **members):
        """Adds members to a body with a chance."""
        if self.random.random() < chance:
            body.update(members)
        return body

    def keep(self, kind, key, call, body):
        """A call whose answer later ones take up."""
        self.count += 1
        name = f"r{self.count}"
        self.saved[kind].append((name, key, body))
        return row(call, body, save={name: f"data.{kind}"})

    def taken(self, kind):
        """Something that was made before, now and then with a bit changed, and with what and for which key."""
        if not self.saved[kind]:
            return "vault:v1:AAAA", f"random-{self.random.choice(KINDS)}", {"input": self.text()}
        name, key, body = self.random.choice(self.saved[kind])
        if self.random.random() < 0.15:
            key = f"random-{self.random.choice(KINDS)}"
        return f"${name}" + self.random.choice(("", "", "", "_flipped")), key, body

    def next(self):
        kind = self.random.choice(KINDS)
        key = f"random-{kind}"
        call = self.random.choice(
            (self.encrypt, self.decrypt, self.rewrap, self.sign, self.verify, self.hmac, self.verify_hmac, self.manage)
        )
        return call(key)

    def encrypt(self, key):
        body = self.maybe({"plaintext": self.text()}, 0.1, key_version=self.random.choice((0, 1, 2, 9)))
        return self.keep("ciphertext", key, f"POST transit/encrypt/{key}", body)

    def decrypt(self, _):
        text, key, _ = self.taken("ciphertext")
        return row(f"POST transit/decrypt/{key}", {"ciphertext": text})

    def rewrap(self, _):
        text, key, _ = self.taken("ciphertext")
        return row(f"POST transit/rewrap/{key}", {"ciphertext": text})

    def sign(self, key):
        body = self.maybe({"input": self.text()}, 0.5, hash_algorithm=self.random.choice(HASHES))
        self.maybe(body, 0.3, marshaling_algorithm=self.random.choice(("asn1", "jws")))
        self.maybe(body, 0.3, signature_algorithm=self.random.choice(("pss", "pkcs1v15")))
        return self.keep("signature", key, f"POST transit/sign/{key}", body)

    def verify(self, _):
        text, key, body = self.taken("signature")
        body = self.maybe({**body, "signature": text}, 0.2, input=self.text())
        return row(f"POST transit/verify/{key}", body)

    def hmac(self, key):
        body = {"input": self.text()}
        # Here, a key of HMAC has one hash.
        if not key.endswith("hmac"):
            self.maybe(body, 0.5, algorithm=self.random.choice(HASHES))
        return self.keep("hmac", key, f"POST transit/hmac/{key}", body)

    def verify_hmac(self, _):
        text, key, body = self.taken("hmac")
        body = {name: value for name, value in body.items() if not (key.endswith("hmac") and name == "algorithm")}
        return row(f"POST transit/verify/{key}", {**body, "hmac": text})

    def manage(self, key):
        return self.random.choice(
            (
                row(f"POST transit/keys/{key}/rotate"),
                row(f"GET transit/keys/{key}"),
                row(f"POST transit/datakey/plaintext/{key}", {"bits": self.random.choice((128, 256, 512))}),
                row(f"POST transit/keys/{key}/config", {"min_decryption_version": 1}),
            )
        )


def random_calls():
    calls = Calls(SEED)
    for kind in KINDS:
        size = {"key_size": 32} if kind == "hmac" else {}
        yield row(f"POST transit/keys/random-{kind}", {"type": kind, **size})
    for _ in range(CALLS):
        yield calls.next()
