// users.settings.sendAs: the addresses that the directory lets an account use, its own and aliases, with how it writes
// under them. Addresses come from the administrator, so none is made or removed here; one that the account may use
// without being told of (alice+news@) can be added. S/MIME, client-side encryption and delegates of Google's are not
// here, and say so.
#include <algorithm>

#include "base/text.h"
#include "gmail/error.h"
#include "gmail/settings.h"
#include "message/address.h"

namespace pabal::gmail {

using api::json::array;
using api::json::object;
using api::json::value;
using sieve::Sender;
using sieve::Settings;

namespace {

const Sender* find(const std::vector<Sender>& list, std::string_view address) {
  const auto at =
      std::find_if(list.begin(), list.end(), [&](const Sender& one) { return text::iequals(one.address, address); });
  return at == list.end() ? nullptr : &*at;
}

// The own address first, then aliases, then those that were added. What the settings do not know has the usual look.
struct Senders {
  std::vector<Sender> all;
  size_t given = 0;  // so many are the administrator's
};
Result<Senders> senders_of(const Call& call, const store::Reader& r, const Settings& settings) {
  const identity::Account& account = call.caller.account;
  const identity::Directory& directory = call.services.directory;
  Senders out;
  const auto add = [&](const std::string& address) {
    if (find(out.all, address)) return;
    const Sender* known = find(settings.senders, address);
    Sender sender;
    if (known) sender = *known;
    sender.address = address;
    if (sender.name.empty()) sender.name = account.display_name;
    out.all.push_back(std::move(sender));
  };
  add(account.name);
  const auto aliases = directory.aliases(r, "");
  if (!aliases) return aliases.error();
  for (const identity::Alias& alias : *aliases) {
    if (!alias.send_as) continue;
    const auto may = directory.may_send_as(r, account.id, alias.address);
    if (!may) return may.error();
    if (*may) add(alias.address);
  }
  out.given = out.all.size();
  for (const Sender& sender : settings.senders) {
    const auto may = directory.may_send_as(r, account.id, sender.address);
    if (!may) return may.error();
    if (*may) add(sender.address);
  }
  const bool chosen = std::any_of(out.all.begin(), out.all.end(), [](const Sender& one) { return one.is_default; });
  if (!chosen) out.all.front().is_default = true;
  return out;
}

object resource_of(const Sender& sender, bool primary) {
  object out;
  out["sendAsEmail"] = sender.address;
  out["displayName"] = sender.name;
  out["replyToAddress"] = sender.reply_to;
  out["signature"] = sender.html_signature;
  if (primary) out["isPrimary"] = true;
  if (sender.is_default) out["isDefault"] = true;
  if (!primary) {
    out["treatAsAlias"] = sender.treat_as_alias;
    out["verificationStatus"] = "accepted";
  }
  return out;
}

// Reads them, on the pool: there may be many aliases.
Task<Result<value>> list(CallPtr call) {
  const Look read = [](const Call& c, const store::Reader& r) -> Result<value> {
    const auto settings = sieve::settings(r, c.account());
    if (!settings) return settings.error();
    const auto senders = senders_of(c, r, *settings);
    if (!senders) return senders.error();
    array all;
    for (const Sender& one : senders->all) all.push_back(resource_of(one, all.empty()));
    object out;
    out["sendAs"] = std::move(all);
    return value(std::move(out));
  };
  Task<Result<value>> reading = look(call, Where::kPool, read);
  co_return co_await reading;
}

Result<value> one_of(const Call& call, const store::Reader& r, const std::string& address) {
  const auto settings = sieve::settings(r, call.account());
  if (!settings) return settings.error();
  const auto senders = senders_of(call, r, *settings);
  if (!senders) return senders.error();
  const Sender* found = find(senders->all, address);
  if (!found) return missing();
  return value(resource_of(*found, found == &senders->all.front()));
}

Task<Result<value>> get(CallPtr call) {
  const Look read = [](const Call& c, const store::Reader& r) { return one_of(c, r, c.path("sendAsEmail")); };
  Task<Result<value>> reading = look(call, Where::kPool, read);
  co_return co_await reading;
}

Result<void> write_into(Sender& sender, const value& body, bool patch) {
  const auto known = only_members(body, {"sendAsEmail", "displayName", "replyToAddress", "signature", "isPrimary",
                                         "isDefault", "treatAsAlias", "verificationStatus", "smtpMsa"});
  if (!known) return known;
  if (const value* relay = api::member(body, "smtpMsa"); relay && !relay->is_null())
    return invalid("smtpMsa: mail goes out by this server alone");
  if (!patch)
    sender = Sender{sender.id, sender.address, "", "", sender.bcc, sender.text_signature, "", sender.is_default, true};
  for (const auto& [name, into] : {std::pair<const char*, std::string*>("displayName", &sender.name),
                                   {"replyToAddress", &sender.reply_to},
                                   {"signature", &sender.html_signature}}) {
    auto text = string_of(body, name, *into);
    if (!text) return text.error();
    *into = std::move(*text);
  }
  if (!sender.reply_to.empty() && !message::parse_addr_spec(sender.reply_to, true))
    return invalid("replyToAddress: " + text::printable(sender.reply_to, 100) + " is no address");
  const auto alias = bool_of(body, "treatAsAlias", sender.treat_as_alias), chosen = bool_of(body, "isDefault");
  if (!alias) return alias.error();
  if (!chosen) return chosen.error();
  sender.treat_as_alias = *alias;
  if (*chosen) sender.is_default = true;
  return {};
}

// Writes one address's settings. `fresh`: it is to be a new one.
Result<void> write(const Call& call, Settings& settings, const store::Reader& r, const std::string& address, bool fresh,
                   bool patch) {
  const auto senders = senders_of(call, r, settings);
  if (!senders) return senders.error();
  const Sender* known = find(senders->all, address);
  if (fresh && known) return Error{Code::kExists, address + " is there already"};
  if (!fresh && !known) return missing();
  if (fresh) {
    if (!message::parse_addr_spec(address, true)) return invalid("sendAsEmail: an address is needed");
    const auto may = call.services.directory.may_send_as(r, call.account(), address);
    if (!may) return may.error();
    if (!*may)
      return Error{Code::kDenied, call.caller.account.name + " may not send as " + text::printable(address, 100) +
                                      "; the administrator can add an alias"};
  }
  auto at = std::find_if(settings.senders.begin(), settings.senders.end(),
                         [&](const Sender& one) { return text::iequals(one.address, address); });
  if (at == settings.senders.end()) {
    Sender sender;
    sender.address = known ? known->address : address;
    at = settings.senders.insert(settings.senders.end(), std::move(sender));
  }
  const bool was_default = at->is_default;
  if (const auto done = write_into(*at, call.body, patch); !done) return done;
  if (at->is_default && !was_default)
    for (Sender& one : settings.senders) one.is_default = &one == &*at;
  return {};
}

Task<Result<value>> put(CallPtr call, std::string address, bool fresh, bool patch) {
  const Edit edit = [call, address, fresh, patch](Settings& settings, const store::Reader& r) {
    return write(*call, settings, r, address, fresh, patch);
  };
  Task<Result<Settings>> editing = edit_settings(call, edit);
  const auto done = co_await editing;
  if (!done) co_return done.error();
  const Look read = [address](const Call& c, const store::Reader& r) { return one_of(c, r, address); };
  Task<Result<value>> reading = look(call, Where::kPool, read);
  co_return co_await reading;
}

Task<Result<value>> create(CallPtr call) {
  const auto address = string_of(call->body, "sendAsEmail");
  if (!address) co_return address.error();
  Task<Result<value>> putting = put(call, *address, true, false);
  co_return co_await putting;
}
Task<Result<value>> update(CallPtr call) {
  Task<Result<value>> putting = put(call, call->path("sendAsEmail"), false, false);
  co_return co_await putting;
}
Task<Result<value>> patch(CallPtr call) {
  Task<Result<value>> putting = put(call, call->path("sendAsEmail"), false, true);
  co_return co_await putting;
}

Task<Result<value>> remove(CallPtr call) {
  const Edit edit = [call](Settings& settings, const store::Reader& r) -> Result<void> {
    const auto senders = senders_of(*call, r, settings);
    if (!senders) return senders.error();
    const Sender* known = find(senders->all, call->path("sendAsEmail"));
    if (!known) return missing();
    if (static_cast<size_t>(known - senders->all.data()) < senders->given)
      return Error{Code::kDenied, known->address + " is given by the administrator"};
    std::erase_if(settings.senders, [&](const Sender& one) { return text::iequals(one.address, known->address); });
    return {};
  };
  Task<Result<Settings>> editing = edit_settings(call, edit);
  const auto done = co_await editing;
  if (!done) co_return done.error();
  co_return value(nullptr);
}

// All that are listed are verified: the directory says so.
Task<Result<value>> verify(CallPtr call) {
  const Look read = [](const Call& c, const store::Reader& r) -> Result<value> {
    const auto one = one_of(c, r, c.path("sendAsEmail"));
    if (!one) return one.error();
    return value(nullptr);
  };
  Task<Result<value>> reading = look(call, Where::kPool, read);
  co_return co_await reading;
}

// --- what is Google Workspace's --------------------------------------------------------------------------------------

Task<Result<value>> no_smime(CallPtr) {
  co_return Error{Code::kDenied, "Keys for S/MIME are not kept here; mail programs sign and decrypt by themselves"};
}
Task<Result<value>> no_encryption(CallPtr) {
  co_return Error{Code::kDenied, "Client-side encryption of Google Workspace is not here"};
}
Task<Result<value>> no_delegates(CallPtr) { co_return value(object()); }
Task<Result<value>> no_delegate(CallPtr) { co_return missing(); }
Task<Result<value>> make_no_delegate(CallPtr) {
  co_return Error{Code::kDenied,
                  "Delegates are not here: share mailboxes by IMAP's rights (RFC 4314) or JMAP's shareWith instead"};
}

}  // namespace

void add_senders(web::Router& router, Services& services) {
  const std::string all = "/settings/sendAs", one = all + "/{sendAsEmail}";
  add(router, services, "GET", all, Need::kReadSettings, list);
  add(router, services, "POST", all, Need::kShareSettings, create);
  add(router, services, "GET", one, Need::kReadSettings, get);
  add(router, services, "PUT", one, Need::kSettings, update);
  add(router, services, "PATCH", one, Need::kSettings, patch);
  add(router, services, "DELETE", one, Need::kShareSettings, remove);
  add(router, services, "POST", one + "/verify", Need::kShareSettings, verify);

  const std::string keys = one + "/smimeInfo", delegates = "/settings/delegates", cse = "/settings/cse";
  add(router, services, "GET", keys, Need::kReadSettings, no_smime);
  add(router, services, "POST", keys, Need::kSettings, no_smime);
  add(router, services, "GET", keys + "/{id}", Need::kReadSettings, no_smime);
  add(router, services, "DELETE", keys + "/{id}", Need::kSettings, no_smime);
  add(router, services, "POST", keys + "/{id}/setDefault", Need::kSettings, no_smime);
  add(router, services, "GET", delegates, Need::kReadSettings, no_delegates);
  add(router, services, "POST", delegates, Need::kShareSettings, make_no_delegate);
  add(router, services, "GET", delegates + "/{delegateEmail}", Need::kReadSettings, no_delegate);
  add(router, services, "DELETE", delegates + "/{delegateEmail}", Need::kShareSettings, no_delegate);
  for (const std::string list : {"/identities", "/keypairs"}) {
    add(router, services, "GET", cse + list, Need::kReadSettings, no_encryption);
    add(router, services, "POST", cse + list, Need::kSettings, no_encryption);
    add(router, services, "GET", cse + list + "/{id}", Need::kReadSettings, no_encryption);
    // "keypairs/ID:disable" too: a colon is of the name.
    add(router, services, "POST", cse + list + "/{id}", Need::kSettings, no_encryption);
  }
  add(router, services, "PATCH", cse + "/identities/{id}", Need::kSettings, no_encryption);
  add(router, services, "DELETE", cse + "/identities/{id}", Need::kSettings, no_encryption);
}

}  // namespace pabal::gmail
