// NOTIFY (RFC 5465) of mailboxes that others share with this session: those of a subtree, named or subscribed, that it
// may see and read (§5).
#include "access/imap/session.h"
#include "sharing/sharing.h"

namespace pabal::access::imap {

using mailbox::AccountId;
using mailbox::ModSeq;

Result<std::vector<Session::Located>> Session::others_mailboxes(const store::Reader& r) const {
  auto shared = sharing::shared_with(services_.login.directory(), services_.mailboxes, r, account_->id);
  if (!shared) return shared.error();
  std::vector<Located> out;
  for (sharing::SharedMailbox& one : *shared) {
    one.box.name = name_of_other(one.owner_name, one.box.name);
    one.box.role = mailbox::Role::kNone;  // RFC 6154 §2: uses are of one's own mailboxes
    out.push_back({one.owner, one.rights, std::move(one.box)});
  }
  return out;
}

// Finds out what is shared now, for rights come and go (§5.9), and tells of that as of names that come and go (§5.4).
// What happens in an account is told from the moment on that it is followed. kLimit: too many.
Result<void> Session::follow_others(const store::Reader& r) {
  if (!notified_->request.may_mean_others(notified_->subscribed)) return {};
  auto all = others_mailboxes(r);
  if (!all) return all.error();
  std::map<AccountId, ModSeq> seen;
  std::map<std::string, bool> names;
  std::vector<Located> followed;
  for (Located& one : *all) {
    const NotifyEvents events = notified_->request.of(one.box.name, notified_->subscribed);
    if (!events.any()) continue;
    const bool may_hear = (one.rights & kToHear) == kToHear;
    names.emplace(one.box.name, may_hear);
    if (!may_hear || seen.size() > kMaxNotifyOwners) continue;
    const auto known = notified_->others.seen.find(one.account);
    if (known == notified_->others.seen.end()) {
      const auto figures = services_.mailboxes.figures(r, one.account);
      if (!figures) return figures.error();
      seen.emplace(one.account, figures->modseq);
    } else {
      seen.insert(*known);
    }
    followed.push_back(std::move(one));
  }
  if (seen.size() > kMaxNotifyOwners) return Error{Code::kLimit, "that is shared by too many"};
  tell_names_of_others(names);
  notified_->others = {true, std::move(names), std::move(seen), std::move(followed)};
  return {};
}

void Session::tell_names_of_others(const std::map<std::string, bool>& now) {
  const Notified::Others& before = notified_->others;
  const auto say = [&](const std::string& name, std::string_view attributes) {
    ((out_ += "* LIST (") += attributes) += ") \"/\" " + shown_name(name) + "\r\n";
  };
  const auto wanted = [&](const std::string& name) { return notified_->request.of(name, notified_->subscribed).names; };
  for (const auto& [name, may_hear] : now) {
    const auto known = before.names.find(name);
    const bool same = known != before.names.end() && known->second == may_hear;
    // §3.1: of those that cannot be followed the answer to NOTIFY tells.
    if (before.told ? !same && wanted(name) : !may_hear) say(name, may_hear ? "" : "\\NoAccess");
  }
  for (const auto& [name, may_hear] : before.names)
    if (!now.contains(name) && wanted(name)) say(name, "\\NonExistent");
}

// What tell_own() is to the own mailboxes.
Result<void> Session::tell_shared(const store::Reader& r) {
  std::map<AccountId, std::map<mailbox::MailboxId, Happened>> happened;
  for (auto& [account, seen] : notified_->others.seen) {
    const auto some = happened_since(r, account, seen, [](const mailbox::Change&, bool) {});
    if (!some) return some.error();
    happened[account] = *some;
  }
  for (const Located& one : notified_->others.followed) {
    const auto& in_account = happened[one.account];
    if (const auto what = in_account.find(one.box.id); what != in_account.end()) say_happened(one, what->second);
  }
  return {};
}

}  // namespace pabal::access::imap
