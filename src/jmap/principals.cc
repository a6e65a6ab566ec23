#include "jmap/principals.h"

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "jmap/standard.h"
#include "message/casemap.h"
#include "sharing/sharing.h"

namespace pabal::jmap {
namespace {

using mailbox::Grantee;

constexpr std::string_view kOwner = "urn:ietf:params:jmap:principals:owner";
constexpr std::string_view kAnyone = "anyone";
constexpr size_t kGroupIdOctets = 12;  // of the hash of its address

const std::set<std::string> kProperties{"id",    "type",     "name",         "description",
                                        "email", "timeZone", "capabilities", "accounts"};

constexpr const char* kAlone = "principals are in one's own account";

// The directory as one caller sees it.
class Seen {
 public:
  Seen(const Services& services, const store::Reader& r) : services_(services), r_(r) {}

  void add(const identity::Account& account) {
    if (!account.enabled) return;
    const Grantee who{Grantee::Kind::kAccount, account.id, ""};
    found_[account.name] = {who, principal_id(who), account.display_name.empty() ? account.name : account.display_name,
                            account.name};
  }
  void add(const identity::Alias& alias) {
    const Grantee who{Grantee::Kind::kGroup, 0, alias.address};
    found_[alias.address] = {who, principal_id(who), alias.address, alias.address};
  }
  Result<void> add(const Grantee& who) {
    if (who.kind == Grantee::Kind::kAccount) {
      const auto account = services_.directory.account(r_, who.account);
      if (!account) return account.error();
      if (*account) add(**account);
    }
    if (who.kind == Grantee::Kind::kGroup) {
      const auto alias = services_.directory.alias(r_, who.group);
      if (!alias) return alias.error();
      if (*alias) add(**alias);
    }
    return {};
  }
  Result<void> add_domain(std::string_view domain) {
    const auto accounts = services_.directory.accounts(r_, domain);
    if (!accounts) return accounts.error();
    for (const identity::Account& one : *accounts) add(one);
    const auto aliases = services_.directory.aliases(r_, domain);
    if (!aliases) return aliases.error();
    for (const identity::Alias& one : *aliases) add(one);
    return {};
  }
  // Those who have something of this account.
  Result<void> add_sharers(mailbox::AccountId owner) {
    const auto boxes = services_.mailboxes.list(r_, owner);
    if (!boxes) return boxes.error();
    for (const mailbox::Mailbox& box : *boxes) {
      const auto acl = mailbox::acl(r_, owner, box.id);
      if (!acl) return acl.error();
      for (const mailbox::Grant& grant : *acl)
        if (const auto done = add(grant.who); !done) return done;
    }
    return {};
  }
  std::vector<Principal> take() {
    std::vector<Principal> out{{Grantee{}, std::string(kAnyone), "Everyone here", ""}};
    for (auto& [name, one] : found_) out.push_back(std::move(one));
    return out;
  }

 private:
  const Services& services_;
  const store::Reader& r_;
  std::map<std::string, Principal> found_;  // by address
};

struct Now {
  std::vector<Principal> all;
  std::string state;
};

Or<Now> read_now(Call& call) {
  auto found = principals_of(call.services(), call.reader(), call.caller(), call.accounts());
  if (!found) return failure_of(found.error());
  Encoder all;
  for (const Principal& one : *found) all.string(one.id).string(one.name).string(one.email);
  for (const auto& [id, account] : call.accounts()) all.string(id);  // they are told as well
  return Now{std::move(*found), text::hex(Encoder().u64(hash64(all.view())).view())};
}

class Shaper {
 public:
  Shaper(const Call& call, const Methods& methods) : call_(call), methods_(methods) {}

  json::object shaped(const Principal& one) const {
    json::object out, accounts;
    out["id"] = one.id;
    out["type"] = one.account() ? "individual" : "group";
    out["name"] = one.name;
    out["description"] = nullptr;
    out["email"] = one.email.empty() ? json::value(nullptr) : json::value(one.email);
    out["timeZone"] = nullptr;
    out["capabilities"] = json::object();
    const std::string id = one.account() ? account_id(one.account()) : "";
    if (const auto found = call_.accounts().find(id); found != call_.accounts().end())
      accounts[id] = account_object(methods_, call_.services(), found->second);
    out["accounts"] = accounts.empty() ? json::value(nullptr) : json::value(std::move(accounts));
    return out;
  }

 private:
  const Call& call_;
  const Methods& methods_;
};

Answer principal_get(Call& call, const Methods& methods) {
  if (const auto other = not_own(call, kAlone)) return *other;
  const auto asked = read_get(call, kProperties);
  if (!asked) return asked.failure();
  const auto now = read_now(call);
  if (!now) return now.failure();
  if (!asked->ids && now->all.size() > kMaxObjectsInGet)
    return Failure{"requestTooLarge", "there are too many to get them all at once; query for their ids"};
  std::map<std::string, const Principal*> by_id;
  for (const Principal& one : now->all) by_id[one.id] = &one;
  std::vector<std::string> ids;
  if (asked->ids) ids = *asked->ids;
  if (!asked->ids)
    for (const Principal& one : now->all) ids.push_back(one.id);
  const Shaper shaper(call, methods);
  json::array list, not_found;
  for (const std::string& id : ids) {
    const auto found = by_id.find(id);
    if (found == by_id.end()) {
      not_found.emplace_back(id);
      continue;
    }
    json::object some;
    for (auto& [name, value] : shaper.shaped(*found->second))
      if (asked->wants(name)) some[name] = std::move(value);
    list.emplace_back(std::move(some));
  }
  return get_answer(call, now->state, std::move(list), std::move(not_found));
}

// The directory has no log: the state says whether it is what it was, no more.
Answer principal_changes(Call& call) {
  if (const auto other = not_own(call, kAlone)) return *other;
  const auto asked = read_changes(call);
  if (!asked) return asked.failure();
  const auto now = read_now(call);
  if (!now) return now.failure();
  if (asked->since != now->state) return cannot_calculate();
  Changes none;
  none.now = now->state;
  return changes_answer(call, asked->since, std::move(none));
}

std::optional<Failure> check(const json::object& condition) {
  Fields in(condition);
  for (const auto& [name, value] : condition) {
    if (name == "accountIds")
      in.strings(name);
    else if (name == "email" || name == "name" || name == "text" || name == "type" || name == "timeZone")
      in.string(name);
    else
      return Failure{"unsupportedFilter", "there is no condition \"" + std::string(name) + "\""};
  }
  return in.bad_arguments();
}

bool holds(const Call& call, const Principal& one, const json::object& condition) {
  Fields in(condition);
  const auto contains = [](const std::string& needle, const std::string& text) {
    return message::Needle(needle).in(text);
  };
  for (const auto& [name, value] : condition) {
    if (value.is_null()) continue;
    bool good = false;
    if (name == "accountIds") {
      const std::string id = one.account() ? account_id(one.account()) : "";
      const auto wanted = in.strings(name);
      good = call.account(id) && std::find(wanted->begin(), wanted->end(), id) != wanted->end();
    } else {
      const std::string wanted = *in.string(name);
      good = name == "email"  ? contains(wanted, one.email)
             : name == "name" ? contains(wanted, one.name)
             : name == "text" ? contains(wanted, one.name) || contains(wanted, one.email)
             : name == "type" ? wanted == (one.account() ? "individual" : "group")
                              : false;  // timeZone: of nobody is one known
    }
    if (!good) return false;
  }
  return true;
}

Answer principal_query(Call& call) {
  if (const auto other = not_own(call, kAlone)) return *other;
  const bool changes = call.name() == "Principal/queryChanges";
  const auto asked = read_query(call, {"name", "email"}, changes);
  if (!asked) return asked.failure();
  std::optional<Failure> bad;
  asked->filter.each([&](const json::object& condition) {
    if (!bad) bad = check(condition);
  });
  if (bad) return *bad;
  auto now = read_now(call);
  if (!now) return now.failure();
  if (changes && asked->since != now->state) return cannot_calculate();
  std::erase_if(now->all, [&](const Principal& one) {
    return !asked->filter.holds([&](const json::object& condition) { return holds(call, one, condition); });
  });
  std::sort(now->all.begin(), now->all.end(), [&](const Principal& a, const Principal& b) {
    for (const Comparator& by : asked->sort) {
      const int c = by.property == "name" ? a.name.compare(b.name) : a.email.compare(b.email);
      if (c != 0) return by.ascending ? c < 0 : c > 0;
    }
    return a.email < b.email;
  });
  std::vector<std::string> ids;
  for (const Principal& one : now->all) ids.push_back(one.id);
  if (changes) return query_changes_answer(call, *asked, now->state, ids, {}, {}, false);
  return query_answer(call, *asked, now->state, false, ids);
}

// The directory is the operator's.
class PrincipalSetter final : public Setter {
 public:
  explicit PrincipalSetter(std::string state) : state_(std::move(state)) {}
  Result<std::string> state(const store::Reader&) override { return state_; }
  Or<json::object> create(store::Transaction&, const std::string&, const json::object&) override { return no(); }
  Or<json::object> update(store::Transaction&, const std::string&, const json::object&) override { return no(); }
  std::optional<Failure> destroy(store::Transaction&, const std::string&) override { return no(); }

 private:
  static Failure no() { return {"forbidden", "principals are the server's directory; its operator changes it"}; }
  const std::string state_;
};

Task<Answer> principal_set(Call& call) {
  if (const auto other = not_own(call, kAlone)) co_return *other;
  const auto now = read_now(call);
  if (!now) co_return now.failure();
  PrincipalSetter setter(now->state);
  Task<Answer> setting = run_set(call, setter);
  Answer answer = co_await setting;
  co_return answer;
}

}  // namespace

std::string principal_id(const Grantee& who) {
  switch (who.kind) {
    case Grantee::Kind::kAccount:
      return "P" + std::to_string(who.account);
    case Grantee::Kind::kGroup:
      return "G" + text::hex(std::string_view(sha256(who.group)).substr(0, kGroupIdOctets));
    case Grantee::Kind::kAnyone:
      break;
  }
  return std::string(kAnyone);
}

Result<std::vector<Principal>> principals_of(const Services& services, const store::Reader& r,
                                             const api::Caller& caller,
                                             const std::map<std::string, Account>& accounts) {
  Seen seen(services, r);
  const std::string& me = caller.account.name;
  if (const auto done = seen.add_domain(std::string_view(me).substr(me.rfind('@') + 1)); !done) return done.error();
  for (const auto& [id, account] : accounts)
    if (const auto done = seen.add(Grantee{Grantee::Kind::kAccount, account.id, ""}); !done) return done.error();
  if (const auto done = seen.add_sharers(caller.account.id); !done) return done.error();
  return seen.take();
}

void add_principals(Methods& methods) {
  Capability principals;
  principals.name = kPrincipals;
  principals.of_account = [](const Services&, const Account& account) -> std::optional<json::object> {
    if (!account.own) return {};
    const Grantee me{Grantee::Kind::kAccount, account.caller, ""};
    return json::object{{"currentUserPrincipalId", principal_id(me)}};
  };
  methods.add(principals);
  Capability owner;  // RFC 9670 §1.5.2: of accounts only
  owner.name = kOwner;
  owner.in_session = false;
  owner.primary = false;
  owner.of_account = [](const Services&, const Account& account) -> std::optional<json::object> {
    return json::object{{"accountIdForPrincipal", account_id(account.caller)},
                        {"principalId", principal_id({Grantee::Kind::kAccount, account.id, ""})}};
  };
  methods.add(owner);
  const std::string name(kPrincipals);
  // They outlive the calls.
  methods.add(Method{"Principal/get", name, [&methods](Call& call) { return principal_get(call, methods); }});
  methods.add(Method{"Principal/changes", name, principal_changes});
  methods.add(Method{"Principal/query", name, principal_query});
  methods.add(Method{"Principal/queryChanges", name, principal_query});
  methods.add(Method{"Principal/set", name, {}, principal_set});
}

}  // namespace pabal::jmap
