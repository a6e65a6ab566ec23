// One call of the API: who makes it, what it says, and the shape that all calls share.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/json.h"
#include "gmail/gmail.h"
#include "store/store.h"

namespace pabal::gmail {

// What a token must be good for, as Google's table of methods and scopes says.
enum class Need : uint8_t {
  kProfile,   // whose mailbox it is
  kMetadata,  // gmail.metadata is enough: lists, headers, history
  kRead,      // attachments
  kModify,    // labels of messages
  kInsert,
  kSend,
  kReadDrafts,
  kDraft,
  kSendDraft,
  kReadLabels,
  kLabels,
  kDelete,  // for good: only all of Gmail covers it
  kReadSettings,
  kSettings,
  kShareSettings,  // forwarding, delegates: who else gets mail
};

constexpr size_t kMaxCallBody = 1 << 20;  // octets of JSON without a message in it

struct Call {
  Services& services;
  api::Caller caller;
  web::Request request;     // its body is in `body`
  api::json::value body{};  // of POST, PUT and PATCH: an object; without one null

  mailbox::AccountId account() const { return caller.account.id; }
  const std::string& path(const char* name) const { return request.params.at(name); }
  const std::string* query(std::string_view name) const { return request.query_value(name); }
  std::vector<std::string> all(std::string_view name) const;  // each value of a repeated parameter
  // A number from 1 to `most`, else `usual`. kInvalid.
  Result<size_t> number(std::string_view name, size_t usual, size_t most) const;
  Result<bool> flag(std::string_view name) const;  // absent: false
};
using CallPtr = std::shared_ptr<Call>;

// What a call does. null: done, with nothing to tell (204).
using Act = Task<Result<api::json::value>> (*)(CallPtr);

// A method of users.*: `path` is what follows "/gmail/v1/users/{userId}". The body is JSON of at most `body_limit`.
void add(web::Router& router, Services& services, std::string method, std::string_view path, Need need, Act act,
         size_t body_limit = kMaxCallBody);

// The same by hand, for what takes other bodies: the call, or the answer that refuses it.
struct Admitted {
  CallPtr call;
  web::Response refused;
};
Task<Admitted> admit(Services* services, Need need, web::Request request);
// The octets of a JSON body, on the pool where they are many. Empty: null. kInvalid: no object; kLimit.
Task<Result<api::json::value>> read_json(Services* services, net::Loop* loop, std::string text);

// Reads at one moment: here, or on the pool what may be long.
enum class Where : uint8_t { kHere, kPool };
using Look = std::function<Result<api::json::value>(const Call&, const store::Reader&)>;
Task<Result<api::json::value>> look(CallPtr call, Where where, Look f);
// Runs `f` on the pool. kUnavailable when that is full.
template <typename T>
Task<Result<T>> run(Services* services, net::Loop* loop, std::function<Result<T>()> f) {
  const std::function<Result<Result<T>>()> wrapped = [f = std::move(f)]() -> Result<Result<T>> { return f(); };
  Task<Result<Result<T>>> running = net::run_on<Result<T>>(services->pool, *loop, wrapped);
  Result<Result<T>> ran = co_await running;
  if (!ran) co_return Error{Code::kUnavailable, ran.error().message};
  co_return std::move(*ran);
}
// A transaction; `work` may run again.
Task<Result<void>> commit(CallPtr call, store::Work work);

}  // namespace pabal::gmail
