// users.watch and users.stop: changes are told at the webhook that the administrator has set up for the topic, in the
// form in which Google's Pub/Sub pushes (push/outlets.h).
#include <algorithm>

#include "base/text.h"
#include "gmail/error.h"
#include "gmail/labels.h"
#include "gmail/routes.h"
#include "gmail/settings.h"
#include "push/outlets.h"

namespace pabal::gmail {
namespace {

using api::json::object;
using api::json::value;
using push::Outlet;

constexpr days kWatchLife{7};  // as Google's
constexpr size_t kMaxWatchLabels = 100;

// A member that is a list of strings; absent, or null: none.
Result<std::vector<std::string>> strings_of(const value& body, std::string_view name) {
  const value* found = api::member(body, name);
  std::vector<std::string> out;
  if (!found || found->is_null()) return out;
  const Error wrong = invalid(std::string(name) + ": a list of strings");
  if (!found->is_array()) return wrong;
  for (const value& one : found->get_array()) {
    if (!one.is_string()) return wrong;
    out.emplace_back(one.get_string());
  }
  return out;
}

// Takes away what watched before; an account has one watch.
Result<void> unwatch(const Services& services, store::Transaction& t, mailbox::AccountId account) {
  const auto present = services.outlets->list(t, account, Outlet::Kind::kWatch);
  if (!present) return present.error();
  for (const Outlet& one : *present)
    if (const auto gone = services.outlets->remove(t, account, one.id); !gone) return gone;
  return {};
}

// The mailboxes of these labels. Of flags (UNREAD, STARRED) changes are not told apart by mailbox: with one of those
// among the wanted, all changes are told.
Result<void> choose(const Labels& labels, const std::vector<std::string>& ids, Outlet& outlet) {
  bool by_flag = false;
  for (const std::string& id : ids) {
    const Label* label = labels.find(id);
    if (!label) return invalid("Invalid label: " + text::printable(id));
    if (label->kind == Label::Kind::kMailbox) outlet.mailboxes.push_back(label->mailbox);
    by_flag |= label->kind != Label::Kind::kMailbox && label->kind != Label::Kind::kNobodys;
  }
  if (by_flag && !outlet.all_but) outlet.mailboxes.clear();
  if (!by_flag && !ids.empty() && outlet.mailboxes.empty() && !outlet.all_but) outlet.mailboxes = {0};  // in none yet
  return {};
}

Task<Result<value>> watch(CallPtr call) {
  const Services& services = call->services;
  if (!services.outlets) co_return Error{Code::kUnsupported, "nothing can be watched here"};
  const auto topic = string_of(call->body, "topicName");
  auto behaviour = string_of(call->body, "labelFilterBehavior");
  const auto older = string_of(call->body, "labelFilterAction");
  const auto ids = strings_of(call->body, "labelIds");
  if (!topic) co_return topic.error();
  if (!behaviour) co_return behaviour.error();
  if (!older) co_return older.error();
  if (!ids) co_return ids.error();
  if (behaviour->empty()) behaviour = older;
  const std::string how = text::lowered(*behaviour);
  if (!how.empty() && how != "include" && how != "exclude")
    co_return invalid("labelFilterBehavior: include or exclude");
  if (ids->size() > kMaxWatchLabels) co_return invalid("labelIds: too many");
  Outlet outlet;
  outlet.kind = Outlet::Kind::kWatch;
  outlet.account = call->account();
  outlet.name = *topic;
  outlet.root = call->caller.token.root();
  outlet.all_but = how == "exclude";
  outlet.expires = services.clock.now() + kWatchLife;
  const store::Work work = [&services, &outlet, ids = *ids](store::Transaction& t) -> Result<void> {
    const auto there = services.outlets->topic(t, outlet.name);
    if (!there) return there.error();
    if (!*there)
      return Error{Code::kNotFound, "Resource not found (resource=" + text::printable(outlet.name) +
                                        "); an administrator makes topics: pabal topic add"};
    const auto labels = Labels::read(services.mailboxes, t, outlet.account);
    if (!labels) return labels.error();
    outlet.mailboxes.clear();
    if (const auto chosen = choose(*labels, ids, outlet); !chosen) return chosen;
    const auto now = push::position_of(t, services.mailboxes, outlet.account);
    if (!now) return now.error();
    outlet.told = *now;
    if (const auto gone = unwatch(services, t, outlet.account); !gone) return gone;
    const auto added = services.outlets->add(t, outlet);
    return added ? Result<void>() : added.error();
  };
  Task<Result<void>> committing = commit(call, work);
  if (const Result<void> done = co_await committing; !done) co_return done.error();
  object out;
  out["historyId"] = std::to_string(outlet.told.mail);
  out["expiration"] = std::to_string(to_micros(*outlet.expires) / 1'000);
  co_return value(std::move(out));
}

Task<Result<value>> stop(CallPtr call) {
  if (call->services.outlets) {
    const store::Work work = [services = &call->services, account = call->account()](store::Transaction& t) {
      return unwatch(*services, t, account);
    };
    Task<Result<void>> committing = commit(call, work);
    if (const Result<void> done = co_await committing; !done) co_return done.error();
  }
  co_return value(nullptr);
}

}  // namespace

void add_watch(web::Router& router, Services& services) {
  add(router, services, "POST", "/watch", Need::kMetadata, watch);
  add(router, services, "POST", "/stop", Need::kMetadata, stop);
}

}  // namespace pabal::gmail
