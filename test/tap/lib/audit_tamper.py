"""Tampers with exported audit logs in seeded ways, and prints those that tools/audit-verify does not find.

usage: audit_tamper.py VERIFIER FOLDER ROUNDS SEED

First each log is signed anew with a key of this program; a reader keeps its checkpoint, cosigned. Then each round changes a copy, by the
kinds of tampering in turn. file_ kinds edit files. A forge_ kind, as an operator with the keys of the server could, builds the whole
tree anew over changed entries, signs it, and links the logs again."""

import base64
import collections
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


def flip(data):
    changed = bytearray(data)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def made_up(entries):
    """An entry of a transaction that there was not."""
    return entries[0][:17] + rng.randrange(1 << 40, 1 << 50).to_bytes(8, "big") + entries[0][25:]


# Another history, as far as its forger, who has the keys of the server, can make it look right. Each changes a list of logs.

def forge_flip(logs):
    entries = rng.choice(logs)
    at = rng.randrange(1, len(entries))
    entries[at] = flip(entries[at])


def forge_delete(logs):
    entries = rng.choice(logs)
    del entries[rng.randrange(1, len(entries))]


def forge_insert(logs):
    entries = rng.choice(logs)
    entries.insert(rng.randrange(1, len(entries)), made_up(entries[1:]))


def forge_replace(logs):
    entries = rng.choice(logs)
    entries[rng.randrange(1, len(entries))] = made_up(entries[1:])


def forge_reorder(logs):
    entries = rng.choice(logs)
    one, other = rng.sample(range(1, len(entries)), 2)
    entries[one], entries[other] = entries[other], entries[one]


def forge_swap(logs):
    entries, other = rng.sample(logs, 2)
    at, there = rng.randrange(1, len(entries)), rng.randrange(1, len(other))
    entries[at], other[there] = other[there], entries[at]


def forge_move(logs):
    entries, other = rng.sample(logs, 2)
    other.append(entries.pop(rng.randrange(1, len(entries))))


def forge_cut(logs):
    del logs[-1][-rng.randrange(1, len(logs[-1]) - 1):]


def forge_grow(logs):
    """Changes an entry, and goes on beyond the size of the checkpoint that was kept."""
    at = rng.randrange(1, len(logs[-1]))
    logs[-1][at] = flip(logs[-1][at])
    logs[-1].extend(made_up(logs[-1][1:]) for _ in range(rng.randrange(1, 300)))


def forge_drop(logs):
    del logs[rng.randrange(len(logs))]


def forge_exchange(logs):
    one, other = rng.sample(range(len(logs)), 2)
    logs[one], logs[other] = logs[other], logs[one]


# Files of an export, changed by somebody without a key.

def files_of(target):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(target) for name in names)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def file_flip(target):
    path = rng.choice(files_of(target))
    write(path, flip(read(path)))


def file_delete(target):
    path = rng.choice(files_of(target))
    content = read(path)
    at = rng.randrange(len(content))
    write(path, content[:at] + content[at + rng.choice([1, 32]):])


def file_insert(target):
    path = rng.choice(files_of(target))
    content = read(path)
    at = rng.randrange(len(content) + 1)
    write(path, content[:at] + bytes(rng.choice([1, 32])) + content[at:])


def file_remove(target):
    os.remove(rng.choice(files_of(target)))


def file_exchange(target):
    files = files_of(target)
    path = rng.choice(files)
    content = read(path)
    write(path, read(rng.choice([other for other in files if read(other) != content])))


kinds = {name: code for name, code in globals().items() if name.startswith(("forge_", "file_"))}


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
    found = collections.Counter()
    tried = collections.Counter()
    for number in range(int(rounds)):
        kind = list(kinds)[number % len(kinds)]
        if kind.startswith("file_"):
            shutil.rmtree(bad, ignore_errors=True)
            shutil.copytree(good, bad)
            kinds[kind](bad)
        else:
            forged = copy.deepcopy(logs)
            kinds[kind](forged)
            build(forged, bad)
        tried[kind] += 1
        try:
            audit.verify(bad, keys, witnesses, 1, kept, lambda line: None)
            print(f"round {number} was not found: {kind}")
        except audit.Problem:
            found[kind] += 1
    for kind in kinds:
        print(f"{kind}: {'all' if tried[kind] == found[kind] > 0 else found[kind]} found")
    print(f"{sum(found.values())} of {rounds} found")
