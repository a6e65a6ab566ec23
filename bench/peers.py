"""The peers that ./dev bench measures beside Pabal: Postfix and Dovecot of Debian, with their defaults, on private ports and
folders, and what it takes to start and weigh either side."""
import ctypes
import ctypes.util
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PABAL = ROOT / os.environ.get("PABAL", "build/release/pabal")
PASSWORD = "correct-horse-battery"
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_port(port, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port} after {seconds} s")


def read_pid(path, seconds=20):
    """A daemon writes its pid file a moment after its parent has returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.02)
    sys.exit(f"{path} was not written within {seconds} s")


def children(pid):
    """pid and all its descendants that live."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()
                parents.setdefault(int(fields[1]), []).append(int(entry))
            except OSError:
                pass
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += parents.get(one, [])
    return found


def cpu_seconds(pids):
    """User and system time of these processes, their children alive and already waited for included."""
    total = 0
    for root in pids:
        for pid in children(root):
            try:
                fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
                total += sum(int(f) for f in fields[11:15])
            except OSError:
                pass
    return total / TICKS


def resident_mib(pids):
    total = 0
    for root in pids:
        for pid in children(root):
            try:
                for line in open(f"/proc/{pid}/smaps_rollup"):
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
            except OSError:
                pass
    return total / 1024


class Lmtp:
    """`where` is a port, or the path of a socket."""

    def __init__(self, where):
        self.socket = socket.socket(socket.AF_INET if isinstance(where, int) else socket.AF_UNIX)
        self.socket.connect(("127.0.0.1", where) if isinstance(where, int) else str(where))
        if isinstance(where, int):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")
        self.reply()
        self.socket.sendall(b"LHLO bench\r\n")
        self.reply()

    def reply(self):
        while (line := self.lines.readline())[3:4] == b"-":
            pass
        if line[:1] not in b"23" or not line:
            raise RuntimeError(f"a delivery was refused: {line}")

    def begin(self, octets, user="user"):
        """All but the dot that ends it."""
        self.socket.sendall(b"MAIL FROM:<s@example.net>\r\nRCPT TO:<%s@example.com>\r\nDATA\r\n" % user.encode())
        for _ in range(3):
            self.reply()
        self.socket.sendall(octets)

    def deliver(self, octets, user="user"):
        self.begin(octets, user)
        self.socket.sendall(b".\r\n")
        self.reply()


class Pabal:
    name = "Pabal"

    def __init__(self, folder, users, protocols=("smtp", "imap"), resolver=None):
        """Listens for each of `protocols`: self.smtp, self.imap, ... are the ports. `resolver`: "ip@port" to ask about names."""
        self.folder = pathlib.Path(folder) / "pabal"
        self.folder.mkdir(parents=True)
        self.config, self.ports = self.folder / "pabal.toml", {}
        lines = ['hostname = "mail.example.com"', 'data = "data"', 'log = "warn"']
        for protocol in protocols:
            self.ports[protocol] = port = free_port()
            setattr(self, protocol, port)
            lines += ["[[listen]]", f'protocol = "{protocol}"', f'address = "127.0.0.1:{port}"']
        # Without one no other names exist: who sends is checked here, and not by the others, without the world's DNS.
        lines += ["[dns]", f'forwarder = "{resolver}"'] if resolver else ["[[zone]]", 'origin = "."', 'text = ""']
        self.config.write_text("\n".join(lines) + "\n")
        self.command("domain", "add", "example.com")
        for user in users:
            self.command("account", "add", f"{user}@example.com", "--password-stdin", stdin=PASSWORD)
        self.start()

    def command(self, *args, stdin=None):
        return subprocess.run([PABAL, "--config", self.config, *args], input=stdin, text=True, check=True, capture_output=True).stdout

    def start(self):
        self.process = subprocess.Popen([PABAL, "--config", self.config, "serve"])
        for port in self.ports.values():
            wait_port(port)
        self.pids = [self.process.pid]

    def count(self, user):
        for line in self.command("mailbox", "list", f"{user}@example.com").splitlines():
            if line.startswith("INBOX "):
                return int(line.split()[1])
        return 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


class Postfix:
    """A Postfix with its defaults on 127.0.0.1:`port` that hands mail for example.com to `transport`. All above `base` must be
    open to its own user."""

    def __init__(self, base, port, hostname, transport):
        self.etc, spool, data = base / "etc", base / "spool", base / "data"
        for folder in (base, self.etc, spool, data):
            folder.mkdir()
        shutil.chown(data, "postfix", "postfix")
        (self.etc / "main.cf").write_text(f'''compatibility_level = 3.6
queue_directory = {spool}
data_directory = {data}
maillog_file = /var/log/pabal-postfix.log
myhostname = {hostname}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
virtual_mailbox_domains = example.com
virtual_mailbox_maps = static:all
virtual_transport = {transport}
''')
        master = []
        for line in pathlib.Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
            fields = line.split()
            if len(fields) >= 8 and not line.startswith(("#", " ", "\t")):
                fields[4] = "n"  # no chroot: its folder would have to be filled first
                if fields[:2] == ["smtp", "inet"]:
                    fields[0] = f"127.0.0.1:{port}"
                line = " ".join(fields)
            master.append(line)
        if not any(line.startswith("postlog") for line in master):
            master.append("postlog unix-dgram n - n - 1 postlogd")
        (self.etc / "master.cf").write_text("\n".join(master) + "\n")
        done = subprocess.run(["/usr/sbin/postfix", "-c", self.etc, "start"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit("postfix did not start: " + done.stdout + done.stderr)
        self.pid = read_pid(spool / "pid/master.pid")

    def stop(self):
        subprocess.run(["/usr/sbin/postfix", "-c", self.etc, "stop"], capture_output=True)


class Dovecot:
    """A Dovecot with its defaults, but that it stores at `location`, "maildir:~/Maildir" or "mdbox:~/mdbox", and that names have
    one separator, so that the one can be made of the other."""

    def __init__(self, base, users, location="maildir:~/Maildir", fsync="optimized", extra=""):
        """`fsync`: mail_fsync; "optimized", its default, may lose changes of flags, "always" is as durable as Pabal.
        `extra`: lines for its configuration."""
        base.mkdir(parents=True)
        for folder in (base, base.parent):
            os.chmod(folder, 0o755)
        self.extra = extra
        self.base, self.users, self.location, self.imap, self.lmtp = base, users, location, free_port(), base / "lmtp"
        self.homes, self.config = base / "homes", base / "dovecot.conf"
        self.homes.mkdir()
        shutil.chown(self.homes, "nobody", "nogroup")
        passwords = base / "passwords"
        secret = argon2id(PASSWORD)
        passwords.write_text("".join(f"{u}@example.com:{{ARGON2ID}}{secret}\n" for u in self.users))
        self.secrets = passwords
        self.start(fsync)

    def start(self, fsync):
        base = self.base
        self.config.write_text(f'''base_dir = {base}/dovecot
log_path = {base}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = {self.location}
mail_fsync = {fsync}
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = {self.secrets}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={self.homes}/%n allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener {self.lmtp} {{
    mode = 0666
  }}
}}
{self.extra}''')
        subprocess.run(["/usr/sbin/dovecot", "-c", self.config], check=True)
        self.pids = [read_pid(base / "dovecot/master.pid")]
        wait_port(self.imap)

    def stop(self):
        subprocess.run(["/usr/sbin/dovecot", "-c", self.config, "stop"], capture_output=True)
        (self.base / "dovecot/master.pid").unlink(missing_ok=True)


class PostfixDovecot:
    name = "Postfix+Dovecot"

    def __init__(self, folder, users):
        base = pathlib.Path(folder) / "peers"
        self.dovecot = Dovecot(base, users)
        self.smtp, self.imap = free_port(), self.dovecot.imap
        os.chmod(folder, 0o755)
        self.postfix = Postfix(base / "postfix", self.smtp, "mail.example.com", f"lmtp:unix:{self.dovecot.lmtp}")
        wait_port(self.smtp)

    @property
    def pids(self):
        return self.dovecot.pids + [self.postfix.pid]

    def count(self, user):
        new = self.dovecot.homes / user / "Maildir/new"
        return len(os.listdir(new)) if new.exists() else 0

    def stop(self):
        self.postfix.stop()
        self.dovecot.stop()


def argon2id(password):
    """With the cost that Pabal hashes at (identity/password.h), so that a login costs both sides the same."""
    sodium, out = ctypes.CDLL(ctypes.util.find_library("sodium")), ctypes.create_string_buffer(128)
    if sodium.sodium_init() < 0 or sodium.crypto_pwhash_str_alg(
            out, password.encode(), ctypes.c_ulonglong(len(password)), ctypes.c_ulonglong(2), ctypes.c_size_t(19 << 20), 2):
        sys.exit("libsodium made no hash")
    return out.value.decode()


def settle(side, seconds=120):
    """Waits until a server has done what it does behind its answers (index, fold, compact): a second with next to no CPU."""
    end = time.monotonic() + seconds
    before = cpu_seconds(side.pids)
    while time.monotonic() < end:
        time.sleep(1)
        before, last = cpu_seconds(side.pids), before
        if before - last < 0.03:
            return


def fsync_rate(folder, seconds=1.0):
    """4 KiB appends with fdatasync a second: the disk's own ceiling for one writer."""
    path = pathlib.Path(folder) / "fsync"
    block = os.urandom(4096)
    with open(path, "wb", buffering=0) as out:
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            out.write(block)
            os.fdatasync(out.fileno())
            count += 1
    path.unlink()
    return count / seconds
