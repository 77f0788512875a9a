"""Tampers with exported audit logs in seeded ways, and prints those that tools/audit-verify does not find.

usage: audit_tamper.py VERIFIER FOLDER ROUNDS SEED

First each log is signed anew with keys of this program, the first two with another one than the rest; a reader keeps the keys and each
checkpoint, cosigned. Then each round changes a copy, by the kinds of tampering in turn. file_ kinds edit files. A forge_ kind, as an operator
with the keys of the server could, builds the whole tree anew over changed entries, signs it, and links the logs again. A steal_ kind does
so with the first key alone, which was rotated because it was stolen; there the reader has kept the keys and no checkpoint."""

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
rotated, secret, witness = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(3))
last_of_rotated = 2


def public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(name, kind, key):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public(key)).digest()[:4]


def line(name, kind, key, payload):
    return f"\u2014 {name} {base64.b64encode(key_id(name, kind, key) + payload).decode()}\n"


def verifier_key(name, kind, key):
    return audit.Key(f"{name}+{key_id(name, kind, key).hex()}+{base64.b64encode(bytes([kind]) + public(key)).decode()}")


def signed(origin, size, root, key):
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    return (text + "\n" + line(origin, 1, key, key.sign(text.encode()))).encode()


def cosigned(note):
    text = note[:note.index(b"\n\n") + 1]
    return note + line("witness.test", 4, witness, (7).to_bytes(8, "big") + witness.sign(b"cosignature/v1\ntime 7\n" + text)).encode()


def key_of(number):
    return rotated if number <= last_of_rotated else secret


def build(logs, target, signing=key_of):
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
            file.write(signed(opening["origin"], len(entries), root, signing(number)))
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


# With the key that was rotated. Each gets the logs, and the folders of the true export and of the forged one, which it writes.

def with_rotated(number):
    return rotated


def renamed(entries):
    opening = json.loads(entries[0])
    opening["origin"] += "0"
    return [json.dumps(opening).encode()] + entries[1:]


def steal_successors(logs, true, target):
    """Another history of all logs since the rotation, under their names."""
    at = rng.randrange(last_of_rotated, len(logs))
    logs[at].append(made_up(logs[at][1:]))
    build(logs, target, with_rotated)


def steal_names(logs, true, target):
    """The same under other names."""
    build(logs[:last_of_rotated] + [renamed(entries) for entries in logs[last_of_rotated:]], target, with_rotated)


def steal_end(logs, true, target):
    """No log since the rotation, and more in the last one before it."""
    logs[last_of_rotated - 1].append(made_up(logs[0][1:]))
    build(logs[:last_of_rotated], target, with_rotated)


def steal_next(logs, true, target):
    """A log after the last one."""
    build(logs + [renamed(logs[0])[:1] + [made_up(logs[0][1:])]], target, lambda number: key_of(number) if number <= len(logs) else rotated)


def steal_between(logs, true, target):
    """A log before the last one, which is the true one."""
    build(logs[:-1] + [renamed(logs[0])[:1] + [made_up(logs[0][1:])]], target, lambda number: key_of(number) if number < len(logs) else rotated)
    shutil.copytree(os.path.join(true, str(len(logs))), os.path.join(target, str(len(logs) + 1)))


def steal_older(logs, true, target):
    """Another history of the logs before the rotation; those after it are the true ones."""
    entries = logs[rng.randrange(last_of_rotated)]
    entries.append(made_up(logs[0][1:]))
    build(logs, target)
    for number in range(last_of_rotated + 1, len(logs) + 1):
        shutil.rmtree(os.path.join(target, str(number)))
        shutil.copytree(os.path.join(true, str(number)), os.path.join(target, str(number)))


def steal_both(logs, true, target):
    """Adds the signature of the rotated key to that of the last log."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(true, target)
    path = os.path.join(target, str(len(logs)), "checkpoint")
    note = read(path)
    text = note[:note.index(b"\n\n") + 1]
    write(path, note + line(text.split(b"\n")[0].decode(), 1, rotated, rotated.sign(text)).encode())


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


kinds = {name: code for name, code in globals().items() if name.startswith(("forge_", "steal_", "file_"))}


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
    keys = [verifier_key(origins[0], 1, rotated), verifier_key(origins[last_of_rotated], 1, secret)]
    witnesses = [verifier_key("witness.test", 4, witness)]
    kept = []
    for number in range(1, len(logs) + 1):
        with open(os.path.join(good, str(number), "checkpoint"), "rb") as file:
            kept.append(audit.Checkpoint(cosigned(file.read())))
    audit.verify(good, keys, witnesses, 1, kept, lambda line: None)
    audit.verify(good, keys, [], 0, [], lambda line: None)
    found = collections.Counter()
    tried = collections.Counter()
    for number in range(int(rounds)):
        kind = list(kinds)[number % len(kinds)]
        reader = (witnesses, 1, kept)
        if kind.startswith("steal_"):
            kinds[kind](copy.deepcopy(logs), good, bad)
            reader = ([], 0, [])
        elif kind.startswith("file_"):
            shutil.rmtree(bad, ignore_errors=True)
            shutil.copytree(good, bad)
            kinds[kind](bad)
        else:
            forged = copy.deepcopy(logs)
            kinds[kind](forged)
            build(forged, bad)
        tried[kind] += 1
        try:
            audit.verify(bad, keys, *reader, lambda line: None)
            print(f"round {number} was not found: {kind}")
        except audit.Problem:
            found[kind] += 1
    for kind in kinds:
        print(f"{kind}: {'all' if tried[kind] == found[kind] > 0 else found[kind]} found")
    print(f"{sum(found.values())} of {rounds} found")
