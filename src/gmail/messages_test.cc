#include "base/text.h"
#include "gmail/test_gmail.h"

namespace pabal::gmail {
namespace {

using mailbox::Role;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kMixed[] =
    "From: =?utf-8?q?J=C3=BCrgen?= <j@example.net>\r\nTo: alice@example.com\r\nSubject: =?euc-kr?b?"
    "vsiz58fPvLy/5A==?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
    "Content-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n--y\r\nContent-Type: text/html; "
    "charset=utf-8\r\n\r\n<p>caf\xC3\xA9</p>\r\n--y--\r\n--x\r\nContent-Type: application/pdf; "
    "name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: "
    "base64\r\n\r\naGVsbG8gd29y\r\nbGQ=\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: "
    "inner\r\n\r\nhi\r\n--x--\r\n";

class Messages : public GmailTest {};

TEST_F(Messages, AreShownInFourFormats) {
  const std::string id = insert(kMixed);
  EXPECT_EQ(id, "0000000000000001");
  const Answer minimal = get("messages/" + id + "?format=minimal");
  EXPECT_EQ(minimal.str("/threadId"), id);
  EXPECT_THAT(minimal.strings("/labelIds"), ElementsAre("INBOX", "UNREAD"));
  EXPECT_EQ(minimal.str("/snippet"), "caf\xC3\xA9");
  EXPECT_EQ(minimal.str("/internalDate"), std::to_string(to_micros(message(id).received) / 1000));
  EXPECT_EQ(minimal.str("/historyId"), std::to_string(message(id).modseq));
  EXPECT_EQ(minimal.at("/sizeEstimate"), message(id).size);
  EXPECT_TRUE(minimal.at("/payload").is_null());

  const Answer raw = get("messages/" + id + "?format=raw");
  EXPECT_EQ(parse_octets(raw.str("/raw")), kMixed);
  EXPECT_EQ(raw.str("/raw").size() % 4, 0u);
  EXPECT_TRUE(raw.at("/payload").is_null());

  const Answer some = get("messages/" + id + "?format=metadata&metadataHeaders=subject&metadataHeaders=To");
  EXPECT_EQ(some.count("/payload/headers"), 2u);
  EXPECT_EQ(some.str("/payload/headers/1/value"), "\xEC\x95\x88\xEB\x85\x95\xED\x95\x98\xEC\x84\xB8\xEC\x9A\x94");
  EXPECT_EQ(some.str("/payload/mimeType"), "multipart/mixed");
  EXPECT_TRUE(some.at("/payload/parts").is_null());
  EXPECT_EQ(get("messages/" + id + "?format=metadata").count("/payload/headers"), 5u);

  const Answer full = get("messages/" + id);
  EXPECT_EQ(full.str("/payload/partId"), "");
  EXPECT_EQ(full.str("/payload/filename"), "");
  EXPECT_EQ(full.at("/payload/body/size"), 0);
  EXPECT_EQ(full.count("/payload/headers"), 5u);
  EXPECT_EQ(full.str("/payload/headers/0/value"), "J\xC3\xBCrgen <j@example.net>");
  EXPECT_EQ(full.str("/payload/parts/0/parts/0/partId"), "0.0");
  EXPECT_EQ(parse_octets(full.str("/payload/parts/0/parts/0/body/data")), "caf\xC3\xA9");
  EXPECT_EQ(full.str("/payload/parts/0/parts/1/mimeType"), "text/html");
  EXPECT_EQ(full.str("/payload/parts/1/filename"), "a.pdf");
  EXPECT_EQ(full.at("/payload/parts/1/body/size"), 11);
  EXPECT_TRUE(full.at("/payload/parts/1/body/data").is_null());
  EXPECT_EQ(full.str("/payload/parts/2/mimeType"), "message/rfc822");
  EXPECT_EQ(full.str("/payload/parts/2/parts/0/partId"), "2.0");
  EXPECT_EQ(parse_octets(full.str("/payload/parts/2/parts/0/body/data")), "hi");
  const Answer file =
      get("messages/" + id + "/attachments/" + full.str("/payload/parts/1/body/attachmentId") + "?fields=data,size");
  EXPECT_EQ(file.str("/data"), "aGVsbG8gd29ybGQ=");
  EXPECT_EQ(file.at("/size"), 11);
  for (const char* bad : {"part-", "part-9", "part-1.0", "part-0", "x", "part-99999999999999999999", "part-1.."})
    EXPECT_EQ(get("messages/" + id + "/attachments/" + bad).status, 404) << bad;
  EXPECT_EQ(get("messages/" + id + "?format=best").status, 400);
}

TEST_F(Messages, OfOnePartShowTheirText) {
  const std::string id = insert(letter("hi", "", "<Tom> & 'I'\r\n"));
  const Answer full = get("messages/" + id);
  EXPECT_EQ(parse_octets(full.str("/payload/body/data")), "<Tom> & 'I'\r\n");
  EXPECT_EQ(full.at("/payload/body/size"), 13);
  EXPECT_EQ(full.str("/payload/mimeType"), "text/plain");
  EXPECT_EQ(full.str("/snippet"), "&lt;Tom&gt; &amp; &#39;I&#39;");
}

TEST_F(Messages, OfOthersAreNotThere) {
  const std::string id = insert(letter("hi"));
  add_account("bob@example.com");
  for (const char* bad : {"0000000000000009", "ffffffffffffffff", "0"})
    EXPECT_EQ(get("messages/" + std::string(bad)).status, 404) << bad;
  for (const char* bad : {"x", "00000000000000001", "-1", "1%2F..%2F2", "0x1"})
    EXPECT_EQ(get("messages/" + std::string(bad)).status, 400) << bad;
  const Answer denied = ask("GET", "bob@example.com/messages/" + id);
  EXPECT_EQ(denied.status, 403);
  EXPECT_THAT(denied.str("/error/message"), HasSubstr("Delegation denied"));
  EXPECT_EQ(ask("GET", "Alice@Example.com/messages/" + id).status, 200);
  EXPECT_EQ(get("nothing/here").status, 404);
  EXPECT_EQ(get("nothing/here").reason(), "notFound");
}

TEST_F(Messages, AreNotShownToWhoMayNot) {
  const std::string id = insert(letter("hi"));
  token = "wrong";
  const Answer wrong = get("messages/" + id);
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.reason(), "authError");
  EXPECT_EQ(wrong.str("/error/status"), "UNAUTHENTICATED");
  EXPECT_THAT(wrong.challenge, HasSubstr("error=\"invalid_token\""));
  token = make_token(alice, {std::string(identity::kMailSend)});
  const Answer narrow = get("messages/" + id);
  EXPECT_EQ(narrow.status, 403);
  EXPECT_EQ(narrow.reason(), "insufficientPermissions");
}

TEST_F(Messages, AreInsertedWithLabelsAndTimes) {
  const std::string archived = insert(letter("one"), "[]");
  EXPECT_THAT(labels_of(archived), IsEmpty());
  EXPECT_EQ(message(archived).places.at(0).mailbox, box(Role::kArchive));
  EXPECT_TRUE(message(archived).flags.has(mailbox::kSeen));
  EXPECT_EQ(message(archived).received, loop.now());
  const Answer dated = post("messages?internalDateSource=dateHeader", "{" + raw(letter("two")) + "}");
  EXPECT_EQ(get("messages/" + dated.str("/id")).str("/internalDate"), "1795514400000");
  const Answer imported = post("messages/import", "{" + raw(letter("three")) + ",\"labelIds\":[\"STARRED\",\"SENT\"]}");
  EXPECT_THAT(imported.strings("/labelIds"), ElementsAre("SENT", "STARRED"));
  EXPECT_EQ(get("messages/" + imported.str("/id")).str("/internalDate"), "1795514400000");
  // Scripts write line feeds alone.
  const std::string bare = insert("Subject: bare\nFrom: a@example.net\n\none\ntwo\n");
  EXPECT_EQ(parse_octets(get("messages/" + bare + "?format=raw").str("/raw")),
            "Subject: bare\r\nFrom: a@example.net\r\n\r\none\r\ntwo\r\n");
  const std::string standard = text::base64(letter("\xFB\xFF\xBE"));
  EXPECT_EQ(post("messages", "{\"raw\":\"" + standard + "\"}").status, 200);
}

TEST_F(Messages, ThatAreNoneAreRefused) {
  EXPECT_EQ(post("messages", "{}").status, 400);
  EXPECT_EQ(post("messages").status, 400);
  EXPECT_EQ(post("messages", "{\"raw\":\"\"}").status, 400);
  EXPECT_EQ(post("messages", "{\"raw\":7}").status, 400);
  EXPECT_EQ(post("messages", "{\"raw\":\"a*b\"}").status, 400);
  EXPECT_EQ(post("messages", "[]").status, 400);
  EXPECT_EQ(post("messages", "{\"raw\":").status, 400);
  EXPECT_EQ(post("messages", std::string(100'000, '[')).status, 400);
  EXPECT_EQ(post("messages", "{" + raw(letter("x")) + ",\"labelIds\":[\"Label_99\"]}").status, 400);
  EXPECT_EQ(post("messages", "{" + raw(letter("x")) + ",\"labelIds\":[7]}").status, 400);
  EXPECT_EQ(post("messages", "{" + raw(letter("x")) + ",\"threadId\":\"77\"}").status, 404);
  EXPECT_EQ(post("messages?deleted=true", "{" + raw(letter("x")) + "}").status, 400);
  EXPECT_EQ(post("messages?internalDateSource=now", "{" + raw(letter("x")) + "}").status, 400);
  const Answer large = post("messages", "{" + raw(letter("x", "", std::string(1 << 20, 'x'))) + "}");
  EXPECT_EQ(large.status, 403);
  EXPECT_EQ(large.reason(), "limitExceeded");
}

TEST_F(Messages, ChangeTheirLabels) {
  write([&](store::Transaction& t) -> Result<void> {
    const auto made = boxes->create(t, alice, "Work");
    return made ? Result<void>() : made.error();
  });
  const std::string work = "Label_7", id = insert(letter("hi"));
  const auto change = [&](const std::string& add, const std::string& remove) {
    return post("messages/" + id + "/modify", R"({"addLabelIds":[)" + add + R"(],"removeLabelIds":[)" + remove + "]}");
  };
  EXPECT_THAT(change(R"("Label_7","STARRED")", R"("UNREAD")").strings("/labelIds"),
              ElementsAre("INBOX", "Label_7", "STARRED"));
  EXPECT_THAT(change("", R"("INBOX","STARRED")").strings("/labelIds"), ElementsAre("Label_7"));
  EXPECT_THAT(change("", R"("Label_7")").strings("/labelIds"), IsEmpty());
  EXPECT_EQ(message(id).places.at(0).mailbox, box(Role::kArchive));
  EXPECT_THAT(change(R"("INBOX","IMPORTANT","CATEGORY_SOCIAL","UNREAD")", "").strings("/labelIds"),
              ElementsAre("CATEGORY_SOCIAL", "IMPORTANT", "INBOX", "UNREAD"));
  EXPECT_EQ(message(id).places.size(), 2u);  // no longer archived
  EXPECT_THAT(message(id).flags.keywords, ElementsAre("$category_social"));
  EXPECT_THAT(change("", R"("CATEGORY_SOCIAL")").strings("/labelIds"), ElementsAre("IMPORTANT", "INBOX", "UNREAD"));
  for (const char* bad :
       {R"("Label_99")", R"("SENT")", R"("DRAFT")", R"("CHAT")", R"("inbox")", "7", R"("TRASH","SPAM")"})
    EXPECT_EQ(change(bad, "").status, 400) << bad;
  EXPECT_EQ(change(R"("INBOX")", R"("INBOX")").status, 400);
  EXPECT_EQ(post("messages/99/modify", "{}").status, 404);
}

TEST_F(Messages, ComeBackFromTrashWhereTheyWere) {
  const std::string id = insert(letter("hi"), R"(["INBOX","IMPORTANT","UNREAD"])");
  EXPECT_THAT(post("messages/" + id + "/trash").strings("/labelIds"), ElementsAre("TRASH", "UNREAD"));
  EXPECT_EQ(message(id).places.size(), 1u);
  EXPECT_THAT(post("messages/" + id + "/untrash").strings("/labelIds"), ElementsAre("IMPORTANT", "INBOX", "UNREAD"));
  EXPECT_EQ(post("messages/" + id + "/modify", R"({"addLabelIds":["SPAM"]})").strings("/labelIds"),
            (std::vector<std::string>{"SPAM", "UNREAD"}));
  EXPECT_THAT(
      post("messages/" + id + "/modify", R"({"addLabelIds":["INBOX"],"removeLabelIds":["SPAM"]})").strings("/labelIds"),
      ElementsAre("INBOX", "UNREAD"));
  // One that an IMAP client threw away has no memory.
  const std::string other = insert(letter("ho"), R"(["TRASH"])");
  EXPECT_THAT(post("messages/" + other + "/untrash").strings("/labelIds"), ElementsAre("INBOX"));
}

TEST_F(Messages, AreDeletedForGood) {
  const std::string id = insert(letter("hi"), R"(["INBOX","IMPORTANT"])");
  const Answer gone = ask("DELETE", "me/messages/" + id);
  EXPECT_EQ(gone.status, 204);
  EXPECT_EQ(gone.text, "");
  EXPECT_EQ(get("messages/" + id).status, 404);
  EXPECT_EQ(ask("DELETE", "me/messages/" + id).status, 404);
  EXPECT_EQ(post("messages/" + id + "/trash").status, 404);
}

TEST_F(Messages, AreChangedAndDeletedInBatches) {
  std::string ids;
  std::vector<std::string> all;
  for (int i = 0; i < 120; ++i) {
    all.push_back(insert(letter("n" + std::to_string(i))));
    ids += (i ? ",\"" : "\"") + all.back() + "\"";
  }
  EXPECT_EQ(
      post("messages/batchModify", "{\"ids\":[" + ids + ",\"fff\"],\"removeLabelIds\":[\"UNREAD\",\"INBOX\"]}").status,
      204);
  for (const size_t i : {0u, 99u, 100u, 119u}) EXPECT_THAT(labels_of(all[i]), IsEmpty());
  EXPECT_EQ(post("messages/batchDelete", "{\"ids\":[" + ids + "]}").status, 204);
  EXPECT_EQ(get("messages/" + all[5]).status, 404);
  EXPECT_EQ(boxes->figures(*store, alice)->messages, 0u);
  EXPECT_EQ(post("messages/batchDelete", "{\"ids\":[]}").status, 400);
  EXPECT_EQ(post("messages/batchModify", "{\"ids\":[\"x\"]}").status, 400);
  std::string many = "\"1\"";
  for (int i = 0; i < 1'000; ++i) many += ",\"1\"";
  EXPECT_EQ(post("messages/batchModify", "{\"ids\":[" + many + "]}").status, 400);
}

TEST_F(Messages, AreSentWithACopyInSent) {
  const Answer sent = post("messages/send", "{" + raw("To: bob@example.net\nSubject: hi\n\nHello\n") + "}");
  ASSERT_EQ(sent.status, 200) << sent.text;
  EXPECT_THAT(sent.strings("/labelIds"), ElementsAre("SENT"));
  ASSERT_EQ(outgoing->sent.size(), 1u);
  EXPECT_EQ(outgoing->sent[0].content,
            "From: alice@example.com\r\nTo: bob@example.net\r\nSubject: hi\r\n\r\nHello\r\n");
  EXPECT_EQ(outgoing->sent[0].account, alice);
  EXPECT_TRUE(message(sent.str("/id")).flags.has(mailbox::kSeen));
  // An answer joins the thread of what it answers to.
  const std::string first = insert(letter("plan", "Message-ID: <1@example.net>\r\n"));
  const Answer reply = post("messages/send", "{" +
                                                 raw("To: bob@example.net\r\nSubject: Re: plan\r\nIn-Reply-To: "
                                                     "<1@example.net>\r\nReferences: <1@example.net>\r\n\r\nYes\r\n") +
                                                 ",\"threadId\":\"" + first + "\"}");
  EXPECT_EQ(reply.str("/threadId"), first);
  EXPECT_EQ(post("messages/send", "{" + raw("Subject: nobody\r\n\r\n") + "}").status, 400);
  services->outgoing = nullptr;
  EXPECT_EQ(post("messages/send", "{" + raw("To: bob@example.net\r\n\r\n") + "}").status, 503);
  token = make_token(alice, {std::string(identity::kMailRead)});
  EXPECT_EQ(post("messages/send", "{" + raw("To: bob@example.net\r\n\r\n") + "}").status, 403);
}

}  // namespace
}  // namespace pabal::gmail
