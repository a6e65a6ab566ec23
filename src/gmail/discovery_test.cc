#include "gmail/discovery.h"

#include <set>

#include "base/text.h"
#include "gmail/methods.h"
#include "gmail/test_gmail.h"

namespace pabal::gmail {
namespace {

using api::json::object;
using api::json::value;

struct DiscoveryTest : GmailTest {};

// Every method of the document is answered, without a token by 401: a path that is not there would be 404 or 405.
TEST_F(DiscoveryTest, ItsMethodsAreThere) {
  token = "wrong";
  for (const Method& method : methods()) {
    std::string path(method.path);
    for (size_t at = path.find('{'); at != path.npos; at = path.find('{'))
      path.replace(at, path.find('}') - at + 1, "1");
    const Answer answer = ask(std::string(method.verb), "me" + path, method.takes.empty() ? "" : "{}");
    EXPECT_EQ(answer.status, 401) << method.verb << " " << path;
    web::Request upload;
    upload.method = method.verb;
    const auto parts = web::parse_target("/upload/gmail/v1/users/me" + path);
    upload.segments = parts->segments;
    EXPECT_EQ(router.body_rule(upload).limit != SIZE_MAX, method.upload) << "upload to " << path;
  }
}

void references_in(const value& v, std::set<std::string>& out) {
  if (const auto* list = v.if_array())
    for (const value& one : *list) references_in(one, out);
  if (const auto* members = v.if_object())
    for (const auto& [name, one] : *members) {
      if (name == "$ref") out.emplace(one.get_string());
      references_in(one, out);
    }
}

TEST_F(DiscoveryTest, ItsSchemasAreThoseThatAreUsed) {
  const object document = discovery_document("https://mail.example.com", 1 << 20);
  std::set<std::string> used, given;
  references_in(document, used);
  for (const auto& [name, schema] : document.at("schemas").get_object()) given.emplace(name);
  EXPECT_EQ(used, given);
}

TEST_F(DiscoveryTest, IsServed) {
  web::Request request;
  request.method = "GET";
  request.segments = {"$discovery", "rest"};
  EXPECT_EQ(router.body_rule(request).limit, web::kMaxBody);
  const object document = discovery_document("https://mail.example.com", 1 << 20);
  const value whole(document);
  api::json::error_code failed;
  const auto* send = whole.find_pointer("/resources/users/resources/messages/methods/send", failed);
  ASSERT_TRUE(send);
  EXPECT_EQ(send->at("path").get_string(), "gmail/v1/users/{userId}/messages/send");
  EXPECT_EQ(send->at("mediaUpload").at("maxSize").get_string(), "1048576");
  EXPECT_TRUE(whole.find_pointer("/resources/users/resources/settings/resources/filters/methods/create", failed));
}

}  // namespace
}  // namespace pabal::gmail
