#include "mailbox/query.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "mailbox/probe.h"
#include "mailbox/query_match.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

using Op = Query::Op;
using Ids = std::vector<MessageId>;

// How Gmail writes the name of a label in a query: lower case, blanks and levels as "-".
std::string label_form(std::string_view name) {
  std::string out = message::casemap(name);
  for (char& c : out)
    if (c == ' ' || c == '/' || c == '_') c = '-';
  return out;
}

std::optional<Role> role_of(std::string_view label) {
  struct Name {
    std::string_view name;
    Role role;
  };
  constexpr Name kNames[] = {{"inbox", Role::kInbox},   {"sent", Role::kSent},           {"draft", Role::kDrafts},
                             {"drafts", Role::kDrafts}, {"spam", Role::kJunk},           {"junk", Role::kJunk},
                             {"trash", Role::kTrash},   {"important", Role::kImportant}, {"archive", Role::kArchive}};
  for (const Name& known : kNames)
    if (text::iequals(known.name, label)) return known.role;
  return {};
}

class Finder {
 public:
  Finder(const Mailboxes& boxes, const store::Reader& r, AccountId account, const QueryScope& scope)
      : boxes_(boxes), r_(r), account_(account), scope_(scope) {}

  Result<Ids> run(const Query& query) {
    auto list = boxes_.list(r_, account_);
    if (!list) return list.error();
    mailboxes_ = std::move(*list);
    if (scope_.only) std::erase_if(mailboxes_, [&](const Mailbox& box) { return box.id != *scope_.only; });
    everywhere_ = scope_.everywhere || names_hidden(query);
    if (const auto done = learn(query); !done) return done.error();
    bound(query);
    Ids out;
    std::optional<Error> failure;
    const auto visit = [&](Message&& m) {
      std::erase_if(m.places,
                    [&](const Message::Place& place) { return scope_.only && place.mailbox != *scope_.only; });
      if (m.places.empty() || failure || (!everywhere_ && is_hidden(m))) return;
      Probe probe(boxes_, r_, account_, m.id);
      const MessageId id = m.id;
      probe.give(std::move(m));
      if (holds(query, probe)) out.push_back(id);
      if (probe.failure()) failure = probe.failure();
    };
    const auto read =
        only_ ? boxes_.each_message(r_, account_, *only_, visit) : boxes_.each_message(r_, account_, visit);
    if (!read) return read.error();
    if (failure) return *failure;
    return out;
  }

 private:
  // --- what is found out once ---

  Result<void> learn(const Query& query) {
    if (query.op == Op::kLabel) labels_[&query] = named(query.text);
    if (const auto field = index_field(query.op);
        field && (query.op == Op::kAttachment || !words_of(query.text).empty())) {
      const std::vector<std::string> texts = texts_of(query, scope_.me);
      Ids& any = found_[&query];
      for (const std::string& text : texts) {
        const auto hits = boxes_.search(r_, account_, {{text, *field, true, false}});
        if (!hits) return hits.error();
        Ids both;
        std::set_union(any.begin(), any.end(), hits->begin(), hits->end(), std::back_inserter(both));
        any = std::move(both);
      }
    }
    for (const Query& child : query.children)
      if (const auto done = learn(child); !done) return done;
    return {};
  }

  void bound(const Query& query) {
    if (query.op == Op::kAnd || query.op == Op::kAround)
      for (const Query& child : query.children) bound(child);
    const auto found = found_.find(&query);
    if (found == found_.end()) return;
    Ids both;
    if (only_)
      std::set_intersection(only_->begin(), only_->end(), found->second.begin(), found->second.end(),
                            std::back_inserter(both));
    only_ = only_ ? std::move(both) : found->second;
  }

  std::vector<MailboxId> named(std::string_view label) const {
    std::vector<MailboxId> out;
    const auto role = role_of(label);
    const std::string form = label_form(label);
    for (const Mailbox& box : mailboxes_)
      if ((role && box.role == *role) || label_form(box.name) == form) out.push_back(box.id);
    return out;
  }

  // Gmail looks into Trash and Spam only where they are named.
  bool names_hidden(const Query& query) const {
    if (query.op == Op::kAnywhere) return true;
    if (query.op == Op::kLabel) {
      const auto role = role_of(query.text);
      if (role == Role::kTrash || role == Role::kJunk) return true;
    }
    return std::any_of(query.children.begin(), query.children.end(), [&](const Query& q) { return names_hidden(q); });
  }

  Role role_at(MailboxId id) const {
    const auto box = std::find_if(mailboxes_.begin(), mailboxes_.end(), [&](const Mailbox& b) { return b.id == id; });
    return box == mailboxes_.end() ? Role::kNone : box->role;
  }
  bool is_hidden(const Message& m) const {
    return std::all_of(m.places.begin(), m.places.end(), [&](const Message::Place& place) {
      const Role role = role_at(place.mailbox);
      return role == Role::kTrash || role == Role::kJunk;
    });
  }

  // --- one message ---

  bool holds(const Query& q, Probe& probe) const {
    const Message& m = *probe.message();
    switch (q.op) {
      case Op::kAll:
      case Op::kAnywhere:
        return true;
      case Op::kNone:
        return false;
      case Op::kAnd:
        return std::all_of(q.children.begin(), q.children.end(), [&](const Query& c) { return holds(c, probe); });
      case Op::kOr:
        return std::any_of(q.children.begin(), q.children.end(), [&](const Query& c) { return holds(c, probe); });
      case Op::kNot:
        return !holds(q.children.front(), probe);
      case Op::kText:
      case Op::kSubject:
      case Op::kFrom:
      case Op::kTo:
      case Op::kCc:
      case Op::kAttachment:
        return has_found(q, probe.id());
      case Op::kBcc:
        return has_found(q, probe.id()) && probe.in_addresses("BCC", message::Needle(q.text));
      case Op::kList:
        return has_found(q, probe.id()) && probe.in_header("List-Id", message::Needle(q.text));
      case Op::kMessageId:
        return has_found(q, probe.id()) && probe.summary() && is_message_id(probe.summary()->message_id, q.text);
      case Op::kDeliveredTo:
        return probe.in_header("Delivered-To", message::Needle(q.text));
      case Op::kFilename:
        return has_found(q, probe.id()) && probe.details() && names_file(probe.details()->structure.root, q.text);
      case Op::kAround:
        return std::all_of(q.children.begin(), q.children.end(), [&](const Query& c) { return holds(c, probe); }) &&
               probe.details() && probe.body() && are_near(q, *probe.body(), probe.details()->structure);
      case Op::kUserLabels:
        return std::any_of(m.places.begin(), m.places.end(),
                           [&](const Message::Place& place) { return role_at(place.mailbox) == Role::kNone; });
      case Op::kFlag:
        return (m.flags.system & q.flag) != 0;
      case Op::kLabel: {
        const auto& boxes = labels_.at(&q);
        return std::any_of(m.places.begin(), m.places.end(), [&](const Message::Place& place) {
          return std::find(boxes.begin(), boxes.end(), place.mailbox) != boxes.end();
        });
      }
      case Op::kLarger:
        return m.size >= q.number;
      case Op::kSmaller:
        return m.size < q.number;
      case Op::kSince:
        return m.received >= q.time;
      case Op::kBefore:
        return m.received < q.time;
    }
    return false;
  }

  bool has_found(const Query& q, MessageId id) const {
    const auto found = found_.find(&q);
    return found != found_.end() && std::binary_search(found->second.begin(), found->second.end(), id);
  }

  const Mailboxes& boxes_;
  const store::Reader& r_;
  const AccountId account_;
  const QueryScope& scope_;
  bool everywhere_ = false;
  std::vector<Mailbox> mailboxes_;
  std::map<const Query*, Ids> found_;                      // of texts: by the index
  std::map<const Query*, std::vector<MailboxId>> labels_;  // of kLabel
  std::optional<Ids> only_;                                // no other can match
};

}  // namespace

Result<std::vector<MessageId>> find(const Mailboxes& boxes, const store::Reader& r, AccountId account,
                                    const Query& query, const QueryScope& scope) {
  return Finder(boxes, r, account, scope).run(query);
}

}  // namespace pabal::mailbox
