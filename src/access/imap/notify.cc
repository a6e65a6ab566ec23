// NOTIFY (RFC 5465): what a client is told of its mailboxes that it has not selected. Of the selected one tell_news()
// tells, of annotations learn_annotations(), of others' mailboxes notify_shared.cc.
#include <algorithm>

#include "access/imap/list.h"
#include "access/imap/session.h"
#include "base/text.h"

namespace pabal::access::imap {

using mailbox::AccountId;
using mailbox::Change;
using mailbox::Mailbox;
using mailbox::MailboxId;
using mailbox::ModSeq;
using Kind = Change::Kind;

namespace {

constexpr size_t kChangesAtOnce = 10'000;

std::string parent_of(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == name.npos ? "" : name.substr(0, slash);
}

}  // namespace

Task<void> Session::notify(Words words, bool) {
  NotifyParse parsed = parse_notify(words);
  if (parsed.unknown_event) co_return no("[BADEVENT (" + std::string(kNotifyEvents) + ")] an event is not known here");
  if (!parsed.request) co_return bad("the NOTIFY is malformed");
  // RFC 5465 §3.1: what gathered is told first, as by NOOP; of messages all of it, whatever was wanted until now.
  learn_annotations(true);
  notified_.reset();
  Task<void> telling = tell_news(true);
  co_await telling;
  if (state_ == State::kOver) co_return;

  Notified next;
  next.request = std::move(*parsed.request);
  for (NotifyGroup& group : next.request.groups) {
    for (std::string& name : group.mailboxes) {
      name = decoded_name(name);
      // RFC 9051 §5.1: INBOX in any case.
      if (text::istarts_with(name, "INBOX") && (name.size() == 5 || name[5] == '/')) name.replace(0, 5, "INBOX");
    }
    if (group.events.fetch && group.events.fetch->wants(FetchItem::Kind::kModSeq)) become_condstore();
  }
  // One moment: what is told now, and the modseq from which changes are told.
  const auto snapshot = services_.store.snapshot();
  const auto figures = services_.mailboxes.figures(*snapshot, account_->id);
  if (!figures) co_return no(figures.error());
  next.seen = figures->modseq;
  const auto all = services_.mailboxes.list(*snapshot, account_->id);
  if (!all) co_return no(all.error());
  const auto subscribed = services_.mailboxes.subscriptions(*snapshot, account_->id);
  if (!subscribed) co_return no(subscribed.error());
  if (next.request.wants_names())
    for (const Mailbox& box : *all) next.names.emplace(box.id, box.name);
  if (next.request.wants_subscriptions()) next.subscribed = *subscribed;
  own_changes_.clear();
  notified_ = std::move(next);
  if (const auto followed = follow_others(*snapshot); !followed) {
    notified_.reset();
    co_return no(followed.error(), "NOTIFICATIONOVERFLOW");
  }
  if (notified_->request.wants_metadata() && !annotations_) annotations_.emplace();
  learn_annotations(false);
  if (notified_->request.status) {
    for (const Mailbox& box : *all) say_status({account_->id, mailbox::kAllRights, box});
    for (const Located& one : notified_->others.followed) say_status(one);
  }
  ok(notified_->request.groups.empty() ? "silence" : "you will be told");
}

// RFC 5465 §4
void Session::say_status(const Located& one) {
  if (is_selected(one.account, one.box.id)) return;
  const NotifyEvents events = notified_->request.of(one.box.name, notified_->subscribed);
  std::vector<std::string> items;
  if (events.messages) items = {"MESSAGES", "UIDNEXT", "UIDVALIDITY"};
  if (events.flags) items.push_back("HIGHESTMODSEQ");
  if (!items.empty()) out_ += status_answer(one, items);
}

bool Session::is_selected(AccountId account, MailboxId box) const {
  return selected_ && selected_->account == account && selected_->box.id == box;
}

// RFC 5465 §5: a client is not told of what it did itself.
bool Session::is_own(AccountId account, ModSeq modseq) const {
  return std::any_of(own_changes_.begin(), own_changes_.end(), [&](const OwnChanges& own) {
    return own.account == account && own.before < modseq && modseq <= own.after;
  });
}

// RFC 5465 §3.1: of the selected mailbox a client that has given NOTIFY hears what it asked for, and no more.
View::May Session::wanted_news(bool may_expunge) const {
  if (!notified_) return {may_expunge};
  const NotifyGroup* group = notified_->request.selected();
  if (!group || !group->events.messages) return {false, false, false};
  return {may_expunge, true, group->events.flags};
}

// Tells of the mailboxes that are not selected, from the feeds of their accounts.
void Session::tell_others() {
  const auto snapshot = services_.store.snapshot();
  Result<void> told = tell_own(*snapshot);
  if (told) told = follow_others(*snapshot);
  if (told) told = tell_shared(*snapshot);
  std::erase_if(own_changes_, [&](const OwnChanges& own) {
    if (own.account == account_->id) return own.after <= notified_->seen;
    const auto followed = notified_->others.seen.find(own.account);
    if (followed != notified_->others.seen.end()) return own.after <= followed->second;
    return !selected_ || selected_->account != own.account || own.after <= selected_->view.seen();
  });
  if (told || (told.code() != Code::kNotFound && told.code() != Code::kLimit)) return;
  // §5.8: more than the feed remembers, or than is followed. The client is to look for itself.
  notified_->request = {};
  notified_->others = {};
  out_ += "* OK [NOTIFICATIONOVERFLOW] too much happened; look at all anew, then NOTIFY again\r\n";
}

Result<std::map<MailboxId, Session::Happened>> Session::happened_since(
    const store::Reader& r, AccountId account, ModSeq& seen,
    const std::function<void(const Change&, bool own)>& otherwise) const {
  std::map<MailboxId, Happened> happened;
  for (;;) {
    const auto changes = services_.mailboxes.changes(r, account, seen, kChangesAtOnce);
    if (!changes) return changes.error();
    if (changes->empty()) return happened;
    for (const Change& change : *changes) {
      const bool own = is_own(account, change.modseq);
      if (change.uid == 0) {
        otherwise(change, own);
      } else if (!own) {
        Happened& here = happened[change.mailbox];
        here.added |= change.kind == Kind::kAdded;
        here.removed |= change.kind == Kind::kRemoved;
        here.flags |= change.kind == Kind::kFlags;
      }
    }
    seen = changes->back().modseq;
  }
}

// §5.1 to §5.3
void Session::say_happened(const Located& one, const Happened& what) {
  if (is_selected(one.account, one.box.id)) return;
  const NotifyEvents events = notified_->request.of(one.box.name, notified_->subscribed);
  std::vector<std::string> items;
  if (events.messages && (what.added || what.removed)) items = {"UIDNEXT", "MESSAGES"};
  if (events.flags && what.flags) items.insert(items.end(), {"UIDVALIDITY", "UNSEEN"});
  if (items.empty()) return;
  if (condstore_) items.push_back("HIGHESTMODSEQ");
  out_ += status_answer(one, items);
}

Result<void> Session::tell_own(const store::Reader& r) {
  const auto& boxes = services_.mailboxes;
  const auto newest = boxes.figures(r, account_->id);
  if (!newest || newest->modseq == notified_->seen) return {};
  std::vector<Change> renamed;
  std::set<std::string> named;  // created, removed, or a parent of such
  bool names_changed = false, own_names = true;
  const auto happened = happened_since(r, account_->id, notified_->seen, [&](const Change& change, bool own) {
    names_changed = true;
    own_names = own_names && own;
    if (own) return;
    if (change.kind == Kind::kMailboxRenamed) {
      renamed.push_back(change);
    } else if (change.kind == Kind::kMailboxCreated) {
      const auto box = boxes.get(r, account_->id, change.mailbox);
      if (box && *box) named.insert((*box)->name);
    } else if (const auto was = notified_->names.find(change.mailbox);
               change.kind == Kind::kMailboxRemoved && was != notified_->names.end()) {
      named.insert(was->second);
    }
  });
  if (!happened) {
    notified_->seen = newest->modseq;
    return happened.error();
  }
  if (names_changed) tell_names(r, std::move(named), renamed, own_names);
  for (const auto& [id, what] : *happened) {
    const auto box = boxes.get(r, account_->id, id);
    if (box && *box) say_happened({account_->id, mailbox::kAllRights, **box}, what);
  }
  return {};
}

// §5.4, §5.5: LIST answers of names that were made, removed, renamed, subscribed to or not any more.
void Session::tell_names(const store::Reader& r, std::set<std::string> named, const std::vector<Change>& renamed,
                         bool own) {
  auto all = services_.mailboxes.list(r, account_->id);
  const auto subscribed = services_.mailboxes.subscriptions(r, account_->id);
  const auto shared = others_mailboxes(r);
  if (!all || !subscribed || !shared) return;
  std::map<MailboxId, std::string> names;
  for (const Mailbox& box : *all) names.emplace(box.id, box.name);
  for (const Located& one : *shared) all->push_back(one.box);  // which can be subscribed too
  std::set<std::string> said;
  const auto say = [&](const std::string& name, const std::string& old) {
    said.insert(name);
    ListRequest request;
    request.return_subscribed = true;
    request.patterns = {name};
    const auto lines = list(request, *all, *subscribed, [](std::string_view pattern) { return std::string(pattern); });
    const std::string attributes = lines.empty()
                                       ? (subscribed->contains(name) ? "\\NonExistent \\Subscribed" : "\\NonExistent")
                                       : lines.front().attributes;
    out_ += "* LIST (" + attributes + ") \"/\" " + shown_name(name) +
            (old.empty() ? "" : " (\"OLDNAME\" (" + shown_name(old) + "))") + "\r\n";
  };
  const auto wanted = [&](const std::string& name) {
    return notified_->request.of(name, notified_->subscribed).names || notified_->request.of(name, *subscribed).names;
  };
  // The parent is affected too: it may have its first child now, or none any more.
  for (const std::string& name : std::set<std::string>(named))
    if (const std::string parent = parent_of(name); !parent.empty()) named.insert(parent);
  for (const std::string& name : named)
    if (wanted(name)) say(name, "");
  std::map<ModSeq, std::set<std::string>> moved;  // old names, by the RENAME that took them
  for (const Change& change : renamed)
    if (const auto was = notified_->names.find(change.mailbox); was != notified_->names.end())
      moved[change.modseq].insert(was->second);
  for (const Change& change : renamed) {
    const auto was = notified_->names.find(change.mailbox), is = names.find(change.mailbox);
    if (was == notified_->names.end() || is == names.end() || was->second == is->second) continue;
    // §5.4: nothing is said of those that went along.
    bool with_parent = false;
    for (std::string up = parent_of(was->second); !up.empty(); up = parent_of(up))
      with_parent |= moved[change.modseq].contains(up);
    if (!with_parent && (wanted(was->second) || wanted(is->second))) say(is->second, was->second);
  }
  if (!own && notified_->request.wants_subscriptions()) {
    std::set<std::string> changed;
    std::set_symmetric_difference(notified_->subscribed.begin(), notified_->subscribed.end(), subscribed->begin(),
                                  subscribed->end(), std::inserter(changed, changed.end()));
    for (const std::string& name : changed)
      if (!said.contains(name) && (notified_->request.of(name, notified_->subscribed).subscriptions ||
                                   notified_->request.of(name, *subscribed).subscriptions))
        say(name, "");
  }
  if (notified_->request.wants_names()) notified_->names = std::move(names);
  if (notified_->request.wants_subscriptions()) notified_->subscribed = *subscribed;
}

}  // namespace pabal::access::imap
