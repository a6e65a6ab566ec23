#include "access/imap/fetch_format.h"

#include <gtest/gtest.h>

namespace pabal::access::imap {
namespace {

std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) (out += c == '\n' ? "\r" : "") += c;
  return out;
}

struct Sample {
  mailbox::Details details;
  std::string body;
};
Sample sample(std::string_view text, std::string prefix = "") {
  Sample out;
  out.body = crlf(text);
  out.details.structure = message::parse(out.body);
  out.details.prefix = crlf(prefix);
  return out;
}

// The octets of a section, or "NIL".
std::string fetch(const Sample& s, const std::string& item) {
  Words words(item);
  const auto request = parse_fetch(words);
  if (!request) return "malformed";
  const FetchItem& wanted = request->items.front();
  std::optional<Octets> octets;
  if (wanted.kind == FetchItem::Kind::kSection)
    octets = section_octets(wanted.section, s.details, s.body);
  else {
    auto binary = binary_octets(wanted.section, s.details, s.body);
    if (!binary) return "fault";
    octets = *binary;
  }
  return octets ? std::string(octets->first) + std::string(octets->second) : "NIL";
}

// The structure that RFC 9051 §6.4.5.1 numbers its parts with.
const char kNested[] = R"(From: a@x
Subject: outer
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: text/plain

one
--o
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

dHdv
--o
Content-Type: message/rfc822

From: b@x
Subject: inner
Content-Type: multipart/mixed; boundary=i

--i
Content-Type: text/plain

three.one
--i
Content-Type: text/html

<p>three.two
--i--
--o
Content-Type: multipart/mixed; boundary=f

--f
Content-Type: image/gif

four.one
--f
Content-Type: message/rfc822

Subject: deep
Content-Type: text/plain

four.two.one
--f--
--o--
)";

TEST(Sections, PartsAreNumberedAsTheRfcNumbersThem) {
  const Sample s = sample(kNested);
  EXPECT_EQ(fetch(s, "BODY[1]"), "one");
  EXPECT_EQ(fetch(s, "BODY[2]"), "dHdv");
  EXPECT_EQ(fetch(s, "BODY[3.1]"), "three.one");
  EXPECT_EQ(fetch(s, "BODY[3.2]"), "<p>three.two");
  EXPECT_EQ(fetch(s, "BODY[4.1]"), "four.one");
  EXPECT_EQ(fetch(s, "BODY[4.2.1]"), "four.two.one");
  EXPECT_EQ(fetch(s, "BODY[3.HEADER]"),
            crlf("From: b@x\nSubject: inner\nContent-Type: multipart/mixed; boundary=i\n\n"));
  EXPECT_EQ(fetch(s, "BODY[3.TEXT]").substr(0, 3), "--i");
  EXPECT_EQ(fetch(s, "BODY[3]").substr(0, 9), "From: b@x");
  EXPECT_EQ(fetch(s, "BODY[4.2.HEADER.FIELDS (subject)]"), crlf("Subject: deep\n\n"));
  EXPECT_EQ(fetch(s, "BODY[4.2.TEXT]"), "four.two.one");
  EXPECT_EQ(fetch(s, "BODY[2.MIME]"),
            crlf("Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"));
  EXPECT_EQ(fetch(s, "BODY[3.2.MIME]"), crlf("Content-Type: text/html\n\n"));
  for (const std::string none :
       {"BODY[5]", "BODY[1.1]", "BODY[2.HEADER]", "BODY[3.3]", "BODY[4.2.2]", "BODY[4.2.1.1]", "BODY[4.HEADER]"})
    EXPECT_EQ(fetch(s, none), "NIL") << none;
}

TEST(Sections, AMessageThatIsNoMultipartHasPartOne) {
  const Sample s = sample("Subject: x\nContent-Type: text/plain\n\nhello\n");
  EXPECT_EQ(fetch(s, "BODY[1]"), "hello\r\n");
  EXPECT_EQ(fetch(s, "BODY[TEXT]"), "hello\r\n");
  EXPECT_EQ(fetch(s, "BODY[1.MIME]"), crlf("Subject: x\nContent-Type: text/plain\n\n"));
  EXPECT_EQ(fetch(s, "BODY[2]"), "NIL");
  EXPECT_EQ(fetch(s, "BODY[1.1]"), "NIL");
}

TEST(Sections, ThePrefixIsPartOfTheHeader) {
  const Sample s = sample("Subject: x\nFrom: a@x\n\nhello\n", "Return-Path: <r@x>\n");
  EXPECT_EQ(fetch(s, "BODY[]"), crlf("Return-Path: <r@x>\nSubject: x\nFrom: a@x\n\nhello\n"));
  EXPECT_EQ(fetch(s, "BODY[HEADER]"), crlf("Return-Path: <r@x>\nSubject: x\nFrom: a@x\n\n"));
  EXPECT_EQ(fetch(s, "BODY[TEXT]"), "hello\r\n");
  EXPECT_EQ(fetch(s, "BODY[HEADER.FIELDS (FROM return-path)]"), crlf("Return-Path: <r@x>\nFrom: a@x\n\n"));
  EXPECT_EQ(fetch(s, "BODY[HEADER.FIELDS.NOT (FROM return-path)]"), crlf("Subject: x\n\n"));
  EXPECT_EQ(fetch(s, "BODY[HEADER.FIELDS (X-None)]"), "\r\n");
}

TEST(Sections, FoldedAndRepeatedFieldsComeWhole) {
  const Sample s = sample("Received: one\n  and more\nX: y\nReceived: two\n\n");
  EXPECT_EQ(fetch(s, "BODY[HEADER.FIELDS (Received)]"), crlf("Received: one\n  and more\nReceived: two\n\n"));
}

TEST(Sections, PartialsCutAcrossPrefixAndBody) {
  const Sample s = sample("A: b\n\nhello\n", "P: q\n");
  const std::string whole = crlf("P: q\nA: b\n\nhello\n");
  for (size_t offset = 0; offset <= whole.size() + 2; ++offset)
    for (const size_t count : {1u, 3u, 7u, 100u}) {
      const std::string expected = offset < whole.size() ? whole.substr(offset, count) : "";
      EXPECT_EQ(fetch(s, "BODY[]<" + std::to_string(offset) + "." + std::to_string(count) + ">"), expected);
    }
  EXPECT_EQ(fetch(s, "BODY[]<9223372036854775807.9223372036854775807>"), "");
}

TEST(Binary, UndoesTheTransferEncoding) {
  const Sample s = sample(kNested);
  EXPECT_EQ(fetch(s, "BINARY[2]"), "two");
  EXPECT_EQ(fetch(s, "BINARY[2]<1.1>"), "w");
  EXPECT_EQ(fetch(s, "BINARY[1]"), "one");
  EXPECT_EQ(fetch(s, "BINARY[9]"), "NIL");
  EXPECT_EQ(fetch(s, "BINARY[]").substr(0, 9), "From: a@x");
  EXPECT_EQ(fetch(sample("Content-Transfer-Encoding: x-uuencode\n\nbegin\n"), "BINARY[1]"), "fault");
  EXPECT_EQ(fetch(sample("Content-Transfer-Encoding: quoted-printable\n\na=3Db=\nc\n"), "BINARY[1]"), "a=bc\r\n");
}

std::string envelope_of(std::string_view text) { return envelope(message::parse(crlf(text)).summary); }

TEST(Envelope, IsTheExampleOfTheRfc) {
  // RFC 9051 §8
  EXPECT_EQ(
      envelope_of("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\nSubject: IMAP4rev2 WG mtg summary and minutes\n"
                  "From: Terry Gray <gray@cac.washington.edu>\nTo: imap@cac.washington.edu\n"
                  "Cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@JCK.COM>\nMessage-Id: "
                  "<B27397-0100000@cac.washington.edu>\n\n"),
      "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" "
      "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
      "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) "
      "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"JCK.COM\")) NIL NIL "
      "\"<B27397-0100000@cac.washington.edu>\")");
}

TEST(Envelope, GroupsHaveABeginningAndAnEnd) {
  EXPECT_EQ(envelope_of("To: team: a@x, b@y;\n\n"),
            "(NIL NIL NIL NIL NIL ((NIL NIL \"team\" NIL)(NIL NIL \"a\" \"x\")(NIL NIL \"b\" \"y\")(NIL NIL NIL NIL)) "
            "NIL NIL NIL NIL)");
}

TEST(Envelope, OfNothingIsAllNil) { EXPECT_EQ(envelope_of("\n"), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"); }

TEST(Envelope, EightBitTextIsALiteral) { EXPECT_NE(envelope_of("Subject: é\n\n").find("{2}\r\né"), std::string::npos); }

std::string structure(std::string_view text, bool extended = true) {
  return body_structure(message::parse(crlf(text)).root, extended);
}

TEST(BodyStructure, OfATextSaysItsLines) {
  EXPECT_EQ(structure("Content-Type: text/plain; charset=us-ascii\n\none\ntwo\n"),
            "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"us-ascii\") NIL NIL \"7BIT\" 10 2 NIL NIL NIL NIL)");
  EXPECT_EQ(structure("Content-Type: text/plain; charset=us-ascii\n\none\ntwo\n", false),
            "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"us-ascii\") NIL NIL \"7BIT\" 10 2)");
}

TEST(BodyStructure, OfAMultipartHasItsPartsAndParameters) {
  EXPECT_EQ(structure("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: image/png; "
                      "name=a.png\nContent-ID: <1@x>\nContent-Description: a picture\n"
                      "Content-Transfer-Encoding: base64\nContent-Disposition: attachment; "
                      "filename=a.png\nContent-Language: en, ko\n\nAAAA\n--b--\n"),
            "((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 1 NIL NIL NIL NIL)"
            "(\"IMAGE\" \"PNG\" (\"NAME\" \"a.png\") \"<1@x>\" \"a picture\" \"BASE64\" 4 NIL (\"ATTACHMENT\" "
            "(\"FILENAME\" \"a.png\")) (\"en\" \"ko\") NIL)"
            " \"MIXED\" (\"BOUNDARY\" \"b\") NIL NIL NIL)");
}

TEST(BodyStructure, OfAnEmbeddedMessageHasItsEnvelope) {
  EXPECT_EQ(structure("Content-Type: message/rfc822\n\nSubject: in\n\nx\n", false),
            "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 18 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) (\"TEXT\" "
            "\"PLAIN\" NIL NIL NIL \"7BIT\" 3 1) 3)");
}

TEST(BodyStructure, OfAClosedEmbeddedMessageKeepsTheGrammar) {
  const std::string text =
      structure("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaW4NCg0KeA==\n", false);
  EXPECT_EQ(text,
            "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"BASE64\" 26 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (\"TEXT\" "
            "\"PLAIN\" NIL NIL NIL \"7BIT\" 0 0) 1)");
}

TEST(BodyStructure, OfAMultipartWithoutPartsIsText) {
  EXPECT_EQ(structure("Content-Type: multipart/mixed; boundary=b\n\nnothing\n", false),
            "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 9 1)");
  EXPECT_EQ(fetch(sample("Content-Type: multipart/mixed; boundary=b\n\nnothing\n"), "BODY[1]"), "nothing\r\n");
}

TEST(BodyStructure, NamesOutsideAsciiAreWrittenAsInAMessage) {
  EXPECT_NE(structure("Content-Type: text/plain; name*=utf-8''%ED%95%9C%2Etxt\n\nx\n")
                .find("(\"NAME*\" \"utf-8''%ED%95%9C.txt\")"),
            std::string::npos);
}

}  // namespace
}  // namespace pabal::access::imap
