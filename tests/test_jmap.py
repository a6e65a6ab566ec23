"""Reading mail by JMAP: with jmap-jam, a client library that knows RFC 8620 and 8621, and by plain HTTP."""
import base64
import json
import subprocess
import urllib.request

from conftest import ROOT, need
from imap_reader import logged_in
from letters import deliver_text
from test_gmail_settings import token_of

MAIL = "urn:ietf:params:jmap:mail"
NEWEST = [{"property": "receivedAt", "isAscending": False}]


def base(server):
    return f"http://{server.ip}:{server.port['http']}"


class Jam:
    """Somebody's mail, by the npm client."""

    def __init__(self, server, address="alice@example.com"):
        self.server, self.token = server, token_of(server, address)

    def steps(self, *steps):
        done = subprocess.run([need("node"), ROOT / "tests/jmap_jam.mjs", f"{base(self.server)}/.well-known/jmap", self.token],
                              input=json.dumps(steps), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def calls(self, *calls):
        """The answers by the calls' names; each a call of ONE request."""
        return self.steps({"calls": calls})[0]

    def call(self, method, **arguments):
        answer = self.calls(["one", method, arguments])
        return answer.get("one", answer)

    def query(self, condition=None, **more):
        return self.call("Email/query", filter=condition, sort=NEWEST, **more)


def letter(name, subject, text, more="", sender="김철수 <kim@univ.edu>"):
    return (f"From: {sender}\r\nTo: alice@example.com\r\nSubject: {subject}\r\nMessage-ID: <{name}@univ.edu>\r\n{more}"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n").encode()


WITH_FILES = """From: Bob <bob@univ.edu>\r
To: alice@example.com\r
Subject: =?EUC-KR?B?uLi9xQ==?= files\r
Message-ID: <files@univ.edu>\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=m\r
\r
--m\r
Content-Type: multipart/alternative; boundary=a\r
\r
--a\r
Content-Type: text/plain; charset=euc-kr\r
Content-Transfer-Encoding: base64\r
\r
%s\r
--a\r
Content-Type: text/html; charset=utf-8\r
\r
<p>See the <b>report</b></p>\r
--a--\r
--m\r
Content-Type: application/pdf\r
Content-Disposition: attachment; filename*=UTF-8''%%EB%%B3%%B4%%EA%%B3%%A0.pdf\r
Content-Transfer-Encoding: base64\r
\r
JVBERi0x\r
--m--\r
""" % base64.b64encode("보고서를 보세요".encode("euc-kr")).decode()


def send(server, text):
    deliver_text(server, text, "alice@example.com")


def test_a_page_of_threads_with_their_letters_in_one_request(server):
    send(server, letter("1", "회의 자료", "내일 회의 자료입니다."))
    send(server, letter("2", "lunch", "Shall we eat?", sender="Carol <carol@univ.edu>"))
    send(server, letter("3", "Re: 회의 자료", "잘 받았습니다.", "In-Reply-To: <1@univ.edu>\r\n"))
    jam = Jam(server)
    inbox = next(one["id"] for one in jam.call("Mailbox/get")["list"] if one["role"] == "inbox")
    got = jam.calls(
        ["found", "Email/query", {"filter": {"inMailbox": inbox}, "sort": NEWEST, "collapseThreads": True, "calculateTotal": True}],
        ["first", "Email/get", {"ids": {"$ref": ["found", "/ids"]}, "properties": ["threadId"]}],
        ["threads", "Thread/get", {"ids": {"$ref": ["first", "/list/*/threadId"]}}],
        ["mail", "Email/get", {"ids": {"$ref": ["threads", "/list/*/emailIds"]}, "properties": ["subject", "from", "preview", "hasAttachment"]}])
    assert got["found"]["total"] == 2
    assert [len(one["emailIds"]) for one in got["threads"]["list"]] == [2, 1]
    assert [(one["subject"], one["from"][0]["name"]) for one in got["mail"]["list"]] == [
        ("회의 자료", "김철수"), ("Re: 회의 자료", "김철수"), ("lunch", "Carol")]
    assert got["mail"]["list"][0]["preview"] == "내일 회의 자료입니다."


def test_a_letter_with_files_is_read_as_a_whole(server):
    send(server, WITH_FILES.encode())
    jam = Jam(server)
    found = jam.query({"hasAttachment": True})["ids"]
    one = jam.call("Email/get", ids=found, fetchAllBodyValues=True,
                   properties=["subject", "bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments", "header:Message-ID:asMessageIds"])["list"][0]
    assert one["subject"] == "만신 files" and one["header:Message-ID:asMessageIds"] == ["files@univ.edu"]
    value = lambda part: one["bodyValues"][part["partId"]]["value"]
    assert value(one["textBody"][0]) == "보고서를 보세요"
    assert value(one["htmlBody"][0]) == "<p>See the <b>report</b></p>"
    assert [part["type"] for part in one["bodyStructure"]["subParts"]] == ["multipart/alternative", "application/pdf"]
    file = one["attachments"][0]
    assert (file["name"], file["size"], file["type"]) == ("보고.pdf", 6, "application/pdf")
    assert jam.steps({"download": {"blobId": file["blobId"], "type": "application/pdf", "name": "x.pdf"}})[0]["text"] == "%PDF-1"


def test_searches_find_words_and_show_where(server):
    send(server, letter("1", "Budget of <2027>", "The budget & what it is for."))
    send(server, letter("2", "회의", "보고서를 함께 봅시다"))
    jam = Jam(server)
    for condition, count in (({"text": "budget"}, 1), ({"subject": "2027", "from": "kim"}, 1), ({"body": "보고서"}, 1), ({"from": "김철수"}, 2),
                             ({"operator": "NOT", "conditions": [{"text": "budget"}, {"hasKeyword": "$seen"}]}, 1),
                             ({"header": ["Message-ID", "2@univ.edu"]}, 1), ({"text": "nothing of the kind"}, 0)):
        assert len(jam.query(condition)["ids"]) == count, condition
    got = jam.calls(["found", "Email/query", {"filter": {"text": "budget"}}],
                    ["marked", "SearchSnippet/get", {"filter": {"text": "budget"}, "emailIds": {"$ref": ["found", "/ids"]}}])
    assert got["marked"]["list"] == [{"emailId": got["found"]["ids"][0], "subject": "<mark>Budget</mark> of &lt;2027&gt;",
                                      "preview": "The <mark>budget</mark> &amp; what it is for."}]


def test_a_client_keeps_a_list_in_step(server):
    for n in range(4):
        send(server, letter(str(n), f"letter {n}", "x"))
    jam = Jam(server)
    condition = {"notKeyword": "$seen"}
    before = jam.query(condition)
    mail_before = jam.call("Email/get", ids=before["ids"], properties=["id", "keywords"])
    ids = before["ids"]
    page = jam.query(condition, anchor=ids[1], anchorOffset=1, limit=1)
    assert (page["ids"], page["position"]) == ([ids[2]], 2)
    send(server, letter("new", "letter 4", "x"))
    with logged_in(server, "alice@example.com") as imap:
        imap.select("INBOX")
        imap.store("2", "+FLAGS", "(\\Seen)")
        imap.store("1", "+FLAGS", "(\\Flagged)")
        assert b"EMAILID (%s)" % ids[2].encode() in imap.fetch("2", "(EMAILID)")[1][0], "the same ids by IMAP"
    changes = jam.call("Email/queryChanges", filter=condition, sort=NEWEST, sinceQueryState=before["queryState"], calculateTotal=True)
    assert changes["removed"] == [ids[2]], "what was flagged has not moved"
    assert [one["index"] for one in changes["added"]] == [0] and changes["total"] == 4
    ids = [changes["added"][0]["id"]] + [one for one in ids if one not in changes["removed"]]
    assert ids == jam.query(condition)["ids"]
    told = jam.call("Email/changes", sinceState=mail_before["state"])
    assert (told["created"], set(told["updated"]), told["destroyed"]) == ([ids[0]], {before["ids"][2], before["ids"][3]}, [])
    assert len(jam.call("Thread/changes", sinceState=mail_before["state"])["created"]) == 1


def test_blobs_are_parsed_and_wrong_requests_told(server):
    jam = Jam(server)
    uploaded = jam.steps({"upload": "Subject: =?UTF-8?B?7ZqM7J2Y?=\r\n\r\ntext\r\n"})[0]
    parsed = jam.call("Email/parse", blobIds=[uploaded["blobId"], "Bnone"], fetchTextBodyValues=True)
    assert parsed["parsed"][uploaded["blobId"]]["subject"] == "회의" and parsed["notFound"] == ["Bnone"]

    def http(url, body=None):
        headers = {"Authorization": f"Bearer {jam.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, headers=headers, data=body and json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)

    session = http(f"{base(server)}/.well-known/jmap")
    account = session["primaryAccounts"][MAIL]
    assert "someInThreadHaveKeyword" in session["accounts"][account]["accountCapabilities"][MAIL]["emailQuerySortOptions"]

    def error(method, **arguments):
        body = {"using": ["urn:ietf:params:jmap:core", MAIL], "methodCalls": [[method, {"accountId": account, **arguments}, "0"]]}
        return http(session["apiUrl"], body)["methodResponses"][0][1].get("type")

    assert error("Email/get", ids=[], properties=["header:From:asDate"]) == "invalidArguments"
    assert error("Email/query", filter={"colour": "red"}) == "unsupportedFilter"
    assert error("Email/query", sort=[{"property": "colour"}]) == "unsupportedSort"
    assert error("Email/query", anchor="E999") == "anchorNotFound"
    assert error("Email/queryChanges", sinceQueryState="999999") == "cannotCalculateChanges"
    assert error("Email/changes", sinceState="1", maxChanges=0) == "invalidArguments"
    assert error("Email/get", ids=[f"E{n}" for n in range(1, 1_002)]) == "requestTooLarge"


def test_pages_of_other_origins_call_with_a_token_and_never_with_a_cookie(server):
    jam = Jam(server)

    def ask(method, path, **headers):
        fields = {"Origin": "https://mail.app.example", **{name.replace("_", "-"): value for name, value in headers.items()}}
        request = urllib.request.Request(base(server) + path, method=method, headers=fields)
        with urllib.request.urlopen(request, timeout=20) as response:
            return response

    for path, method in (("/jmap", "POST"), ("/.well-known/jmap", "GET"), ("/jmap/upload/A1/", "POST")):
        may = ask("OPTIONS", path, Access_Control_Request_Method=method, Access_Control_Request_Headers="authorization,content-type")
        assert (may.status, may.headers["Access-Control-Allow-Origin"]) == (204, "*")
        assert may.headers["Access-Control-Allow-Headers"] == "authorization,content-type"
        assert "Access-Control-Allow-Credentials" not in may.headers
    session = ask("GET", "/.well-known/jmap", Authorization=f"Bearer {jam.token}")
    assert (session.status, session.headers["Access-Control-Allow-Origin"]) == (200, "*")
