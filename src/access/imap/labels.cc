#include "access/imap/labels.h"

#include <algorithm>

#include "access/imap/session.h"
#include "base/text.h"

namespace pabal::access::imap {

using mailbox::Mailbox;
using mailbox::MailboxId;
using mailbox::Message;
using mailbox::Role;

namespace {

struct RoleName {
  std::string_view name;
  Role role;
};
constexpr RoleName kRoles[] = {{"\\Inbox", Role::kInbox},         {"\\Sent", Role::kSent}, {"\\Draft", Role::kDrafts},
                               {"\\Important", Role::kImportant}, {"\\Junk", Role::kJunk}, {"\\Trash", Role::kTrash},
                               {"\\Archive", Role::kArchive},     {"\\Spam", Role::kJunk}, {"\\Drafts", Role::kDrafts}};

bool has_place(const Message& message, MailboxId id) {
  return std::any_of(message.places.begin(), message.places.end(),
                     [&](const Message::Place& place) { return place.mailbox == id; });
}

}  // namespace

bool Label::is_on(const Message& message) const {
  return starred ? message.flags.has(mailbox::kFlagged) : has_place(message, mailbox);
}

std::optional<std::string_view> role_label(Role role) {
  for (const RoleName& known : kRoles)
    if (known.role == role) return known.name;
  return {};
}

Result<Label> find_label(const mailbox::Mailboxes& boxes, const store::Reader& r, mailbox::AccountId account,
                         const std::string& name) {
  Label out;
  if (text::iequals(name, "\\Starred")) {
    out.starred = true;
    return out;
  }
  const auto role = std::find_if(std::begin(kRoles), std::end(kRoles),
                                 [&](const RoleName& known) { return text::iequals(known.name, name); });
  const auto box = role != std::end(kRoles) ? boxes.by_role(r, account, role->role) : boxes.find(r, account, name);
  if (!box) return box.error();
  if (*box) out.mailbox = (*box)->id;
  return out;
}

std::string parse_label(Words& words) { return words.accept('\\') ? "\\" + words.atom() : words.astring(); }

std::optional<std::vector<std::string>> parse_labels(Words& words) {
  std::vector<std::string> out;
  const auto one = [&] {
    out.push_back(parse_label(words));
    if (out.back().empty() || out.size() > kMaxLabels) words.fail();
  };
  if (words.peek() != '(') {
    one();
  } else {
    words.accept('(');
    if (!words.accept(')')) {
      do one();
      while (words.ok() && words.accept(' '));
      words.expect(')');
    }
  }
  if (!words.done()) return {};
  return out;
}

// --- the session ----------------------------------------------------------------------------------------------------

Result<std::string> Session::labels_of(const Message& message) const {
  std::string out;
  const auto add = [&](const std::string& label) { (out += out.empty() ? "" : " ") += label; };
  for (const Message::Place& place : message.places) {
    // What else the owner of a shared mailbox calls a message is his.
    if (selected_->account != account_->id && place.mailbox != selected_->box.id) continue;
    const auto box = services_.mailboxes.get(services_.store, selected_->account, place.mailbox);
    if (!box) return box.error();
    if (!*box) continue;
    const auto role = role_label((*box)->role);
    add(role ? std::string(*role) : shown_name((*box)->name));
  }
  if (message.flags.has(mailbox::kFlagged)) add("\\Starred");
  return "(" + out + ")";
}

namespace {

// Makes the labels of a message what the client says. One that would have none is archived: it is not lost.
Result<Message> relabel(mailbox::Mailboxes& boxes, store::Transaction& t, mailbox::AccountId account,
                        mailbox::MessageId id, char sign, const std::vector<Label>& labels, MailboxId archive) {
  const auto before = boxes.message(t, account, id);
  if (!before) return before.error();
  if (!*before || (*before)->places.empty()) return Error{Code::kNotFound, "the message is gone"};
  std::vector<MailboxId> named, removed;
  bool starred = false;
  for (const Label& label : labels) label.starred ? starred = true : (named.push_back(label.mailbox), true);
  const auto is_named = [&](MailboxId box) { return std::find(named.begin(), named.end(), box) != named.end(); };
  for (const Message::Place& place : (*before)->places)
    if (sign == '-' ? is_named(place.mailbox) : sign == '=' && !is_named(place.mailbox))
      removed.push_back(place.mailbox);
  if (sign == '-') named.clear();
  if (removed.size() == (*before)->places.size() && named.empty()) {
    named.push_back(archive);
    std::erase(removed, archive);
  }
  if (starred || sign == '=') {
    const Message::Place& place = (*before)->places.front();
    const auto edited = boxes.edit_flags(t, account, place.mailbox, {place.uid}, [&](mailbox::Flags& flags) {
      if (sign == '-' || !starred)
        flags.system &= static_cast<uint8_t>(~mailbox::kFlagged);
      else
        flags.system |= mailbox::kFlagged;
    });
    if (!edited) return edited.error();
  }
  for (const MailboxId box : named)
    if (const auto added = boxes.add_place(t, account, id, box); !added) return added.error();
  for (const MailboxId box : removed)
    if (const auto left = boxes.remove_place(t, account, id, box); !left) return left.error();
  const auto after = boxes.message(t, account, id);
  if (!after) return after.error();
  return **after;
}

// Labels that are not there are made, as Gmail does; of a role nobody has, too.
Result<std::vector<Label>> labels_to_store(mailbox::Mailboxes& boxes, store::Transaction& t, mailbox::AccountId account,
                                           const std::vector<std::string>& names, bool make) {
  std::vector<Label> out;
  for (const std::string& name : names) {
    auto label = find_label(boxes, t, account, name);
    if (!label) return label.error();
    if (!label->starred && label->mailbox == 0 && make) {
      const bool role = name.starts_with('\\');
      if (role && !text::iequals(name, "\\Important")) return Error{Code::kNotFound, "there is no label " + name};
      const auto made = role ? boxes.create(t, account, "Important", Role::kImportant) : boxes.create(t, account, name);
      if (!made) return made.error();
      label->mailbox = *made;
    }
    if (label->starred || label->mailbox != 0) out.push_back(*label);
  }
  return out;
}

}  // namespace

Task<void> Session::store_labels(std::vector<Target> wanted, char sign, bool silent, Words words, bool uid) {
  auto names = parse_labels(words);
  if (!names) co_return bad("the labels are malformed, or more than " + std::to_string(kMaxLabels));
  if (selected_->read_only) co_return no("[READ-ONLY] the mailbox was opened to be read");
  if (selected_->account != account_->id) co_return no("[NOPERM] only the owner of a mailbox gives labels");
  for (std::string& name : *names) name = decoded_name(name);
  struct Stored {
    Target target;
    Message message;
  };
  auto stored = std::make_shared<std::vector<Stored>>();
  for (size_t i = 0; i < wanted.size(); i += kMessagesPerCommit) {
    const auto first = wanted.begin() + static_cast<long>(i);
    const std::vector<Target> part(first, first + static_cast<long>(std::min(kMessagesPerCommit, wanted.size() - i)));
    Task<Result<void>> committing =
        commit([&boxes = services_.mailboxes, account = selected_->account, part, names = *names, sign,
                box = selected_->box.id, stored](store::Transaction& t) -> Result<void> {
          stored->clear();
          const auto labels = labels_to_store(boxes, t, account, names, sign != '-');
          if (!labels) return labels.error();
          const auto archive = boxes.by_role(t, account, Role::kArchive);
          if (!archive) return archive.error();
          const auto inbox = boxes.by_role(t, account, Role::kInbox);
          if (!inbox) return inbox.error();
          const MailboxId rest = *archive ? (*archive)->id : *inbox ? (*inbox)->id : box;
          for (const Target& target : part) {
            const auto row = boxes.row(t, account, box, target.uid);
            if (!row) return row.error();
            if (!*row) continue;  // removed meanwhile
            auto after = relabel(boxes, t, account, (*row)->message, sign, *labels, rest);
            if (!after) return after.error();
            stored->push_back({target, std::move(*after)});
          }
          return {};
        });
    if (const Result<void> done = co_await committing; !done) co_return no(done.error(), "OVERQUOTA");
    for (const Stored& one : *stored) {
      if (silent) break;
      const auto labels = labels_of(one.message);
      if (!labels) co_return no(labels.error());
      begin_answer(out_, one.target);
      out_ += "X-GM-LABELS " + *labels + (uid && !uidonly_ ? " UID " + std::to_string(one.target.uid) : "") + ")\r\n";
    }
    if (out_.size() < kFlushAt) continue;
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return;
  }
  Task<void> telling = tell_news(uid);
  co_await telling;
  ok("labelled");
}

}  // namespace pabal::access::imap
