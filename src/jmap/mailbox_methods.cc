// Mailbox/get, /changes, /query, /queryChanges (RFC 8621 §2).
#include <algorithm>

#include "jmap/boxes.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "jmap/principals.h"
#include "jmap/standard.h"
#include "mailbox/overview.h"
#include "message/casemap.h"

namespace pabal::jmap {
namespace {

const std::set<std::string> kProperties = {"id",           "name",         "parentId",     "role",          "sortOrder",
                                           "totalEmails",  "unreadEmails", "totalThreads", "unreadThreads", "myRights",
                                           "isSubscribed", "shareWith"};
constexpr const char* kCounts[] = {"totalEmails", "unreadEmails", "totalThreads", "unreadThreads"};

json::value id_or_null(mailbox::MailboxId id) { return id ? json::value(mailbox_id(id)) : json::value(nullptr); }
json::value role_or_null(mailbox::Role role) {
  return role == mailbox::Role::kNone ? json::value(nullptr) : json::value(role_name(role));
}

using Counts = std::map<mailbox::MailboxId, mailbox::Overview::Counts>;

Result<Counts> counts_of(Call& call, const std::vector<Box>& boxes) {
  mailbox::MailboxId trash = 0;
  for (const Box& one : boxes)
    if (one.box.role == mailbox::Role::kTrash) trash = one.box.id;
  Counts out;
  const std::function<void(const mailbox::Overview&)> use = [&](const mailbox::Overview& overview) {
    out = overview.counts(trash, [&](mailbox::MailboxId id) { return call.account().may(id, mailbox::kLookup); });
  };
  auto done = call.services().overviews.with(call.reader(), call.account().id, use);
  for (int i = 0; i < 5 && !done && done.code() == Code::kConflict; ++i)
    done = call.services().overviews.with(call.read_anew(), call.account().id, use);
  if (!done) return done.error();
  return out;
}

json::object object_of(const Box& one, const GetArguments& asked, const Counts& counts) {
  json::object out;
  const auto put = [&](const char* name, json::value value) {
    if (asked.wants(name)) out[name] = std::move(value);
  };
  const auto found = counts.find(one.box.id);
  const mailbox::Overview::Counts n = found == counts.end() ? mailbox::Overview::Counts() : found->second;
  put("id", json::value(mailbox_id(one.box.id)));
  put("name", json::value(one.name));
  put("parentId", id_or_null(one.parent));
  put("role", role_or_null(one.box.role));
  put("sortOrder", one.sort_order);
  put("totalEmails", n.emails);
  put("unreadEmails", n.unread);
  put("totalThreads", n.threads);
  put("unreadThreads", n.unread_threads);
  put("myRights", rights_object(one.rights, one.box.role));
  put("isSubscribed", one.subscribed);
  return out;
}

Answer get(Call& call) {
  const auto asked = read_get(call, kProperties);
  if (!asked) return asked.failure();
  auto boxes = visible_boxes(call.services(), call.reader(), call.account(), call.caller().account);
  if (!boxes) return failure_of(boxes.error());
  Counts counts;
  if (std::any_of(std::begin(kCounts), std::end(kCounts), [&](const char* name) { return asked->wants(name); })) {
    auto counted = counts_of(call, *boxes);
    if (!counted) return failure_of(counted.error());
    counts = std::move(*counted);
    // The moment may have moved.
    boxes = visible_boxes(call.services(), call.reader(), call.account(), call.caller().account);
    if (!boxes) return failure_of(boxes.error());
  }
  const auto figures = call.services().mailboxes.figures(call.reader(), call.account().id);
  if (!figures) return failure_of(figures.error());
  json::array list, not_found;
  // Clients of mail alone do not know of it.
  const bool shares = asked->wants("shareWith") && (asked->properties || call.uses(kPrincipals));
  std::optional<Error> failed;
  const auto give = [&](const Box& one) {
    json::object& made = list.emplace_back(object_of(one, *asked, counts)).as_object();
    if (!shares) return;
    auto with = share_with(call.reader(), call.account(), one);
    if (with)
      made["shareWith"] = std::move(*with);
    else
      failed = with.error();
  };
  if (!asked->ids) {
    for (const Box& one : *boxes) give(one);
  } else
    for (const std::string& id : *asked->ids) {
      const auto found =
          std::find_if(boxes->begin(), boxes->end(), [&](const Box& one) { return mailbox_id(one.box.id) == id; });
      if (found == boxes->end())
        not_found.emplace_back(id);
      else
        give(*found);
    }
  if (failed) return failure_of(*failed);
  return get_answer(call, state_text(figures->modseq), std::move(list), std::move(not_found));
}

// What has happened to mailboxes since a state.
struct News {
  std::set<mailbox::MailboxId> created, removed, changed, counted;
};

Or<News> news_since(Call& call, const std::string& since) {
  const auto state = text::parse_u64(since);
  const auto figures = call.services().mailboxes.figures(call.reader(), call.account().id);
  if (!figures) return failure_of(figures.error());
  if (!state || *state > figures->modseq) return cannot_calculate();
  const auto changes = call.services().mailboxes.changes(call.reader(), call.account().id, *state, SIZE_MAX);
  if (!changes) return changes.code() == Code::kNotFound ? cannot_calculate() : failure_of(changes.error());
  News out;
  using Kind = mailbox::Change::Kind;
  for (const mailbox::Change& change : *changes) {
    // What others may do with it decides what there is: who sees it by rights has no history of that.
    if (change.kind == Kind::kRights && !call.account().own) return cannot_calculate();
    if (change.mailbox == 0) continue;
    if (change.kind == Kind::kMailboxCreated)
      out.created.insert(change.mailbox);
    else if (change.kind == Kind::kMailboxRemoved)
      out.removed.insert(change.mailbox);
    else if (change.message != 0)
      out.counted.insert(change.mailbox);
    else
      out.changed.insert(change.mailbox);
  }
  return out;
}

Answer changes(Call& call) {
  const auto asked = read_changes(call);
  if (!asked) return asked.failure();
  const auto news = news_since(call, asked->since);
  if (!news) return news.failure();
  const auto figures = call.services().mailboxes.figures(call.reader(), call.account().id);
  if (!figures) return failure_of(figures.error());
  Changes out;
  out.now = state_text(figures->modseq);
  bool only_counts = true;
  const auto seen = [&](mailbox::MailboxId id) {
    return call.account().own || call.account().may(id, mailbox::kLookup);
  };
  for (const mailbox::MailboxId id : news->created)
    if (!news->removed.contains(id) && seen(id)) out.created.push_back(mailbox_id(id));
  for (const mailbox::MailboxId id : news->removed)
    if (!news->created.contains(id) && call.account().own) out.destroyed.push_back(mailbox_id(id));
  std::set<mailbox::MailboxId> updated = news->changed;
  updated.insert(news->counted.begin(), news->counted.end());
  for (const mailbox::MailboxId id : updated) {
    if (news->created.contains(id) || news->removed.contains(id) || !seen(id)) continue;
    out.updated.push_back(mailbox_id(id));
    only_counts = only_counts && !news->changed.contains(id);
  }
  // There is no state between: an account has few mailboxes, and a client that takes fewer asks for all.
  if (asked->max && out.created.size() + out.updated.size() + out.destroyed.size() > *asked->max)
    return cannot_calculate();
  const bool any = !out.updated.empty();
  json::object answer = changes_answer(call, asked->since, std::move(out));
  answer["updatedProperties"] = nullptr;
  if (any && only_counts) {
    json::array names;
    for (const char* name : kCounts) names.emplace_back(name);
    answer["updatedProperties"] = std::move(names);
  }
  return answer;
}

// --- /query ---

Or<bool> matches(const Box& one, const json::object& condition) {
  Fields in(condition);
  for (const auto& [name, value] : condition) {
    if (name == "parentId") {
      const auto id = in.string("parentId");
      if (value.is_null() ? one.parent != 0 : mailbox_id(one.parent) != id.value_or("")) return false;
    } else if (name == "name") {
      const auto text = in.string("name");
      if (text && !message::Needle(*text).in(one.name)) return false;
    } else if (name == "role") {
      const auto role = in.string("role");
      if (role_name(one.box.role) != role.value_or("")) return false;
    } else if (name == "hasAnyRole") {
      if (in.boolean("hasAnyRole", false) != (one.box.role != mailbox::Role::kNone)) return false;
    } else if (name == "isSubscribed") {
      if (in.boolean("isSubscribed", false) != one.subscribed) return false;
    } else
      return Failure{"unsupportedFilter", "there is no filter \"" + std::string(name) + "\""};
    if (const auto bad = in.bad_arguments()) return *bad;
  }
  return true;
}

struct Queried {
  QueryArguments asked;
  std::vector<std::string> ids;
  bool as_tree = false;
};

Or<Queried> query_ids(Call& call, bool of_changes) {
  auto asked = read_query(call, {"sortOrder", "name", "parentId"}, of_changes);
  if (!asked) return asked.failure();
  Fields in(call.arguments);
  const bool sort_as_tree = in.boolean("sortAsTree", false), filter_as_tree = in.boolean("filterAsTree", false);
  if (const auto bad = in.bad_arguments()) return *bad;
  const auto boxes = visible_boxes(call.services(), call.reader(), call.account(), call.caller().account);
  if (!boxes) return failure_of(boxes.error());
  std::map<mailbox::MailboxId, const Box*> by_id;
  for (const Box& one : *boxes) by_id[one.box.id] = &one;
  std::set<mailbox::MailboxId> in_results;
  std::vector<const Box*> found;
  std::optional<Failure> failed;
  for (const Box& one : *boxes) {  // parents before their children
    const bool holds = asked->filter.holds([&](const json::object& condition) {
      const auto match = matches(one, condition);
      if (!match && !failed) failed = match.failure();
      return match && *match;
    });
    if (failed) return *failed;
    if (!holds || (filter_as_tree && one.parent != 0 && !in_results.contains(one.parent))) continue;
    in_results.insert(one.box.id);
    found.push_back(&one);
  }
  const auto before = [&](const Box& a, const Box& b) {
    for (const Comparator& by : asked->sort) {
      int order = 0;
      if (by.property == "sortOrder")
        order = a.sort_order < b.sort_order ? -1 : a.sort_order > b.sort_order;
      else if (by.property == "parentId")
        order = a.parent < b.parent ? -1 : a.parent > b.parent;
      else
        order = by.collation == "i;octet" ? a.name.compare(b.name)
                                          : message::casemap(a.name).compare(message::casemap(b.name));
      if (order != 0) return by.ascending ? order < 0 : order > 0;
    }
    return a.box.id < b.box.id;
  };
  const auto path = [&](const Box* one) {
    std::vector<const Box*> out{one};
    while (out.back()->parent != 0) out.push_back(by_id.at(out.back()->parent));
    std::reverse(out.begin(), out.end());
    return out;
  };
  std::sort(found.begin(), found.end(), [&](const Box* a, const Box* b) {
    if (!sort_as_tree) return before(*a, *b);
    const auto left = path(a), right = path(b);
    for (size_t i = 0; i < left.size() && i < right.size(); ++i)
      if (left[i] != right[i]) return before(*left[i], *right[i]);
    return left.size() < right.size();
  });
  Queried out{std::move(*asked), {}, sort_as_tree || filter_as_tree};
  for (const Box* one : found) out.ids.push_back(mailbox_id(one->box.id));
  return out;
}

Answer query(Call& call) {
  const auto found = query_ids(call, false);
  if (!found) return found.failure();
  const auto figures = call.services().mailboxes.figures(call.reader(), call.account().id);
  if (!figures) return failure_of(figures.error());
  return query_answer(call, found->asked, state_text(figures->modseq), true, found->ids);
}

Answer query_changes(Call& call) {
  const auto found = query_ids(call, true);
  if (!found) return found.failure();
  const auto news = news_since(call, found->asked.since);
  if (!news) return news.failure();
  const auto figures = call.services().mailboxes.figures(call.reader(), call.account().id);
  if (!figures) return failure_of(figures.error());
  std::set<std::string> removed, created;
  for (const mailbox::MailboxId id : news->changed) removed.insert(mailbox_id(id));
  for (const mailbox::MailboxId id : news->removed) removed.insert(mailbox_id(id));
  for (const mailbox::MailboxId id : news->created) {
    created.insert(mailbox_id(id));
    removed.erase(mailbox_id(id));
  }
  // By the tree, one that has not changed may move with another that has.
  if (found->as_tree && !removed.empty())
    for (const std::string& id : found->ids)
      if (!created.contains(id)) removed.insert(id);
  return query_changes_answer(call, found->asked, state_text(figures->modseq), found->ids, removed, created, false);
}

json::object mail_capability(const Services& services, const Account& account) {
  json::object out;
  out["maxMailboxesPerEmail"] = mailbox::kMaxMailboxes;
  out["maxMailboxDepth"] = 16;
  out["maxSizeMailboxName"] = 255;
  out["maxSizeAttachmentsPerEmail"] = services.max_message_size;
  out["emailQuerySortOptions"] = json::array{"receivedAt",
                                             "sentAt",
                                             "size",
                                             "from",
                                             "to",
                                             "subject",
                                             "id",
                                             "hasKeyword",
                                             "allInThreadHaveKeyword",
                                             "someInThreadHaveKeyword"};
  out["mayCreateTopLevelMailbox"] = account.own;
  return out;
}

}  // namespace

void add_mailbox_methods(Methods& methods) {
  Capability mail;
  mail.name = kMail;
  mail.of_account = [](const Services& services, const Account& account) {
    return std::optional(mail_capability(services, account));
  };
  methods.add(mail);
  const auto add = [&](const char* name, std::function<Answer(Call&)> read, const char* takes = "") {
    Method method;
    method.name = name;
    method.capability = kMail;
    method.read = std::move(read);
    // Whoever puts emails somewhere has to name the place.
    method.needs = {identity::kMailMetadata, identity::kMailLabels, identity::kMailDrafts, identity::kMailInsert};
    method.takes = takes;
    methods.add(method);
  };
  add("Mailbox/get", get);
  add("Mailbox/changes", changes);
  add("Mailbox/query", query, "sortAsTree filterAsTree");
  add("Mailbox/queryChanges", query_changes, "sortAsTree filterAsTree");
}

}  // namespace pabal::jmap
