// watch: what happened to each message. Every station writes one line: who had it, when, what was decided and why. A
// line is written in the same transaction as the act it tells of. Contents of messages never come here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

namespace pabal::watch {

struct Event {
  Time at;
  std::string id;          // the id of the 250 ("queued as ...") that this message has here
  std::string message_id;  // RFC 5322 Message-ID with angle brackets
  std::string station;     // "submission", "relay-in", "queue", "relay-out", "delivery", "access"
  std::string action;      // "accepted", "refused", "queued", "delivered", "filed", "deferred", "bounced", "read" ...
  std::string reverse_path;
  std::string recipient;  // one; empty when it is about all
  std::string peer;       // "127.0.0.1 (client.example)" or "mx.univ.edu [127.0.0.2]:2525"
  std::string tls;        // "TLSv1.3 TLS_AES_256_GCM_SHA384", or empty
  std::string reason;     // reply or explanation, in words
};

class Trace {
 public:
  explicit Trace(store::Store& store, days keep = days(30)) : store_(store), keep_(keep) {}

  // Indexed by id, message-id and every address named. `at` orders; equal times keep the order written.
  void record(store::Transaction& t, const Event& event) const;
  // For what is not part of another transaction (a refusal): queued, not awaited.
  void record_later(std::vector<Event> events) const;
  // `query`: an id, a message-id (with or without brackets), an address or a domain. For an id or message-id: all its
  // events, and those of the ids joined to it by the message-id; oldest first.
  Result<std::vector<Event>> find(const store::Reader& r, std::string_view query, size_t limit = 1000) const;

 private:
  store::Store& store_;
  days keep_;
};

// Text that a terminal only shows: C0 controls and octets that are no UTF-8 as \xNN; DEL, C1 controls and what turns
// the direction of text as \uNNNN. Line ends are kept when `lines` is on.
std::string for_terminal(std::string_view s, bool lines = false);

std::string to_text(const std::vector<Event>& events);  // a table for a terminal
std::string to_json(const std::vector<Event>& events);  // an array of objects, times as RFC 3339

}  // namespace pabal::watch
