// Where the APIs meet the MSA without including it: app/ hands submission/'s implementation to them. One commit holds
// all of a submission: what is delivered here, the queue entry, and what the caller writes beside it (the copy in Sent,
// the draft that goes). Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "mailbox/mailbox.h"
#include "store/store.h"

namespace pabal::net {
class Loop;
}

namespace pabal::mailbox {

class Outgoing {
 public:
  virtual ~Outgoing() = default;

  static constexpr size_t kMaxRecipients = 1'000;
  static constexpr days kMaxDelay{366};  // of a scheduled release

  enum Notify : uint8_t { kNever = 1, kSuccess = 2, kFailure = 4, kDelay = 8 };  // RFC 3461 §4.1; queue::Notify
  struct Recipient {
    std::string address;
    uint8_t notify = 0;  // of Notify
    std::string orcpt{};
  };
  // A letter on its way, before it is committed.
  struct Ready {
    std::string id;                            // of the trace and the queue, base/id.h
    std::shared_ptr<const Prepared> prepared;  // as it is sent: completed, without Bcc
    BodyId body = 0;                           // put and held: file() may refer to it
    std::string bcc;  // "Bcc: ...\r\n" as it was written, or empty: the prefix of one's own copy
    Time release;     // when the first attempt is due
  };
  struct Letter {
    AccountId account = 0;                      // who sends
    std::string content;                        // RFC 5322, up to the server's message size
    std::optional<std::string> reverse_path{};  // none: the account's address. It may be one he may send as
    std::vector<Recipient> recipients{};        // empty: those of To, Cc and Bcc, resent ones if there are
    std::optional<Time> release{};  // not before; nobody, here or elsewhere, gets it earlier, and cancel() works
    std::string envid{}, ret{};     // RFC 3461
    bool requiretls = false;        // RFC 8689
    std::string peer{};             // how it came, for the trace: "JMAP from 203.0.113.5"
    // Runs in the transaction of the submission, after all else; its Error undoes everything. May run again.
    std::function<Result<void>(store::Transaction&, const Ready&)> also{};
  };
  // The id of the letter. An Error of also() comes back as it is. kInvalid: the message cannot be sent as it is (the
  // message says why: no recipients, a From that names nobody). kDenied: he may not send as that author. kNotFound: a
  // recipient here does not exist. kLimit: too large, too many recipients, a mailbox here is full. kUnavailable: try
  // again.
  virtual Task<Result<std::string>> send(net::Loop& loop, Letter letter) = 0;

  // Those of `recipients` that nothing can be sent to: no address, or nobody here has it. As given.
  virtual std::vector<std::string> unreachable(const std::vector<Recipient>& recipients) const = 0;

  // What has become of it, for those who ask later.
  struct State {
    bool waits = false;     // for its release; nothing was attempted yet: cancel() is possible
    bool finished = false;  // nothing more will happen
  };
  virtual Result<State> state(const store::Reader& r, std::string_view id) const = 0;
  // The same for each recipient, as far as the trace reaches back.
  struct Delivery {
    std::string recipient;
    enum class State : uint8_t { kQueued, kFiled, kRelayed, kFailed } state = State::kQueued;
    std::string reply;  // RFC 8621 §7: "250 2.1.5 filed"; empty: nothing was tried yet
  };
  virtual Result<std::vector<Delivery>> deliveries(const store::Reader& r, std::string_view id) const = 0;
  // Takes back a letter that waits for its release. kConflict: it is too late. kNotFound.
  virtual Result<void> cancel(store::Transaction& t, std::string_view id) = 0;
};

}  // namespace pabal::mailbox
