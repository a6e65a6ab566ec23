#include "gmail/labels.h"

#include <algorithm>

#include "base/text.h"
#include "mailbox/history.h"

namespace pabal::gmail {

using mailbox::Mailbox;
using mailbox::MailboxId;
using mailbox::Message;
using mailbox::Role;

namespace {

struct System {
  std::string_view id;
  Label::Kind kind = Label::Kind::kNobodys;
  Role role = Role::kNone;
  std::string_view keyword{};
};
// Categories are keywords, so that IMAP and JMAP see them.
constexpr System kSystem[] = {
    {"INBOX", Label::Kind::kMailbox, Role::kInbox},
    {"SENT", Label::Kind::kMailbox, Role::kSent},
    {"DRAFT", Label::Kind::kMailbox, Role::kDrafts},
    {"SPAM", Label::Kind::kMailbox, Role::kJunk},
    {"TRASH", Label::Kind::kMailbox, Role::kTrash},
    {"IMPORTANT", Label::Kind::kMailbox, Role::kImportant},
    {"UNREAD", Label::Kind::kUnread},
    {"STARRED", Label::Kind::kStarred},
    {"CHAT"},
    {"CATEGORY_PERSONAL", Label::Kind::kCategory, Role::kNone, mailbox::kCategoryKeywords[0]},
    {"CATEGORY_SOCIAL", Label::Kind::kCategory, Role::kNone, mailbox::kCategoryKeywords[1]},
    {"CATEGORY_PROMOTIONS", Label::Kind::kCategory, Role::kNone, mailbox::kCategoryKeywords[2]},
    {"CATEGORY_UPDATES", Label::Kind::kCategory, Role::kNone, mailbox::kCategoryKeywords[3]},
    {"CATEGORY_FORUMS", Label::Kind::kCategory, Role::kNone, mailbox::kCategoryKeywords[4]}};

}  // namespace

bool Label::is_on(const Message& m) const {
  switch (kind) {
    case Kind::kMailbox:
      return std::any_of(m.places.begin(), m.places.end(),
                         [&](const Message::Place& place) { return place.mailbox == mailbox; });
    case Kind::kUnread:
      return !m.flags.has(mailbox::kSeen);
    case Kind::kStarred:
      return m.flags.has(mailbox::kFlagged);
    case Kind::kCategory:
      return std::any_of(m.flags.keywords.begin(), m.flags.keywords.end(),
                         [&](const std::string& word) { return text::iequals(word, keyword); });
    case Kind::kNobodys:
      break;
  }
  return false;
}

Result<Labels> Labels::read(const mailbox::Mailboxes& boxes, const store::Reader& r, mailbox::AccountId account) {
  auto list = boxes.list(r, account);
  if (!list) return list.error();
  Labels out;
  out.mailboxes_ = std::move(*list);
  for (const System& known : kSystem) {
    Label label;
    label.id = label.name = known.id;
    label.kind = known.kind;
    label.role = known.role;
    label.keyword = known.keyword;
    if (known.kind == Label::Kind::kMailbox) {
      label.mailbox = out.by_role(known.role);
      if (label.mailbox == 0) label.kind = Label::Kind::kNobodys;
    }
    out.labels_.push_back(std::move(label));
  }
  for (const Mailbox& box : out.mailboxes_) {
    if (box.role != Role::kNone) continue;
    Label label;
    label.kind = Label::Kind::kMailbox;
    label.id = "Label_" + std::to_string(box.id);
    label.name = box.name;
    label.mailbox = box.id;
    out.labels_.push_back(std::move(label));
  }
  return out;
}

const Label* Labels::find(std::string_view id) const {
  const auto found = std::find_if(labels_.begin(), labels_.end(), [&](const Label& label) { return label.id == id; });
  return found == labels_.end() ? nullptr : &*found;
}

const Label* Labels::of(MailboxId mailbox) const {
  const auto found = std::find_if(labels_.begin(), labels_.end(), [&](const Label& label) {
    return label.kind == Label::Kind::kMailbox && label.mailbox == mailbox;
  });
  return found == labels_.end() ? nullptr : &*found;
}

std::vector<std::string> Labels::on(const Message& m) const {
  std::vector<std::string> out;
  for (const Label& label : labels_) {
    if (label.kind == Label::Kind::kMailbox && label.role == Role::kNone) break;  // the user's: by place, below
    if (label.is_on(m)) out.push_back(label.id);
  }
  for (const Message::Place& place : m.places)
    if (const Label* label = of(place.mailbox); label && !label->system()) out.push_back(label->id);
  return out;
}

MailboxId Labels::by_role(Role role) const {
  const auto found =
      std::find_if(mailboxes_.begin(), mailboxes_.end(), [&](const Mailbox& box) { return box.role == role; });
  return found == mailboxes_.end() ? 0 : found->id;
}

bool Labels::is_hidden(const Message& m) const {
  const MailboxId trash = by_role(Role::kTrash), junk = by_role(Role::kJunk);
  return std::all_of(m.places.begin(), m.places.end(),
                     [&](const Message::Place& place) { return place.mailbox == trash || place.mailbox == junk; });
}

}  // namespace pabal::gmail
