#include "sharing/sharing.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace pabal::sharing {

using mailbox::AccountId;
using mailbox::Grantee;
using mailbox::Rights;
using Kind = mailbox::Grantee::Kind;

namespace {

constexpr std::string_view kAnyone = "anyone";

Result<bool> is_member(const identity::Directory& directory, const store::Reader& r, AccountId who,
                       const std::string& group) {
  // An alias that is gone is nobody: its address could lead to a catch-all.
  const auto alias = directory.alias(r, group);
  if (!alias) return alias.error();
  if (!*alias) return false;
  const auto led = directory.resolve(r, group);
  if (!led) return led.code() == Code::kLimit ? Result<bool>(false) : led.error();
  return std::any_of(led->accounts.begin(), led->accounts.end(), [&](const auto& t) { return t.account == who; });
}

}  // namespace

Result<Grantee> grantee_named(const identity::Directory& directory, const store::Reader& r,
                              std::string_view identifier) {
  if (identifier == kAnyone) return Grantee{};
  const auto account = directory.account(r, identifier);
  if (!account) return account.error();
  if (*account) return Grantee{Kind::kAccount, (*account)->id, ""};
  const auto alias = directory.alias(r, identifier);
  if (!alias) return alias.error();
  if (*alias) return Grantee{Kind::kGroup, 0, (*alias)->address};
  return Error{Code::kNotFound, "there is no account or alias of that name; \"anyone\" is everybody"};
}

Result<std::optional<std::string>> name_of(const identity::Directory& directory, const store::Reader& r,
                                           const Grantee& who) {
  using Name = std::optional<std::string>;
  if (who.kind == Kind::kAnyone) return Name(kAnyone);
  if (who.kind == Kind::kGroup) {
    const auto alias = directory.alias(r, who.group);
    if (!alias) return alias.error();
    return *alias ? Name(who.group) : Name();
  }
  const auto account = directory.account(r, who.account);
  if (!account) return account.error();
  return *account ? Name((*account)->name) : Name();
}

Result<Rights> rights_of(const identity::Directory& directory, const store::Reader& r, AccountId who, AccountId owner,
                         mailbox::MailboxId mailbox) {
  if (who == owner) return mailbox::kAllRights;
  const auto acl = mailbox::acl(r, owner, mailbox);
  if (!acl) return acl.error();
  return mailbox::rights_in(*acl, who, [&](const std::string& group) { return is_member(directory, r, who, group); });
}

Result<std::vector<SharedMailbox>> shared_with(const identity::Directory& directory,
                                               const mailbox::Mailboxes& mailboxes, const store::Reader& r,
                                               AccountId who) {
  std::vector<Grantee> me = {{}, {Kind::kAccount, who, ""}};
  const auto groups = mailbox::groups_in_lists(r);
  if (!groups) return groups.error();
  for (const std::string& group : *groups) {
    const auto member = is_member(directory, r, who, group);
    if (!member) return member.error();
    if (*member) me.push_back({Kind::kGroup, 0, group});
  }
  std::set<mailbox::SharedMailbox> found;
  for (const Grantee& one : me) {
    const auto some = mailbox::shared_with(r, one);
    if (!some) return some.error();
    found.insert(some->begin(), some->end());
  }
  std::vector<SharedMailbox> out;
  AccountId last = 0;
  std::optional<identity::Account> owner;
  for (const auto& [account, id] : found) {
    if (account == who) continue;
    if (std::exchange(last, account) != account) {
      auto read = directory.account(r, account);
      if (!read) return read.error();
      owner = std::move(*read);
    }
    if (!owner) continue;  // removed, and being swept
    const auto rights = rights_of(directory, r, who, account, id);
    if (!rights) return rights.error();
    if (!(*rights & mailbox::kLookup)) continue;
    auto box = mailboxes.get(r, account, id);
    if (!box) return box.error();
    if (*box) out.push_back({account, owner->name, std::move(**box), *rights});
  }
  std::sort(out.begin(), out.end(), [](const SharedMailbox& a, const SharedMailbox& b) {
    return std::tie(a.owner_name, a.box.name) < std::tie(b.owner_name, b.box.name);
  });
  return out;
}

}  // namespace pabal::sharing
