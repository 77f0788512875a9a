"""Tampers with exported audit logs in seeded ways, and prints those that tools/audit-verify does not find.

usage: audit_tamper.py VERIFIER FOLDER ROUNDS SEED

First each log is signed anew with a key of this program; a reader keeps its checkpoint, cosigned. Then each round changes a copy. Half of the forgers edit files. The others, as an operator with the keys of the server could, build the whole tree anew over
changed entries, sign it, and link the logs again."""

import base64
import copy
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import random
import shutil
import sys
import tempfile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

verifier, folder, rounds, seed = sys.argv[1:5]
loader = importlib.machinery.SourceFileLoader("audit_verify", verifier)
audit = importlib.util.module_from_spec(importlib.util.spec_from_loader("audit_verify", loader))
loader.exec_module(audit)
rng = random.Random(int(seed))
secret = Ed25519PrivateKey.from_private_bytes(bytes(32))
public = secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(name, kind):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def line(name, kind, payload):
    return f"\u2014 {name} {base64.b64encode(key_id(name, kind) + payload).decode()}\n"


def signed(origin, size, root):
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    return (text + "\n" + line(origin, 1, secret.sign(text.encode()))).encode()


def cosigned(note):
    text = note[:note.index(b"\n\n") + 1]
    return note + line("witness.test", 4, (7).to_bytes(8, "big") + secret.sign(b"cosignature/v1\ntime 7\n" + text)).encode()


def build(logs, target):
    """Writes logs, lists of entries, as a server would: links, tiles, bundles, checkpoints."""
    shutil.rmtree(target, ignore_errors=True)
    before = None
    for number, entries in enumerate(logs, 1):
        opening = json.loads(entries[0])
        if before is None:
            opening.pop("predecessor", None)
        else:
            opening["predecessor"] = before
        entries = [json.dumps(opening).encode()] + entries[1:]
        levels = audit.levels_of([hashlib.sha256(b"\0" + entry).digest() for entry in entries])
        base = os.path.join(target, str(number))
        for level, hashes in [("entries", entries)] + [(str(i), h) for i, h in enumerate(levels)]:
            for index in range((len(hashes) + 255) // 256):
                part = hashes[index * 256:index * 256 + 256]
                path = os.path.join(base, "tile", level, audit.tile_path(index)) + (f".p/{len(part)}" if len(part) < 256 else "")
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(b"".join((len(e).to_bytes(2, "big") + e for e in part) if level == "entries" else part))
        root = audit.root_of(levels, len(entries))
        with open(os.path.join(base, "checkpoint"), "wb") as file:
            file.write(signed(opening["origin"], len(entries), root))
        before = {"origin": opening["origin"], "size": len(entries), "root": base64.b64encode(root).decode()}


def forge(logs):
    """Another history, as far as its forger can make it look right."""
    logs = copy.deepcopy(logs)
    which = rng.randrange(len(logs))
    entries = logs[which]
    at = rng.randrange(1, len(entries))
    kind = rng.choice(["flip", "delete", "insert", "reorder", "swap", "cut", "drop"])
    if kind == "flip":
        changed = bytearray(entries[at])
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        entries[at] = bytes(changed)
    elif kind == "delete":
        del entries[at]
    elif kind == "insert":
        changed = bytearray(rng.choice(entries[1:]))
        changed[17:25] = rng.randrange(1 << 40, 1 << 50).to_bytes(8, "big")
        entries.insert(at, bytes(changed))
    elif kind == "reorder":
        other = rng.choice([i for i in range(1, len(entries)) if i != at])
        entries[at], entries[other] = entries[other], entries[at]
    elif kind == "swap":
        other = rng.choice([log for log in logs if log is not entries])
        there = rng.randrange(1, len(other))
        entries[at], other[there] = other[there], entries[at]
    elif kind == "cut":
        del logs[-1][-rng.randrange(1, len(logs[-1]) - 1):]
    else:
        del logs[which]
    return kind, logs


def edit(target):
    files = sorted(os.path.join(at, name) for at, _, names in os.walk(target) for name in names)
    path = rng.choice(files)
    with open(path, "rb") as file:
        content = bytearray(file.read())
    kind = rng.choice(["flip", "flip", "flip", "delete", "insert", "remove", "exchange"])
    at = rng.randrange(len(content))
    if kind == "flip":
        content[at] ^= 1 << rng.randrange(8)
    elif kind == "delete":
        del content[at:at + rng.choice([1, 32])]
    elif kind == "insert":
        content[at:at] = bytes(rng.choice([1, 32]))
    elif kind == "remove":
        os.remove(path)
        return f"remove {path}"
    else:
        other = rng.choice([f for f in files if open(f, "rb").read() != bytes(content)])
        content = bytearray(open(other, "rb").read())
    with open(path, "wb") as file:
        file.write(content)
    return f"{kind} {path} {at}"


def read_logs(source):
    logs = []
    for number in sorted(os.listdir(source), key=int):
        log = audit.Log.__new__(audit.Log)
        log.folder = os.path.join(source, number)
        with open(os.path.join(log.folder, "checkpoint"), "rb") as file:
            log.size = audit.Checkpoint(file.read()).size
        logs.append([entry for _, entry in log.entries()])
    return logs


with tempfile.TemporaryDirectory() as work:
    good, bad = os.path.join(work, "good"), os.path.join(work, "bad")
    # Enough for two tiles.
    logs = [entries[:300] for entries in read_logs(folder)]
    build(logs, good)
    origins = [json.loads(entries[0])["origin"] for entries in logs]
    keys = [audit.Key(f"{origins[0]}+{key_id(origins[0], 1).hex()}+{base64.b64encode(bytes([1]) + public).decode()}")]
    witnesses = [audit.Key(f"witness.test+{key_id('witness.test', 4).hex()}+{base64.b64encode(bytes([4]) + public).decode()}")]
    kept = []
    for number in range(1, len(logs) + 1):
        with open(os.path.join(good, str(number), "checkpoint"), "rb") as file:
            kept.append(audit.Checkpoint(cosigned(file.read())))
    audit.verify(good, keys, witnesses, 1, kept, lambda line: None)
    found = 0
    for number in range(int(rounds)):
        if number % 2 == 0:
            shutil.rmtree(bad, ignore_errors=True)
            shutil.copytree(good, bad)
            what = edit(bad)
        else:
            what, forged = forge(logs)
            build(forged, bad)
        try:
            audit.verify(bad, keys, witnesses, 1, kept, lambda line: None)
            print(f"round {number} was not found: {what}")
        except audit.Problem:
            found += 1
    print(f"{found} of {rounds} found")
