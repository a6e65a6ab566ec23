#include "jmap/methods.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "jmap/jmap.h"

namespace pabal::jmap {
namespace {

// What the standard methods take beside accountId (RFC 8620 §5.1 to §5.6).
constexpr std::pair<std::string_view, std::string_view> kStandardArguments[] = {
    {"/get", "ids properties"},
    {"/changes", "sinceState maxChanges"},
    {"/set", "ifInState create update destroy"},
    {"/copy", "fromAccountId ifFromInState ifInState create onSuccessDestroyOriginal destroyFromIfInState"},
    {"/query", "filter sort position anchor anchorOffset limit calculateTotal"},
    {"/queryChanges", "filter sort sinceQueryState maxChanges upToId calculateTotal"},
};

bool has_word(std::string_view words, std::string_view word) {
  const auto all = text::split(words, ' ');
  return std::find(all.begin(), all.end(), word) != all.end();
}

}  // namespace

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

Failure Call::lacks(std::string_view need) {
  return {"forbidden", "the access token does not cover " + std::string(need)};
}

void Call::also(std::string method, json::object answer) {
  also_.push_back(json::array{std::move(method), std::move(answer), id_});
}

std::optional<Failure> not_own(const Call& call, const char* why) {
  if (call.account().own) return {};
  return Failure{"accountNotSupportedByMethod", why};
}

bool Method::has_argument(std::string_view argument) const {
  if (argument == "accountId") return for_account || takes == "*";
  if (takes == "*" || has_word(takes, argument)) return true;
  return standard && std::any_of(std::begin(kStandardArguments), std::end(kStandardArguments), [&](const auto& one) {
           return name.ends_with(one.first) && has_word(one.second, argument);
         });
}

std::vector<std::string_view> Methods::needs() const {
  std::set<std::string_view> out;
  for (const auto& [name, method] : methods_) out.insert(method.needs.begin(), method.needs.end());
  return {out.begin(), out.end()};
}

void Methods::add(Method method) {
  PABAL_CHECK(static_cast<bool>(method.read) != static_cast<bool>(method.run));
  std::string name = method.name;
  PABAL_CHECK(methods_.emplace(std::move(name), std::move(method)).second);
}

json::object account_object(const Methods& methods, const Services& services, const Account& account) {
  json::object out, have;
  for (const auto& [name, capability] : methods.capabilities())
    if (auto value = capability.of_account ? capability.of_account(services, account) : std::nullopt)
      have[name] = std::move(*value);
  out["name"] = account.name;
  out["isPersonal"] = account.own;
  out["isReadOnly"] = false;
  out["accountCapabilities"] = std::move(have);
  return out;
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
