"""A real OpenID Connect provider on loopback, in a process of its own."""

import contextlib
import json
import socket
import subprocess
import sys
import time

import httpx


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


PEOPLE = [
    {"sub": "ada", "name": "ada of Kent", "preferred_username": "ada", "groups": ["night", "poets"]},
    {"sub": "byron", "name": "byron of Kent", "preferred_username": "byron", "groups": ["poets"]},
]


@contextlib.contextmanager
def providing(port):
    """A provider with keys of its own, in a process of its own."""
    people = [f"--user-claims={json.dumps(claims)}" for claims in PEOPLE]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *people]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{port}/.well-known/openid-configuration").raise_for_status()
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
