"""The stress tester for a moment; `./dev stress 3600` for an hour."""
import asyncio

from conftest import PASSWORD
from imap_stress import options_from, stress


def test_sessions_that_do_random_things_agree(server):
    port = server.port
    arguments = ["--port", port["imap"], "--smtp", port["smtp"], "--user", "bob@example.com", "--password", PASSWORD,
                 "--sessions", 8, "--seconds", 12, "--seed", 20261127]
    if "pop3" in port:
        arguments += ["--pop3", port["pop3"]]
    counts = asyncio.run(stress(options_from([str(a) for a in arguments])))
    assert counts["checkpoints"] >= 2 and counts["flag"] > 50 and counts["delivered"] > 5, counts
