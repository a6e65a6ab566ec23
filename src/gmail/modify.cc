#include "gmail/modify.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "gmail/keys.h"

namespace pabal::gmail {

using api::json::value;
using mailbox::AccountId;
using mailbox::Mailboxes;
using mailbox::MailboxId;
using mailbox::Message;
using mailbox::MessageId;
using mailbox::Role;

namespace {

constexpr days kFormerLabels{30};  // how long a message in Trash remembers where it was
constexpr uint8_t kFormerVersion = 1;

// A change as mailboxes, flags and keywords.
struct Plan {
  std::set<MailboxId> add, remove;
  uint8_t flags_on = 0, flags_off = 0;
  std::vector<std::string> keywords_on, keywords_off;
  MailboxId hide = 0;     // TRASH or SPAM is added
  bool to_inbox = false;  // INBOX is added: so the message is no longer in Trash, Junk or Archive
  bool flags() const { return flags_on != 0 || flags_off != 0 || !keywords_on.empty() || !keywords_off.empty(); }
};

Error bad_label(const std::string& id) { return {Code::kInvalid, "Invalid label: " + id}; }

std::string_view usual_name(Role role) {
  return role == Role::kImportant ? "Important"
         : role == Role::kTrash   ? "Trash"
         : role == Role::kJunk    ? "Junk"
         : role == Role::kSent    ? "Sent"
                                  : "Drafts";
}

// The label, and its mailbox made where a system label has none yet.
Result<Label> label_to_give(Mailboxes& boxes, store::Transaction& t, AccountId account, const Labels& labels,
                            const std::string& id) {
  const Label* label = labels.find(id);
  if (!label) return bad_label(id);
  Label out = *label;
  if (out.kind != Label::Kind::kNobodys) return out;
  if (out.role == Role::kNone) return bad_label(id);  // CHAT
  const auto made = boxes.create(t, account, usual_name(out.role), out.role);
  if (!made) return made.error();
  out.kind = Label::Kind::kMailbox;
  out.mailbox = *made;
  return out;
}

void plan_one(Plan& plan, const Label& label, bool on) {
  switch (label.kind) {
    case Label::Kind::kMailbox:
      (on ? plan.add : plan.remove).insert(label.mailbox);
      if (on && (label.role == Role::kTrash || label.role == Role::kJunk)) plan.hide = label.mailbox;
      if (on && label.role == Role::kInbox) plan.to_inbox = true;
      break;
    case Label::Kind::kUnread:
      (on ? plan.flags_off : plan.flags_on) |= mailbox::kSeen;
      break;
    case Label::Kind::kStarred:
      (on ? plan.flags_on : plan.flags_off) |= mailbox::kFlagged;
      break;
    case Label::Kind::kCategory:
      (on ? plan.keywords_on : plan.keywords_off).emplace_back(label.keyword);
      break;
    case Label::Kind::kNobodys:
      break;  // to take away what nobody has
  }
}

void apply_flags(const Plan& plan, mailbox::Flags& flags) {
  flags.system = static_cast<uint8_t>((flags.system | plan.flags_on) & ~plan.flags_off);
  std::erase_if(flags.keywords, [&](const std::string& word) {
    return std::any_of(plan.keywords_off.begin(), plan.keywords_off.end(),
                       [&](const std::string& off) { return text::iequals(off, word); });
  });
  flags.keywords.insert(flags.keywords.end(), plan.keywords_on.begin(), plan.keywords_on.end());
}

std::set<MailboxId> places_of(const Message& m) {
  std::set<MailboxId> out;
  for (const Message::Place& place : m.places) out.insert(place.mailbox);
  return out;
}

// --- what a message in Trash was before

void remember(store::Transaction& t, AccountId account, MessageId id, const std::set<MailboxId>& places, Time now) {
  Encoder out;
  out.u8(kFormerVersion).varint(places.size());
  for (const MailboxId place : places) out.u32(place);
  t.put_until(keys::former(account, id), out.take(), now + kFormerLabels);
}

// Those of them that still are.
Result<std::set<MailboxId>> recall(store::Transaction& t, AccountId account, const Labels& labels, MessageId id) {
  std::set<MailboxId> out;
  const std::string key = keys::former(account, id);
  const auto record = t.get(key);
  if (!record) return record.error();
  if (!*record) return out;
  t.erase(key);
  Decoder in(**record);
  if (in.u8() != kFormerVersion) return out;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const MailboxId box = in.u32();
    const bool there = std::any_of(labels.mailboxes().begin(), labels.mailboxes().end(),
                                   [&](const mailbox::Mailbox& one) { return one.id == box; });
    if (in.ok() && there) out.insert(box);
  }
  return out;
}

// --- one message

Result<void> place_one(Mailboxes& boxes, store::Transaction& t, AccountId account, const Labels& labels,
                       const Message& m, const Plan& plan, Time now) {
  const MailboxId trash = labels.by_role(Role::kTrash), junk = labels.by_role(Role::kJunk),
                  inbox = labels.by_role(Role::kInbox), archive = labels.by_role(Role::kArchive);
  const std::set<MailboxId> before = places_of(m);
  const bool was_hidden = before.contains(trash) || before.contains(junk);
  std::set<MailboxId> after = before;
  if (plan.hide != 0) {
    if (!was_hidden) remember(t, account, m.id, before, now);
    after = {plan.hide};
  } else {
    after.insert(plan.add.begin(), plan.add.end());
    for (const MailboxId box : plan.remove) after.erase(box);
    if (plan.to_inbox) after.erase(trash), after.erase(junk), after.erase(archive);
    const bool comes_back = was_hidden && !after.contains(trash) && !after.contains(junk);
    if (comes_back) {
      const auto former = recall(t, account, labels, m.id);
      if (!former) return former.error();
      if (after.empty()) after = *former;
      for (const MailboxId box : plan.remove) after.erase(box);
      if (after.empty() && !plan.remove.contains(inbox)) after.insert(inbox);
    }
    if (after.empty()) after.insert(archive != 0 ? archive : inbox);
  }
  for (const MailboxId box : after)
    if (!before.contains(box))
      if (const auto added = boxes.add_place(t, account, m.id, box); !added) return added.error();
  for (const MailboxId box : before)
    if (!after.contains(box))
      if (const auto left = boxes.remove_place(t, account, m.id, box); !left) return left;
  return {};
}

Result<std::vector<std::string>> strings(const value& body, std::string_view name) {
  std::vector<std::string> out;
  const value* list = api::member(body, name);
  if (!list || list->is_null()) return out;
  const Error bad{Code::kInvalid, std::string(name) + " is to be a list of at most 100 strings"};
  const auto* array = list->if_array();
  if (!array || array->size() > kMaxLabelsChanged) return bad;
  for (const value& one : *array) {
    if (!one.is_string()) return bad;
    out.emplace_back(one.get_string());
  }
  return out;
}

}  // namespace

Result<LabelChange> parse_change(const value& body) {
  auto add = strings(body, "addLabelIds");
  if (!add) return add.error();
  auto remove = strings(body, "removeLabelIds");
  if (!remove) return remove.error();
  for (const std::string& id : *add)
    if (std::find(remove->begin(), remove->end(), id) != remove->end())
      return Error{Code::kInvalid, "Cannot both add and remove the same label: " + id};
  return LabelChange{std::move(*add), std::move(*remove)};
}

Result<void> change_labels(Mailboxes& boxes, store::Transaction& t, AccountId account,
                           const std::vector<MessageId>& messages, const LabelChange& change, Time now, bool strict) {
  auto labels = Labels::read(boxes, t, account);
  if (!labels) return labels.error();
  Plan plan;
  for (const bool on : {true, false})
    for (const std::string& id : on ? change.add : change.remove) {
      const Label* known = labels->find(id);
      if (!known) return bad_label(id);
      if (known->role == Role::kSent || known->role == Role::kDrafts)
        return Error{Code::kInvalid, "The label " + id + " cannot be added or removed"};
      Result<Label> label = on ? label_to_give(boxes, t, account, *labels, id) : Result<Label>(*known);
      if (!label) return label.error();
      plan_one(plan, *label, on);
    }
  if (plan.add.contains(labels->by_role(Role::kTrash)) && plan.add.contains(labels->by_role(Role::kJunk)))
    return Error{Code::kInvalid, "A message is in TRASH or in SPAM, not in both"};

  std::map<MailboxId, std::vector<mailbox::Uid>> flagged;  // by the first place of each
  std::vector<Message> found;
  for (const MessageId id : messages) {
    auto m = boxes.message(t, account, id);
    if (!m) return m.error();
    if (!*m || (*m)->places.empty()) {
      if (strict) return Error{Code::kNotFound, "Requested entity was not found."};
      continue;
    }
    if (plan.flags()) flagged[(*m)->places.front().mailbox].push_back((*m)->places.front().uid);
    found.push_back(std::move(**m));
  }
  for (auto& [box, uids] : flagged) {
    std::sort(uids.begin(), uids.end());
    uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
    const auto edited =
        boxes.edit_flags(t, account, box, uids, [&](mailbox::Flags& flags) { apply_flags(plan, flags); });
    if (!edited) return edited.error();
  }
  if (plan.add.empty() && plan.remove.empty()) return {};
  for (const Message& m : found)
    if (const auto placed = place_one(boxes, t, account, *labels, m, plan, now); !placed) return placed;
  return {};
}

Result<void> remove_message(Mailboxes& boxes, store::Transaction& t, AccountId account, MessageId id) {
  const auto m = boxes.message(t, account, id);
  if (!m) return m.error();
  if (!*m || (*m)->places.empty()) return Error{Code::kNotFound, "Requested entity was not found."};
  for (const Message::Place& place : (*m)->places)
    if (const auto left = boxes.remove_place(t, account, id, place.mailbox); !left) return left;
  t.erase(keys::former(account, id));
  return {};
}

Result<Placing> placing_of(Mailboxes& boxes, store::Transaction& t, AccountId account,
                           const std::vector<std::string>& ids) {
  const auto labels = Labels::read(boxes, t, account);
  if (!labels) return labels.error();
  Plan plan;
  plan.flags_on = mailbox::kSeen;
  for (const std::string& id : ids) {
    const auto label = label_to_give(boxes, t, account, *labels, id);
    if (!label) return label.error();
    plan_one(plan, *label, true);
    if (label->role == Role::kDrafts) plan.flags_on |= mailbox::kDraft;
  }
  Placing out;
  apply_flags(plan, out.flags);
  if (plan.hide != 0) plan.add = {plan.hide};
  out.mailboxes.assign(plan.add.begin(), plan.add.end());
  if (out.mailboxes.empty()) {
    const MailboxId archive = labels->by_role(Role::kArchive);
    out.mailboxes.push_back(archive != 0 ? archive : labels->by_role(Role::kInbox));
  }
  return out;
}

}  // namespace pabal::gmail
