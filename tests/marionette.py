"""Speaks Marionette, the remote control of Mozilla programs: enough to run scripts inside Thunderbird."""
import json
import socket


class Marionette:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.held, self.number = b"", 0
        assert self.read()["applicationType"] == "gecko"

    def __call__(self, command, **parameters):
        self.number += 1
        text = json.dumps([0, self.number, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, number, error, answer = self.read()
        assert number == self.number and error is None, error
        return answer

    def read(self):
        """One message: its length in decimal, a colon, JSON."""
        while True:
            length, colon, text = self.held.partition(b":")
            if colon and len(text) >= int(length):
                self.held = text[int(length):]
                return json.loads(text[:int(length)])
            got = self.socket.recv(65536)
            assert got, "the program has gone"
            self.held += got

    def run(self, script, *arguments):
        """Runs the body of an async function that sees `given`, the arguments; gives what it returns."""
        answer = self("WebDriver:ExecuteAsyncScript", args=list(arguments), script="""
const given = [...arguments], done = given.pop();
(async () => { %s })().then(value => done({value}), e => done({error: `${e}\\n${e.stack}`}));
""" % script)["value"]
        assert "error" not in answer, answer["error"]
        return answer.get("value")
