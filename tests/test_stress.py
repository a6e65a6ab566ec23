"""The stress tester for a moment; `./dev stress 3600` for an hour, with another seed each time."""
import asyncio
import os
import time

from conftest import PASSWORD
from imap_stress import options_from, stress


def test_sessions_that_do_random_things_agree(server):
    seconds = os.environ.get("STRESS_SECONDS")
    arguments = {"port": server.port["imap"], "smtp": server.port["smtp"], "user": "bob@example.com", "password": PASSWORD,
                 "sessions": 12 if seconds else 8, "seconds": seconds or 12, "seed": int(time.time()) if seconds else 20261127}
    if "pop3" in server.port:
        arguments["pop3"] = server.port["pop3"]
    print(f"seed {arguments['seed']}")
    counts = asyncio.run(stress(options_from([f"--{name}={value}" for name, value in arguments.items()])))
    assert counts["checkpoints"] >= 2 and counts["flag"] > 50 and counts["delivered"] > 5, counts
