// One request: its calls one after the other.
#pragma once

#include "jmap/jmap.h"

namespace pabal::jmap {

// The accounts that a caller sees, by their ids: his own, and those of which something is shared with him.
Result<std::map<std::string, Account>> accounts_of(const Services& services, const store::Reader& r,
                                                   const api::Caller& caller);
// RFC 8620 §2: changes when the session does.
std::string session_state(const std::map<std::string, Account>& accounts);

class Dispatch {
 public:
  Dispatch(const Methods& methods, Services& services, net::Loop& loop, api::Caller caller, std::string peer)
      : methods_(methods), talk_{services, loop, std::move(caller), std::move(peer), {}, {}, {}, {}, {}, kMaxAnswer} {}
  Task<Jmap::Reply> run(std::string text);

 private:
  struct Request {
    json::array calls;
    bool created_ids = false;
  };
  std::optional<Jmap::Reply> read(const std::string& text, Request& request);
  std::optional<Failure> prepare(const Method* method, Call& call);
  const Method* method_of(const Call& call) const;
  // The calls from `from` up to one that is no `read`; gives that one.
  size_t run_reads(Request& request, size_t from);
  Task<void> run_one(Request& request, size_t at);
  Call take_call(Request& request, size_t at);
  void add(Call& call, Answer answer);

  const Methods& methods_;
  Conversation talk_;
};

// RFC 8620 §3.6.1: "urn:ietf:params:jmap:error:" + type
Jmap::Reply problem(int status, std::string_view type, std::string detail, std::string_view limit = "");

}  // namespace pabal::jmap
