// For tests: what the MSA stands on, with a real store and directory; the MDA is scripted.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "identity/test_directory.h"
#include "submission/submit.h"

namespace pabal::submission {

// Local is example.com. Names say what becomes of them.
class ScriptedDelivery final : public mailbox::LocalDelivery {
 public:
  explicit ScriptedDelivery(mailbox::Mailboxes& mailboxes) : mailboxes_(mailboxes) {}

  Verdict verify(std::string_view address, uint64_t size) override {
    if (!address.ends_with("@example.com")) return Verdict::kNotLocal;
    if (address.starts_with("unknown@")) return Verdict::kUnknownUser;
    if (address.starts_with("disabled@")) return Verdict::kDisabled;
    if (address.starts_with("unreadable@")) return Verdict::kUnavailable;
    return address.starts_with("small@") && size > 1000 ? Verdict::kFull : Verdict::kDeliverable;
  }
  Result<std::vector<Failure>> deliver(store::Transaction& t, const Mail& mail,
                                       const std::vector<Recipient>& recipients) override {
    std::vector<Failure> failures;
    for (const Recipient& recipient : recipients) {
      if (recipient.address.starts_with("breaks@")) return Error{Code::kIo, "the disk is broken"};
      if (recipient.address.starts_with("fails@"))
        failures.push_back({recipient.address, {Code::kLimit, "4.2.2 full"}});
    }
    if (const auto held = mailboxes_.hold_body(t, mail.body); !held) return held.error();
    delivered.push_back(mail);
    to = recipients;
    return failures;
  }

  std::vector<Mail> delivered;  // written by the committer, read when the reply is there
  std::vector<Recipient> to;

 private:
  mailbox::Mailboxes& mailboxes_;
};

struct FullPool final : net::Pool {
  bool submit(std::function<void()>) override { return false; }
};

// What a server has, without sockets.
struct House {
  House() : alice(*people.account("alice@example.com", "pabal-demo")), bob(*people.account("bob@example.com")) {}
  struct Domains {
    explicit Domains(identity::TestDirectory& people) { EXPECT_TRUE(people.domain("example.com")); }
  };

  identity::TestDirectory people;
  Domains domains{people};
  identity::Account alice, bob;
  std::unique_ptr<net::Pool> pool = net::make_pool(2, 100);
  FullPool full;
  identity::LoginGuard guard{people.clock};
  identity::Login login{*people.directory, *pool, guard, people.random};
  mailbox::Mailboxes mailboxes{*people.store, people.clock};
  ScriptedDelivery local{mailboxes};
  queue::Queue queue{*people.store};
  watch::Trace trace{*people.store};
  IdSource ids{people.clock, people.random};
  Services services{*people.store, login,        mailboxes,         local, queue, trace, *pool, ids,
                    people.random, people.clock, "mail.example.com"};
  Services busy{*people.store, login,        mailboxes,         local, queue, trace, full, ids,
                people.random, people.clock, "mail.example.com"};

  std::vector<queue::Entry> queued() const { return *queue.list(*people.store, "", 0, 100); }
  std::string body(mailbox::BodyId id) const { return *mailboxes.body(*people.store, id); }
  std::vector<watch::Event> traced(const std::string& query) const { return *trace.find(*people.store, query); }
};

}  // namespace pabal::submission
