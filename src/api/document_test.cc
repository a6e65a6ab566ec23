#include "api/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/json.h"

namespace pabal::api {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Document, NamesSayWhatTheyAre) {
  const std::vector<Field> fields = fields_of(" a b! c:integer  d!:Message* ");
  ASSERT_EQ(fields.size(), 4u);
  EXPECT_EQ(fields[0].type, "string");
  EXPECT_FALSE(fields[0].needed || fields[0].several);
  EXPECT_TRUE(fields[1].needed);
  EXPECT_EQ(fields[2].type, "integer");
  EXPECT_EQ(fields[3].name, "d");
  EXPECT_EQ(fields[3].type, "Message");
  EXPECT_TRUE(fields[3].needed && fields[3].several);
}

TEST(Document, ScopesAreThoseThatCoverANeed) {
  EXPECT_TRUE(scopes_for("").empty());
  EXPECT_THAT(scopes_for("mail.send"), Contains("https://www.googleapis.com/auth/gmail.send"));
  EXPECT_THAT(scopes_for("mail.send"), Not(Contains("mail.read")));
  EXPECT_THAT(scopes_for("mail.send mail.metadata"), Contains("mail.read"));
}

TEST(Document, TellsOfTheRoutesThatThereAre) {
  Described described;
  described.operations.push_back({"GET", "/gmail/{a}/b", "Mail", "One <thing>", "하나", "mail.read", "q n:integer*"});
  described.operations.push_back({"POST", "/gmail/gone", "Mail", "Not routed", "없음"});
  const std::vector<Operation> all = operations_of(
      {{"GET", "/gmail/{a}/b"}, {"POST", "/jmap"}, {"GET", "/gmail/{rest*}"}, {"GET", "/healthz"}}, described);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].en, "POST /jmap") << "what is not described is named";
  const DocumentOptions options{"https://mail.example.com", "mail.example.com", "1"};
  const auto document = parse_json(openapi(all, described, options));
  ASSERT_TRUE(document);
  const json::object& call = document->at("paths").at("/gmail/{a}/b").at("get").as_object();
  EXPECT_EQ(call.at("summary"), "One <thing>");
  EXPECT_EQ(call.at("parameters").as_array().size(), 3u);
  EXPECT_EQ(call.at("parameters").at(2).at("schema").at("type"), "array");
  const std::string page = document_page(all, described, options, false);
  EXPECT_THAT(page, HasSubstr("One &lt;thing&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("Not routed")));
  EXPECT_THAT(document_page(all, described, options, true), HasSubstr("하나"));
}

}  // namespace
}  // namespace pabal::api
