// MDN/send and /parse (RFC 9007).
#include "base/text.h"
#include "jmap/testing.h"

namespace pabal::jmap {
namespace {

using testing::parse;
using testing::World;

constexpr char kAsks[] =
    "From: Bob <bob@example.com>\nTo: alice@example.com\nSubject: =?utf-8?q?caf=C3=A9?=\nMessage-ID: "
    "<one@example.com>\n"
    "Original-Recipient: rfc822; al@example.com\nDisposition-Notification-To: Bob <bob@example.com>\n\nHi\n";

struct MdnTest : ::testing::Test, World {
  std::string identity, email;
  void SetUp() override {
    identity = call(alice, "Identity/get", "{}").at("list").at(0).at("id").as_string();
    email = "E" + std::to_string(deliver(alice, kAsks).message);
  }
  json::object send(const std::string& members, const std::string& more = "") {
    return call(alice, "MDN/send",
                R"({"identityId":")" + identity + R"(","send":{"k":{)" + members + "}}" + more + "}");
  }
  std::string about(const std::string& id) {
    return R"("forEmailId":")" + id +
           R"(","disposition":{"actionMode":"manual-action","sendingMode":"mdn-sent-manually","type":"displayed"})";
  }
};

TEST_F(MdnTest, IsSentOnceAndReadAgain) {
  const std::string update = R"(,"onSuccessUpdateEmail":{"#k":{"keywords/$mdnsent":true}})";
  const json::object answer = send(about(email) + R"(,"reportingUA":"Test; 1","includeOriginalMessage":true,
      "extensionFields":{"X-Where":"here"})",
                                   update);
  ASSERT_TRUE(answer.at("sent").is_object()) << api::to_text(answer);
  EXPECT_EQ(answer.at("sent").at("k"), parse(R"({"finalRecipient":"rfc822; alice@example.com",
      "originalRecipient":"rfc822; al@example.com","originalMessageId":"<one@example.com>"})"));
  ASSERT_EQ(last.size(), 2u);
  EXPECT_TRUE(last[1].at(1).at("updated").as_object().contains(email)) << api::to_text(last);
  ASSERT_EQ(letters.sent.size(), 1u);
  EXPECT_EQ(letters.sent[0].reverse_path, "");
  EXPECT_EQ(letters.sent[0].recipients.at(0).address, "bob@example.com");
  EXPECT_EQ(send(about(email)).at("notSent").at("k").at("type"), "mdnAlreadySent");

  std::string content = letters.sent[0].content;
  std::erase(content, '\r');  // deliver() writes it
  const auto filed = deliver(bob, content);
  const std::string blob = "B" + std::to_string(filed.message);
  const auto other = deliver(bob, "Subject: none\n\nx\n");
  const std::string none = "B" + std::to_string(other.message);
  const json::object read = call(bob, "MDN/parse", R"({"blobIds":[")" + blob + R"(",")" + none + R"(","B99"]})");
  ASSERT_TRUE(read.at("parsed").is_object()) << api::to_text(read) << letters.sent[0].content;
  const json::object& notice = read.at("parsed").at(blob).as_object();
  EXPECT_EQ(notice.at("subject"), "Read: café");
  EXPECT_EQ(notice.at("finalRecipient"), "rfc822; alice@example.com");
  EXPECT_EQ(notice.at("originalMessageId"), "<one@example.com>");
  EXPECT_EQ(notice.at("reportingUA"), "Test; 1");
  EXPECT_EQ(notice.at("includeOriginalMessage"), true);
  EXPECT_EQ(notice.at("extensionFields"), parse(R"({"X-Where":"here"})"));
  EXPECT_EQ(notice.at("disposition"),
            parse(R"({"actionMode":"manual-action","sendingMode":"mdn-sent-manually","type":"displayed"})"));
  EXPECT_EQ(read.at("notParsable"), json::array{json::value(none)});
  EXPECT_EQ(read.at("notFound"), parse(R"(["B99"])"));
}

TEST_F(MdnTest, WhatCannotBeToldIsRefused) {
  const std::string silent = "E" + std::to_string(deliver(alice, "From: bob@example.com\n\nx\n").message);
  const std::pair<std::string, std::string> cases[] = {
      {about(silent), "notFound"},
      {about("E99"), "notFound"},
      {R"("forEmailId":")" + email + "\"", "invalidProperties"},
      {about(email) + R"(,"mdnGateway":"x")", "invalidProperties"},
      {about(email) + R"(,"reportingUA":"a\nb")", "invalidProperties"},
      {about(email) + R"(,"extensionFields":{"a b":"c"})", "invalidProperties"},
      {about(email) + R"(,"finalRecipient":"alice@example.com")", "invalidProperties"},
      {about(email) + R"(,"subject":"a\nb")", "invalidProperties"}};
  for (const auto& [members, type] : cases) {
    const json::object answer = send(members);
    ASSERT_TRUE(answer.contains("notSent") && answer.at("notSent").is_object()) << members << api::to_text(answer);
    EXPECT_EQ(answer.at("notSent").at("k").at("type"), json::value(type)) << members;
  }
  EXPECT_TRUE(letters.sent.empty());
}

}  // namespace
}  // namespace pabal::jmap
