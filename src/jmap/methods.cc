#include "jmap/methods.h"

#include "base/check.h"
#include "jmap/jmap.h"

namespace pabal::jmap {

json::object Failure::object() const {
  json::object out;
  out["type"] = type;
  if (!description.empty()) out["description"] = description;
  for (const auto& [name, value] : more) out[name] = value;
  return out;
}

Failure invalid_arguments(std::string description) { return {"invalidArguments", std::move(description)}; }

Failure invalid_properties(std::vector<std::string> properties, std::string description) {
  json::array list;
  for (std::string& one : properties) list.emplace_back(std::move(one));
  return {"invalidProperties", std::move(description), {{"properties", std::move(list)}}};
}

Failure failure_of(const Error& error) {
  switch (error.code) {
    case Code::kNotFound:
      return {"notFound", error.message};
    case Code::kDenied:
      return {"forbidden", error.message};
    case Code::kLimit:
      return {"overQuota", error.message};
    case Code::kInvalid:
    case Code::kExists:
    case Code::kUnsupported:
      return {"invalidProperties", error.message};
    case Code::kUnavailable:
    case Code::kTimeout:
    case Code::kClosed:
    case Code::kConflict:
      return {"serverUnavailable", error.message};
    default:
      return {"serverFail", error.message};
  }
}

bool is_ours(const Failure& failure) {
  return failure.type == "serverFail" || failure.type == "serverUnavailable" || failure.type == "requestTooLarge";
}

mailbox::Rights Account::rights(mailbox::MailboxId box) const {
  if (own) return mailbox::kAllRights;
  const auto found = shared.find(box);
  return found == shared.end() ? mailbox::Rights{0} : found->second;
}

std::string account_id(mailbox::AccountId account) { return "A" + std::to_string(account); }

const Account* Call::account(std::string_view id) const {
  const auto found = talk_.accounts.find(std::string(id));
  return found == talk_.accounts.end() ? nullptr : &found->second;
}

const store::Reader& Call::reader() {
  if (!talk_.snapshot) talk_.snapshot = services().store.snapshot();
  return *talk_.snapshot;
}

const store::Reader& Call::read_anew() {
  talk_.snapshot.reset();
  return reader();
}

Task<Result<void>> Call::commit(store::Work work) {
  std::function<void(std::function<void(Result<void>)>)> start = [this, &work](std::function<void(Result<void>)> done) {
    services().store.transact(std::move(work), std::move(done));
  };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop(), start);
  Result<void> committed = co_await committing;
  talk_.snapshot.reset();
  co_return committed;
}

std::string Call::id_of(std::string_view given) const {
  if (!given.starts_with('#')) return std::string(given);
  const auto found = talk_.created.find(std::string(given.substr(1)));
  return found == talk_.created.end() ? std::string(given) : found->second;
}

bool Call::spend(size_t octets) {
  const bool enough = octets <= talk_.octets_left;
  talk_.octets_left -= enough ? octets : talk_.octets_left;
  return enough;
}

Call Call::further(std::string method, const Account& account, json::object given) const {
  Call out(talk_, std::move(method), std::move(given), id_);
  out.account_ = &account;
  return out;
}

Failure Call::lacks(std::string_view scope) const {
  return {"forbidden", "the access token does not cover " + std::string(scope)};
}

void Call::also(std::string method, json::object answer) {
  also_.push_back(json::array{std::move(method), std::move(answer), id_});
}

void Methods::add(Method method) {
  PABAL_CHECK(static_cast<bool>(method.read) != static_cast<bool>(method.run));
  std::string name = method.name;
  PABAL_CHECK(methods_.emplace(std::move(name), std::move(method)).second);
}

void Methods::add(Capability capability) {
  std::string name = capability.name;
  PABAL_CHECK(capabilities_.emplace(std::move(name), std::move(capability)).second);
}

const Method* Methods::find(std::string_view name) const {
  const auto found = methods_.find(name);
  return found == methods_.end() ? nullptr : &found->second;
}

}  // namespace pabal::jmap
