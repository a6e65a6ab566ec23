"""Thunderbird, without its windows: the account comes as preferences, the rest by remote control."""
import json
import os
import pathlib
import subprocess

import pytest

from conftest import PASSWORD, free_port, need, wait_for
from imap_reader import logged_in
from letters import deliver
from marionette import Marionette

BOB = "bob@example.com"

# What every script may use.
NAMES = """
const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const server = MailServices.accounts.getAccount("account1").incomingServer;
const inbox = () => server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
const letters = () => [...(inbox()?.messages ?? [])];
const until = async what => { while (!what()) await new Promise(r => setTimeout(r, 50)); };
"""

# Puts the password where Thunderbird looks for it.
LOGIN = """
const [origin, name, password] = given;
const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
login.init(origin, null, origin, name, password, "", "");
await Services.logins.addLoginAsync(login);
"""


class Thunderbird:
    def __init__(self, home, server, kind):
        home = pathlib.Path(home)
        profile = home / "profile"
        profile.mkdir()
        control = free_port()
        # Whatever it wants of the Internet, it gets from a proxy that is not there.
        preferences = {
            "marionette.port": control, "network.proxy.type": 1, "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9,
            "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": 9, "network.proxy.no_proxies_on": "127.0.0.1",
            "app.update.enabled": False, "datareporting.policy.dataSubmissionEnabled": False, "mailnews.start_page.enabled": False,
            "mail.provider.suppress_dialog_on_startup": True, "mail.accountmanager.accounts": "account1",
            "mail.accountmanager.defaultaccount": "account1", "mail.account.account1.server": "server1",
            "mail.account.account1.identities": "id1", "mail.identity.id1.useremail": BOB, "mail.identity.id1.fullName": "Bob",
            "mail.identity.id1.valid": True, "mail.server.server1.type": kind, "mail.server.server1.hostname": server.ip,
            "mail.server.server1.port": server.port[kind + "s"], "mail.server.server1.socketType": 3,  # TLS from the start
            "mail.server.server1.authMethod": 3,  # a password
            "mail.server.server1.userName": BOB, "mail.server.server1.name": "Pabal", "mail.server.server1.login_at_startup": False,
            "mail.server.server1.check_new_mail": False, "mail.server.server1.leave_on_server": False,
        }
        (profile / "user.js").write_text("".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in preferences.items()))
        self.log = open(home / "thunderbird.log", "wb")
        self.process = subprocess.Popen(
            [need("thunderbird"), "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", profile],
            env={"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}, stdout=self.log, stderr=self.log)
        self.control = wait_for(lambda: self.connect(control), 90)
        self.control("WebDriver:NewSession", acceptInsecureCerts=True)
        self.control("WebDriver:SetTimeouts", script=90_000)
        self.control("Marionette:SetContext", value="chrome")
        self.run(LOGIN, f'{"imap" if kind == "imap" else "mailbox"}://{server.ip}', BOB, PASSWORD)

    def connect(self, port):
        assert self.process.poll() is None, "Thunderbird has ended"
        try:
            return Marionette(port)
        except ConnectionRefusedError:
            return None

    def run(self, script, *arguments):
        return self.control.run(NAMES + script, *arguments)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()


def test_thunderbird_reads_flags_deletes_and_hears_of_new_mail(server, tmp_path):
    deliver(server, 3)
    with Thunderbird(tmp_path, server, "imap") as bird:
        subjects = bird.run("""
server.performExpand(null);
await until(() => inbox());
inbox().updateFolder(null);
await until(() => letters().length == 3);
return letters().map(m => m.mime2DecodedSubject);
""")
        assert subjects == ["제목 1", "제목 2", "제목 3"]
        bird.run("""
const [first, second, third] = letters();
inbox().markMessagesRead([first], true);
inbox().markMessagesFlagged([second], true);
inbox().deleteMessages([third], null, false, false, null, false);
await until(() => letters().length == 2);
""")

        def seen():
            with logged_in(server, BOB) as imap:
                imap.select("INBOX", readonly=True)
                flags = [part.decode() for part in imap.fetch("1:*", "(FLAGS)")[1]]
                trash = int(imap.select("Trash", readonly=True)[1][0])
            return len(flags) == 2 and "\\Seen" in flags[0] and "\\Flagged" in flags[1] and trash == 1

        wait_for(seen)
        deliver(server, 1, first=4)  # nobody asks: IDLE tells
        bird.run("await until(() => letters().some(m => m.mime2DecodedSubject == '제목 4'));")
        folders = bird.run("return server.rootFolder.descendants.map(f => f.name);")
        assert {"Drafts", "Sent", "Trash"} <= set(folders)


def test_thunderbird_takes_its_mail_by_pop3(server, tmp_path):
    deliver(server, 3)
    with Thunderbird(tmp_path, server, "pop3") as bird:
        subjects = bird.run("""
MailServices.pop3.GetNewMail(null, null, inbox(), server);
await until(() => letters().length == 3);
return letters().map(m => m.mime2DecodedSubject);
""")
        assert subjects == ["제목 1", "제목 2", "제목 3"]

    def empty():
        with logged_in(server, BOB) as imap:
            return imap.select("INBOX", readonly=True)[1] == [b"0"]

    wait_for(empty)
