"""Sends the same requests to our server and to an OpenBao, both fresh, and compares status and shape of the answers.

    differential.py OURS ORACLE [--oracle]

The shape of an answer is its set of JSON paths with the kind of each value: truth values, numbers and null as they are,
texts as text, with the version of a ciphertext or signature or the label of a PEM, and as they are only where EXACT says so.
The requests and the differences that are meant stand in exchanges.py; every other difference fails.

--oracle: OURS is an OpenBao, too; no difference is meant.
"""

import argparse
import base64
import http.client
import json
import re
import sys
import time
from string import Template
from typing import NamedTuple
from urllib.parse import urlsplit

from exchanges import EXCHANGES
from rows import TOLERANCES

EXACT = re.compile(r"\.(data\.keys\[\d+\]|policies\[\d+\]|plaintext|name|type|reference|path|display_name)$")
TEXT = "text"


class Answer(NamedTuple):
    status: int
    content_type: str
    body: object  # of JSON its value, else the text

    def at(self, path):
        """The value at a path such as `data.keys.0`, or None."""
        value = self.body
        for step in path.split("."):
            try:
                value = value[int(step) if isinstance(value, list) else step]
            except (KeyError, IndexError, TypeError):
                return None
        return value


class Server:
    """One server, and what its answers gave for later requests."""

    def __init__(self, url):
        self.host = urlsplit(url).netloc
        self.saved = {}

    def exchange(self, exchange):
        method, _, path = exchange.request.partition(" ")
        path = path if path.startswith("/") else f"/v1/{path}"
        headers = {"X-Vault-Request": "true", **exchange.headers}
        if exchange.token is not None:
            headers["X-Vault-Token"] = exchange.token
        body = exchange.body
        if body is not None and not isinstance(body, str):
            # What JSON does not know fills itself in for this server.
            body = json.dumps(body, default=lambda value: value.filled(self.saved))
        answer = self.send(method, path, body, headers)
        for name, where in exchange.save.items():
            self.save(name, answer.at(where))
        return answer

    def send(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(
                method,
                self.filled(path),
                body and self.filled(body),
                {name: self.filled(value) for name, value in (headers or {}).items()},
            )
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, "", type(error).__name__)
        finally:
            connection.close()
        try:
            content = json.loads(content)
        except ValueError:
            content = content.decode(errors="replace")
        return Answer(response.status, response.getheader("Content-Type", "") if content else "", content)

    def filled(self, text):
        return Template(text).safe_substitute(self.saved)

    def save(self, name, value):
        if not isinstance(value, str):
            return
        self.saved[name] = value
        version, colon, body = value.rpartition(":")
        try:
            data = bytearray(base64.b64decode(body, validate=True))
        except ValueError:
            return
        data[-1 if colon else 0] ^= 1
        self.saved[f"{name}_body"] = body
        self.saved[f"{name}_flipped"] = f"{version}{colon}{base64.b64encode(data).decode()}"

    def get_ready(self):
        """After unsealing: OpenBao is on standby for a moment and has transit not mounted."""
        deadline = time.monotonic() + 20
        while self.send("GET", "/v1/sys/health").status != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        token = {"X-Vault-Token": "$root"}
        if self.send("GET", "/v1/sys/mounts", headers=token).at("data.transit/") is None:
            self.send("POST", "/v1/sys/mounts/transit", '{"type":"transit"}', token)


def shape(answer):
    """Path -> kind of every value of the answer, its status and its content type."""
    return {"status": answer.status, "content type": answer.content_type, **dict(leaves(answer.body))}


def leaves(value, path=""):
    if value and isinstance(value, dict):
        for name, child in value.items():
            yield from leaves(child, f"{path}.{name}")
    elif value and isinstance(value, list):
        for position, child in enumerate(value):
            yield from leaves(child, f"{path}[{position}]")
    else:
        yield path, kind(value, path)


def kind(value, path):
    if not isinstance(value, str):
        return json.dumps(value)
    if EXACT.search(path):
        return f"{TEXT} {value!r}"
    label = re.match(r"vault:v\d+:|-----BEGIN [A-Z ]+-----", value)
    return f"{TEXT} {label.group()}…" if label else TEXT


def differences(request, ours, oracle):
    """One line for every path in which the two shapes differ and may not."""
    lines = []
    for path in sorted(ours.keys() | oracle.keys()):
        left, right = ours.get(path), oracle.get(path)
        if left != right and not tolerated(request, path, left, right):
            lines.append(f"{path}: {left or 'absent'} instead of {right or 'absent'}")
    return lines


def tolerated(request, path, left, right):
    for tolerance in TOLERANCES:
        if re.search(tolerance.request, request) and re.search(tolerance.path, path):
            return tolerance.absent or family(left) == family(right)
    return False


def family(kind):
    """The JSON type that a kind stands for."""
    if kind is None or kind.startswith(TEXT):
        return kind and TEXT
    return type(json.loads(kind))


def explained(exchange, answer):
    """Whether our answer is the one that is meant to differ: a stated status, with an error body if it is an error."""
    if answer.status not in exchange.ours:
        return False
    return answer.status < 400 or isinstance(answer.at("errors"), list) or isinstance(answer.at("data"), dict)


def title(exchange):
    """The request as the table has it, so that no secret shows."""
    body = "" if exchange.body is None else f" {json.dumps(exchange.body, default=lambda _: '<wrapped>')}"
    token = {"$root": "", None: " [no token]"}.get(exchange.token, f" [token {exchange.token!r}]")
    headers = f" {exchange.headers}" if exchange.headers else ""
    return f"{exchange.request}{token}{headers}{body}"[:200]


def compare(ours, oracle, meant):
    """Runs the table; the count of requests that differ without a reason."""
    count = {"the same": 0, "explained": 0, "different": 0}
    for exchange in EXCHANGES:
        answers = ours.exchange(exchange), oracle.exchange(exchange)
        lines = differences(exchange.request, *map(shape, answers))
        if not lines and meant and exchange.ours:
            count["different"] += 1
            print(f"STALE      {title(exchange)}\n           no difference any more: {exchange.why}")
        elif not lines:
            count["the same"] += 1
        elif meant and explained(exchange, answers[0]):
            count["explained"] += 1
            reason = f"{answers[0].status}, not {answers[1].status}: {exchange.why}"
            print(f"explained  {title(exchange)}\n           {reason}")
        else:
            count["different"] += 1
            print("\n           ".join([f"DIFFERENT  {title(exchange)}", *lines]))
        if "sys/unseal" in exchange.request:
            for server, answer in zip((ours, oracle), answers, strict=True):
                if answer.at("sealed") is False:
                    server.get_ready()
    print("differential: " + ", ".join(f"{number} {name}" for name, number in count.items()))
    return count["different"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ours")
    parser.add_argument("against")
    parser.add_argument("--oracle", action="store_true")
    arguments = parser.parse_args()
    servers = Server(arguments.ours), Server(arguments.against)
    for server in servers:
        if server.send("GET", "/v1/sys/init").at("initialized") is not False:
            print(f"differential: {server.host} is not a fresh server", file=sys.stderr)
            return 2
    return 1 if compare(*servers, meant=not arguments.oracle) else 0


if __name__ == "__main__":
    sys.exit(main())
