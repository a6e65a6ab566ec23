#include "sieve/settings.h"

#include <gmock/gmock.h>

#include "sieve/test_script.h"
#include "store/faulty.h"
#include "store/rocksdb_store.h"

namespace pabal::sieve {
namespace {

using testing::HasSubstr;
using testing::Not;

const Time kNow = from_unix(1'800'000'000);  // Fri, 15 Jan 2027 08:00:00 UTC, as of test_script.h
const NameOf kNames = [](mailbox::MailboxId id) {
  return id < 100 ? std::optional<std::string>("box " + std::to_string(id)) : std::nullopt;
};

Filter filter(Criteria criteria, FilterAction action) { return {0, std::move(criteria), std::move(action)}; }
FilterAction labels(std::vector<mailbox::MailboxId> ids, bool skip_inbox = false) {
  FilterAction out;
  out.add = std::move(ids);
  out.skip_inbox = skip_inbox;
  return out;
}
Criteria about(std::string query) {
  Criteria out;
  out.query = std::move(query);
  return out;
}
ForwardingAddress verified(const std::string& address) { return {address, true, "", kNow}; }

// What the settings do with the letter of test_script.h; `queries` find it.
std::string done(const Settings& settings, std::set<std::string> queries = {}, bool junk = false) {
  const auto ready = make_ready(settings, kNames, kNow);
  if (!ready) return "REFUSED " + ready.error().message;
  if (!ready->program) return "nothing";
  TestHost host;
  host.queries = std::move(queries);
  for (int id = 1; id < 100; ++id) host.ids.insert("M" + std::to_string(id));
  host.environment_of["vnd.pabal.junk"] = junk ? "yes" : "no";
  return did(ready->script, kLetter, host, settings_limits());
}

TEST(Settings, WithoutAnyThereIsNothingToDo) { EXPECT_EQ(done({}), "nothing"); }

TEST(Settings, FiltersThatMatchActTogether) {
  Settings s;
  s.filters.push_back(filter(about("a"), labels({7})));
  FilterAction star = labels({8}, true);
  star.add_flags = {"\\Flagged"};
  s.filters.push_back(filter(about("b"), star));
  s.filters.push_back(filter(about("c"), labels({9})));
  EXPECT_EQ(done(s), "implicit keep");
  EXPECT_EQ(done(s, {"a"}), "fileinto box 7 id=M7; implicit keep");
  EXPECT_EQ(done(s, {"a", "b"}), "fileinto box 7 id=M7 [\\Flagged]; fileinto box 8 id=M8 [\\Flagged]");
}

TEST(Settings, EachCriterionMustHold) {
  Settings s;
  Criteria c;
  c.from = "amy OR bob";
  c.to = "ken";
  c.subject = "present";
  c.query = "anvil";
  c.negated_query = "dynamite";
  c.has_attachment = true;
  c.larger = 10;
  c.smaller = 100'000;
  s.filters.push_back(filter(c, labels({7})));
  const std::set<std::string> all = {"from:(amy OR bob)", "{to:(ken) cc:(ken) bcc:(ken)}", "subject:(present)", "anvil",
                                     "has:attachment"};
  EXPECT_THAT(done(s, all), HasSubstr("M7"));
  for (const std::string& one : all) {
    std::set<std::string> fewer = all;
    fewer.erase(one);
    EXPECT_EQ(done(s, fewer), "implicit keep") << one;
  }
  std::set<std::string> more = all;
  more.insert("dynamite");
  EXPECT_EQ(done(s, more), "implicit keep");
  s.filters[0].criteria.larger = 100'000;
  EXPECT_EQ(done(s, all), "implicit keep");
}

TEST(Settings, ArchivesTrashesAndKeepsFromJunk) {
  Settings s;
  s.filters.push_back(filter(about("a"), labels({}, true)));
  EXPECT_EQ(done(s, {"a"}), "fileinto Archive use=\\Archive create");
  EXPECT_EQ(done(s, {"a"}, true), "implicit keep") << "junk goes into Junk";
  s.filters[0].action = {};
  s.filters[0].action.trash = true;
  s.filters.push_back(filter(about("a"), labels({7})));
  EXPECT_EQ(done(s, {"a"}), "fileinto Trash use=\\Trash create");
  s.filters[0].action = {};
  s.filters[0].action.never_junk = true;
  s.filters.pop_back();
  EXPECT_EQ(done(s, {"a"}, true), "implicit keep [$NotJunk]");
}

TEST(Settings, ALabelThatIsGoneIsLeftOut) {
  Settings s;
  s.filters.push_back(filter(about("a"), labels({100, 7})));
  EXPECT_EQ(done(s, {"a"}), "fileinto box 7 id=M7; implicit keep");
  s.filters[0].action.add = {100};
  EXPECT_EQ(done(s), "nothing");
}

TEST(Settings, ALaterFilterTakesALabelAway) {
  Settings s;
  s.filters.push_back(filter(about("a"), labels({7, 8})));
  FilterAction less;
  less.remove = {7};
  s.filters.push_back(filter(about("b"), less));
  EXPECT_EQ(done(s, {"a", "b"}), "fileinto box 8 id=M8; implicit keep");
}

TEST(Settings, ForwardsOnlyToVerifiedAddresses) {
  Settings s;
  s.auto_forwarding = {true, "ann@elsewhere.net", AfterForwarding::kMarkRead};
  EXPECT_THAT(done(s), HasSubstr("REFUSED ann@elsewhere.net is no verified forwarding address"));
  s.forwarding_addresses.push_back(verified("Ann@elsewhere.net"));
  EXPECT_EQ(done(s), "redirect ann@elsewhere.net; implicit keep [\\Seen]");
  EXPECT_EQ(done(s, {}, true), "implicit keep") << "no junk";
  s.auto_forwarding.after = AfterForwarding::kArchive;
  EXPECT_EQ(done(s), "redirect ann@elsewhere.net; fileinto Archive use=\\Archive create");
  s.auto_forwarding.after = AfterForwarding::kTrash;
  EXPECT_EQ(done(s), "redirect ann@elsewhere.net; fileinto Trash use=\\Trash create");
  FilterAction forward;
  forward.forward = "eve@elsewhere.net";
  s.filters.push_back(filter(about("a"), forward));
  EXPECT_THAT(done(s), HasSubstr("REFUSED"));
}

TEST(Settings, AnswersWithinItsTime) {
  Settings s;
  s.vacation.enabled = true;
  s.vacation.subject = "Away ${now} \"until\" \\Friday";
  s.vacation.text = "Back\non ${friday} for $5.\n";
  const std::string answer = done(s);
  EXPECT_THAT(answer, HasSubstr("Away ${now} \"until\" \\Friday")) << "not taken for variables";
  EXPECT_THAT(answer, HasSubstr("Back\r\non ${friday} for $5.\r\n"));
  EXPECT_EQ(done(s, {}, true), "implicit keep");
  s.vacation.from = kNow + seconds(1);
  EXPECT_EQ(done(s), "implicit keep");
  s.vacation.from = kNow;
  s.vacation.until = kNow + seconds(1);
  EXPECT_THAT(done(s), HasSubstr("Back"));
  s.vacation.from.reset();
  s.vacation.until = kNow;
  EXPECT_EQ(done(s), "implicit keep");
  s.vacation.until.reset();
  s.vacation.only_domain = "elsewhere.net";
  EXPECT_EQ(done(s), "implicit keep");
  s.vacation.only_domain = "desert.example.org";
  EXPECT_THAT(done(s), HasSubstr("Back"));
  s.vacation.html = "<p>Back <b>soon</b></p>";
  EXPECT_THAT(done(s), HasSubstr("multipart/alternative"));
}

TEST(Settings, RefusesWhatCannotBeDone) {
  const auto refused = [](const Criteria& c, FilterAction action = labels({7})) {
    Settings s;
    s.filters.push_back(filter(c, std::move(action)));
    const std::string what = done(s);
    return what.starts_with("REFUSED ") ? what.substr(8) : "";
  };
  EXPECT_EQ(refused({}), "a filter needs a criterion");
  EXPECT_EQ(refused(about("a"), {}), "a filter needs an action");
  EXPECT_THAT(refused(about("is:unread")), HasSubstr("query asks for flags"));
  EXPECT_THAT(refused(about(std::string(3'000, 'a'))), HasSubstr("longer than"));
  EXPECT_THAT(refused(about("a\nb")), HasSubstr("no line"));
  FilterAction bad = labels({7});
  bad.add_flags = {"\\Recent"};
  EXPECT_THAT(refused(about("a"), bad), HasSubstr("is no flag"));
  Settings s;
  s.filters.assign(kMaxFilters + 1, filter(about("a"), labels({7})));
  EXPECT_THAT(done(s), HasSubstr("at most 500 filters"));
  s.filters.pop_back();
  EXPECT_THAT(done(s, {"a"}), HasSubstr("M7"));
}

TEST(Settings, AnAddressIsVerifiedByWhatWasMailedThere) {
  Settings s;
  SeededRandom random(1);
  const auto secret = ask_forwarding(s, 7, "ann@elsewhere.net", random, kNow);
  ASSERT_TRUE(secret);
  EXPECT_EQ(account_of_forwarding(*secret), 7u);
  EXPECT_EQ(account_of_forwarding("x"), std::nullopt);
  EXPECT_FALSE(s.may_forward_to("ann@elsewhere.net"));
  EXPECT_EQ(asked_with(s, "AAAA", kNow), nullptr);
  EXPECT_EQ(asked_with(s, "", kNow), nullptr);
  EXPECT_EQ(asked_with(s, *secret, kNow + kForwardingAnswer), nullptr) << "too late";
  const auto again = ask_forwarding(s, 7, "ANN@elsewhere.net", random, kNow);
  ASSERT_TRUE(again);
  EXPECT_EQ(s.forwarding_addresses.size(), 1u);
  EXPECT_EQ(asked_with(s, *secret, kNow), nullptr) << "the newer letter counts";
  ASSERT_NE(asked_with(s, *again, kNow), nullptr);
  confirm(*asked_with(s, *again, kNow));
  EXPECT_TRUE(s.may_forward_to("ann@elsewhere.net"));
  EXPECT_EQ(asked_with(s, *again, kNow), nullptr) << "once";
  EXPECT_EQ(ask_forwarding(s, 7, "ann@elsewhere.net", random, kNow).value(), "") << "verified already";
  EXPECT_EQ(ask_forwarding(s, 7, "ann", random, kNow).code(), Code::kInvalid);
  s.auto_forwarding = {true, "ann@elsewhere.net", AfterForwarding::kTrash};
  FilterAction forward;
  forward.forward = "ann@elsewhere.net";
  s.filters.push_back(filter(about("a"), forward));
  EXPECT_EQ(remove_forwarding(s, "ann@elsewhere.net").code(), Code::kDenied);
  s.filters.clear();
  EXPECT_TRUE(remove_forwarding(s, "ann@elsewhere.net"));
  EXPECT_FALSE(s.auto_forwarding.enabled);
  EXPECT_EQ(remove_forwarding(s, "ann@elsewhere.net").code(), Code::kNotFound);
}

Settings full() {
  Settings s;
  Criteria c;
  c.from = "amy";
  c.larger = 10;
  c.has_attachment = true;
  FilterAction a = labels({7, 8}, true);
  a.add_flags = {"\\Flagged", "$Work"};
  a.forward = "ann@elsewhere.net";
  s.filters.push_back(filter(c, a));
  s.vacation = {true, kNow, kNow + days(3), "Away", "Back soon", "<p>Back soon</p>", "example.com"};
  s.forwarding_addresses = {verified("ann@elsewhere.net"), {"bob@elsewhere.net", false, std::string(32, 'x'), kNow}};
  s.auto_forwarding = {true, "ann@elsewhere.net", AfterForwarding::kArchive};
  s.senders.push_back({0, "alice@example.com", "Alice", "a@x.org", "", "--\nAlice", "<p>Alice", true, false});
  s.language = "ko";
  return s;
}

TEST(Settings, ComeBackFromTheirRecord) {
  const Settings s = full();
  const std::string record = encode(s);
  EXPECT_EQ(decode_settings(record), s);
  for (size_t size = 0; size < record.size(); ++size)
    EXPECT_EQ(decode_settings(record.substr(0, size)), std::nullopt) << size;
}

TEST(Settings, AreStoredWithWhatTheyDo) {
  store::FaultyDisk disk;
  ManualClock clock;
  auto store = *store::open_rocksdb({.path = "/store", .env = disk.env()}, clock);
  EXPECT_EQ(settings(*store, 7).value(), Settings{});
  EXPECT_FALSE(*settings_act(*store, 7));
  const auto ready = make_ready(full(), kNames, kNow);
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ(ready->settings.filters[0].id, 1u);
  EXPECT_EQ(ready->settings.senders[0].id, 2u);
  const auto put = [&](const ReadySettings& what) {
    return store->transact_and_wait([&](store::Transaction& t) -> Result<void> {
      const auto done = put_settings(t, 7, what);
      return done ? Result<void>() : done.error();
    });
  };
  EXPECT_TRUE(put(*ready));
  EXPECT_EQ(put(*ready).code(), Code::kConflict) << "revision 1 now";
  auto stored = settings(*store, 7);
  EXPECT_EQ(stored->revision, 1u);
  EXPECT_TRUE(*settings_act(*store, 7));
  EXPECT_NE(*settings_program(*store, 7), nullptr);
  EXPECT_THAT(settings_script(*store, 7).value(), HasSubstr("# Filter 1"));
  Settings less = *stored;
  less.filters.clear();
  less.auto_forwarding = {};
  less.vacation.enabled = false;
  EXPECT_TRUE(put(*make_ready(less, kNames, kNow)));
  EXPECT_FALSE(*settings_act(*store, 7));
  EXPECT_EQ(settings(*store, 7)->revision, 2u);
}

}  // namespace
}  // namespace pabal::sieve
