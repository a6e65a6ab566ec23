// NOTIFY (RFC 5465): what a client is told of mailboxes that it has not selected. Of the selected one tell_news()
// tells.
#include <algorithm>

#include "access/imap/list.h"
#include "access/imap/session.h"
#include "base/text.h"

namespace pabal::access::imap {

using mailbox::Change;
using mailbox::Mailbox;
using mailbox::MailboxId;
using mailbox::ModSeq;
using Kind = Change::Kind;

namespace {

constexpr size_t kChangesAtOnce = 10'000;

// What happened to one mailbox since the client was told last.
struct Happened {
  bool added = false, removed = false, flags = false;
  bool any() const { return added || removed || flags; }
};

std::string parent_of(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == name.npos ? "" : name.substr(0, slash);
}

}  // namespace

Task<void> Session::notify(Words words, bool) {
  NotifyParse parsed = parse_notify(words);
  if (parsed.unknown_event) co_return no("[BADEVENT (" + std::string(kNotifyEvents) + ")] an event is not known here");
  if (!parsed.request) co_return bad("the NOTIFY is malformed");
  // RFC 5465 §3.1: what gathered is told first, as by NOOP; all of it, whatever was wanted until now.
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
  if (next.request.status) {
    for (const Mailbox& box : *all) {
      if (is_selected(box.id)) continue;
      const NotifyEvents events = next.request.of(box.name, *subscribed);
      std::vector<std::string> items;
      if (events.messages) items = {"MESSAGES", "UIDNEXT", "UIDVALIDITY"};
      if (events.flags) items.push_back("HIGHESTMODSEQ");
      if (!items.empty()) out_ += status_answer({account_->id, mailbox::kAllRights, box}, items);
    }
  }
  own_changes_.clear();
  notified_ = std::move(next);
  ok(notified_->request.groups.empty() ? "silence" : "you will be told");
}

bool Session::is_selected(MailboxId box) const {
  return selected_ && selected_->account == account_->id && selected_->box.id == box;
}

// RFC 5465 §5: a client is not told of what it did itself.
bool Session::is_own(ModSeq modseq) const {
  return std::any_of(own_changes_.begin(), own_changes_.end(),
                     [&](const auto& own) { return own.first < modseq && modseq <= own.second; });
}

// RFC 5465 §3.1: of the selected mailbox a client that has given NOTIFY hears what it asked for, and no more.
View::May Session::wanted_news(bool may_expunge) const {
  if (!notified_) return {may_expunge};
  const NotifyGroup* group = notified_->request.selected();
  if (!group || !group->events.messages) return {false, false, false};
  return {may_expunge, true, group->events.flags};
}

// Tells of the mailboxes that are not selected, from the feed.
void Session::tell_others() {
  const auto& boxes = services_.mailboxes;
  const auto newest = boxes.figures(services_.store, account_->id);
  if (!newest || newest->modseq == notified_->seen) return;
  const auto snapshot = services_.store.snapshot();
  std::map<MailboxId, Happened> happened;
  std::vector<Change> renamed;
  std::set<std::string> named;  // created, removed, or a parent of such
  bool names_changed = false, own_names = true;
  for (;;) {
    const auto changes = boxes.changes(*snapshot, account_->id, notified_->seen, kChangesAtOnce);
    if (!changes && changes.code() == Code::kNotFound) {
      // §5.8: more than the feed remembers. The client is to look for itself.
      notified_->request = {};
      notified_->seen = newest->modseq;
      out_ += "* OK [NOTIFICATIONOVERFLOW] too much happened; look at all anew, then NOTIFY again\r\n";
      return;
    }
    if (!changes || changes->empty()) break;
    for (const Change& change : *changes) {
      const bool own = is_own(change.modseq);
      if (change.uid > 0) {
        if (own) continue;
        Happened& here = happened[change.mailbox];
        here.added |= change.kind == Kind::kAdded;
        here.removed |= change.kind == Kind::kRemoved;
        here.flags |= change.kind == Kind::kFlags;
        continue;
      }
      names_changed = true;
      own_names = own_names && own;
      if (own) continue;
      if (change.kind == Kind::kMailboxRenamed) {
        renamed.push_back(change);
      } else if (change.kind == Kind::kMailboxCreated) {
        const auto box = boxes.get(*snapshot, account_->id, change.mailbox);
        if (box && *box) named.insert((*box)->name);
      } else if (const auto was = notified_->names.find(change.mailbox);
                 change.kind == Kind::kMailboxRemoved && was != notified_->names.end()) {
        named.insert(was->second);
      }
    }
    notified_->seen = changes->back().modseq;
  }
  if (names_changed) tell_names(*snapshot, std::move(named), renamed, own_names);
  for (const auto& [id, what] : happened) {
    if (!what.any() || is_selected(id)) continue;
    const auto box = boxes.get(*snapshot, account_->id, id);
    if (!box || !*box) continue;
    const NotifyEvents events = notified_->request.of((*box)->name, notified_->subscribed);
    std::vector<std::string> items;
    // §5.1 to §5.3
    if (events.messages && (what.added || what.removed)) items = {"UIDNEXT", "MESSAGES"};
    if (events.flags && what.flags) items.insert(items.end(), {"UIDVALIDITY", "UNSEEN"});
    if (items.empty()) continue;
    if (condstore_) items.push_back("HIGHESTMODSEQ");
    out_ += status_answer({account_->id, mailbox::kAllRights, **box}, items);
  }
  std::erase_if(own_changes_, [&](const auto& own) { return own.second <= notified_->seen; });
}

// §5.4, §5.5: LIST answers of names that were made, removed, renamed, subscribed to or not any more.
void Session::tell_names(const store::Reader& r, std::set<std::string> named, const std::vector<Change>& renamed,
                         bool own) {
  const auto all = services_.mailboxes.list(r, account_->id);
  const auto subscribed = services_.mailboxes.subscriptions(r, account_->id);
  if (!all || !subscribed) return;
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
  std::map<MailboxId, std::string> names;
  for (const Mailbox& box : *all) names.emplace(box.id, box.name);
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
