#!/usr/bin/env python3
"""Signs random requests with the official Python SDK and with the core, and compares.

    fuzz/differential/sign.py [SEED [COUNT]]

Installs the SDK into a virtual environment and removes it at the end. Compares the whole
`Authorization` if both sign the same headers. The requests avoid the known differences:

* The SDK decodes a whole path before it splits it, so no segment has an encoded slash (%2F).
* The SDK hashes a body only if its content type is JSON (else "UNSIGNED-PAYLOAD"), so it always is JSON.
* The core does not sign headers such as Connection and Content-Length, which belong to one connection.

Exits with 1 on a difference, and with 77 if Python's venv or the SDK is not available.
"""

import calendar
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SDK = "huaweicloudsdkcore==3.1.219"
LEAST = 1_000
SAFE = "-._~"
# The characters that a URI's path may hold unencoded, and all these with some that must be encoded there.
LITERAL = "abcXYZ059" + SAFE + "!$&'()*+,;=:@"
ENCODED = LITERAL + " %\"#<>?[]\\^`{|}äß文🔑\x7f\x01"
VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


def text(r, alphabet, least, most):
    return "".join(r.choice(alphabet) for _ in range(r.randint(least, most)))


def encoded(r, plain, literal):
    """Encodes the characters that must be encoded, and some more, with digits of either case."""

    def one(character):
        if character in literal and r.random() < 0.8:
            return character
        digits = "".join(f"%{byte:02X}" for byte in character.encode())
        return digits.lower() if r.random() < 0.3 else digits

    return "".join(map(one, plain))


def host(r):
    return r.choice([
        "sms.ap-southeast-3.myhuaweicloud.com", "iam.myhuaweicloud.com:8443", "127.0.0.1:8080", "h",
        "[::1]:8443",
    ])


def headers(r):
    names = [
        "Accept", "Content-Type", "User-Agent", "X-Project-Id", "x-domain-id", "X-a", "x-A-b", "Z",
        "with_underscore", "X-Language", "a.b", "X-Request-Id", "Accept-Language", "Cookie",
    ]
    found = {}
    for name in r.sample(names, r.randint(0, 6)):
        value = text(r, VISIBLE + "  \täß文🔑", 0, 30)
        found[name] = r.choice(["", " ", "  ", "\t"]) + value + r.choice(["", " ", "\t "])
        if name == "Content-Type":
            found[name] = "application/json" + r.choice(["", ";charset=utf8", "; charset=UTF-8 "])
    return found


def example(r):
    segments = [encoded(r, text(r, ENCODED, 0, 12), LITERAL) for _ in range(r.randint(0, 5))]
    query = [(text(r, ENCODED, 0, 6), text(r, ENCODED, 0, 8)) for _ in range(r.choice([0, 0, 1, 3, 6]))]
    if query and r.random() < 0.3:
        query.append((query[0][0], text(r, ENCODED, 0, 8)))
    pairs = [f"{encoded(r, name, SAFE)}={encoded(r, value, SAFE)}" for name, value in query]
    date = time.gmtime(r.randint(0, 253_402_300_799))
    return {
        "id": text(r, VISIBLE.replace(",", ""), 1, 40),
        "secret": text(r, VISIBLE, 1, 100),
        "security_token": text(r, VISIBLE, 1, 300) if r.random() < 0.3 else None,
        "time": calendar.timegm(date),
        "date": "%04d%02d%02dT%02d%02d%02dZ" % date[:6],
        "method": r.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]),
        "host": host(r),
        "path": "/" + "/".join(segments),
        "query": query,
        "wire_query": "&".join(pairs),
        "headers": headers(r),
        "body": r.choice(["", '{"a":1}', text(r, ENCODED + "\n", 0, 200)]),
    }


def sign_by_sdk():
    """Signs the requests of standard input. Runs in the virtual environment's Python."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

    for line in sys.stdin:
        one = json.loads(line)
        given = dict(one["headers"], **{"X-Sdk-Date": one["date"]})
        if one["security_token"] is not None:
            given["X-Security-Token"] = one["security_token"]
        request = SdkRequest(
            method=one["method"], schema="https", host=one["host"], resource_path=one["path"],
            query_params=[tuple(pair) for pair in one["query"]], header_params=given, body=one["body"],
        )
        signed = Signer(BasicCredentials(one["id"], one["secret"], "project")).sign(request)
        print(signed.header_params["Authorization"])


def run(command, lines):
    done = subprocess.run(command, input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True,
                          encoding="utf-8", check=True)
    return done.stdout.splitlines()


def install(folder):
    """Returns the Python of a new virtual environment with the SDK. Exits if it can't be installed."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    for what, command in [
        ("Python's venv missing", [sys.executable, "-m", "venv", str(folder)]),
        (f"{SDK} cannot be installed",
         [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", SDK]),
    ]:
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            print(what)
            sys.exit(77)
    return python


def signed_names(authorization):
    return authorization.split("SignedHeaders=")[1].split(",")[0]


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 20260706
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2 * LEAST
    r = random.Random(seed)
    examples = [example(r) for _ in range(count)]
    lines = [json.dumps(one) for one in examples]
    with tempfile.TemporaryDirectory() as folder:
        python = install(Path(folder))
        theirs = run([str(python), "-X", "utf8", "-W", "ignore", __file__, "--sdk"], lines)
    for one in examples:
        query = f"?{one['wire_query']}" if one["wire_query"] else ""
        one["uri"] = f"https://{one['host']}{one['path']}{query}"
    root = Path(__file__).resolve().parents[2]
    cargo = ["cargo", "run", "--locked", "-q", "-p", "huaweicloud-sms-fuzz", "--example", "differential",
             "--manifest-path", str(root / "Cargo.toml")]
    ours = [json.loads(line)["authorization"] for line in run(cargo, map(json.dumps, examples))]
    assert len(theirs) == len(ours) == count

    compared = different = 0
    for one, their, our in zip(examples, theirs, ours):
        if signed_names(their) != signed_names(our):
            continue
        compared += 1
        if their != our:
            different += 1
            print(f"differs:\n  request {json.dumps(one)}\n  SDK     {their}\n  ours    {our}")
    print(f"seed {seed}: {compared} of {count} signatures compared, {different} differ")
    sys.exit(1 if different or compared < min(LEAST, count) else 0)


if __name__ == "__main__":
    sign_by_sdk() if sys.argv[1:] == ["--sdk"] else main()
