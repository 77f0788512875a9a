"""A witness of C2SP tlog-witness for tests: audit_witness.py key NAME, or cosign NAME TIME with a request on standard input, whose
consistency proof it checks by the words of RFC 9162. The key is made from the name; the size and root that it knows are in a file."""

import base64
import hashlib
import os
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

command, name = sys.argv[1:3]
secret = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
public = secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
key_id = hashlib.sha256(name.encode() + b"\n\x04" + public).digest()[:4]
memory = os.path.join(os.environ["WITNESS_FOLDER"], name.replace("/", "_"))


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def consistent(first, second, proof, old_root, root):
    if first == 0:
        return not proof
    if first == second:
        return not proof and old_root == root
    if first & (first - 1) == 0:
        proof = [old_root] + proof
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for c in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == old_root and sr == root and sn == 0


if command == "key":
    print(f"{name}+{key_id.hex()}+{base64.b64encode(bytes([4]) + public).decode()}")
    sys.exit()

request = sys.stdin.read()
if not request.endswith("\n"):
    request += "\n"
head, _, rest = request.partition("\n\n")
checkpoint = rest[:rest.index("\n\n") + 1]
old_line, *proof = head.split("\n")
old_size, (origin, size, root) = int(old_line.split()[1]), checkpoint.split("\n")[:3]
known = {}
if os.path.exists(memory):
    with open(memory) as file:
        known = dict((line.split()[0], line.split()[1:]) for line in file)
known_size, known_root = known.get(origin, ["0", ""])
if int(known_size) != old_size:
    sys.exit(f"409 {known_size}")
if not consistent(old_size, int(size), [base64.b64decode(p) for p in proof], base64.b64decode(known_root), base64.b64decode(root)):
    sys.exit("422")
known[origin] = [size, root]
with open(memory, "w") as file:
    file.writelines(f"{key} {' '.join(value)}\n" for key, value in known.items())
time = int(sys.argv[3])
signature = secret.sign(f"cosignature/v1\ntime {time}\n{checkpoint}".encode())
print(f"\u2014 {name} {base64.b64encode(key_id + time.to_bytes(8, 'big') + signature).decode()}")
