"""A bare SMTP client that shows every reply: what a person with telnet has."""
import socket


class Telnet:
    def __init__(self, ip, port, timeout=10):
        self.socket = socket.create_connection((ip, port), timeout=timeout)
        self.lines = self.socket.makefile("rb")

    def reply(self):
        """All lines of one reply, as text; '' when the server closed."""
        out = ""
        while True:
            try:
                line = self.lines.readline().decode()
            except ConnectionResetError:
                return out
            out += line
            if not line or line[3:4] != "-":
                return out

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def ask(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def close(self):
        self.lines.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
