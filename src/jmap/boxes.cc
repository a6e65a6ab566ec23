#include "jmap/boxes.h"

#include <algorithm>

#include "base/text.h"
#include "jmap/jmap.h"
#include "jmap/principals.h"
#include "mailbox/annotations.h"

namespace pabal::jmap {
namespace {

using mailbox::Role;

struct RoleName {
  std::string_view name;
  Role role;
  uint64_t sort_order;  // where nothing else is set
};
constexpr RoleName kRoles[] = {{"inbox", Role::kInbox, 1},     {"important", Role::kImportant, 2},
                               {"drafts", Role::kDrafts, 3},   {"sent", Role::kSent, 4},
                               {"archive", Role::kArchive, 5}, {"junk", Role::kJunk, 6},
                               {"trash", Role::kTrash, 7}};
constexpr uint64_t kNoRoleOrder = 10;

struct RightName {
  std::string_view name;
  mailbox::Rights rights;
};
constexpr RightName kRightNames[] = {{"mayReadItems", mailbox::kLookup | mailbox::kRead},
                                     {"mayAddItems", mailbox::kInsert},
                                     {"mayRemoveItems", mailbox::kDeleteMessages | mailbox::kExpunge},
                                     {"maySetSeen", mailbox::kKeepSeen},
                                     {"maySetKeywords", mailbox::kWriteFlags},
                                     {"mayCreateChild", mailbox::kCreateBelow},
                                     {"mayRename", mailbox::kRemoveMailbox},
                                     {"mayDelete", mailbox::kRemoveMailbox},
                                     {"maySubmit", mailbox::kPost},
                                     {"mayShare", mailbox::kAdminister}};

}  // namespace

uint64_t default_sort_order(Role role) {
  for (const RoleName& one : kRoles)
    if (one.role == role) return one.sort_order;
  return kNoRoleOrder;
}

std::string_view role_name(Role role) {
  for (const RoleName& one : kRoles)
    if (one.role == role) return one.name;
  return "";
}

std::optional<Role> role_named(std::string_view name) {
  for (const RoleName& one : kRoles)
    if (one.name == name) return one.role;
  return {};
}

json::object rights_object(mailbox::Rights rights, Role role) {
  json::object out;
  for (const RightName& one : kRightNames)
    out[one.name] = (rights & one.rights) == one.rights &&
                    !(role == Role::kInbox && one.rights == mailbox::kRemoveMailbox);  // it stays
  return out;
}

std::optional<mailbox::Rights> rights_in(const json::value& given) {
  const json::object* object = given.if_object();
  if (!object) return {};
  mailbox::Rights out = 0;
  std::optional<bool> removing;
  for (const auto& [name, value] : *object) {
    const bool* may = value.if_bool();
    if (!may) return {};
    if (name == "mayRename" || name == "mayDelete") {
      if (removing.value_or(*may) != *may) return {};
      removing = *may;
    }
    const auto known = std::find_if(std::begin(kRightNames), std::end(kRightNames),
                                    [&](const RightName& one) { return one.name == std::string_view(name); });
    if (known == std::end(kRightNames)) return {};
    if (*may) out |= known->rights;
  }
  return out;
}

Result<json::value> share_with(const store::Reader& r, const Account& account, const Box& one) {
  if (!(one.rights & mailbox::kAdminister)) return json::value(nullptr);
  const auto acl = mailbox::acl(r, account.id, one.box.id);
  if (!acl) return acl.error();
  json::object out;
  for (const mailbox::Grant& grant : *acl)
    if (!grant.negative) out[principal_id(grant.who)] = rights_object(grant.rights, one.box.role);
  return out.empty() ? json::value(nullptr) : json::value(std::move(out));
}

std::string subscribed_name(const Account& account, std::string_view name) {
  if (account.own) return std::string(name);
  return std::string(mailbox::kOtherUsers) + "/" + account.name + "/" + std::string(name);
}

Result<std::vector<Box>> visible_boxes(const Services& services, const store::Reader& r, const Account& account,
                                       const identity::Account& caller) {
  auto all = services.mailboxes.list(r, account.id);
  if (!all) return all.error();
  const auto subscriptions = services.mailboxes.subscriptions(r, caller.id);
  if (!subscriptions) return subscriptions.error();
  std::vector<Box> out;
  std::map<std::string, mailbox::MailboxId> seen;  // by name
  for (mailbox::Mailbox& box : *all) {
    if (!account.may(box.id, mailbox::kLookup)) continue;
    seen[box.name] = box.id;
    Box one;
    one.rights = account.rights(box.id);
    one.sort_order = default_sort_order(box.role);
    const auto order = mailbox::annotation(r, {account.id, box.id}, caller.id, kSortOrder);
    if (!order) return order.error();
    if (*order) one.sort_order = text::parse_u64(**order).value_or(one.sort_order);
    one.subscribed = subscriptions->contains(subscribed_name(account, box.name));
    one.box = std::move(box);
    out.push_back(std::move(one));
  }
  for (Box& one : out) {
    one.name = one.box.name;
    for (size_t slash = one.box.name.rfind('/'); slash != std::string::npos && slash > 0;
         slash = one.box.name.rfind('/', slash - 1)) {
      const auto above = seen.find(one.box.name.substr(0, slash));
      if (above == seen.end()) continue;
      one.parent = above->second;
      one.name = one.box.name.substr(slash + 1);
      break;
    }
  }
  return out;
}

}  // namespace pabal::jmap
