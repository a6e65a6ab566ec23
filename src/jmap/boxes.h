// Mailboxes as JMAP shows them (RFC 8621 §2).
#pragma once

#include "jmap/methods.h"

namespace pabal::jmap {

struct Box {
  mailbox::Mailbox box;
  mailbox::Rights rights = 0;
  mailbox::MailboxId parent = 0;  // the nearest above it that the caller sees; 0: none
  std::string name;               // below that
  uint64_t sort_order = 0;
  bool subscribed = false;
};
// Those of the account that the caller sees, by their names: a parent comes before its children.
Result<std::vector<Box>> visible_boxes(const Services& services, const store::Reader& r, const Account& account,
                                       const identity::Account& caller);

// "inbox"; "": none.
std::string_view role_name(mailbox::Role role);
std::optional<mailbox::Role> role_named(std::string_view name);

// MailboxRights, with mayShare for the right to administer.
json::object rights_object(mailbox::Rights rights, mailbox::Role role);
// What it stands for. Nothing: it is none, or tells mayRename from mayDelete, which are one right here.
std::optional<mailbox::Rights> rights_in(const json::value& object);
// Whom it is shared with, by their principals (RFC 9670 §4); null: with nobody, or the caller may not see it.
Result<json::value> share_with(const store::Reader& r, const Account& account, const Box& one);
// Where nothing else is set.
uint64_t default_sort_order(mailbox::Role role);

// Where the caller keeps what he set with sortOrder.
constexpr std::string_view kSortOrder = "/private/vendor/pabal/sort-order";
// The name under which he subscribes to it.
std::string subscribed_name(const Account& account, std::string_view name);

}  // namespace pabal::jmap
