// Where MSA and MTA meet the MDA without including it: app/ hands delivery/'s implementation to both.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mailbox/mailbox.h"
#include "store/store.h"

namespace pabal::mailbox {

class LocalDelivery {
 public:
  virtual ~LocalDelivery() = default;

  enum class Verdict : uint8_t {
    kDeliverable,  // local and known (an account, alias, group or catch-all)
    kNotLocal,     // its domain is not ours
    kUnknownUser,  // our domain, nobody there
    kDisabled,     // the account may not receive
    kFull,         // over quota for a message of that size: a passing fault
    kUnavailable,  // the store cannot be read: a passing fault
  };
  // At RCPT. Thread-safe; reads the store.
  virtual Verdict verify(std::string_view address, uint64_t size) = 0;

  struct Recipient {
    std::string address;  // as given in RCPT TO
    std::string orcpt;    // RFC 3461, decoded; empty: none
    bool notify_never = false, notify_success = false;
  };
  // What the scripts of recipients make of a message. They run before the transaction, which stays short.
  class Plan {
   public:
    virtual ~Plan() = default;
    virtual void run() = 0;  // up to a second for each script: on a pool. Once, before deliver()
  };
  struct Mail {
    std::string id;                             // the id of the 250, of the trace and of the Received line
    std::string reverse_path;                   // "" = <>
    bool smtputf8 = false, requiretls = false;  // RFC 6531, RFC 8689: kept when it is forwarded
    std::shared_ptr<const Prepared> prepared;
    BodyId body = 0;        // put and held in the same transaction by the caller, before: a script may keep nothing
    std::string peer;       // who handed it over, for the trace: "203.0.113.5 (mx.example)" or "alice@example.com"
    std::string author{};   // who logged in to send it; empty: nobody
    bool accepted = false;  // nobody waits for a reply: what is refused now is reported by mail
    std::shared_ptr<const Plan> plan{};  // null: nothing is filtered
    std::string results{};               // Details::results
    bool junk = false;                   // what is only kept goes into Junk
  };
  // Null: nobody there has a script. Reads the store. `mail` as for deliver(); its body need not be put yet.
  virtual std::shared_ptr<Plan> plan(const Mail& mail, const std::vector<Recipient>& recipients) {
    static_cast<void>(mail), static_cast<void>(recipients);
    return nullptr;
  }
  // Aliases, groups, forwards, vacation, Sieve, quota, filing: all in `t`. Gives the failed recipients with reasons
  // (at most one each); an Error means nothing may be acknowledged.
  struct Failure {
    std::string recipient;
    Error why;
  };
  virtual Result<std::vector<Failure>> deliver(store::Transaction& t, const Mail& mail,
                                               const std::vector<Recipient>& recipients) = 0;
};

}  // namespace pabal::mailbox
