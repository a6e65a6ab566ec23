// Blob/upload, /get and /lookup (RFC 9404).
#include "base/codec.h"
#include "base/text.h"
#include "jmap/testing.h"
#include "mailbox/sharing.h"

namespace pabal::jmap {
namespace {

using testing::parse;
using testing::World;

TEST(JmapBlob, IsUploadedInPiecesAndRead) {
  World world;
  json::object answer = world.call(world.alice, "Blob/upload", R"({"create":{
      "a":{"type":"text/plain","data":[{"data:asText":"The quick "},{"data:asBase64":"YnJvd24="},{"data:asText":" fox"}]},
      "b":{"data":[{"blobId":"#a","offset":4,"length":5},{"data:asBase64":"/w=="}]},
      "none":{"data":[{"blobId":"Unone"}]},"both":{"data":[{"blobId":"#a","data:asText":"x"}]},
      "far":{"data":[{"blobId":"#a","offset":10,"length":99}]},"bad":{"data":[{"data:asBase64":"?"}]},"empty":{}}})");
  ASSERT_TRUE(answer.at("created").is_object()) << api::to_text(answer);
  const json::object& failed = answer.at("notCreated").as_object();
  EXPECT_EQ(failed.at("none").at("type"), "blobNotFound");
  EXPECT_EQ(failed.at("none").at("notFound"), parse(R"(["Unone"])"));
  for (const char* one : {"both", "far", "bad", "empty"})
    EXPECT_EQ(failed.at(one).at("type"), "invalidProperties") << one;
  const json::object& made = answer.at("created").as_object();
  EXPECT_EQ(made.at("a").at("size"), 19);
  EXPECT_EQ(made.at("a").at("type"), "text/plain");
  EXPECT_EQ(made.at("b").at("type"), "application/octet-stream");
  const std::string a(made.at("a").at("id").as_string()), b(made.at("b").at("id").as_string());

  answer = world.call(world.alice, "Blob/get", R"({"ids":[")" + a + R"(",")" + b + R"(","Unone"]})");
  EXPECT_EQ(answer.at("list").at(0), parse(R"({"id":")" + a + R"(","data:asText":"The quick brown fox","size":19})"));
  EXPECT_EQ(answer.at("list").at(1),
            parse(R"({"id":")" + b + R"(","data:asBase64":"cXVpY2v/","isEncodingProblem":true,"size":6})"));
  EXPECT_EQ(answer.at("notFound"), parse(R"(["Unone"])"));
  answer = world.call(world.alice, "Blob/get", R"({"ids":[")" + a + R"("],"offset":16,"length":9,
      "properties":["data:asBase64","digest:sha-256"]})");
  EXPECT_EQ(answer.at("list").at(0).at("data:asBase64"), "Zm94");
  EXPECT_EQ(answer.at("list").at(0).at("isTruncated"), true);
  EXPECT_EQ(answer.at("list").at(0).at("digest:sha-256"), json::value(text::base64(sha256("fox"))));
  EXPECT_EQ(world.call(world.bob, "Blob/get", R"({"ids":[")" + a + "\"]}").at("notFound"), json::array{json::value(a)});
  EXPECT_EQ(world.call(world.alice, "Blob/get", R"({"ids":[],"properties":["digest:md5"]})").at("type"),
            "invalidArguments");
}

TEST(JmapBlob, TellsWhatHasIt) {
  World world;
  const auto filed = world.deliver(world.alice, "Subject: x\n\nx\n");
  const std::string number = std::to_string(filed.message);
  const std::string box = "M" + std::to_string(filed.places.at(0).mailbox);
  json::object answer = world.call(
      world.alice, "Blob/lookup",
      R"({"typeNames":["Email","Thread","Mailbox"],"ids":["B)" + number + R"(","B)" + number + R"(-0","B99","x"]})");
  const json::value matched =
      parse(R"({"Email":["E)" + number + R"("],"Thread":["T)" + number + R"("],"Mailbox":[")" + box + "\"]}");
  EXPECT_EQ(answer.at("list").at(0).at("matchedIds"), matched) << api::to_text(answer);
  EXPECT_EQ(answer.at("list").at(1).at("matchedIds"), matched);
  EXPECT_EQ(answer.at("notFound"), parse(R"(["B99","x"])"));
  EXPECT_EQ(world.call(world.alice, "Blob/lookup", R"({"typeNames":["Card"],"ids":[]})").at("type"), "unknownDataType");
}

TEST(JmapBlob, WhoMayAddToAnothersAccountUploadsForIt) {
  World world;
  const mailbox::MailboxId inbox = (*world.mailboxes->find(*world.store, world.alice, "INBOX"))->id;
  const std::string account = account_id(world.alice), path = "/jmap/upload/" + account + "/";
  EXPECT_EQ(world.http("POST", path, "x", world.token(world.bob)).status, 404) << "he sees none";
  world.change([&](store::Transaction& t) {
    return mailbox::change_acl(t, world.alice, inbox, {mailbox::Grantee::Kind::kAccount, world.bob, ""}, false, '=',
                               mailbox::kAllRights);
  });
  const web::Response sent =
      world.http("POST", path, "Subject: from bob\r\n\r\nx\r\n", world.token(world.bob), "message/rfc822");
  ASSERT_EQ(sent.status, 201) << sent.body;
  const std::string blob(parse(sent.body).at("blobId").as_string());
  const std::string import = R"({"accountId":")" + account + R"(","emails":{"e":{"blobId":")" + blob +
                             R"(","mailboxIds":{"M)" + std::to_string(inbox) + R"(":true}}}})";
  EXPECT_EQ(world.call(world.alice, "Email/import", import).at("notCreated").at("e").at("type"), "invalidProperties")
      << "it is not hers to read";
  EXPECT_TRUE(world.call(world.bob, "Email/import", import).at("created").is_object());
  const json::object made = world.call(
      world.bob, "Blob/upload", R"({"accountId":")" + account + R"(","create":{"b":{"data":[{"data:asText":"y"}]}}})");
  EXPECT_TRUE(made.at("created").is_object()) << api::to_text(made);
}

}  // namespace
}  // namespace pabal::jmap
