// users.settings.filters.
#include <algorithm>

#include "base/text.h"
#include "gmail/error.h"
#include "gmail/ids.h"
#include "gmail/labels.h"
#include "gmail/settings.h"

namespace pabal::gmail {

using api::json::array;
using api::json::object;
using api::json::value;
using sieve::Filter;
using sieve::Settings;

namespace {

Result<sieve::Criteria> criteria_of(const value& body) {
  const auto known = only_members(body, {"from", "to", "subject", "query", "negatedQuery", "hasAttachment",
                                         "excludeChats", "size", "sizeComparison"});
  if (!known) return known.error();
  sieve::Criteria out;
  for (const auto& [name, into] : {std::pair<const char*, std::string*>("from", &out.from),
                                   {"to", &out.to},
                                   {"subject", &out.subject},
                                   {"query", &out.query},
                                   {"negatedQuery", &out.negated_query}}) {
    auto text = string_of(body, name);
    if (!text) return text.error();
    *into = std::move(*text);
  }
  const auto attachment = bool_of(body, "hasAttachment"), chats = bool_of(body, "excludeChats");
  if (!attachment) return attachment.error();
  if (!chats) return chats.error();  // there are none: whether they are left out makes no difference
  out.has_attachment = *attachment;
  const auto size = number_of(body, "size");
  if (!size) return size.error();
  const auto comparison = string_of(body, "sizeComparison", "unspecified");
  if (!comparison) return comparison.error();
  if (*comparison == "unspecified") {
    if (*size && **size != 0) return invalid("sizeComparison: larger or smaller is needed with a size");
    return out;
  }
  if (!*size || **size < 0) return invalid("size: a number of octets is needed with a sizeComparison");
  if (*comparison == "larger")
    out.larger = static_cast<uint64_t>(**size);
  else if (*comparison == "smaller")
    out.smaller = static_cast<uint64_t>(**size);
  else
    return invalid("sizeComparison: larger or smaller");
  return out;
}

Result<std::vector<std::string>> labels_in(const value& body, std::string_view name) {
  std::vector<std::string> out;
  const value* list = api::member(body, name);
  if (!list || list->is_null()) return out;
  if (!list->is_array()) return invalid(std::string(name) + ": a list of label ids is needed");
  for (const value& one : list->get_array()) {
    if (!one.is_string()) return invalid(std::string(name) + ": a list of label ids is needed");
    out.emplace_back(one.get_string());
  }
  return out;
}

Result<void> add_label(const Label& label, sieve::FilterAction& out) {
  using Role = mailbox::Role;
  switch (label.kind) {
    case Label::Kind::kStarred:
      out.add_flags.emplace_back("\\Flagged");
      return {};
    case Label::Kind::kCategory:
      out.add_flags.emplace_back(label.keyword);
      return {};
    case Label::Kind::kMailbox:
      if (label.role == Role::kTrash) {
        out.trash = true;
        return {};
      }
      if (label.role != Role::kNone && label.role != Role::kImportant) break;
      out.add.push_back(label.mailbox);
      return {};
    default:
      break;
  }
  return invalid("addLabelIds: a filter cannot add " + label.id);
}

Result<void> remove_label(const Label& label, sieve::FilterAction& out) {
  using Role = mailbox::Role;
  switch (label.kind) {
    case Label::Kind::kUnread:
      out.add_flags.emplace_back("\\Seen");
      return {};
    case Label::Kind::kStarred:
      out.remove_flags.emplace_back("\\Flagged");
      return {};
    case Label::Kind::kCategory:
      out.remove_flags.emplace_back(label.keyword);
      return {};
    case Label::Kind::kMailbox:
      if (label.role == Role::kInbox) {
        out.skip_inbox = true;
        return {};
      }
      if (label.role == Role::kJunk) {
        out.never_junk = true;
        return {};
      }
      if (label.role != Role::kNone && label.role != Role::kImportant) break;
      out.remove.push_back(label.mailbox);
      return {};
    default:
      break;
  }
  return invalid("removeLabelIds: a filter cannot remove " + label.id);
}

Result<sieve::FilterAction> action_of(const value& body, const Labels& labels) {
  if (const auto known = only_members(body, {"addLabelIds", "removeLabelIds", "forward"}); !known) return known.error();
  sieve::FilterAction out;
  const auto add = labels_in(body, "addLabelIds"), remove = labels_in(body, "removeLabelIds");
  if (!add) return add.error();
  if (!remove) return remove.error();
  for (const auto& [ids, act] : {std::pair(&*add, &add_label), std::pair(&*remove, &remove_label)})
    for (const std::string& id : *ids) {
      const Label* label = labels.find(id);
      if (!label) return invalid("Label " + text::printable(id, 100) + " not found");
      if (const auto done = act(*label, out); !done) return done.error();
    }
  auto forward = string_of(body, "forward");
  if (!forward) return forward.error();
  out.forward = std::move(*forward);
  return out;
}

object resource_of(const Filter& filter, const Labels& labels) {
  object criteria;
  const sieve::Criteria& c = filter.criteria;
  for (const auto& [name, text] : {std::pair<const char*, const std::string*>("from", &c.from),
                                   {"to", &c.to},
                                   {"subject", &c.subject},
                                   {"query", &c.query},
                                   {"negatedQuery", &c.negated_query}})
    if (!text->empty()) criteria[name] = *text;
  if (c.has_attachment) criteria["hasAttachment"] = true;
  if (c.larger || c.smaller) {
    criteria["size"] = c.larger ? *c.larger : *c.smaller;
    criteria["sizeComparison"] = c.larger ? "larger" : "smaller";
  }

  array add, remove;
  const sieve::FilterAction& a = filter.action;
  const auto put_flags = [&](const sieve::FlagList& flags, array& into) {
    for (const std::string& flag : flags) {
      if (flag == "\\Flagged") into.emplace_back("STARRED");
      for (const Label& label : labels.all())
        if (label.kind == Label::Kind::kCategory && text::iequals(label.keyword, flag)) into.emplace_back(label.id);
    }
  };
  // A label that is gone is shown by the id it had.
  const auto put_labels = [&](const std::vector<mailbox::MailboxId>& ids, array& into) {
    for (const mailbox::MailboxId id : ids) {
      const Label* label = labels.of(id);
      into.emplace_back(label ? label->id : "Label_" + std::to_string(id));
    }
  };
  put_labels(a.add, add);
  put_flags(a.add_flags, add);
  if (a.trash) add.emplace_back("TRASH");
  put_labels(a.remove, remove);
  put_flags(a.remove_flags, remove);
  if (a.skip_inbox) remove.emplace_back("INBOX");
  if (std::find(a.add_flags.begin(), a.add_flags.end(), "\\Seen") != a.add_flags.end()) remove.emplace_back("UNREAD");
  if (a.never_junk) remove.emplace_back("SPAM");
  object action;
  if (!add.empty()) action["addLabelIds"] = std::move(add);
  if (!remove.empty()) action["removeLabelIds"] = std::move(remove);
  if (!a.forward.empty()) action["forward"] = a.forward;

  object out;
  out["id"] = id_text(filter.id);
  out["criteria"] = std::move(criteria);
  out["action"] = std::move(action);
  return out;
}

Task<Result<value>> list(CallPtr call) {
  const Look read = [](const Call& c, const store::Reader& r) -> Result<value> {
    const auto settings = sieve::settings(r, c.account());
    if (!settings) return settings.error();
    const auto labels = Labels::read(c.services.mailboxes, r, c.account());
    if (!labels) return labels.error();
    array all;
    for (const Filter& filter : settings->filters) all.push_back(resource_of(filter, *labels));
    object out;
    if (!all.empty()) out["filter"] = std::move(all);
    return value(std::move(out));
  };
  Task<Result<value>> reading = look(call, Where::kHere, read);
  co_return co_await reading;
}

Task<Result<value>> get(CallPtr call) {
  const Look read = [](const Call& c, const store::Reader& r) -> Result<value> {
    const auto settings = sieve::settings(r, c.account());
    if (!settings) return settings.error();
    const auto labels = Labels::read(c.services.mailboxes, r, c.account());
    if (!labels) return labels.error();
    const auto id = parse_id(c.path("id"));
    const Filter* filter = id ? settings->filter(*id) : nullptr;
    if (!filter) return missing();
    return value(resource_of(*filter, *labels));
  };
  Task<Result<value>> reading = look(call, Where::kHere, read);
  co_return co_await reading;
}

Task<Result<value>> create(CallPtr call) {
  if (const auto known = only_members(call->body, {"id", "criteria", "action"}); !known) co_return known.error();
  const Edit edit = [call](Settings& settings, const store::Reader& r) -> Result<void> {
    const value* criteria = api::member(call->body, "criteria");
    const value* action = api::member(call->body, "action");
    if (!criteria || !action) return invalid("Filter needs criteria and an action");
    const auto labels = Labels::read(call->services.mailboxes, r, call->account());
    if (!labels) return labels.error();
    Filter filter;
    auto wanted = criteria_of(*criteria);
    if (!wanted) return wanted.error();
    auto act = action_of(*action, *labels);
    if (!act) return act.error();
    filter.criteria = std::move(*wanted);
    filter.action = std::move(*act);
    for (const Filter& one : settings.filters)
      if (one.criteria == filter.criteria && one.action == filter.action) return invalid("Filter already exists");
    settings.filters.push_back(std::move(filter));
    return {};
  };
  Task<Result<Settings>> editing = edit_settings(call, edit);
  const auto done = co_await editing;
  if (!done) co_return done.error();
  const auto labels = Labels::read(call->services.mailboxes, call->services.store, call->account());
  if (!labels) co_return labels.error();
  co_return value(resource_of(done->filters.back(), *labels));
}

Task<Result<value>> remove(CallPtr call) {
  const Edit edit = [call](Settings& settings, const store::Reader&) -> Result<void> {
    const auto id = parse_id(call->path("id"));
    const auto removed = std::erase_if(settings.filters, [&](const Filter& one) { return id && one.id == *id; });
    if (removed == 0) return missing();
    return {};
  };
  Task<Result<Settings>> editing = edit_settings(call, edit);
  const auto done = co_await editing;
  if (!done) co_return done.error();
  co_return value(nullptr);
}

}  // namespace

void add_filters(web::Router& router, Services& services) {
  add(router, services, "GET", "/settings/filters", Need::kReadSettings, list);
  add(router, services, "POST", "/settings/filters", Need::kSettings, create);
  add(router, services, "GET", "/settings/filters/{id}", Need::kReadSettings, get);
  add(router, services, "DELETE", "/settings/filters/{id}", Need::kSettings, remove);
}

}  // namespace pabal::gmail
