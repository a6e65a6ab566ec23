// Push subscriptions (RFC 8620 §7.2) and VAPID (RFC 9749): where a client wants to be told while it is not connected.
// They are outlets of the room push/, which does the telling.
#include "jmap/push_subscriptions.h"

#include "base/log.h"
#include "base/text.h"
#include "jmap/dispatch.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "jmap/positions.h"
#include "jmap/standard.h"
#include "web/fetch.h"

namespace pabal::jmap {
namespace {

constexpr std::string_view kVapid = "urn:ietf:params:jmap:webpush-vapid";
constexpr days kSubscriptionLife{7};  // at most; RFC 8620 §7.2 wants 48 hours to be possible at least
constexpr size_t kCode = 16;          // octets
constexpr size_t kMaxTypes = 100;
const char* const kSecret[] = {"url", "keys"};  // never given out again

using push::Outlet;

json::object shown(const Outlet& outlet) {
  json::object out;
  out["id"] = subscription_id(outlet.id);
  out["deviceClientId"] = outlet.name;
  out["verificationCode"] = outlet.verified ? json::value(outlet.code) : json::value(nullptr);
  out["expires"] = outlet.expires ? json::value(utc_date(*outlet.expires)) : json::value(nullptr);
  out["types"] = nullptr;
  if (outlet.types) {
    json::array types;
    for (const std::string& type : *outlet.types) types.emplace_back(type);
    out["types"] = std::move(types);
  }
  return out;
}

// The one of that id, if it is this account's, a subscription, and not over.
Result<std::optional<Outlet>> find(const Services& services, const store::Reader& r, mailbox::AccountId account,
                                   std::string_view id) {
  const auto number = number_of('P', id);
  if (!number) return std::optional<Outlet>();
  auto found = services.outlets.get(r, account, *number);
  if (!found || !*found) return found;
  const Outlet& outlet = **found;
  if (outlet.kind != Outlet::Kind::kSubscription || (outlet.expires && *outlet.expires <= services.clock.now()))
    return std::optional<Outlet>();
  return found;
}

Answer get_subscriptions(Call& call) {
  for (const char* secret : kSecret)
    if (const json::array* asked = api::array_member(json::value(call.arguments), "properties"))
      for (const json::value& one : *asked)
        if (one == secret) return Failure{"forbidden", std::string(secret) + " is given to nobody"};
  const auto asked = read_get(call, {"id", "deviceClientId", "verificationCode", "expires", "types"});
  if (!asked) return asked.failure();
  const mailbox::AccountId account = call.account().id;
  json::array list, missing;
  const auto take = [&](const Outlet& outlet) {
    json::object object = shown(outlet);
    if (asked->properties)
      for (const char* name : {"deviceClientId", "verificationCode", "expires", "types"})
        if (!asked->wants(name)) object.erase(name);
    list.emplace_back(std::move(object));
  };
  if (asked->ids) {
    for (const std::string& id : *asked->ids) {
      const auto found = find(call.services(), call.reader(), account, id);
      if (!found) return failure_of(found.error());
      if (*found)
        take(**found);
      else
        missing.emplace_back(id);
    }
  } else {
    const auto all = call.services().outlets.list(call.reader(), account, Outlet::Kind::kSubscription);
    if (!all) return failure_of(all.error());
    for (const Outlet& outlet : *all)
      if (!outlet.expires || *outlet.expires > call.services().clock.now()) take(outlet);
  }
  json::object out;
  out["list"] = std::move(list);
  out["notFound"] = std::move(missing);
  return out;
}

class SubscriptionSetter final : public Setter {
 public:
  explicit SubscriptionSetter(Call& call) : call_(call) {}
  Result<std::string> state(const store::Reader&) override { return std::string(); }  // there is none

  Or<json::object> create(store::Transaction& t, const std::string&, const json::object& object) override {
    Fields in(object);
    Outlet outlet;
    outlet.kind = Outlet::Kind::kSubscription;
    outlet.account = call_.account().id;
    for (const auto& [name, value] : object)
      if (name != "deviceClientId" && name != "url" && name != "keys" && name != "expires" && name != "types" &&
          !(name == "verificationCode" && value.is_null()))
        in.note(name);
    if (auto device = in.string("deviceClientId"); device && !device->empty() && device->size() <= push::kMaxOutletText)
      outlet.name = std::move(*device);
    else
      in.note("deviceClientId");
    std::string why;
    if (auto url = in.string("url"); url) {
      const auto origin = web::check_post_url(*url, call_.services().push_anywhere);
      if (!origin || !origin->starts_with("https://"))
        in.note("url"), why = origin ? "the URL is to begin with https://" : origin.error().message;
      outlet.url = std::move(*url);
    } else {
      in.note("url");
    }
    if (const json::object* keys = in.object("keys")) {
      Fields of(*keys);
      outlet.keys.p256dh = text::unbase64url(of.string("p256dh").value_or("")).value_or("");
      outlet.keys.auth = text::unbase64url(of.string("auth").value_or("")).value_or("");
      if (!push::is_public_key(outlet.keys.p256dh) || outlet.keys.auth.size() != push::kAuthSecret)
        in.note("keys"), why = "p256dh is a point of P-256 and auth 16 octets, in base64url";
    }
    read_rest(in, outlet);
    if (!in.bad().empty()) return invalid_properties(in.bad(), why);
    for (const auto& [name, account] : call_.accounts()) {
      if (!account.own && outlet.told_of_others.size() + 1 >= kMaxFollowed) continue;
      const auto now = push::position_of(t, call_.services().mailboxes, account.id);
      if (!now) return failure_of(now.error());
      (account.own ? outlet.told : outlet.told_of_others[account.id]) = *now;
    }
    outlet.code = text::base64url(call_.services().random.bytes(kCode));
    outlet.root = call_.caller().token.root();
    const auto added = call_.services().outlets.add(t, std::move(outlet));
    if (!added && added.code() == Code::kLimit) return Failure{"rateLimit", added.error().message};
    if (!added) return failure_of(added.error());
    return json::object{{"id", subscription_id(added->id)}, {"expires", utc_date(*added->expires)}};
  }

  Or<json::object> update(store::Transaction& t, const std::string& id, const json::object& patch) override {
    auto found = find(call_.services(), t, call_.account().id, id);
    if (!found) return failure_of(found.error());
    if (!*found) return Failure{"notFound"};
    Outlet& outlet = **found;
    Fields in(patch);
    std::string why;
    for (const auto& [name, value] : patch) {
      const bool same =
          (name == "id" && value == json::value(id)) || (name == "deviceClientId" && value == json::value(outlet.name));
      if (name != "verificationCode" && name != "expires" && name != "types" && !same) in.note(name);
    }
    if (const json::value* code = patch.if_contains("verificationCode")) {
      if (code->is_string() && code->as_string() == outlet.code)
        outlet.verified = true;
      else
        in.note("verificationCode"), why = "it is not the code that was pushed";
    }
    read_rest(in, outlet);
    if (!in.bad().empty()) return invalid_properties(in.bad(), why);
    const auto done = call_.services().outlets.update(t, outlet);
    if (!done) return failure_of(done.error());
    if (!patch.contains("expires")) return json::object();
    return json::object{{"expires", utc_date(*outlet.expires)}};
  }

  std::optional<Failure> destroy(store::Transaction& t, const std::string& id) override {
    const auto found = find(call_.services(), t, call_.account().id, id);
    if (!found) return failure_of(found.error());
    if (!*found) return Failure{"notFound"};
    const auto done = call_.services().outlets.remove(t, call_.account().id, (*found)->id);
    if (!done) return failure_of(done.error());
    return {};
  }

 private:
  // What can be set at any time.
  void read_rest(Fields& in, Outlet& outlet) const {
    const Time now = call_.services().clock.now(), last = now + kSubscriptionLife;
    if (in.has("expires") || !outlet.expires) {
      const auto expires = in.utc_date("expires");
      if (expires && *expires <= now) in.note("expires");
      outlet.expires = std::min(expires.value_or(last), last);
    }
    if (in.has("types")) {
      outlet.types = in.strings("types");
      if (outlet.types && outlet.types->size() > kMaxTypes) in.note("types");
      if (outlet.types)
        for (const std::string& type : *outlet.types)
          if (type.size() > push::kMaxOutletText) in.note("types");
    }
  }

  Call& call_;
};

Task<Answer> set_subscriptions(Call& call) {
  SubscriptionSetter setter(call);
  Task<Answer> setting = run_set(call, setter);
  Answer answer = co_await setting;
  if (answer)  // RFC 8620 §7.2.2: there is neither a state nor an account
    for (const char* name : {"accountId", "oldState", "newState"}) answer->erase(name);
  co_return answer;
}

}  // namespace

std::string subscription_id(uint64_t outlet) { return "P" + std::to_string(outlet); }

namespace {
Result<std::map<std::string, Account>> seen_by(const Services& services, mailbox::AccountId who) {
  const auto snapshot = services.store.snapshot();
  const auto account = services.directory.account(*snapshot, who);
  if (!account) return account.error();
  if (!*account) return std::map<std::string, Account>();
  api::Caller owner;
  owner.account = **account;
  return accounts_of(services, *snapshot, owner);
}
}  // namespace

std::vector<mailbox::AccountId> shared_with(const Services& services, mailbox::AccountId who) {
  std::vector<mailbox::AccountId> out;
  const auto accounts = seen_by(services, who);
  if (!accounts) log::warn("jmap", accounts.error().message);
  if (accounts)
    for (const auto& [id, account] : *accounts)
      if (!account.own && out.size() + 1 < kMaxFollowed) out.push_back(account.id);
  return out;
}

std::string state_change(const Services& services, const push::Outlet& outlet, const std::vector<push::News>& news) {
  const TypeSet wanted = outlet.types ? types_named({outlet.types->begin(), outlet.types->end()}) : kAllTypes;
  std::map<std::string, Account> accounts;
  if (news.size() > 1 || (!news.empty() && news.front().account != outlet.account))
    if (auto seen = seen_by(services, outlet.account)) accounts = std::move(*seen);
  accounts[account_id(outlet.account)] = {outlet.account, "", true, {}};
  json::object changed;
  for (const push::News& one : news) {
    const auto account = accounts.find(account_id(one.account));
    if (account == accounts.end()) continue;
    if (const TypeSet types = types_changed(one, account->second) & wanted)
      changed[account->first] = type_states(types, one.now);
  }
  if (changed.empty()) return "";
  json::object out;
  out["@type"] = "StateChange";
  out["changed"] = std::move(changed);
  return api::to_text(json::value(std::move(out)));
}

void add_push_subscriptions(Methods& methods) {
  Capability vapid;
  vapid.name = kVapid;
  vapid.of_server = [](const Services& services) { return json::object{{"applicationServerKey", services.vapid_key}}; };
  vapid.of_account = [](const Services&, const Account&) -> std::optional<json::object> { return std::nullopt; };
  vapid.primary = false;
  methods.add(vapid);
  Method get;
  get.name = "PushSubscription/get";
  get.capability = kCore;
  get.read = get_subscriptions;
  get.needs = {identity::kMailMetadata};
  get.for_account = false;
  methods.add(get);
  Method set;
  set.name = "PushSubscription/set";
  set.capability = kCore;
  set.run = set_subscriptions;
  set.needs = {identity::kMailMetadata};
  set.takes = "create update destroy";  // there is no ifInState
  set.standard = false;
  set.for_account = false;
  methods.add(set);
}

}  // namespace pabal::jmap
