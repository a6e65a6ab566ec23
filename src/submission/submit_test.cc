// What is sent without SMTP: by an API, now or at a time that is set.
#include "submission/submit.h"

#include <gmock/gmock.h>

#include "net/sim.h"
#include "smtp/client.h"
#include "submission/test_house.h"

namespace pabal::submission {
namespace {

using mailbox::Outgoing;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

Task<void> keep(Task<Result<std::string>> task, std::optional<Result<std::string>>& into) {
  Result<std::string> got = co_await task;
  into.emplace(std::move(got));
}

struct Api : testing::Test {
  House house;
  net::SimLoop loop;
  Submitter submitter{house.services};

  Outgoing::Letter letter(std::string content) {
    Outgoing::Letter out;
    out.account = house.alice.id;
    out.content = std::move(content);
    out.peer = "JMAP from 192.0.2.7";
    return out;
  }
  Result<std::string> send(Outgoing::Letter letter) {
    std::optional<Result<std::string>> got;
    loop.spawn(keep(submitter.send(loop, std::move(letter)), got));
    EXPECT_TRUE(loop.run_until([&] { return got.has_value(); }, minutes(1)));
    return std::move(*got);
  }
  Result<std::string> send(const std::string& content) { return send(letter(content)); }
  Outgoing::State state(const std::string& id) { return *submitter.state(*house.people.store, id); }
  Result<void> cancel(const std::string& id) {
    return house.people.commit([&](store::Transaction& t) { return submitter.cancel(t, id); });
  }
};

TEST_F(Api, SendsToThoseTheHeaderNamesAndKeepsBccForTheSender) {
  std::string bcc, seen_id;
  mailbox::BodyId body = 0;
  Outgoing::Letter one = letter(
      "From: alice@example.com\nTo: Bob <bob@example.com>, team: dan@example.org, bob@example.com;\n"
      "Cc: eve@b\xC3\xBC"
      "cher.example\nBcc: Carol <carol@example.com>\nSubject: hello\n\nHi\n");
  one.also = [&](store::Transaction& t, const Outgoing::Ready& ready) -> Result<void> {
    bcc = ready.bcc;
    body = ready.body;
    seen_id = ready.id;
    EXPECT_TRUE(house.mailboxes.body(t, ready.body)) << "it is there to be filed";
    return {};
  };
  const auto id = send(std::move(one));
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_EQ(seen_id, *id);
  EXPECT_EQ(bcc, "Bcc: Carol <carol@example.com>\r\n");
  ASSERT_THAT(house.local.to, SizeIs(2));
  EXPECT_EQ(house.local.to[0].address, "bob@example.com");
  EXPECT_EQ(house.local.to[1].address, "carol@example.com");
  const auto entries = house.queued();
  ASSERT_THAT(entries, SizeIs(1));
  ASSERT_THAT(entries[0].recipients, SizeIs(2));
  EXPECT_EQ(entries[0].recipients[0].address, "dan@example.org");
  EXPECT_EQ(entries[0].recipients[1].address, "eve@xn--bcher-kva.example");
  EXPECT_EQ(entries[0].reverse_path, "alice@example.com");
  EXPECT_TRUE(entries[0].smtputf8) << "the header has 8-bit octets";
  EXPECT_FALSE(entries[0].scheduled);
  EXPECT_EQ(entries[0].body, body);
  EXPECT_THAT(house.body(body), AllOf(StartsWith("Received: by mail.example.com (Pabal) with HTTP\r\n\tid " + *id),
                                      HasSubstr("\r\nMessage-ID: <"), Not(HasSubstr("carol"))));
  const auto events = house.traced(*id);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events[0].peer, "alice@example.com by JMAP from 192.0.2.7");
  EXPECT_FALSE(smtp::without_bare_line_ends(house.body(body)));
}

TEST_F(Api, SaysWhyNot) {
  const std::string header = "From: alice@example.com\r\n";
  const std::pair<std::string, Code> cases[] = {
      {header + "\r\nx", Code::kInvalid},
      {header + "To: nobody here\r\n\r\nx", Code::kInvalid},
      {header + "To: unknown@example.com\r\n\r\nx", Code::kNotFound},
      {header + "To: disabled@example.com\r\n\r\nx", Code::kNotFound},
      {header + "To: unreadable@example.com\r\n\r\nx", Code::kUnavailable},
      {header + "To: small@example.com\r\n\r\n" + std::string(2000, 'x'), Code::kLimit},
      {header + header + "To: bob@example.com\r\n\r\nx", Code::kInvalid},
      {"From: bob@example.com\r\nTo: bob@example.com\r\n\r\nx", Code::kDenied},
      {header + "To: bob@example.com\r\n\r\n" + std::string(house.services.max_size, 'x'), Code::kLimit},
      {header + "To: breaks@example.com, dan@example.org\r\n\r\nx", Code::kIo},
  };
  for (const auto& [content, code] : cases) {
    const auto sent = send(content);
    ASSERT_FALSE(sent) << content.substr(0, 200);
    EXPECT_EQ(sent.code(), code) << content.substr(0, 200) << sent.error().message;
  }
  Outgoing::Letter other = letter(header + "To: bob@example.com\r\n\r\nx");
  other.reverse_path = "bob@example.com";
  EXPECT_EQ(send(other).code(), Code::kDenied);
  other = letter(header + "\r\nx");
  for (size_t i = 0; i <= Outgoing::kMaxRecipients; ++i)
    other.recipients.push_back({"u" + std::to_string(i) + "@a.org"});
  EXPECT_EQ(send(other).code(), Code::kLimit);
  other = letter(header + "To: bob@example.com\r\n\r\nx");
  other.release = house.people.clock.now() + Outgoing::kMaxDelay + hours(1);
  EXPECT_EQ(send(other).code(), Code::kInvalid);
  house.people.enable(house.alice.id, false);
  EXPECT_EQ(send(header + "To: bob@example.com\r\n\r\nx").code(), Code::kDenied);
  EXPECT_THAT(house.local.delivered, IsEmpty());
  EXPECT_THAT(house.queued(), IsEmpty());
}

TEST_F(Api, WhatTheCallerCannotWriteUndoesEverything) {
  Outgoing::Letter one = letter("From: alice@example.com\r\nTo: dan@example.org\r\n\r\nx");
  mailbox::BodyId body = 0;
  one.also = [&](store::Transaction&, const Outgoing::Ready& ready) -> Result<void> {
    body = ready.body;
    return {Code::kConflict, "the draft has changed"};
  };
  const auto sent = send(std::move(one));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.code(), Code::kConflict);
  EXPECT_EQ(sent.error().message, "the draft has changed");
  EXPECT_THAT(house.queued(), IsEmpty());
  EXPECT_FALSE(house.mailboxes.body(*house.people.store, body));
}

TEST_F(Api, WhatIsScheduledWaitsForEverybodyAndCanBeTakenBack) {
  const Time release = house.people.clock.now() + hours(5);
  Outgoing::Letter one =
      letter("From: alice@example.com\r\nTo: bob@example.com, dan@example.org\r\nMessage-ID: <s@x>\r\n\r\nx");
  one.release = release;
  Time told;
  one.also = [&](store::Transaction&, const Outgoing::Ready& ready) -> Result<void> {
    told = ready.release;
    return {};
  };
  const auto id = send(std::move(one));
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_EQ(told, release);
  EXPECT_THAT(house.local.delivered, IsEmpty());
  ASSERT_THAT(house.queued(), SizeIs(1));
  const queue::Entry entry = house.queued()[0];
  EXPECT_TRUE(entry.scheduled);
  EXPECT_EQ(entry.next_attempt(), release);
  EXPECT_EQ(entry.expires, release + kQueueLifetime);
  EXPECT_THAT(entry.recipients, SizeIs(2));
  EXPECT_EQ(entry.results, "auth=pass smtp.auth=alice@example.com") << "for the mailboxes here";
  EXPECT_TRUE(state(*id).waits);
  EXPECT_FALSE(state(*id).finished);

  ASSERT_TRUE(cancel(*id));
  EXPECT_THAT(house.queued(), IsEmpty());
  EXPECT_FALSE(house.mailboxes.body(*house.people.store, entry.body));
  EXPECT_TRUE(state(*id).finished);
  EXPECT_FALSE(state(*id).waits);
  EXPECT_EQ(cancel(*id).code(), Code::kNotFound);
  EXPECT_EQ(house.traced(*id).back().action, "cancelled");
  EXPECT_EQ(cancel("what?").code(), Code::kNotFound);
}

TEST_F(Api, WhatIsBegunCannotBeTakenBack) {
  Outgoing::Letter one = letter("From: alice@example.com\r\nTo: dan@example.org\r\n\r\nx");
  one.release = house.people.clock.now() + minutes(5);
  const auto id = send(std::move(one));
  ASSERT_TRUE(id);
  house.people.clock.advance(minutes(5));
  EXPECT_TRUE(state(*id).waits) << "the worker has not come by";
  ASSERT_TRUE(house.people.commit([&](store::Transaction& t) -> Result<void> {
    const auto released = house.queue.release(t, house.queued()[0].id, house.people.clock.now());
    EXPECT_TRUE(released && *released && !(*released)->scheduled);
    return {};
  }));
  EXPECT_FALSE(state(*id).waits);
  EXPECT_FALSE(state(*id).finished);
  EXPECT_EQ(cancel(*id).code(), Code::kConflict);
  EXPECT_THAT(house.queued(), SizeIs(1));
}

TEST_F(Api, TellsWhatBecameOfEachRecipient) {
  const auto id = send("From: alice@example.com\r\nTo: dan@example.org, eve@example.org, zoe@example.net\r\n\r\nx");
  ASSERT_TRUE(id);
  auto told = submitter.deliveries(*house.people.store, *id);
  ASSERT_THAT(*told, SizeIs(3));
  for (const auto& one : *told) {
    EXPECT_EQ(one.state, Outgoing::Delivery::State::kQueued);
    EXPECT_EQ(one.reply, "");
  }
  ASSERT_TRUE(house.people.commit([&](store::Transaction& t) -> Result<void> {
    queue::Entry entry = house.queued()[0];
    watch::Event event;
    event.at = house.people.clock.now();
    event.id = *id;
    event.station = "relay-out";
    event.action = "delivered";
    event.recipient = "dan@example.org";
    event.peer = "mx.example.org [192.0.2.1]";
    event.reason = "250 2.0.0 Ok";
    house.trace.record(t, event);
    event.action = "failed";
    event.recipient = "eve@example.org";
    event.reason = "5.1.2 no such domain";
    house.trace.record(t, event);
    entry.recipients[0].state = queue::Recipient::State::kDelivered;
    entry.recipients[1].state = queue::Recipient::State::kFailed;
    entry.recipients[2].last_reply = "451 4.7.1 greylisted";
    return house.queue.update(t, entry);
  }));
  told = submitter.deliveries(*house.people.store, *id);
  ASSERT_THAT(*told, SizeIs(3));
  EXPECT_EQ((*told)[0].state, Outgoing::Delivery::State::kRelayed);
  EXPECT_EQ((*told)[0].reply, "250 2.0.0 Ok");
  EXPECT_EQ((*told)[1].state, Outgoing::Delivery::State::kFailed);
  EXPECT_EQ((*told)[1].reply, "550 5.1.2 no such domain");
  EXPECT_EQ((*told)[2].state, Outgoing::Delivery::State::kQueued);
  EXPECT_EQ((*told)[2].reply, "451 4.7.1 greylisted");
  EXPECT_THAT(submitter.unreachable({{"dan@example.org"}, {"unknown@example.com"}, {"what"}, {"bob@example.com"}}),
              ElementsAre("unknown@example.com", "what"));
}

TEST_F(Api, ATimeThatHasPassedIsNow) {
  Outgoing::Letter one = letter("From: alice@example.com\r\nTo: bob@example.com\r\n\r\nx");
  one.release = house.people.clock.now() - hours(1);
  ASSERT_TRUE(send(std::move(one)));
  EXPECT_THAT(house.local.delivered, SizeIs(1));
}

}  // namespace
}  // namespace pabal::submission
