// What a method of JMAP sees, and how it is added. A module of this room (one file or a few for each data type) has a
// function that adds its methods and capabilities; jmap.cc calls it once at the start.
//
// Two kinds. A `read` runs on the pool: it may read much, and neither waits nor commits. A `run` is a coroutine on the
// loop of the request: it commits, sends, or puts long work on the pool by itself. The calls of one request run one
// after the other (RFC 8620 §3.3), so that what they share needs no lock.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/caller.h"
#include "api/json.h"
#include "base/task.h"
#include "mailbox/mailbox.h"
#include "mailbox/sharing.h"
#include "net/loop.h"

namespace pabal::jmap {

namespace json = api::json;
struct Services;

constexpr std::string_view kCore = "urn:ietf:params:jmap:core";
constexpr std::string_view kMail = "urn:ietf:params:jmap:mail";
constexpr std::string_view kSubmission = "urn:ietf:params:jmap:submission";

// What the core capability advertises (RFC 8620 §2), each counted for one caller.
constexpr size_t kMaxSizeRequest = 10'000'000;  // octets
constexpr size_t kMaxConcurrentRequests = 8;
constexpr size_t kMaxConcurrentUpload = 4;
constexpr size_t kMaxCallsInRequest = 64;
constexpr size_t kMaxObjectsInGet = 1'000;
constexpr size_t kMaxObjectsInSet = 1'000;
// Octets of values that one request may gather in its answers and by references: what it costs us in memory.
constexpr size_t kMaxAnswer = 100'000'000;

// Why a method call (RFC 8620 §3.6.2) or the change of one object (§5.3: a SetError) failed.
struct Failure {
  std::string type;  // "invalidArguments"
  std::string description{};
  json::object more{};  // further members
  json::object object() const;
};
Failure invalid_arguments(std::string description);
Failure invalid_properties(std::vector<std::string> properties, std::string description = "");
// Of what a room below says: a SetError where the object is to blame, else serverFail or serverUnavailable.
Failure failure_of(const Error& error);
// It is not the object's fault: the whole call has failed.
bool is_ours(const Failure& failure);

// A value, or why not.
template <typename T>
class [[nodiscard]] Or {
 public:
  Or(T value) : state_(std::in_place_index<0>, std::move(value)) {}            // NOLINT: implicit by design
  Or(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}  // NOLINT
  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Failure& failure() const { return std::get<1>(state_); }

 private:
  std::variant<T, Failure> state_;
};
using Answer = Or<json::object>;  // the arguments of the response

// An account as one caller sees it.
struct Account {
  mailbox::AccountId id = 0;
  std::string name;  // its address
  bool own = false;
  std::map<mailbox::MailboxId, mailbox::Rights> shared;  // of another's: what the caller may see of it
  mailbox::AccountId caller = 0;                         // uploads are his, whatever account they are for
  bool reads_mail = true, reads_scripts = true;          // whether the token covers what is in emails, and in scripts
  // What the caller may do in a mailbox; 0: there is none for him.
  mailbox::Rights rights(mailbox::MailboxId box) const;
  bool may(mailbox::MailboxId box, mailbox::Rights all) const { return (rights(box) & all) == all; }
};
std::string account_id(mailbox::AccountId account);  // "A7"

// What the calls of one request share.
struct Conversation {
  Services& services;
  net::Loop& loop;
  api::Caller caller;
  std::string peer;  // "JMAP from 203.0.113.5"
  std::map<std::string, Account> accounts;
  std::map<std::string, std::string> created;  // creation ids (RFC 8620 §3.3)
  std::set<std::string> use;                   // capabilities
  std::unique_ptr<store::Snapshot> snapshot;
  json::array answers;
  size_t octets_left = kMaxAnswer;
};

class Call {
 public:
  Call(Conversation& talk, std::string name, json::object given, std::string id)
      : arguments(std::move(given)), talk_(talk), name_(std::move(name)), id_(std::move(id)) {}

  json::object arguments;  // references are resolved

  const std::string& name() const { return name_; }
  Services& services() const { return talk_.services; }
  net::Loop& loop() const { return talk_.loop; }
  const api::Caller& caller() const { return talk_.caller; }
  const std::string& peer() const { return talk_.peer; }
  // Of the argument accountId, which the dispatch has looked up. Methods without one: the caller's own.
  const Account& account() const { return *account_; }
  // Another account of this caller (fromAccountId); null: not his to see.
  const Account* account(std::string_view id) const;
  const std::map<std::string, Account>& accounts() const { return talk_.accounts; }
  bool uses(std::string_view capability) const { return talk_.use.contains(std::string(capability)); }

  // The moment that this request reads. After a commit of this request it is a newer one.
  const store::Reader& reader();
  // The newest moment from here on.
  const store::Reader& read_anew();
  // Commits and waits. `work` may run again (store.h).
  Task<Result<void>> commit(store::Work work);

  // An id as given, or of what the creation id "#x" stands for; unknown ones as they are, which no object is called.
  std::string id_of(std::string_view given) const;
  void created(const std::string& creation, std::string id) { talk_.created[creation] = std::move(id); }
  std::map<std::string, std::string>& created_ids() { return talk_.created; }

  // Takes from what the request may still gather; false: it is used up, and the call fails with requestTooLarge.
  bool spend(size_t octets);
  // A further call of another method, which this one makes by itself; it has this one's id.
  Call further(std::string method, const Account& account, json::object given) const;
  // For what the caller's token does not cover.
  static Failure lacks(std::string_view need);
  // A further response, behind that of this call.
  void also(std::string method, json::object answer);

 private:
  friend class Dispatch;
  Conversation& talk_;
  const std::string name_, id_;
  const Account* account_ = nullptr;
  json::array also_;
};

// For methods that know nothing of what others share: where the call is not for the caller's own account, `why` not.
std::optional<Failure> not_own(const Call& call, const char* why);

struct Method {
  std::string name;
  std::string capability;                    // that "using" must name
  std::function<Answer(Call&)> read{};       // either this
  std::function<Task<Answer>(Call&)> run{};  // or this, whose Call lives until it ends
  // Of these the token must cover one (identity/tokens.h); of none, any token will do. What needs more for some of what
  // it does looks at the caller itself.
  std::vector<std::string_view> needs{identity::kMailRead};
  std::string takes{};      // its further arguments, with spaces between; "*": any
  bool standard = true;     // takes what all methods of its kind take besides (RFC 8620 §5)
  bool for_account = true;  // has the argument accountId

  bool has_argument(std::string_view argument) const;
};

struct Capability {
  std::string name;                                        // its URI
  std::function<json::object(const Services&)> of_server;  // in "capabilities"
  // In "accountCapabilities"; nothing: not for that account.
  std::function<std::optional<json::object>(const Services&, const Account&)> of_account;
  bool primary = true;     // it has a primary account
  bool in_session = true;  // else it stands with accounts only
};

class Methods;
// An account as the session and principals show it (RFC 8620 §2).
json::object account_object(const Methods& methods, const Services& services, const Account& account);

class Methods {
 public:
  void add(Method method);
  void add(Capability capability);
  const Method* find(std::string_view name) const;
  const std::map<std::string, Method, std::less<>>& all() const { return methods_; }
  // What any of them needs: whose token covers none of these has nothing to call here.
  std::vector<std::string_view> needs() const;
  const std::map<std::string, Capability, std::less<>>& capabilities() const { return capabilities_; }

 private:
  std::map<std::string, Method, std::less<>> methods_;
  std::map<std::string, Capability, std::less<>> capabilities_;
};

}  // namespace pabal::jmap
