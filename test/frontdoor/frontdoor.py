# Shared by the tests of Python clients: TAP, the code that a page shows, and the two users of people.sql.
import json
import os
import re
import subprocess

ROLE = "bastion_frontdoor_app"
_number = 0


def ok(holds, name):
    global _number
    _number += 1
    print(f"{'ok' if holds else 'not ok'} {_number} - {name}", flush=True)


def done():
    print(f"1..{_number}")


def code(page, info):
    """The namespace after the block of a page that begins with ```info."""
    path = os.path.join(os.path.dirname(__file__), "..", "..", page)
    with open(path, encoding="utf-8") as file:
        text = re.search(rf"^```{info}\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE).group(1)
    return run(text, page)


def run(text, name):
    space = {"__name__": name}
    exec(compile(text, name, "exec"), space)
    return space


def psql(query):
    return subprocess.run(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-c", query], check=True, capture_output=True, text=True).stdout.strip()


def token(name):
    return json.loads(psql(f"SELECT bastion_api.login('{name}@client.example', 'correct horse')"))["access_token"]
