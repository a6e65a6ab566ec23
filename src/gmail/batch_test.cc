#include "gmail/batch.h"

#include "gmail/multipart.h"
#include "gmail/test_gmail.h"
#include "gmail/uploads.h"

namespace pabal::gmail {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Pieces final : web::BodyReader {
  std::vector<std::string> left;
  Task<Result<std::string>> next() override {
    if (left.empty()) co_return std::string();
    std::string out = left.front();
    left.erase(left.begin());
    co_return out;
  }
};

struct BatchTest : GmailTest {
  using Headers = std::vector<std::pair<std::string, std::string>>;
  web::Response call(const std::string& method, const std::string& target, const Headers& headers,
                     const std::string& body, bool with_token = true) {
    web::Request request;
    request.method = method;
    request.target = target;
    auto parts = web::parse_target(target);
    EXPECT_TRUE(parts);
    request.path = parts->path;
    request.segments = parts->segments;
    request.query = parts->query;
    request.scheme = "https";
    request.host = "mail.example.com";
    if (with_token) request.headers.add("Authorization", "Bearer " + token);
    for (const auto& [name, value] : headers) request.headers.add(name, value);
    request.loop = &loop;
    const web::BodyRule rule = router.body_rule(request);
    if (rule.streamed) {
      const auto pieces = std::make_shared<Pieces>();
      for (size_t at = 0; at < body.size(); at += 1'000) pieces->left.push_back(body.substr(at, 1'000));
      request.stream = pieces;
    } else {
      request.body = body;
    }
    std::optional<web::Response> response;
    loop.spawn(handle(this, std::move(request), &response));
    EXPECT_TRUE(loop.run_until([&] { return response.has_value(); }, minutes(1)));
    return *response;
  }
  static Task<void> handle(BatchTest* self, web::Request request, std::optional<web::Response>* response) {
    Task<web::Response> handling = self->router.handle(std::move(request));
    *response = co_await handling;
  }
  web::Response batch(const std::string& body, bool with_token = true) {
    return call("POST", "/batch/gmail/v1", {{"Content-Type", "multipart/mixed; boundary=b"}}, body, with_token);
  }
  static std::string part(const std::string& request, const std::string& id = "") {
    return "--b\r\nContent-Type: application/http\r\n" + (id.empty() ? "" : "Content-ID: " + id + "\r\n") + "\r\n" +
           request + "\r\n";
  }
  static std::vector<std::string> answers(const web::Response& response) {
    const std::string* type = response.headers.get("Content-Type");
    const std::string boundary = boundary_of(type ? *type : "");
    std::vector<std::string> out;
    const auto pieces = split_multipart(response.body, boundary, 1'000);
    if (!pieces) return {"broken: " + pieces.error().message + response.body};
    for (const Piece& piece : *pieces) {
      const std::string* id = piece.headers.get("Content-ID");
      out.push_back((id ? *id + " " : "") + std::string(piece.body));
    }
    return out;
  }
};

TEST_F(BatchTest, AnswersEachPartByTheSameRoutes) {
  const std::string id = insert(letter("one"));
  const auto got = answers(batch(part("GET /gmail/v1/users/me/messages/" + id + "?format=minimal", "<item1>") +
                                 part("GET /gmail/v1/users/me/messages/0000000000009999 HTTP/1.1\r\n\r\n", "<item2>") +
                                 part("POST /gmail/v1/users/me/messages/" + id +
                                      "/modify HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
                                      "{\"addLabelIds\":[\"STARRED\"]}") +
                                 "--b--"));
  ASSERT_EQ(got.size(), 3u);
  EXPECT_THAT(got[0], StartsWith("<response-item1> HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(got[0], HasSubstr("\"id\":\"" + id + "\""));
  EXPECT_THAT(got[1], StartsWith("<response-item2> HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(got[2], StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(labels_of(id), testing::Contains("STARRED"));
}

TEST_F(BatchTest, TakesTheLineEndsOfPythonsClient) {
  const auto got =
      answers(batch("--b\nContent-Type: application/http\nContent-ID: <x + 1>\n\n"
                    "GET /gmail/v1/users/me/settings/language HTTP/1.1\nAccept: */*\n\n\n--b--"));
  ASSERT_EQ(got.size(), 1u);
  EXPECT_THAT(got[0], StartsWith("<response-x + 1> HTTP/1.1 200"));
}

TEST_F(BatchTest, PartsHaveTheBatchsTokenOrTheirOwn) {
  const std::string ask = "GET /gmail/v1/users/me/settings/language";
  EXPECT_THAT(answers(batch(part(ask) + "--b--", false)).at(0), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(answers(batch(part(ask + " HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n") + "--b--", false)).at(0),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answers(batch(part(ask + " HTTP/1.1\r\nAuthorization: Bearer wrong\r\n") + "--b--")).at(0),
              StartsWith("HTTP/1.1 401"));
}

TEST_F(BatchTest, RefusesWhatIsNoCall) {
  const auto one = [&](const std::string& request) { return answers(batch(part(request) + "--b--")).at(0); };
  EXPECT_THAT(one("POST /batch/gmail/v1"), StartsWith("HTTP/1.1 400")) << "no batch in a batch";
  EXPECT_THAT(one("POST /upload/gmail/v1/users/me/messages"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(one("GET https://mail.example.com/gmail/v1/users/me/settings/imap"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(one("nonsense"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(one("GET /gmail/v1/../x"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(one("POST /gmail/v1/users/me/settings/filters HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}"),
              StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(one("PUT /gmail/v1/users/me/settings/imap HTTP/1.1\r\n\r\n" + std::string(2 << 20, ' ')),
              StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(batch("--b--").status, 400);
  EXPECT_EQ(batch("x").status, 400);
  EXPECT_EQ(call("POST", "/batch", {}, part("GET /x") + "--b--").status, 400);
  std::string many;
  for (size_t i = 0; i <= kMaxBatchParts; ++i) many += part("GET /gmail/v1/users/me/settings/imap");
  EXPECT_EQ(batch(many + "--b--").status, 400);
}

// --- uploads ---------------------------------------------------------------------------------------------------------

struct UploadTest : BatchTest {
  static constexpr const char* kInsert = "/upload/gmail/v1/users/me/messages?uploadType=";
  static std::string id_in(const web::Response& response) {
    const auto body = api::parse_json(response.body);
    const auto* id = body ? api::string_member(*body, "id") : nullptr;
    return id ? std::string(*id) : "";
  }
  std::string begin(const std::string& json = "{\"labelIds\":[\"INBOX\"]}") {
    const web::Response begun =
        call("POST", std::string(kInsert) + "resumable", {{"X-Upload-Content-Type", "message/rfc822"}}, json);
    EXPECT_EQ(begun.status, 200) << begun.body;
    const std::string* location = begun.headers.get("Location");
    EXPECT_TRUE(location && location->starts_with("https://mail.example.com/upload/"));
    return location ? location->substr(std::string("https://mail.example.com").size()) : "";
  }
  web::Response piece(const std::string& where, const std::string& range, const std::string& body) {
    return call("PUT", where, {{"Content-Range", range}}, body);
  }
};

TEST_F(UploadTest, TakesAMessageAlone) {
  const web::Response done =
      call("POST", std::string(kInsert) + "media", {{"Content-Type", "message/rfc822"}}, letter("alone"));
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(get("messages/" + id_in(done)).status, 200);
}

TEST_F(UploadTest, TakesJsonAndMessageTogether) {
  const std::string body =
      "--u\r\ncontent-type: application/json\r\n\r\n{\"labelIds\":[\"INBOX\",\"STARRED\"]}\r\n--u\r\n"
      "content-type: message/rfc822\r\n\r\n" +
      letter("both") + "\r\n--u--";
  const web::Response done =
      call("POST", std::string(kInsert) + "multipart", {{"Content-Type", "multipart/related; boundary=u"}}, body);
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_THAT(labels_of(id_in(done)), testing::IsSupersetOf({"INBOX", "STARRED"}));
  EXPECT_EQ(call("POST", std::string(kInsert) + "multipart", {{"Content-Type", "multipart/related; boundary=v"}}, body)
                .status,
            400);
}

TEST_F(UploadTest, GoesOnWhereItBroke) {
  const std::string where = begin(), bytes = letter("long", "", std::string(600'000, 'x') + "\r\n");
  const std::string total = std::to_string(bytes.size());
  EXPECT_EQ(piece(where, "bytes */" + total, "").status, 308);
  const web::Response first = piece(where, "bytes 0-262143/" + total, bytes.substr(0, 262'144));
  EXPECT_EQ(first.status, 308);
  EXPECT_EQ(*first.headers.get("Range"), "bytes=0-262143");
  EXPECT_EQ(*piece(where, "bytes 300000-300000/" + total, "x").headers.get("Range"), "bytes=0-262143") << "a gap";
  EXPECT_EQ(*piece(where, "bytes */*", "").headers.get("Range"), "bytes=0-262143");
  // Some of it once more: what is there already is passed over.
  const web::Response done =
      piece(where, "bytes 200000-" + std::to_string(bytes.size() - 1) + "/" + total, bytes.substr(200'000));
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(message(id_in(done)).size, bytes.size());
  EXPECT_EQ(piece(where, "bytes */" + total, "").body, done.body) << "who asks again hears it again";
}

TEST_F(UploadTest, OnceWithoutARangeIsEnough) {
  const web::Response done = call("PUT", begin(), {}, letter("at once"));
  EXPECT_EQ(done.status, 200) << done.body;
}

TEST_F(UploadTest, RefusesWhatIsTooMuchForeignOrOld) {
  const std::string target = std::string(kInsert) + "resumable";
  EXPECT_EQ(call("POST", target, {{"X-Upload-Content-Length", "99999999"}}, "{}").status, 413);
  EXPECT_EQ(call("POST", target, {{"X-Upload-Content-Type", "image/png"}}, "{}").status, 400);
  EXPECT_EQ(call("POST", target, {}, "{}", false).status, 401);
  EXPECT_EQ(call("POST", std::string(kInsert) + "other", {}, "").status, 400);
  EXPECT_EQ(call("PUT", std::string(kInsert) + "media", {}, letter("x")).status, 405);
  const std::string where = begin();
  EXPECT_EQ(piece(where, "bytes 5-2/9", "").status, 400);
  EXPECT_EQ(piece(where, "bytes 0-9/20", "too short").status, 400);
  EXPECT_EQ(piece(where, "bytes 0-0/99999999", "x").status, 413);
  EXPECT_EQ(piece(where + "x", "bytes 0-0/1", "x").status, 404);
  const std::string mine = token;
  token = make_token(add_account("bob@example.com"), {std::string(identity::kMailRead)});
  EXPECT_EQ(piece(where, "bytes */*", "").status, 404) << "another's";
  token = mine;
  loop.run_for(kUploadLifetime + seconds(1));
  EXPECT_EQ(piece(where, "bytes */*", "").status, 404);
  for (size_t i = 0; i < kMaxUploadsOfOne; ++i) begin();
  EXPECT_EQ(call("POST", target, {}, "{}").status, 429);
}

TEST(ContentRange, IsReadStrictly) {
  EXPECT_EQ(parse_content_range("bytes 0-9/20")->last, 9u);
  EXPECT_EQ(parse_content_range("bytes */20")->total, 20u);
  EXPECT_EQ(parse_content_range("bytes 0-9/*")->total, std::nullopt);
  for (const char* bad : {"", "bytes", "bytes 0-9", "bytes 9-0/20", "bytes 0-20/20", "bytes a-b/c", "lines 0-9/20",
                          "bytes 0-9/x", "bytes -5/20"})
    EXPECT_FALSE(parse_content_range(bad)) << bad;
}

}  // namespace
}  // namespace pabal::gmail
