#include "gmail/settings.h"

#include "base/text.h"
#include "gmail/test_gmail.h"
#include "message/message.h"

namespace pabal::gmail {
namespace {

using testing::HasSubstr;

// Keeps letters.
struct Kept final : mailbox::Outgoing {
  Task<Result<std::string>> send(net::Loop&, Letter letter) override {
    sent.push_back(std::move(letter));
    co_return "1";
  }
  Result<State> state(const store::Reader&, std::string_view) const override { return State{}; }
  std::vector<std::string> unreachable(const std::vector<Recipient>&) const override { return {}; }
  Result<std::vector<Delivery>> deliveries(const store::Reader&, std::string_view) const override {
    return std::vector<Delivery>();
  }
  Result<void> cancel(store::Transaction&, std::string_view) override { return {}; }
  std::vector<Letter> sent;
};

struct SettingsTest : GmailTest {
  Kept kept;
  SettingsTest() { services->outgoing = &kept; }

  Answer put(const std::string& target, const std::string& body) { return ask("PUT", "me/settings/" + target, body); }
  Answer erase(const std::string& target) { return ask("DELETE", "me/settings/" + target); }
  std::string make_label() {
    write([&](store::Transaction& t) -> Result<void> {
      const auto made = boxes->create(t, alice, "Work");
      return made ? Result<void>() : made.error();
    });
    return "Label_" + std::to_string((*boxes->find(*store, alice, "Work"))->id);
  }
  // The page behind the letter.
  web::Response page(const std::string& method, const std::string& secret) {
    web::Request request;
    request.method = method;
    request.target = "/forwarding/confirm" + (method == "GET" ? "?t=" + secret : "");
    const auto parts = web::parse_target(request.target);
    request.path = parts->path;
    request.segments = parts->segments;
    request.query = parts->query;
    request.loop = &loop;
    if (method == "POST") request.body = "t=" + secret;
    std::optional<web::Response> response;
    loop.spawn(handle(this, std::move(request), &response));
    EXPECT_TRUE(loop.run_until([&] { return response.has_value(); }, minutes(1)));
    return *response;
  }
  static Task<void> handle(SettingsTest* self, web::Request request, std::optional<web::Response>* response) {
    Task<web::Response> handling = self->router.handle(std::move(request));
    *response = co_await handling;
  }
  std::string secret_mailed() const {
    const std::string& bytes = kept.sent.back().content;
    const std::string text = message::part_text(bytes, message::parse(bytes).root);
    const size_t at = text.find("confirm?t=");
    return at == text.npos ? "" : text.substr(at + 10, text.find('\n', at) - at - 10);
  }
};

TEST_F(SettingsTest, VacationComesBackAsItWasSet) {
  EXPECT_EQ(get("settings/vacation").text,
            R"({"enableAutoReply":false,"restrictToContacts":false,"restrictToDomain":false})");
  const Answer set = put("vacation", R"({"enableAutoReply":true,"responseSubject":"Away","responseBodyPlainText":"Soon",
      "restrictToDomain":true,"startTime":"1800000000000","endTime":1800000005000})");
  EXPECT_EQ(set.status, 200) << set.text;
  EXPECT_EQ(set.str("/startTime"), "1800000000000") << "a string, as all 64-bit values";
  EXPECT_EQ(set.str("/endTime"), "1800000005000");
  EXPECT_EQ(get("settings/vacation").text, set.text);
  EXPECT_EQ(sieve::settings(*store, alice)->vacation.only_domain, "example.com");
  EXPECT_THAT(sieve::settings_script(*store, alice).value(), HasSubstr("vacation :days 4"));
  EXPECT_EQ(put("vacation", R"({"enableAutoReply":true,"restrictToContacts":true,"responseSubject":"x"})").status, 400);
  EXPECT_EQ(put("vacation", R"({"enableAutoReply":true})").status, 400);
  EXPECT_EQ(put("vacation", R"({"autoReply":true})").status, 400) << "unknown names are refused";
  EXPECT_EQ(put("vacation", R"({"enableAutoReply":"yes"})").status, 400);
  EXPECT_EQ(put("vacation", "").status, 400);
  EXPECT_EQ(put("vacation", R"({"enableAutoReply":false})").status, 200);
  EXPECT_FALSE(*sieve::settings_act(*store, alice));
}

TEST_F(SettingsTest, LanguageIsKeptAndProtocolsAreAsTheyAre) {
  EXPECT_EQ(get("settings/language").str("/displayLanguage"), "en");
  EXPECT_EQ(put("language", R"({"displayLanguage":"ko"})").status, 200);
  EXPECT_EQ(get("settings/language").str("/displayLanguage"), "ko");
  EXPECT_EQ(put("language", R"({"displayLanguage":"k o"})").status, 400);
  EXPECT_EQ(get("settings/imap").str("/enabled"), "true");
  EXPECT_EQ(put("imap", get("settings/imap").text).status, 200);
  EXPECT_THAT(put("imap", R"({"enabled":false})").text, HasSubstr("enabled is true here"));
  EXPECT_EQ(put("pop", R"({"accessWindow":"disabled"})").status, 400);
}

TEST_F(SettingsTest, FiltersAreMadeShownAndRemoved) {
  const std::string label = make_label();
  EXPECT_EQ(get("settings/filters").text, "{}");
  const Answer made = post("settings/filters",
                           R"({"criteria":{"from":"bob","query":"has:attachment","size":100,"sizeComparison":"larger",
          "excludeChats":true},"action":{"addLabelIds":[")" +
                               label + R"(","STARRED"],"removeLabelIds":["INBOX","UNREAD","SPAM"]}})");
  EXPECT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.strings("/action/addLabelIds"), (std::vector<std::string>{label, "STARRED"}));
  EXPECT_EQ(made.strings("/action/removeLabelIds"), (std::vector<std::string>{"INBOX", "SPAM", "UNREAD"}));
  EXPECT_EQ(made.str("/criteria/size"), "100");
  EXPECT_EQ(made.str("/criteria/sizeComparison"), "larger");
  const std::string id = made.str("/id");
  EXPECT_EQ(get("settings/filters/" + id).text, made.text);
  EXPECT_EQ(get("settings/filters").count("/filter"), 1u) << "the key is in the singular";
  const auto filter = sieve::settings(*store, alice)->filters.at(0);
  EXPECT_TRUE(filter.action.skip_inbox && filter.action.never_junk);
  EXPECT_EQ(filter.action.add_flags, (sieve::FlagList{"\\Flagged", "\\Seen"}));
  EXPECT_EQ(erase("filters/" + id).status, 204);
  EXPECT_EQ(erase("filters/" + id).status, 404);
  EXPECT_EQ(get("settings/filters/" + id).status, 404);
  EXPECT_EQ(get("settings/filters/x").status, 404);
}

TEST_F(SettingsTest, FiltersThatCannotBeAreRefused) {
  const auto refused = [&](const std::string& criteria, const std::string& action) {
    const Answer answer = post("settings/filters", R"({"criteria":)" + criteria + R"(,"action":)" + action + "}");
    return answer.status == 400 ? answer.str("/error/message") : "status " + std::to_string(answer.status);
  };
  const std::string star = R"({"addLabelIds":["STARRED"]})";
  EXPECT_EQ(refused("{}", star), "a filter needs a criterion");
  EXPECT_EQ(refused(R"({"from":"a"})", "{}"), "a filter needs an action");
  EXPECT_EQ(refused(R"({"sender":"a"})", star), "Unknown name \"sender\"");
  EXPECT_THAT(refused(R"({"query":"in:inbox"})", star), HasSubstr("query asks for labels"));
  EXPECT_THAT(refused(R"({"size":5})", star), HasSubstr("sizeComparison"));
  EXPECT_THAT(refused(R"({"from":"a"})", R"({"addLabelIds":["Label_999"]})"), HasSubstr("not found"));
  EXPECT_THAT(refused(R"({"from":"a"})", R"({"addLabelIds":["SENT"]})"), HasSubstr("cannot add SENT"));
  EXPECT_THAT(refused(R"({"from":"a"})", R"({"removeLabelIds":["DRAFT"]})"), HasSubstr("cannot remove DRAFT"));
  EXPECT_THAT(refused(R"({"from":"a"})", R"({"forward":"x@example.net"})"), HasSubstr("no verified forwarding"));
  EXPECT_EQ(post("settings/filters", "[]").status, 400);
  EXPECT_EQ(post("settings/filters", R"({"criteria":{"from":"a"},"action":)" + star + "}").status, 200);
  EXPECT_EQ(refused(R"({"from":"a"})", star), "Filter already exists");
}

TEST_F(SettingsTest, AnAddressIsForwardedToWhenItsOwnerHasAgreed) {
  EXPECT_EQ(get("settings/forwardingAddresses").text, "{}");
  EXPECT_EQ(post("settings/forwardingAddresses", R"({"forwardingEmail":"alice@example.com"})").status, 400);
  EXPECT_EQ(post("settings/forwardingAddresses", R"({"forwardingEmail":"nobody"})").status, 400);
  const Answer made = post("settings/forwardingAddresses", R"({"forwardingEmail":"ann@example.net"})");
  EXPECT_EQ(made.text, R"({"forwardingEmail":"ann@example.net","verificationStatus":"pending"})");
  ASSERT_EQ(kept.sent.size(), 1u);
  EXPECT_THAT(kept.sent[0].content, HasSubstr("To: ann@example.net"));
  EXPECT_EQ(put("autoForwarding", R"({"enabled":true,"emailAddress":"ann@example.net","disposition":"trash"})").status,
            400);

  const std::string secret = secret_mailed();
  EXPECT_EQ(page("GET", "wrong").status, 404);
  EXPECT_EQ(page("POST", "wrong").status, 404);
  const web::Response asked = page("GET", secret);
  EXPECT_EQ(asked.status, 200);
  EXPECT_THAT(asked.body, HasSubstr("ann@example.net"));
  EXPECT_EQ(get("settings/forwardingAddresses/ann@example.net").str("/verificationStatus"), "pending")
      << "looking at the page is no answer";
  EXPECT_EQ(page("POST", secret).status, 200);
  EXPECT_EQ(get("settings/forwardingAddresses/ann@example.net").str("/verificationStatus"), "accepted");
  EXPECT_EQ(page("POST", secret).status, 404) << "once";

  const Answer on = put("autoForwarding", R"({"enabled":true,"emailAddress":"ann@example.net","disposition":"trash"})");
  EXPECT_EQ(on.text, R"({"enabled":true,"emailAddress":"ann@example.net","disposition":"trash"})");
  EXPECT_EQ(get("settings/autoForwarding").text, on.text);
  EXPECT_EQ(put("autoForwarding", R"({"enabled":true,"emailAddress":"ann@example.net","disposition":"x"})").status,
            400);
  EXPECT_EQ(erase("forwardingAddresses/ann@example.net").status, 204);
  EXPECT_EQ(get("settings/autoForwarding").text, R"({"enabled":false})");
  EXPECT_EQ(erase("forwardingAddresses/ann@example.net").status, 404);
}

TEST_F(SettingsTest, SendersAreThoseOfTheDirectory) {
  write([&](store::Transaction& t) {
    return directory->put_alias(t, {"sales@example.com", {"alice@example.com"}, true});
  });
  Answer all = get("settings/sendAs");
  EXPECT_EQ(all.count("/sendAs"), 2u) << all.text;
  EXPECT_EQ(all.str("/sendAs/0/sendAsEmail"), "alice@example.com");
  EXPECT_EQ(all.str("/sendAs/0/isPrimary"), "true");
  EXPECT_EQ(all.str("/sendAs/0/isDefault"), "true");
  EXPECT_EQ(all.str("/sendAs/1/verificationStatus"), "accepted");

  const std::string sales = "me/settings/sendAs/sales@example.com";
  const Answer changed = ask("PATCH", sales, R"({"signature":"<b>Sales</b>","isDefault":true})");
  EXPECT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(changed.str("/signature"), "<b>Sales</b>");
  EXPECT_EQ(changed.str("/isDefault"), "true");
  EXPECT_EQ(get("settings/sendAs/alice@example.com").str("/isDefault"), "null");
  EXPECT_EQ(ask("PUT", sales, R"({"displayName":"Sales team"})").str("/signature"), "") << "the whole is replaced";
  EXPECT_EQ(ask("PATCH", sales, R"({"replyToAddress":"not one"})").status, 400);
  EXPECT_EQ(ask("PATCH", sales, R"({"smtpMsa":{"host":"x"}})").status, 400);

  EXPECT_EQ(post("settings/sendAs", R"({"sendAsEmail":"bob@example.com"})").status, 403);
  EXPECT_EQ(post("settings/sendAs", R"({"sendAsEmail":"sales@example.com"})").status, 409);
  EXPECT_EQ(post("settings/sendAs", R"({"sendAsEmail":"alice+news@example.com","displayName":"News"})").status, 200);
  EXPECT_EQ(get("settings/sendAs").count("/sendAs"), 3u);
  EXPECT_EQ(get("settings/sendAs/alice%2Bnews@example.com").str("/displayName"), "News");
  EXPECT_EQ(post("settings/sendAs/alice%2Bnews@example.com/verify").status, 204);
  EXPECT_EQ(erase("sendAs/alice%2Bnews@example.com").status, 204);
  EXPECT_EQ(get("settings/sendAs/alice%2Bnews@example.com").status, 404);
  EXPECT_EQ(erase("sendAs/sales@example.com").status, 403);
}

TEST_F(SettingsTest, WhatIsOfWorkspaceSaysSo) {
  EXPECT_EQ(get("settings/delegates").text, "{}");
  EXPECT_EQ(post("settings/delegates", R"({"delegateEmail":"bob@example.com"})").status, 403);
  EXPECT_EQ(get("settings/delegates/bob@example.com").status, 404);
  EXPECT_EQ(get("settings/sendAs/alice@example.com/smimeInfo").status, 403);
  EXPECT_EQ(get("settings/cse/identities").status, 403);
  EXPECT_EQ(post("settings/cse/keypairs/1:disable").status, 403);
}

}  // namespace
}  // namespace pabal::gmail
