// Email/query, /queryChanges, /changes, Thread/changes and SearchSnippet/get (RFC 8621) as a client meets them; and a
// client that follows a query by its changes, against the query asked anew.
#include <random>

#include "jmap/fields.h"
#include "jmap/testing.h"

namespace pabal::jmap {
namespace {

using mailbox::MailboxId;
using mailbox::MessageId;
using testing::parse;
using testing::World;

struct QueryTest : ::testing::Test, World {
  std::map<std::string, std::string> names;  // of emails by their ids, as the tests call them

  static std::string text(const json::value& of, std::string_view name) {
    const json::string* s = api::string_member(of, name);
    return s ? std::string(*s) : "";
  }
  MessageId letter(const std::string& name, const std::string& header, const std::string& body = "text",
                   mailbox::Flags flags = {}, std::vector<MailboxId> boxes = {}) {
    clock.advance(minutes(1));
    mailbox::Filing filing;
    filing.flags = std::move(flags);
    filing.mailboxes = std::move(boxes);
    const auto filed = deliver(alice, "Message-ID: <" + name + "@x>\n" + header + "\n\n" + body + "\n", filing);
    names["E" + std::to_string(filed.message)] = name;
    return filed.message;
  }
  std::string named(const json::value& ids) const {
    std::string out;
    for (const json::value& id : ids.as_array()) {
      const auto found = names.find(std::string(id.as_string()));
      out += (out.empty() ? "" : " ") + (found == names.end() ? std::string(id.as_string()) : found->second);
    }
    return out;
  }
  std::string query(const std::string& filter, const std::string& sort = R"([{"property":"id"}])",
                    const std::string& more = "") {
    const json::object answer = call(alice, "Email/query", "{\"filter\":" + filter + ",\"sort\":" + sort + more + "}");
    return answer.contains("ids") ? named(answer.at("ids")) : text(answer, "type");
  }
  void set_flags(MessageId id, const std::function<void(mailbox::Flags&)>& edit) {
    const auto m = mailboxes->message(*store, alice, id);
    ASSERT_TRUE(m && *m && !(*m)->places.empty());
    const mailbox::Message::Place place = (*m)->places.front();
    change([&](store::Transaction& t) -> Result<void> {
      const auto done = mailboxes->edit_flags(t, alice, place.mailbox, {place.uid}, edit);
      return done ? Result<void>() : done.error();
    });
  }
  void add_flag(MessageId id, uint8_t flag) {
    set_flags(id, [&](mailbox::Flags& flags) { flags.system |= flag; });
  }
  void remove(MessageId id, MailboxId box = 1) {
    change([&](store::Transaction& t) { return mailboxes->remove_place(t, alice, id, box); });
  }
  std::string state() { return text(call(alice, "Email/get", R"({"ids":[]})"), "state"); }
};

TEST_F(QueryTest, EachConditionFindsItsEmails) {
  const Time start = clock.now();
  letter("a", "From: Kim <kim@univ.edu>\nTo: alice@example.com\nSubject: lunch", "Where shall we eat?");
  letter("b", "From: bob@univ.edu\nTo: alice@example.com\nCc: carol@univ.edu\nSubject: Budget 회의자료",
         std::string(2000, 'x'), {mailbox::kSeen, {"Work"}});
  letter("c",
         "From: Kim <kim@univ.edu>\nTo: team@example.com\nBcc: dan@univ.edu\nX-Kind: of magic\nIn-Reply-To: <a@x>\n"
         "Subject: Re: lunch\nContent-Type: multipart/mixed; boundary=1",
         "--1\n\nAt noon\n--1\nContent-Type: application/pdf; name=menu.pdf\n\nx\n--1--", {mailbox::kFlagged, {}},
         {1, 4});
  letter("d", "From: me@example.com\nSubject: gone", "lunch", {mailbox::kDeleted, {}});

  EXPECT_EQ(query("null"), "a b c");
  EXPECT_EQ(query("{}"), "a b c");
  EXPECT_EQ(query(R"({"inMailbox":"M4"})"), "c");
  EXPECT_EQ(query(R"({"inMailboxOtherThan":["M1"]})"), "c");
  EXPECT_EQ(query(R"({"inMailboxOtherThan":[]})"), "a b c");
  EXPECT_EQ(query(R"({"before":")" + utc_date(start + minutes(2)) + "\"}"), "a");
  EXPECT_EQ(query(R"({"after":")" + utc_date(start + minutes(2)) + "\"}"), "b c");
  EXPECT_EQ(query(R"({"minSize":1000})"), "b");
  EXPECT_EQ(query(R"({"maxSize":1000})"), "a c");
  EXPECT_EQ(query(R"({"hasKeyword":"$seen"})"), "b");
  EXPECT_EQ(query(R"({"hasKeyword":"WORK"})"), "b");
  EXPECT_EQ(query(R"({"notKeyword":"$flagged"})"), "a b");
  EXPECT_EQ(query(R"({"someInThreadHaveKeyword":"$flagged"})"), "a c");
  EXPECT_EQ(query(R"({"allInThreadHaveKeyword":"$flagged"})"), "");
  EXPECT_EQ(query(R"({"allInThreadHaveKeyword":"$seen"})"), "b");
  EXPECT_EQ(query(R"({"noneInThreadHaveKeyword":"$flagged"})"), "b");
  EXPECT_EQ(query(R"({"hasAttachment":true})"), "c");
  EXPECT_EQ(query(R"({"hasAttachment":false})"), "a b");
  EXPECT_EQ(query(R"({"text":"lunch"})"), "a c");
  EXPECT_EQ(query(R"({"text":"eat we"})"), "a");
  EXPECT_EQ(query(R"({"text":"\"eat we\""})"), "");
  EXPECT_EQ(query(R"({"text":"'we eat'"})"), "a");
  EXPECT_EQ(query(R"({"from":"kim"})"), "a c");
  EXPECT_EQ(query(R"({"from":"me"})"), "");
  EXPECT_EQ(query(R"({"to":"team@example.com"})"), "c");
  EXPECT_EQ(query(R"({"cc":"carol"})"), "b");
  EXPECT_EQ(query(R"({"bcc":"dan"})"), "c");
  EXPECT_EQ(query(R"({"subject":"회의"})"), "b");
  EXPECT_EQ(query(R"({"body":"noon"})"), "c");
  EXPECT_EQ(query(R"({"body":"lunch"})"), "");
  EXPECT_EQ(query(R"({"header":["X-Kind"]})"), "c");
  EXPECT_EQ(query(R"({"header":["x-kind","magic"]})"), "c");
  EXPECT_EQ(query(R"({"header":["x-kind","none"]})"), "");
  EXPECT_EQ(query(R"({"from":"kim","hasKeyword":"$flagged"})"), "c") << "all must hold";
  EXPECT_EQ(query(R"({"operator":"OR","conditions":[{"subject":"budget"},{"body":"noon"}]})"), "b c");
  EXPECT_EQ(query(R"({"operator":"NOT","conditions":[{"subject":"budget"},{"body":"noon"}]})"), "a");
  EXPECT_EQ(
      query(R"({"operator":"AND","conditions":[{"from":"kim"},{"operator":"NOT","conditions":[{"text":"eat"}]}]})"),
      "c");

  EXPECT_EQ(query(R"({"colour":"red"})"), "unsupportedFilter");
  for (const char* wrong :
       {R"({"header":[]})", R"({"header":["a","b","c"]})", R"({"hasKeyword":"a b"})", R"({"before":"x"})",
        R"({"minSize":-1})", R"({"text":1})", R"({"operator":"XOR","conditions":[]})"})
    EXPECT_EQ(query(wrong), "invalidArguments") << wrong;
}

TEST_F(QueryTest, EachSortPutsThemInItsOrder) {
  letter("a", "From: Zed <z@x>\nTo: b@x\nSubject: Re: beta\nDate: Tue, 03 Nov 2026 09:00:00 +0000", "xx");
  letter("b", "From: adam@x\nTo: C <a@x>\nSubject: alpha\nDate: Mon, 02 Nov 2026 09:00:00 +0000", "x",
         {mailbox::kFlagged, {}});
  letter("c",
         "From: \"=?UTF-8?B?w6k=?=\" <e@x>\nSubject: [list] Beta\nIn-Reply-To: <b@x>\nDate: Wed, 04 Nov 2026 09:00:00 "
         "+0000",
         "xxx");
  const auto by = [&](const std::string& property, const std::string& more = "") {
    return query("null", "[{\"property\":\"" + property + "\"" + more + "}]");
  };
  EXPECT_EQ(by("receivedAt"), "a b c");
  EXPECT_EQ(by("receivedAt", R"(,"isAscending":false)"), "c b a");
  EXPECT_EQ(by("sentAt"), "b a c");
  EXPECT_EQ(by("size"), "b a c");
  EXPECT_EQ(by("from"), "b c a");
  EXPECT_EQ(by("from", R"(,"collation":"i;octet")"), "a b c");
  EXPECT_EQ(by("to"), "c a b");
  EXPECT_EQ(query("null", R"([{"property":"subject"},{"property":"sentAt","isAscending":false}])"), "b c a");
  EXPECT_EQ(by("hasKeyword", R"(,"keyword":"$flagged","isAscending":false)"), "b c a");
  EXPECT_EQ(by("someInThreadHaveKeyword", R"(,"keyword":"$flagged","isAscending":false)"), "c b a");
  EXPECT_EQ(by("allInThreadHaveKeyword", R"(,"keyword":"$flagged")"), "a b c");
  EXPECT_EQ(by("hasKeyword"), "invalidArguments");
  EXPECT_EQ(by("preview"), "unsupportedSort");
  EXPECT_EQ(query("null", "null"), "c b a") << "the newest first";
}

TEST_F(QueryTest, AWindowOfTheResultsIsHad) {
  std::vector<MessageId> ids;
  for (int i = 0; i < 6; ++i)
    ids.push_back(
        letter(std::to_string(i), i % 2 ? "Subject: s\nIn-Reply-To: <" + std::to_string(i - 1) + "@x>" : "Subject: s"));
  const auto page = [&](const std::string& more) { return query("null", R"([{"property":"id"}])", more); };
  EXPECT_EQ(page(R"(,"position":4)"), "4 5");
  EXPECT_EQ(page(R"(,"position":-2,"limit":1)"), "4");
  EXPECT_EQ(page(R"(,"position":9)"), "");
  const std::string anchor = R"(,"anchor":"E)" + std::to_string(ids[3]) + "\"";
  EXPECT_EQ(page(anchor + R"(,"limit":2)"), "3 4");
  EXPECT_EQ(page(anchor + R"(,"anchorOffset":-1,"limit":2)"), "2 3");
  EXPECT_EQ(page(anchor + R"(,"anchorOffset":-9,"position":5,"limit":2)"), "0 1");
  EXPECT_EQ(page(R"(,"anchor":"E99")"), "anchorNotFound");
  EXPECT_EQ(page(R"(,"limit":-1)"), "invalidArguments");
  EXPECT_EQ(page(R"(,"collapseThreads":true)"), "0 2 4");
  EXPECT_EQ(query("null", R"([{"property":"id","isAscending":false}])", R"(,"collapseThreads":true)"), "5 3 1");
  const json::object answer = call(alice, "Email/query", R"({"calculateTotal":true,"limit":1,"collapseThreads":true})");
  EXPECT_EQ(answer.at("total"), 3);
  EXPECT_EQ(answer.at("canCalculateChanges"), true);
  EXPECT_EQ(answer.at("position"), 0);
  EXPECT_FALSE(call(alice, "Email/query", "{}").contains("total"));
}

TEST_F(QueryTest, ChangesOfEmailsAndThreads) {
  const MessageId a = letter("a", "Subject: a"), b = letter("b", "Subject: b");
  const MessageId hidden = letter("h", "Subject: h", "x", {mailbox::kDeleted, {}});
  const std::string before = state();
  const auto told = [&](const std::string& method, const std::string& since, const std::string& more = "") {
    const json::object answer = call(alice, method, "{\"sinceState\":\"" + since + "\"" + more + "}");
    if (!answer.contains("created")) return text(answer, "type");
    std::string out =
        named(answer.at("created")) + " | " + named(answer.at("updated")) + " | " + named(answer.at("destroyed"));
    if (answer.at("hasMoreChanges") == json::value(true)) out += " | more";
    return out;
  };
  EXPECT_EQ(told("Email/changes", before), " |  | ");
  const MessageId c = letter("c", "In-Reply-To: <a@x>\nSubject: Re: a");
  add_flag(c, mailbox::kSeen);
  add_flag(b, mailbox::kSeen);
  remove(a);
  EXPECT_EQ(told("Email/changes", before), "c | b | a");
  const std::string thread = "T" + std::to_string(a);
  EXPECT_EQ(told("Thread/changes", before), " | " + thread + " | ");
  const MessageId d = letter("d", "Subject: d");
  remove(d);
  EXPECT_EQ(told("Email/changes", before), "c | b | a") << "what came and went is not told";
  // \Deleted: there for IMAP, not here.
  set_flags(hidden, [](mailbox::Flags& flags) { flags.system = 0; });
  add_flag(b, mailbox::kDeleted);
  EXPECT_EQ(told("Email/changes", before), "c h |  | b a");
  EXPECT_EQ(told("Thread/changes", before), "T" + std::to_string(hidden) + " | " + thread + " | T" + std::to_string(b));
  EXPECT_EQ(told("Email/changes", state()), " |  | ");
  EXPECT_EQ(told("Email/changes", "99999"), "cannotCalculateChanges");
  EXPECT_EQ(told("Email/changes", "x"), "cannotCalculateChanges");
  EXPECT_EQ(told("Email/changes", before, R"(,"maxChanges":0)"), "invalidArguments");
  // Purged meanwhile.
  clock.advance(days(30));
  change([&](store::Transaction& t) -> Result<void> {
    const auto done = mailboxes->purge_expired(t, alice, 1000);
    return done ? Result<void>() : done.error();
  });
  EXPECT_EQ(told("Email/changes", before), "c h |  | b a");
  EXPECT_EQ(told("Thread/changes", before), "T" + std::to_string(hidden) + " | " + thread + " | T" + std::to_string(b));
}

TEST_F(QueryTest, ManyChangesAreToldInParts) {
  std::vector<mailbox::Uid> uids;
  for (int i = 0; i < 5; ++i) {
    const auto m = mailboxes->message(*store, alice, letter(std::to_string(i), "Subject: s" + std::to_string(i)));
    uids.push_back((*m)->places.front().uid);
  }
  const std::string before = state();
  change([&](store::Transaction& t) -> Result<void> {  // one number for all
    const auto done = mailboxes->edit_flags(t, alice, 1, uids, [](mailbox::Flags& f) { f.system |= mailbox::kSeen; });
    return done ? Result<void>() : done.error();
  });
  letter("5", "Subject: new");
  std::string since = before, all;
  for (int i = 0; i < 10; ++i) {
    const json::object answer = call(alice, "Email/changes", "{\"maxChanges\":2,\"sinceState\":\"" + since + "\"}");
    ASSERT_TRUE(answer.contains("updated")) << api::to_text(answer);
    all += named(answer.at("created")) + "/" + named(answer.at("updated")) + ";";
    since = text(answer, "newState");
    if (answer.at("hasMoreChanges") == json::value(false)) break;
  }
  EXPECT_EQ(all, "/0 1;/2 3;5/4;");
  EXPECT_EQ(since, state());
}

TEST_F(QueryTest, AChangeThatMovesNothingIsNoChangeOfTheQuery) {
  const MessageId a = letter("a", "Subject: a");
  letter("b", "Subject: b");
  const std::string inbox = R"({"filter":{"inMailbox":"M1"},"sort":[{"property":"receivedAt","isAscending":false}],)";
  const std::string before = text(call(alice, "Email/query", inbox + R"("limit":1})"), "queryState");
  add_flag(a, mailbox::kSeen);
  const auto told = [&](const std::string& arguments) {
    const json::object answer =
        call(alice, "Email/queryChanges", arguments + "\"sinceQueryState\":\"" + before + "\"}");
    if (!answer.contains("removed")) return text(answer, "type");
    std::string out = named(answer.at("removed")) + " |";
    for (const json::value& one : answer.at("added").as_array())
      out += " " + named(json::array{one.at("id")}) + "@" + std::to_string(one.at("index").to_number<int64_t>());
    return out;
  };
  EXPECT_EQ(told(inbox), " |");
  EXPECT_EQ(told(R"({"filter":{"hasKeyword":"$seen"},)"), " | a@0");
  EXPECT_EQ(told(R"({"filter":{"notKeyword":"$seen"},)"), "a |");
  letter("c", "In-Reply-To: <a@x>\nSubject: Re: a");
  EXPECT_EQ(told(inbox), " | c@0");
  EXPECT_EQ(told(inbox + R"("collapseThreads":true,)"), "a | c@0") << "c now stands for the thread";
  EXPECT_EQ(told(R"({"sort":[{"property":"receivedAt"}],"collapseThreads":true,)"), " |") << "a still does";
  EXPECT_EQ(told(R"({"filter":{"subject":"b"},)"), " |");
  EXPECT_EQ(told(inbox + R"("maxChanges":0,)"), "tooManyChanges");
  EXPECT_EQ(told(R"({"sort":[{"property":"receivedAt"}],"upToId":"E)" + std::to_string(a) + "\","), " |")
      << "c lies behind what the client has";
}

// Whatever happens: what a client has made of its list by the changes is what the query gives anew.
TEST_F(QueryTest, ClientsThatFollowByChangesHaveWhatTheQueryGives) {
  std::mt19937 dice(1);
  const auto roll = [&](size_t n) { return dice() % n; };
  const std::vector<std::string> queries = {
      R"({"filter":{"inMailbox":"M1"},"sort":[{"property":"receivedAt","isAscending":false}])",
      R"({"filter":{"inMailbox":"M1"},"collapseThreads":true)",
      R"({"collapseThreads":true,"sort":[{"property":"subject"}])",
      R"({"filter":{"hasKeyword":"$seen"},"sort":[{"property":"id"}])",
      R"({"filter":{"notKeyword":"$flagged","inMailboxOtherThan":["M1"]},"sort":[{"property":"size"}])",
      R"({"filter":{"someInThreadHaveKeyword":"$flagged"},"collapseThreads":true)",
      R"({"filter":{"operator":"OR","conditions":[{"allInThreadHaveKeyword":"$seen"},{"subject":"two"}]})",
      R"({"sort":[{"property":"someInThreadHaveKeyword","keyword":"work"},{"property":"id"}],"collapseThreads":true)",
      R"({"sort":[{"property":"hasKeyword","keyword":"work","isAscending":false}])",
      R"({"filter":{"text":"three"},"sort":[{"property":"hasKeyword","keyword":"$answered"}],"collapseThreads":true)"};
  struct Follower {
    std::vector<std::string> ids;
    std::string state;
  };
  std::vector<Follower> followers(queries.size());
  const auto ids_of = [](const json::value& list) {
    std::vector<std::string> out;
    for (const json::value& id : list.as_array()) out.emplace_back(id.as_string());
    return out;
  };
  for (size_t i = 0; i < queries.size(); ++i)
    followers[i].state = text(call(alice, "Email/query", queries[i] + "}"), "queryState");
  std::vector<MessageId> all;
  constexpr const char* kSubjects[] = {"one", "two", "three"};
  for (int step = 0; step < 150; ++step) {
    for (size_t n = roll(4) + 1; n > 0; --n) {
      const MessageId some = all.empty() ? 0 : all[roll(all.size())];
      const auto m = mailboxes->message(*store, alice, some);
      const bool placed = m && *m && !(*m)->places.empty();
      const size_t what = roll(10);
      if (what < 3 || all.empty()) {
        const std::string parent =
            all.empty() || roll(2) ? "" : "In-Reply-To: <" + names["E" + std::to_string(some)] + "@x>\n";
        const std::string name = "n" + std::to_string(all.size());
        all.push_back(letter(name, parent + "Subject: " + kSubjects[roll(3)], std::string(roll(50) + 1, 'x'),
                             {static_cast<uint8_t>(roll(4) ? 0 : mailbox::kSeen), {}},
                             roll(3) ? std::vector<MailboxId>{1} : std::vector<MailboxId>{1, 4}));
      } else if (placed && what < 7) {
        constexpr uint8_t kFlags[] = {mailbox::kSeen, mailbox::kFlagged, mailbox::kDeleted, mailbox::kAnswered};
        const uint8_t flag = kFlags[roll(4)];
        const bool word = roll(4) == 0;
        set_flags(some, [&](mailbox::Flags& f) {
          if (!word)
            f.system ^= flag;
          else if (f.keywords.empty())
            f.keywords = {"work"};
          else
            f.keywords.clear();
        });
      } else if (placed && what < 8) {
        remove(some, (*m)->places.front().mailbox);
      } else if (placed && what < 9) {
        change([&](store::Transaction& t) -> Result<void> {
          const auto done = mailboxes->add_place(t, alice, some, roll(2) ? 4 : 1);
          return done ? Result<void>() : done.error();
        });
      } else if (!placed && m && *m) {
        change([&](store::Transaction& t) -> Result<void> {
          const auto done = mailboxes->undelete(t, alice, some, 1);
          return done ? Result<void>() : done.error();
        });
      }
    }
    for (size_t i = 0; i < queries.size(); ++i) {
      Follower& mine = followers[i];
      if (roll(3) == 0) continue;  // looks later
      const json::object changes =
          call(alice, "Email/queryChanges", queries[i] + ",\"sinceQueryState\":\"" + mine.state + "\"}");
      ASSERT_TRUE(changes.contains("added")) << api::to_text(changes);
      for (const std::string& id : ids_of(changes.at("removed"))) std::erase(mine.ids, id);
      for (const json::value& one : changes.at("added").as_array()) {
        const auto index = static_cast<size_t>(one.at("index").to_number<int64_t>());
        ASSERT_LE(index, mine.ids.size()) << queries[i];
        mine.ids.insert(mine.ids.begin() + static_cast<long>(index), std::string(one.at("id").as_string()));
      }
      mine.state = text(changes, "newQueryState");
      ASSERT_EQ(mine.ids, ids_of(call(alice, "Email/query", queries[i] + "}").at("ids")))
          << queries[i] << " at " << step;
    }
  }
}

TEST_F(QueryTest, SnippetsMarkWhatWasFound) {
  const MessageId a = letter("a", "Subject: The <b>lunch</b>", "We eat lunch & more."),
                  b = letter("b", "Subject: none");
  const std::string ids = "\"emailIds\":[\"E" + std::to_string(a) + "\",\"E" + std::to_string(b) + "\",\"E99\"]";
  json::object answer =
      call(alice, "SearchSnippet/get", R"({"filter":{"text":"lunch","notKeyword":"$seen"},)" + ids + "}");
  EXPECT_EQ(text(answer.at("list").at(0), "subject"), "The &lt;b&gt;<mark>lunch</mark>&lt;/b&gt;");
  EXPECT_EQ(text(answer.at("list").at(0), "preview"), "We eat <mark>lunch</mark> &amp; more.");
  EXPECT_EQ(answer.at("list").at(1),
            parse("{\"emailId\":\"E" + std::to_string(b) + R"(","subject":null,"preview":null})"));
  EXPECT_EQ(answer.at("notFound"), parse(R"(["E99"])"));
  answer =
      call(alice, "SearchSnippet/get", R"({"filter":{"operator":"NOT","conditions":[{"text":"lunch"}]},)" + ids + "}");
  EXPECT_EQ(answer.at("list").at(0).at("subject"), json::value(nullptr));
  EXPECT_EQ(text(call(alice, "SearchSnippet/get", R"({"filter":{"x":1},)" + ids + "}"), "type"), "unsupportedFilter");
  EXPECT_EQ(text(call(alice, "SearchSnippet/get", "{}"), "type"), "invalidArguments");
}

}  // namespace
}  // namespace pabal::jmap
