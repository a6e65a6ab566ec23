// Which hosts are tried, in which order, and what happens when they fail: refused, silent, cut off at any octet,
// without TLS.
#include "relay/test_world.h"

namespace pabal::relay {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

struct Hosts : ::testing::Test, World {
  Remote first{loop}, second{loop};
  void SetUp() override {
    first.listen(network, "10.0.0.1");
    second.listen(network, "10.0.0.2");
    zone("univ.edu", "@ MX 10 mx1\n@ MX 20 mx2\nmx1 A 10.0.0.1\nmx2 A 10.0.0.2\n");
  }
  void TearDown() override { stop(); }
  std::string last_status() { return Dsn(inbox("alice@example.com").at(0)).fields.at(1).at("status"); }
};

// --- order ----------------------------------------------------------------------------------------------------------

TEST_F(Hosts, ThePreferredOneGetsTheMail) {
  send({"bob@univ.edu"});
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_EQ(first.mails.size(), 1u);
  EXPECT_THAT(network.dialed, ElementsAre("10.0.0.1"));
}

TEST_F(Hosts, OfOnePreferenceShareTheLoad) {
  zone("univ.edu", "@ MX 10 mx1\n@ MX 10 mx2\nmx1 A 10.0.0.1\nmx2 A 10.0.0.2\n");
  begin();
  for (int i = 0; i < 60; ++i) {
    send({"bob@univ.edu"});
    loop.run_for(seconds(20));  // not on a warm connection
  }
  EXPECT_EQ(first.mails.size() + second.mails.size(), 60u);
  EXPECT_GT(first.mails.size(), 15u);
  EXPECT_GT(second.mails.size(), 15u);
}

TEST_F(Hosts, WithoutMxTheDomainItselfIsAsked) {
  zone("plain.org", "@ A 10.0.0.2\n");
  zone("six.org", "@ AAAA 2001:db8::25\n@ A 10.0.0.2\n");
  Remote six{loop};
  six.listen(network, "2001:db8::25");
  begin();
  send({"a@plain.org"});
  send({"a@six.org"});
  send({"a@[10.0.0.1]"});
  send({"a@[IPv6:2001:db8::25]"});
  ASSERT_TRUE(until_empty(seconds(30)));
  EXPECT_EQ(second.mails.size(), 1u);
  EXPECT_EQ(first.mails.size(), 1u);
  EXPECT_EQ(six.mails.size(), 2u);
  // IPv6 first, IPv4 when that fails.
  loop.run_for(minutes(1));
  sim.refuse("2001:db8::25");
  send({"b@six.org"});
  ASSERT_TRUE(until_empty(seconds(30)));
  EXPECT_EQ(second.mails.size(), 2u);
  stop();
}

TEST_F(Hosts, OurOwnPlaceAmongThemIsKnown) {  // RFC 5321 §5.1: only those better than us
  zone("univ.edu", "@ MX 10 mx1\n@ MX 20 mail.example.com.\n@ MX 30 mx2\nmx1 A 10.0.0.1\nmx2 A 10.0.0.2\n");
  sim.refuse("10.0.0.1");
  send({"bob@univ.edu"});
  begin();
  loop.run_for(seconds(30));
  EXPECT_THAT(network.dialed, ElementsAre("10.0.0.1")) << "mx2 would hand it back to us";
  sim.refuse("10.0.0.1", false);
  EXPECT_TRUE(until_empty(minutes(3)));
}

TEST_F(Hosts, ANullMxBesideOthersMeansNothing) {
  zone("univ.edu", "@ MX 0 .\n@ MX 10 mx1\nmx1 A 10.0.0.1\n");
  send({"bob@univ.edu"});
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_EQ(first.mails.size(), 1u);
}

TEST_F(Hosts, MoreThanWeLookAtAreLeftOut) {
  std::string text;
  for (int i = 0; i < 30; ++i)
    text += "@ MX " + std::to_string(i) + " h" + std::to_string(i) + "\nh" + std::to_string(i) + " A 10.9.0." +
            std::to_string(i + 1) + "\n";
  zone("many.org", text);
  send({"a@many.org"});
  begin();
  loop.run_for(seconds(30));
  EXPECT_EQ(network.dialed.size(), kMaxMxHosts);
  EXPECT_EQ(network.dialed[3], "10.9.0.4");
}

// --- fail-over ------------------------------------------------------------------------------------------------------

TEST_F(Hosts, TheNextIsTriedWhenOneRefusesOrIsSilentOrSaysLater) {
  struct Case {
    const char* name;
    std::function<void()> break_it;
  };
  const Case cases[] = {
      {"refuses connections", [&] { sim.refuse("10.0.0.1"); }},
      {"does not answer", [&] { sim.blackhole("10.0.0.1"); }},
      {"greets with 421", [&] { first.on_connect = [] { return smtp::Reply{421, "4.3.2", "busy", true}; }; }},
      {"greets with 554", [&] { first.on_connect = [] { return smtp::Reply{554, "5.3.2", "no mail here", true}; }; }},
      {"refuses the sender for now",
       [&] { first.on_mail = [](const auto&) { return smtp::Reply{451, "4.3.0", "later"}; }; }},
      {"closes at MAIL", [&] { first.on_mail = [](const auto&) { return smtp::Reply{421, "4.3.0", "later", true}; }; }},
      {"refuses the recipient for now",
       [&] { first.on_rcpt = [](const auto&) { return smtp::Reply{450, "4.2.0", "later"}; }; }},
      {"refuses the message for now",
       [&] { first.on_message = [] { return smtp::Reply{452, "4.3.1", "disk full"}; }; }},
      {"closes after the message",
       [&] { first.on_message = [] { return smtp::Reply{421, "4.3.2", "going down", true}; }; }},
  };
  begin();
  size_t count = 0;
  for (const Case& one : cases) {
    sim.refuse("10.0.0.1", false);
    sim.blackhole("10.0.0.1", false);
    Remote fresh{loop};
    first.on_connect = fresh.on_connect;
    first.on_mail = fresh.on_mail;
    first.on_rcpt = fresh.on_rcpt;
    first.on_message = fresh.on_message;
    one.break_it();
    send({"bob@univ.edu"});
    ASSERT_TRUE(until_empty(seconds(40))) << one.name;
    EXPECT_EQ(second.mails.size(), ++count) << one.name;
    EXPECT_EQ(first.mails.size(), 0u) << one.name;
    loop.run_for(minutes(2));  // no warm connections left
  }
  EXPECT_TRUE(inbox("alice@example.com").empty());
}

TEST_F(Hosts, OnlyThoseOpenGoToTheNext) {
  first.on_rcpt = [](const smtp::RcptParams& r) {
    if (r.address.starts_with("later")) return smtp::Reply{450, "4.2.0", "later"};
    if (r.address.starts_with("no")) return smtp::Reply{550, "5.1.1", "no"};
    return smtp::Reply{250, "2.1.5", "Ok"};
  };
  send({"yes@univ.edu", "later@univ.edu", "no@univ.edu"});
  begin();
  ASSERT_TRUE(until_empty(seconds(30)));
  ASSERT_EQ(first.mails.size(), 1u);
  ASSERT_EQ(second.mails.size(), 1u);
  ASSERT_EQ(second.mails[0].recipients.size(), 1u);
  EXPECT_EQ(second.mails[0].recipients[0].address, "later@univ.edu");
}

TEST_F(Hosts, ARefusalIsFinalWhenAllHostsRefuseAndPassesWhenOneMayStillTakeIt) {
  first.on_connect = second.on_connect = [] { return smtp::Reply{554, "5.7.1", "you are blocked", true}; };
  sim.blackhole("10.0.0.2");
  const auto id = send({"bob@univ.edu"});
  begin();
  loop.run_for(seconds(40));
  ASSERT_TRUE(queued(id)) << "the second may be better";
  sim.blackhole("10.0.0.2", false);
  ASSERT_TRUE(until_empty(minutes(3)));
  const Dsn dsn(inbox("alice@example.com").at(0));
  EXPECT_EQ(dsn.fields.at(1).at("status"), "5.7.1");
  EXPECT_EQ(dsn.fields.at(1).at("diagnostic-code"), "smtp; 554 5.7.1 you are blocked");
  EXPECT_EQ(dsn.fields.at(1).at("remote-mta"), "dns; mx2.univ.edu");
}

TEST_F(Hosts, ARefusedRecipientIsNotTriedElsewhere) {
  first.on_rcpt = [](const auto&) { return smtp::Reply{550, "5.1.1", "no"}; };
  send({"bob@univ.edu"});
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_TRUE(second.connected.empty());
}

TEST_F(Hosts, AnotherAddressOfTheHostThatSaidLaterIsNotAsked) {
  zone("univ.edu", "@ MX 10 mx1\nmx1 A 10.0.0.1\nmx1 A 10.0.0.2\n");
  first.on_rcpt = second.on_rcpt = [](const auto&) { return smtp::Reply{450, "4.2.0", "greylisted"}; };
  send({"bob@univ.edu"});
  begin();
  loop.run_for(seconds(10));
  EXPECT_EQ(first.connected.size() + second.connected.size(), 1u);
}

// --- cut off at every octet
// -------------------------------------------------------------------------------------------

// The message is never lost; it is doubled at most where nobody can know better: after its last octet, before the reply
// (RFC 1047).
TEST_F(Hosts, CutAtAnyOctetTheClientSendsNothingIsLostOrDoubled) {
  begin();
  send({"bob@univ.edu"});
  loop.run_for(seconds(30));
  ASSERT_EQ(first.mails.size(), 1u);
  const size_t total = network.at["10.0.0.1"].written;
  ASSERT_GT(total, sizeof kLetter);
  size_t doubled = 0;
  for (size_t cut = 1; cut <= total; ++cut) {
    first.mails.clear();
    second.mails.clear();
    sim.cut_after("10.0.0.1", cut);
    send({"bob@univ.edu"});
    ASSERT_TRUE(until_empty(minutes(5))) << cut;
    const size_t copies = first.mails.size() + second.mails.size();
    ASSERT_GE(copies, 1u) << cut;
    ASSERT_LE(copies, 2u) << cut;
    for (const auto* one : {&first, &second})
      for (const auto& mail : one->mails) ASSERT_EQ(mail.content, kLetter) << cut;
    if (copies == 2) {
      ++doubled;
      EXPECT_GE(cut, total - std::string_view("QUIT\r\n").size()) << "only when all of it had been sent";
    } else if (cut < total - std::string_view("QUIT\r\n").size()) {
      EXPECT_EQ(second.mails.size(), 1u) << cut << ": the next host takes over at once";
    }
    loop.run_for(minutes(2));
  }
  EXPECT_LE(doubled, 1u);
  EXPECT_EQ(store.bodies(), 0u);
}

TEST_F(Hosts, CutAtAnyOctetTheServerSendsNothingIsLostOrDoubled) {
  begin();
  size_t before_verdict = 0;
  first.on_message = [&] {
    before_verdict = network.at["10.0.0.1"].received;
    return smtp::Reply{250, "2.0.0", "Ok: queued"};
  };
  send({"bob@univ.edu"});
  loop.run_for(seconds(30));
  ASSERT_EQ(first.mails.size(), 1u);
  const size_t total = network.at["10.0.0.1"].received;
  const size_t known = before_verdict + std::string_view("250 2.0.0 Ok: queued\r\n").size();
  for (size_t cut = 0; cut <= total; ++cut) {
    first.mails.clear();
    second.mails.clear();
    network.at["10.0.0.1"].cut_received = cut;
    send({"bob@univ.edu"});
    ASSERT_TRUE(until_empty(minutes(5))) << cut;
    const size_t copies = first.mails.size() + second.mails.size();
    ASSERT_GE(copies, 1u) << cut;
    ASSERT_LE(copies, 2u) << cut;
    if (cut <= before_verdict - 1 || cut >= known) { EXPECT_EQ(copies, 1u) << cut; }
    loop.run_for(minutes(2));
  }
}

// --- TLS ------------------------------------------------------------------------------------------------------------

TEST_F(Hosts, WhereStarttlsFailsTheMessageGoesInClear) {
  first.starttls = true;
  network.at["10.0.0.1"].tls_fails = true;
  const auto id = send({"bob@univ.edu"});
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  ASSERT_EQ(first.mails.size(), 1u);
  EXPECT_FALSE(first.mails[0].tls);
  EXPECT_EQ(first.connected.size(), 2u);
  EXPECT_TRUE(second.connected.empty());
  const auto events = *trace.find(store, id_text(id));
  EXPECT_THAT(events.at(0).tls, HasSubstr("in clear"));
}

struct RequireTls : Hosts {
  void SetUp() override {
    Hosts::SetUp();
    all_good();
  }
  void all_good() {
    first.starttls = second.starttls = true;
    zone("univ.edu", "@ MX 10 mx1\n@ MX 20 mx2\nmx1 A 10.0.0.1\nmx2 A 10.0.0.2\n", true);
    for (const char* ip : {"10.0.0.1", "10.0.0.2"}) {
      network.at[ip].verified = true;
      network.at[ip].tls_fails = false;
    }
  }
  queue::QueueId send_protected(std::string from = "alice@example.com") {
    queue::Entry e = entry({"bob@univ.edu"}, std::move(from));
    e.requiretls = true;
    e.ret = "FULL";
    return add(e);
  }
};

TEST_F(RequireTls, GoesOverProvenTls) {
  send_protected();
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  ASSERT_EQ(first.mails.size(), 1u);
  EXPECT_TRUE(first.mails[0].tls);
  EXPECT_TRUE(first.mails[0].mail.requiretls);
}

TEST_F(RequireTls, NeverGoesInClearOrUnproven) {
  struct Case {
    const char* name;
    std::function<void()> break_it;
  };
  const Case cases[] = {
      {"the certificate is not good",
       [&] { network.at["10.0.0.1"].verified = network.at["10.0.0.2"].verified = false; }},
      {"the handshake fails", [&] { network.at["10.0.0.1"].tls_fails = network.at["10.0.0.2"].tls_fails = true; }},
      {"STARTTLS is not offered", [&] { first.starttls = second.starttls = false; }},
      {"DNSSEC does not vouch for the hosts", [&] { zone("univ.edu", "@ MX 10 mx1\nmx1 A 10.0.0.1\n"); }},
  };
  begin();
  size_t reports = 0;
  for (const Case& one : cases) {
    all_good();
    one.break_it();
    send_protected();
    ASSERT_TRUE(until_empty(seconds(60))) << one.name;
    EXPECT_TRUE(first.mails.empty() && second.mails.empty()) << one.name;
    const auto told = inbox("alice@example.com");
    ASSERT_EQ(told.size(), ++reports) << one.name;
    EXPECT_EQ(Dsn(told.back()).fields.at(1).at("status"), "5.7.10") << one.name;
    EXPECT_EQ(Dsn(told.back()).part_types.back(), "text/rfc822-headers") << "RFC 8689 §5: RET=FULL is disregarded";
  }
}

TEST_F(RequireTls, TheNextHostMayBeBetter) {
  network.at["10.0.0.1"].verified = false;
  send_protected();
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_TRUE(first.mails.empty());
  EXPECT_EQ(second.mails.size(), 1u);
}

TEST_F(RequireTls, AHostThatCannotBeReachedMayBeBetterTomorrow) {
  network.at["10.0.0.1"].verified = false;
  sim.refuse("10.0.0.2");
  const auto id = send_protected();
  begin();
  loop.run_for(minutes(10));
  ASSERT_TRUE(queued(id));
  EXPECT_TRUE(first.mails.empty());
  sim.refuse("10.0.0.2", false);
  EXPECT_TRUE(until_empty(hours(1)));
  EXPECT_EQ(second.mails.size(), 1u);
}

TEST_F(RequireTls, AReportAboutItGoesAnywayWithoutASender) {  // §5
  first.starttls = second.starttls = false;
  send_protected("");
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  ASSERT_EQ(first.mails.size(), 1u);
  EXPECT_FALSE(first.mails[0].mail.requiretls);
}

TEST_F(RequireTls, DoesNotUseAWarmConnectionThatProvesNothing) {
  network.at["10.0.0.1"].verified = false;
  send({"bob@univ.edu"});
  begin();
  ASSERT_TRUE(until_empty(seconds(1)));
  ASSERT_EQ(first.mails.size(), 1u);
  EXPECT_EQ(outbound->connections().warm_count(), 1u);
  send_protected();
  ASSERT_TRUE(until_empty(seconds(2)));
  EXPECT_EQ(first.mails.size(), 1u);
  EXPECT_EQ(second.mails.size(), 1u);
}

// --- smarthost and limits of the server
// -------------------------------------------------------------------------------

TEST_F(Hosts, ASmarthostGetsEverythingWithoutMx) {
  zone("isp.net", "@ MX 5 elsewhere\n@ A 10.0.0.2\n");
  Remote submission{loop};
  submission.listen(network, "10.0.0.2", 2525);
  options.smarthost = "[isp.net]:2525";
  send({"a@univ.edu", "b@other.org", "c@third.org"});
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  ASSERT_EQ(submission.mails.size(), 1u) << "one transaction for all domains";
  EXPECT_EQ(submission.mails[0].recipients.size(), 3u);
  options.smarthost = "[10.0.0.2]:2525";
  outbound->set_options(options);
  loop.run_for(minutes(1));
  send({"d@univ.edu"});
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_EQ(submission.mails.size(), 2u);
  stop();
}

TEST_F(Hosts, ASmarthostThatIsWrongKeepsTheMailWaiting) {
  options.smarthost = "isp.net:25";
  const auto id = send({"a@univ.edu"});
  begin();
  loop.run_for(seconds(10));
  ASSERT_TRUE(queued(id));
  EXPECT_THAT(queued(id)->recipients[0].last_reply, StartsWith("4.3.5"));
  options.smarthost.clear();
  outbound->set_options(options);
  EXPECT_TRUE(until_empty(minutes(3)));
}

TEST_F(Hosts, ManyRecipientsGoInAsManyTransactionsAsTheServerAsksFor) {
  first.max_recipients = 30;  // said in LIMITS (RFC 9422)
  std::vector<std::string> to;
  for (int i = 0; i < 250; ++i) to.push_back("u" + std::to_string(i) + "@univ.edu");
  send(to);
  begin();
  ASSERT_TRUE(until_empty(seconds(30)));
  std::set<std::string> got;
  for (const auto& mail : first.mails) {
    EXPECT_LE(mail.recipients.size(), 30u);
    for (const auto& r : mail.recipients) EXPECT_TRUE(got.insert(r.address).second) << r.address;
  }
  EXPECT_EQ(got.size(), 250u);
  EXPECT_LE(first.connected.size(), 3u);
}

TEST_F(Hosts, WhoDoesNotFitGoesInTheNextTransaction) {  // RFC 5321 §4.5.3.1.10
  int in_this = 0;
  first.on_mail = [&](const auto&) {
    in_this = 0;
    return smtp::Reply{250, "2.1.0", "Ok"};
  };
  first.on_rcpt = [&](const auto&) {
    return ++in_this > 2 ? smtp::Reply{452, "4.5.3", "too many"} : smtp::Reply{250, "2.1.5", "Ok"};
  };
  send({"a@univ.edu", "b@univ.edu", "c@univ.edu", "d@univ.edu", "e@univ.edu"});
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_EQ(first.mails.size(), 3u);
  EXPECT_EQ(first.connected.size(), 1u);
  EXPECT_TRUE(second.connected.empty());
}

}  // namespace
}  // namespace pabal::relay
