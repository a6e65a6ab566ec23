// Email/get, Email/parse, Thread/get (RFC 8621 §3, §4) as a client meets them.
#include "jmap/testing.h"

namespace pabal::jmap {
namespace {

using testing::parse;
using testing::World;

// The example of RFC 8621 §4.1.4, with its letters as what is in the parts.
constexpr char kNested[] = R"(From: =?UTF-8?B?6rmA7LKg7IiY?= <kim@univ.edu>
To: "Smythe, James" <james@example.com>, Friends: jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?= <john@example.com>;
Cc: carol@example.com (Carol)
Subject: =?UTF-8?B?7ZqM7J2Y?= today
Date: Tue, 03 Nov 2026 09:05:30 +0900
Message-ID: <1@univ.edu>
References: <a@univ.edu> <b@univ.edu>
List-Post: <mailto:list@univ.edu> (all)
X-Mark: one
x-mark: =?UTF-8?Q?=ED=95=9C?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=1

--1
Content-Type: text/plain
Content-Disposition: inline

A
--1
Content-Type: multipart/mixed; boundary=2

--2
Content-Type: multipart/alternative; boundary=3

--3
Content-Type: multipart/mixed; boundary=4

--4
Content-Type: text/plain; charset=utf-8
Content-Disposition: inline
Content-Transfer-Encoding: base64

6rCA64KYDQrri6QNCg==
--4
Content-Type: image/jpeg
Content-Disposition: inline

C
--4
Content-Type: text/plain
Content-Disposition: inline

D
--4--
--3
Content-Type: multipart/related; boundary=5

--5
Content-Type: text/html; charset=euc-kr
Content-Transfer-Encoding: quoted-printable

<p>=B0=A1</p><a href="https://example.com/">x</a>
--5
Content-Type: image/jpeg
Content-ID: <f@univ.edu>
Content-Language: ko, en

F
--5--
--3--
--2
Content-Type: image/jpeg; name="g.jpg"
Content-Disposition: attachment; filename*=UTF-8''%EA%B0%80.jpg

G
--2
Content-Type: application/x-excel

H
--2
Content-Type: message/rfc822

Subject: within

J
--2--
--1
Content-Type: text/plain
Content-Disposition: inline

K
--1--
)";

struct EmailTest : ::testing::Test, World {
  static std::string text(const json::value& of, std::string_view name) {
    const json::string* s = api::string_member(of, name);
    return s ? std::string(*s) : "";
  }
  static std::string id(const mailbox::Filed& filed) { return "E" + std::to_string(filed.message); }
  static std::string list(const std::vector<std::string>& ids) {
    std::string out;
    for (const std::string& one : ids) out += (out.empty() ? "\"" : ",\"") + one + "\"";
    return "[" + out + "]";
  }
  static mailbox::Filing filing(std::string prefix, std::vector<mailbox::MailboxId> boxes, mailbox::Flags flags = {}) {
    mailbox::Filing out;
    out.prefix = std::move(prefix);
    out.mailboxes = std::move(boxes);
    out.flags = std::move(flags);
    return out;
  }
  json::object get(const std::string& email, const std::string& more = "") {
    const json::object answer = call(alice, "Email/get", "{\"ids\":[\"" + email + "\"]" + more + "}");
    EXPECT_TRUE(answer.contains("list") && !answer.at("list").as_array().empty()) << api::to_text(answer);
    return answer.at("list").at(0).as_object();
  }
  static std::string types(const json::value& parts) {
    std::string out;
    for (const json::value& part : parts.as_array()) out += text(part, "partId") + ":" + text(part, "type") + " ";
    return out;
  }
};

TEST_F(EmailTest, TheUsualPropertiesSayWhatTheLetterIs) {
  const auto filed =
      deliver(alice, kNested, filing("Delivered-To: alice@example.com\r\n", {}, {mailbox::kFlagged, {"Work"}}));
  const json::object one = get(id(filed));
  EXPECT_EQ(one.size(), 24u) << api::to_text(one);
  EXPECT_EQ(one.at("id"), json::value(id(filed)));
  EXPECT_EQ(one.at("threadId"), json::value("T" + std::to_string(filed.thread)));
  EXPECT_EQ(one.at("mailboxIds"), parse(R"({"M1":true})"));
  EXPECT_EQ(one.at("keywords"), parse(R"({"$flagged":true,"work":true})"));
  EXPECT_EQ(one.at("subject"), "회의 today");
  EXPECT_EQ(one.at("from"), parse(R"([{"name":"김철수","email":"kim@univ.edu"}])"));
  EXPECT_EQ(one.at("to"), parse(R"([{"name":"Smythe, James","email":"james@example.com"},
      {"name":null,"email":"jane@example.com"},{"name":"John Smîth","email":"john@example.com"}])"));
  EXPECT_EQ(one.at("cc"), parse(R"([{"name":"Carol","email":"carol@example.com"}])"));
  EXPECT_EQ(one.at("bcc"), json::value(nullptr));
  EXPECT_EQ(one.at("sentAt"), "2026-11-03T09:05:30+09:00");
  EXPECT_EQ(one.at("messageId"), parse(R"(["1@univ.edu"])"));
  EXPECT_EQ(one.at("inReplyTo"), json::value(nullptr));
  EXPECT_EQ(one.at("references"), parse(R"(["a@univ.edu","b@univ.edu"])"));
  EXPECT_EQ(one.at("hasAttachment"), true);
  EXPECT_EQ(one.at("bodyValues"), json::object()) << "none were asked for";
  const web::Response blob =
      http("GET", "/jmap/download/A" + std::to_string(alice) + "/" + text(one, "blobId") + "/x", "", token(alice));
  EXPECT_EQ(blob.status, 200);
  EXPECT_EQ(one.at("size"), blob.body.size());
  EXPECT_TRUE(blob.body.starts_with("Delivered-To: alice@example.com\r\nFrom: "));
}

TEST_F(EmailTest, TheBodyIsTakenApartAsTheStandardSays) {
  const std::string email = id(deliver(alice, kNested));
  const json::object one = get(email, R"(,"fetchAllBodyValues":true)");
  EXPECT_EQ(types(one.at("textBody")), "1:text/plain 5:text/plain 6:image/jpeg 7:text/plain 15:text/plain ");
  EXPECT_EQ(types(one.at("htmlBody")), "1:text/plain 9:text/html 15:text/plain ");
  EXPECT_EQ(types(one.at("attachments")),
            "6:image/jpeg 10:image/jpeg 11:image/jpeg 12:application/x-excel 13:message/rfc822 ");
  const json::object& values = one.at("bodyValues").as_object();
  EXPECT_EQ(values.size(), 5u);
  EXPECT_EQ(values.at("5"), parse(R"({"value":"가나\n다\n","isEncodingProblem":false,"isTruncated":false})"));
  EXPECT_EQ(text(values.at("9"), "value"), "<p>가</p><a href=\"https://example.com/\">x</a>");
  EXPECT_EQ(one.at("textBody").at(1).at("size"), 13u) << "octets after decoding";
  const json::value& shown = one.at("attachments").at(1);
  EXPECT_EQ(shown.at("cid"), "f@univ.edu");
  EXPECT_EQ(shown.at("language"), parse(R"(["ko","en"])"));
  EXPECT_EQ(one.at("attachments").at(2).at("name"), "가.jpg");
  EXPECT_EQ(one.at("attachments").at(2).at("charset"), json::value(nullptr));
  EXPECT_EQ(one.at("textBody").at(0).at("charset"), "us-ascii");

  const json::object tree = get(email, R"(,"properties":["bodyStructure"],
      "bodyProperties":["partId","type","blobId","header:Content-Type:asText","headers"])");
  EXPECT_EQ(tree.size(), 2u) << "with the id, and no more";
  const json::value& root = tree.at("bodyStructure");
  EXPECT_EQ(root.at("partId"), json::value(nullptr));
  EXPECT_EQ(root.at("blobId"), json::value(nullptr));
  const json::value& within = root.at("subParts").at(1).at("subParts").at(3);
  EXPECT_EQ(within.at("type"), "message/rfc822");
  EXPECT_EQ(within.at("subParts"), json::value(nullptr));
  EXPECT_EQ(within.at("header:Content-Type:asText"), "message/rfc822");
  EXPECT_EQ(within.at("headers"), parse(R"([{"name":"Content-Type","value":" message/rfc822"}])"));

  const json::object parsed = call(alice, "Email/parse", R"({"blobIds":[")" + text(within, "blobId") + R"("],
      "properties":["id","subject","textBody","bodyValues","threadId","receivedAt"],"fetchTextBodyValues":true})");
  const json::value& letter = parsed.at("parsed").at(text(within, "blobId"));
  EXPECT_EQ(letter.at("subject"), "within");
  EXPECT_EQ(letter.at("id"), json::value(nullptr));
  EXPECT_EQ(letter.at("receivedAt"), json::value(nullptr));
  EXPECT_EQ(text(letter.at("bodyValues").at("0"), "value"), "J");
}

TEST_F(EmailTest, ValuesAreCutBetweenCharactersAndTags) {
  const std::string email = id(deliver(alice, kNested));
  const auto value = [&](size_t octets, const char* part) {
    const json::object one =
        get(email,
            R"(,"properties":["bodyValues"],"fetchAllBodyValues":true,"maxBodyValueBytes":)" + std::to_string(octets));
    return one.at("bodyValues").at(part);
  };
  EXPECT_EQ(text(value(4, "5"), "value"), "가");
  EXPECT_EQ(value(4, "5").at("isTruncated"), true);
  EXPECT_EQ(text(value(30, "9"), "value"), "<p>가</p>");
  EXPECT_EQ(value(1000, "9").at("isTruncated"), false);
}

TEST_F(EmailTest, HeaderFieldsAreHadInEachOfTheirForms) {
  const std::string email = id(deliver(alice, kNested));
  const auto one = [&](const std::string& property) {
    return get(email, ",\"properties\":[\"" + property + "\"]").at(property);
  };
  EXPECT_EQ(one("header:X-MARK"), " =?UTF-8?Q?=ED=95=9C?=") << "the last of several";
  EXPECT_EQ(one("header:x-mark:asText:all"), parse(R"(["one","한"])"));
  EXPECT_EQ(one("header:None"), json::value(nullptr));
  EXPECT_EQ(one("header:None:all"), json::array());
  EXPECT_EQ(one("header:To:asGroupedAddresses"),
            parse(R"([{"name":null,"addresses":[{"name":"Smythe, James","email":"james@example.com"}]},
      {"name":"Friends","addresses":[{"name":null,"email":"jane@example.com"},
      {"name":"John Smîth","email":"john@example.com"}]}])"));
  EXPECT_EQ(one("header:List-Post:asURLs"), parse(R"(["mailto:list@univ.edu"])"));
  EXPECT_EQ(one("header:Date:asDate"), "2026-11-03T09:05:30+09:00");
  EXPECT_EQ(one("header:References:asMessageIds"), parse(R"(["a@univ.edu","b@univ.edu"])"));
  EXPECT_EQ(get(email, R"(,"properties":["headers"])").at("headers").at(8),
            parse(R"({"name":"X-Mark","value":" one"})"));
  for (const char* wrong : {"header:From:asDate", "header:Subject:asAddresses", "header:X:asNothing",
                            "header:", "nothing", "header:Received:asText"})
    EXPECT_EQ(text(call(alice, "Email/get", std::string(R"({"ids":[],"properties":[")") + wrong + "\"]}"), "type"),
              "invalidArguments")
        << wrong;
}

TEST_F(EmailTest, TextIsComposedAndBrokenTextIsTold) {
  // As a Mac writes Korean: jamo by jamo; and octets that are no UTF-8.
  const std::string email = id(deliver(alice,
                                       "Subject: =?UTF-8?B?4YSS4YWh4Yar?=\nContent-Type: text/plain; charset=utf-8\n\n"
                                       "a\xff"
                                       "b\n"));
  const json::object one = get(email, R"(,"fetchTextBodyValues":true)");
  EXPECT_EQ(one.at("subject"), "한");
  EXPECT_EQ(one.at("bodyValues").at("0"), parse("{\"value\":\"a\xEF\xBF\xBD"
                                                "b\\n\",\"isEncodingProblem\":true,\"isTruncated\":false}"));
  EXPECT_EQ(one.at("hasAttachment"), false);
}

TEST_F(EmailTest, WhatIsNotThereOrNotSeenIsNotFound) {
  const auto mine = deliver(alice, "Subject: mine\n\nx\n"), his = deliver(bob, "Subject: his\n\nx\n");
  const auto marked = deliver(alice, "Subject: marked\n\nx\n", filing("", {}, {mailbox::kDeleted, {}}));
  const json::object answer =
      call(alice, "Email/get",
           "{\"ids\":" + list({id(marked), id(mine), "E99", "x", id(mine)}) + R"(,"properties":["subject"]})");
  EXPECT_EQ(answer.at("list"), parse("[{\"id\":\"" + id(mine) + "\",\"subject\":\"mine\"}]"));
  EXPECT_EQ(answer.at("notFound"), parse(list({id(marked), "E99", "x"})));
  const json::object all = call(alice, "Email/get", R"({"properties":["id"]})");
  EXPECT_EQ(all.at("list"), parse("[{\"id\":\"" + id(mine) + "\"}]"));
  EXPECT_EQ(
      text(call(alice, "Email/get", "{\"accountId\":\"A" + std::to_string(bob) + "\",\"ids\":[\"" + id(his) + "\"]}"),
           "type"),
      "accountNotFound");
  std::string many;
  for (int i = 0; i < 1001; ++i) many += (i ? ",\"E" : "\"E") + std::to_string(i + 1) + "\"";
  EXPECT_EQ(text(call(alice, "Email/get", "{\"ids\":[" + many + "]}"), "type"), "requestTooLarge");
}

TEST_F(EmailTest, OthersSeeWhatIsSharedWithThem) {
  mailbox::MailboxId shared = 0;
  change([&](store::Transaction& t) -> Result<void> {
    const auto made = mailboxes->create(t, alice, "Team");
    if (!made) return made.error();
    shared = *made;
    return mailbox::change_acl(t, alice, shared, {mailbox::Grantee::Kind::kAccount, bob, ""}, false, '=',
                               mailbox::kLookup | mailbox::kRead);
  });
  const auto both = deliver(alice, "Subject: both\n\nx\n", filing("", {1, shared}));
  const auto mine = deliver(alice, "Subject: mine\nIn-Reply-To: <x@y>\n\nx\n");
  const std::string account = "{\"accountId\":\"" + account_id(alice) + "\",";
  const json::object answer =
      call(bob, "Email/get", account + "\"ids\":" + list({id(both), id(mine)}) + R"(,"properties":["mailboxIds"]})");
  EXPECT_EQ(answer.at("list"),
            parse("[{\"id\":\"" + id(both) + "\",\"mailboxIds\":{\"M" + std::to_string(shared) + "\":true}}]"));
  EXPECT_EQ(answer.at("notFound"), parse(list({id(mine)})));
  EXPECT_EQ(call(bob, "Email/query", account + "\"filter\":{}}").at("ids"), parse(list({id(both)})));
  EXPECT_EQ(call(bob, "Email/query", account + "\"filter\":{\"inMailbox\":\"M1\"}}").at("ids"), json::array());
  EXPECT_EQ(call(bob, "Email/query", account + "\"filter\":{\"subject\":\"mine\"}}").at("ids"), json::array());
  EXPECT_EQ(call(bob, "Thread/get", account + "\"ids\":[\"T" + std::to_string(mine.thread) + "\"]}").at("list"),
            json::array());
  EXPECT_EQ(
      call(bob, "SearchSnippet/get", account + "\"filter\":{\"text\":\"mine\"},\"emailIds\":[\"" + id(mine) + "\"]}")
          .at("notFound"),
      parse(list({id(mine)})));
}

TEST_F(EmailTest, ThreadsListTheirEmailsOldestFirst) {
  const Time now = clock.now();
  mailbox::Filing old;
  old.received = now - days(2);
  const auto first = deliver(alice, "Message-ID: <1@x>\nSubject: a\n\nx\n");
  const auto reply = deliver(alice, "Message-ID: <2@x>\nIn-Reply-To: <1@x>\nSubject: Re: a\n\nx\n", old);
  const auto other = deliver(alice, "Message-ID: <3@x>\nSubject: b\n\nx\n");
  const std::string thread = "T" + std::to_string(first.thread), alone = "T" + std::to_string(other.thread);
  const json::object answer = call(alice, "Thread/get", "{\"ids\":" + list({thread, "T99", alone}) + "}");
  EXPECT_EQ(answer.at("list"), parse("[{\"id\":\"" + thread + "\",\"emailIds\":" + list({id(reply), id(first)}) +
                                     "},{\"id\":\"" + alone + "\",\"emailIds\":" + list({id(other)}) + "}]"));
  EXPECT_EQ(answer.at("notFound"), parse(R"(["T99"])"));
  EXPECT_EQ(call(alice, "Thread/get", "{}").at("list").as_array().size(), 2u);
}

TEST_F(EmailTest, BlobsThatAreNoMessagesAreToldApart) {
  const std::string secret = token(alice), path = "/jmap/upload/" + account_id(alice) + "/";
  const auto upload = [&](const std::string& octets) {
    return text(parse(http("POST", path, octets, secret, "application/octet-stream").body), "blobId");
  };
  const std::string letter = upload("Subject: =?UTF-8?B?7ZqM7J2Y?=\r\n\r\ntext\r\n"),
                    picture = upload("\x89PNG\r\n\x1a\n");
  const json::object answer = call(alice, "Email/parse", "{\"blobIds\":" + list({letter, picture, "U1", "B99"}) + "}");
  EXPECT_EQ(text(answer.at("parsed").at(letter), "subject"), "회의");
  EXPECT_EQ(text(answer.at("parsed").at(letter), "preview"), "text");
  EXPECT_EQ(answer.at("parsed").at(letter).as_object().size(), 17u);
  EXPECT_EQ(answer.at("notParsable"), parse(list({picture})));
  EXPECT_EQ(answer.at("notFound"), parse(list({"U1", "B99"})));
}

}  // namespace
}  // namespace pabal::jmap
