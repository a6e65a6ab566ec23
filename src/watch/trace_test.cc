#include "watch/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>

#include "base/text.h"
#include "store/rocksdb_store.h"

namespace pabal::watch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

struct TraceTest : testing::Test {
  std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("pabal-trace-" + std::to_string(::getpid()));
  ManualClock clock;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Trace> trace;

  TraceTest() {
    std::filesystem::create_directories(folder);
    store::RocksOptions options;
    options.path = folder / "store";
    auto opened = store::open_rocksdb(options, clock);
    EXPECT_TRUE(opened);
    store = std::move(*opened);
    trace = std::make_unique<Trace>(*store);
  }
  ~TraceTest() override {
    store.reset();
    std::filesystem::remove_all(folder);
  }

  void record(const std::vector<Event>& events) {
    EXPECT_TRUE(store->transact_and_wait([&](store::Transaction& t) -> Result<void> {
      for (const Event& e : events) trace->record(t, e);
      return {};
    }));
  }
  Event event(const std::string& id, const std::string& message_id, const std::string& action = "accepted") {
    Event e;
    e.at = clock.now();
    e.id = id;
    e.message_id = message_id;
    e.station = "delivery";
    e.action = action;
    e.reverse_path = "alice@example.com";
    e.recipient = "bob@univ.edu";
    return e;
  }
  std::vector<std::string> found(std::string_view query, size_t limit = 1000) {
    const auto events = trace->find(*store, query, limit);
    EXPECT_TRUE(events) << events.error().message;
    std::vector<std::string> out;
    if (events)
      for (const Event& e : *events) out.push_back(e.action);
    return out;
  }
};

TEST_F(TraceTest, GivesBackEveryWordOfAnEvent) {
  Event e = event("ID1", "<m1@example.com>");
  e.peer = "192.0.2.1 (client)";
  e.tls = "TLSv1.3 X";
  e.reason = "because";
  record({e});
  const auto back = trace->find(*store, "ID1", 10);
  ASSERT_TRUE(back);
  ASSERT_THAT(*back, SizeIs(1));
  const Event& b = back->front();
  EXPECT_EQ(
      std::tie(b.at, b.id, b.message_id, b.station, b.action, b.reverse_path, b.recipient, b.peer, b.tls, b.reason),
      std::tie(e.at, e.id, e.message_id, e.station, e.action, e.reverse_path, e.recipient, e.peer, e.tls, e.reason));
}

TEST_F(TraceTest, FindsByIdMessageIdAddressAndDomain) {
  record({event("ID1", "<m1@example.com>", "one"), event("ID2", "<m2@example.com>", "two")});
  for (const char* query : {"ID1", "id1", " ID1 ", "<m1@example.com>", "m1@example.com", "<M1@EXAMPLE.com>"})
    EXPECT_THAT(found(query), ElementsAre("one")) << query;
  for (const char* query : {"alice@example.com", "ALICE@example.com", "<bob@univ.edu>", "bob@univ.edu", "univ.edu",
                            "@univ.edu", "Example.COM"})
    EXPECT_THAT(found(query), ElementsAre("one", "two")) << query;
  for (const char* query :
       {"", " ", "ID3", "<m3@example.com>", "carol@univ.edu", "univ.edu.au", "edu", "@", "<>", "ID", "bob@", "@bob"})
    EXPECT_THAT(found(query), IsEmpty()) << query;
}

TEST_F(TraceTest, JoinsAllStationsOfOneMessageInTheOrderTheyHappened) {
  // Submitted as A, queued as A; arrived on another host as B, forwarded as C: one Message-ID.
  record({event("A", "<m@example.com>", "submitted")});
  clock.advance(seconds(1));
  record({event("A", "<m@example.com>", "queued"), event("A", "<m@example.com>", "sent")});
  clock.advance(seconds(1));
  record({event("B", "<m@example.com>", "received"), event("C", "<m@example.com>", "forwarded")});
  record({event("D", "<other@example.com>", "unrelated")});
  for (const char* query : {"A", "B", "C", "m@example.com"})
    EXPECT_THAT(found(query), ElementsAre("submitted", "queued", "sent", "received", "forwarded")) << query;
}

TEST_F(TraceTest, AnIdJoinsWhatHasNoMessageIdYet) {
  record({event("A", "", "refused"), event("A", "<m@example.com>", "accepted")});
  EXPECT_THAT(found("A"), ElementsAre("refused", "accepted"));
  EXPECT_THAT(found("m@example.com"), ElementsAre("refused", "accepted"));
}

TEST_F(TraceTest, OneIdWithTwoMessageIdsJoinsBoth) {  // a report is queued under the id of what it reports
  record({event("A", "<m@example.com>", "failed"), event("A", "<report@example.com>", "bounced"),
          event("B", "<report@example.com>", "arrived")});
  EXPECT_THAT(found("<m@example.com>"), ElementsAre("failed", "bounced", "arrived"));
}

TEST_F(TraceTest, EqualTimesKeepTheOrderWritten) {
  std::vector<Event> events;
  std::vector<std::string> order;
  for (int i = 0; i < 200; ++i) events.push_back(event("A", "<m@x.y>", order.emplace_back("e" + std::to_string(i))));
  record(events);
  EXPECT_EQ(found("A"), order);
}

TEST_F(TraceTest, EqualEventsAreBothKept) {
  record({event("A", "<m@x.y>"), event("A", "<m@x.y>")});
  EXPECT_THAT(found("A"), SizeIs(2));
}

TEST_F(TraceTest, GivesTheNewestUpToTheLimit) {
  for (int i = 0; i < 30; ++i) {
    record(
        {event("A", "<m@x.y>", "e" + std::to_string(i)), event("B" + std::to_string(i), "", "b" + std::to_string(i))});
    clock.advance(seconds(1));
  }
  for (const char* query : {"A", "m@x.y"}) EXPECT_THAT(found(query, 3), ElementsAre("e27", "e28", "e29")) << query;
  EXPECT_THAT(found("alice@example.com", 3), ElementsAre("b28", "e29", "b29"));
  EXPECT_THAT(found("univ.edu", 1), ElementsAre("b29"));
  EXPECT_THAT(found("A", 0), IsEmpty());
  EXPECT_THAT(found("A", SIZE_MAX), SizeIs(30));
}

TEST_F(TraceTest, FollowsABoundedNumberOfIds) {
  // Somebody sends ever new mail under one Message-ID.
  std::vector<Event> events;
  for (int i = 0; i < 3000; ++i) events.push_back(event("N" + std::to_string(i), "<same@evil.example>"));
  record(events);
  EXPECT_THAT(found("same@evil.example", 5000), SizeIs(3000));
  EXPECT_THAT(found("N0", 10), SizeIs(10));
}

TEST_F(TraceTest, ForgetsAfterThirtyDays) {
  record({event("A", "<m@x.y>", "old")});
  clock.advance(days(29));
  record({event("B", "<m@x.y>", "new")});
  EXPECT_THAT(found("m@x.y"), ElementsAre("old", "new"));
  clock.advance(days(2));
  for (const char* query : {"A", "m@x.y", "bob@univ.edu", "univ.edu"})
    EXPECT_THAT(found(query), testing::Not(testing::Contains("old"))) << query;
  EXPECT_THAT(found("bob@univ.edu"), ElementsAre("new"));
  clock.advance(days(30));
  size_t left = 0;
  EXPECT_TRUE(store->scan(store::Range::prefix("T"), [&](auto, auto) { return ++left > 0; }));
  EXPECT_EQ(left, 0u) << "no key outlives its event";
}

TEST_F(TraceTest, CutsWhatIsTooLongAndStillFindsIt) {
  Event e = event(std::string(5'000, 'i'), "<" + std::string(5'000, 'm') + "@x.y>");
  e.reason = std::string(100'000, 'r');
  e.recipient = std::string(3'000, 'a') + "@univ.edu";
  record({e});
  const auto back = trace->find(*store, e.id, 10);
  ASSERT_TRUE(back);
  ASSERT_THAT(*back, SizeIs(1));
  EXPECT_EQ(back->front().reason.size(), 1'000u);
}

TEST_F(TraceTest, RecordsLaterWithoutBeingAwaited) {
  trace->record_later({event("A", "<m@x.y>", "refused")});
  record({event("A", "<m@x.y>", "accepted")});  // transactions are serial
  EXPECT_THAT(found("A"), ElementsAre("refused", "accepted"));
}

TEST_F(TraceTest, ADamagedEventIsLeftOut) {
  record({event("A", "<m@x.y>", "good")});
  std::string key;
  ASSERT_TRUE(store->scan(store::Range::prefix("Te"), [&](std::string_view k, auto) {
    key = k;
    return false;
  }));
  key.back() ^= 1;
  ASSERT_TRUE(store->transact_and_wait([&](store::Transaction& t) -> Result<void> {
    t.put(key, "\x01garbage");
    return {};
  }));
  EXPECT_THAT(found("m@x.y"), ElementsAre("good"));
}

// --- for people and programs ----------------------------------------------------------------------------------------

Event hostile() {
  Event e;
  e.at = from_unix(1'800'000'000);
  e.id = "A\x1B[2J";
  e.message_id = "<m\x07@x.y>";
  e.station = "relay-in";
  e.action = "refused";
  e.reverse_path = "evil\x1B]0;title\x07@example.com";
  e.recipient = "bob\xC2\x9B\x33m@univ.edu";  // CSI of the C1 set, as UTF-8
  e.peer =
      "192.0.2.1 (\xFF\xFE\x9B"
      "31m)";
  e.tls = "TLS\nv1";
  e.reason = "550 no\r\n\tnever \x7F \xE2\x80\xAE right to left";
  return e;
}

// Nothing a terminal would obey.
void expect_tame(const std::string& text) {
  EXPECT_TRUE(text::is_utf8(text));
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    EXPECT_TRUE((c >= 0x20 || c == '\n') && c != 0x7F) << "control " << int(c) << " at " << i;
    EXPECT_FALSE(c == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) << "C1 control at " << i;
  }
}

TEST(TraceText, NothingOfAPeerReachesTheTerminalAsAControl) {
  const std::string text = to_text({hostile()});
  expect_tame(text);
  EXPECT_THAT(text, HasSubstr("bob\\u009B3m@univ.edu"));
  EXPECT_THAT(text, HasSubstr("evil\\x1B]0;title\\x07@example.com"));
  EXPECT_THAT(text, HasSubstr("550 no\\x0D\\x0A\\x09never"));
}

TEST(TraceText, EveryOctetIsTamed) {
  for (int c = 0; c < 256; ++c) {
    Event e = hostile();
    e.station = e.action = e.reason = e.peer = e.recipient = std::string("a") + static_cast<char>(c) + "b";
    expect_tame(to_text({e}));
  }
}

TEST(TraceText, TextThatReordersIsShownAsItIsWritten) {
  // U+202E and its like turn the order of what follows, so that an address reads as another.
  EXPECT_THAT(to_text({hostile()}), HasSubstr("\\u202E right to left"));
  EXPECT_EQ(for_terminal("a\u061Cb\u200Ec\u2066d\u2069e\u202Af"), "a\\u061Cb\\u200Ec\\u2066d\\u2069e\\u202Af");
  EXPECT_EQ(for_terminal("관리자 \u2013 \u2028 \u20AC \u2070 \u0627"), "관리자 \u2013 \\u2028 \u20AC \u2070 \u0627");
}

TEST(TraceText, GroupsByMessageAndKeepsLinesNarrow) {
  std::vector<Event> events;
  for (const char* id : {"<one@x.y>", "<two@x.y>", "<one@x.y>"}) {
    Event e;
    e.at = from_unix(1'800'000'000);
    e.message_id = id;
    e.station = "delivery";
    e.action = "filed";
    e.reverse_path = "alice@example.com";
    e.recipient = std::string(60, 'r') + "@univ.edu";
    e.reason = std::string(300, 'w') + " and some more words that go on and on until the line is full";
    events.push_back(e);
  }
  const std::string text = to_text(events);
  EXPECT_EQ(text.find("Message <one@x.y>"), text.rfind("Message <one@x.y>"));
  EXPECT_LT(text.find("Message <one@x.y>"), text.find("Message <two@x.y>"));
  for (const auto line : text::split(text, '\n'))
    EXPECT_TRUE(line.starts_with("  alice") || line.size() <= 130u) << line;
  EXPECT_EQ(to_text({}), "");
}

TEST(TraceText, AnEventWithoutAnythingIsStillALine) {
  const std::string text = to_text({Event{}});
  expect_tame(text);
  EXPECT_THAT(text, HasSubstr("Message without a Message-ID\n"));
}

TEST(TraceJson, IsAnArrayOfObjectsWithTimesOfRfc3339) {
  Event e = hostile();
  e.reason = "quote \" backslash \\ 관리자";
  boost::system::error_code failure;
  const auto parsed = boost::json::parse(to_json({e, Event{}}), failure);
  ASSERT_FALSE(failure) << failure.message();
  ASSERT_EQ(parsed.as_array().size(), 2u);
  const auto& first = parsed.as_array()[0].as_object();
  EXPECT_EQ(first.at("at").as_string(), "2027-01-15T08:00:00.000Z");
  EXPECT_EQ(first.at("reason").as_string(), "quote \" backslash \\ 관리자");
  EXPECT_EQ(first.at("id").as_string(), "A\x1B[2J");
  for (const char* name : {"message_id", "station", "action", "reverse_path", "recipient", "peer", "tls"})
    EXPECT_TRUE(first.contains(name)) << name;
  EXPECT_EQ(to_json({}), "[]");
}

TEST(TraceJson, OctetsThatAreNoUnicodeBecomeReplacements) {
  for (int c = 0; c < 256; ++c) {
    Event e = hostile();
    e.reason = std::string("a") + static_cast<char>(c) + "b";
    const std::string json = to_json({e});
    EXPECT_TRUE(text::is_utf8(json));
    boost::system::error_code failure;
    const auto parsed = boost::json::parse(json, failure);
    EXPECT_FALSE(failure) << c;
    expect_tame(json);  // it goes to terminals, too
  }
}

}  // namespace
}  // namespace pabal::watch
