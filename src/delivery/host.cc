#include "delivery/host.h"

#include <algorithm>

#include "base/text.h"
#include "mailbox/annotations.h"
#include "sieve/keys.h"

namespace pabal::delivery {

std::optional<mailbox::MailboxId> mailbox_of_object_id(std::string_view id) {
  if (!id.starts_with('M')) return {};
  const auto number = text::parse_u64(id.substr(1));
  if (!number || *number > UINT32_MAX) return {};
  return static_cast<mailbox::MailboxId>(*number);
}

mailbox::Role role_of_use(std::string_view use) {
  using mailbox::Role;
  constexpr std::pair<std::string_view, Role> kUses[] = {
      {"\\Drafts", Role::kDrafts}, {"\\Sent", Role::kSent},       {"\\Junk", Role::kJunk},
      {"\\Trash", Role::kTrash},   {"\\Archive", Role::kArchive}, {"\\Important", Role::kImportant}};
  for (const auto& [name, role] : kUses)
    if (text::iequals(use, name)) return role;
  return Role::kNone;
}

Result<std::shared_ptr<const sieve::Program>> DeliveryHost::script(Location location, std::string_view name) {
  return services_.scripts.program(reader_, location == Location::kGlobal ? sieve::kServerScripts : account_, name);
}

bool DeliveryHost::mailbox_exists(std::string_view name) {
  const auto found = services_.mailboxes.find(reader_, account_, name);
  return found && *found;
}

bool DeliveryHost::mailbox_id_exists(std::string_view id) {
  const auto number = mailbox_of_object_id(id);
  if (!number) return false;
  const auto found = services_.mailboxes.get(reader_, account_, *number);
  return found && *found;
}

bool DeliveryHost::special_use_exists(std::string_view name, std::string_view use) {
  const mailbox::Role role = role_of_use(use);
  if (role == mailbox::Role::kNone) return false;
  const auto found = name.empty() ? services_.mailboxes.by_role(reader_, account_, role)
                                  : services_.mailboxes.find(reader_, account_, name);
  return found && *found && (*found)->role == role;
}

bool DeliveryHost::duplicate(std::string_view id) {
  const auto known = reader_.get(sieve::keys::duplicate(account_, id));
  return known && *known;
}

DeliveryHost::Facts facts_of_peer(std::string_view peer) {
  const size_t blank = peer.find(" (");
  if (blank == peer.npos || !peer.ends_with(')')) return {};
  return {{"remote-ip", std::string(peer.substr(0, blank))},
          {"remote-host", std::string(peer.substr(blank + 2, peer.size() - blank - 3))}};
}

// RFC 5490 §3.3, §4.1: as the owner of the account sees them.
std::optional<std::string> DeliveryHost::metadata(std::string_view mailbox, std::string_view entry) {
  const auto name = mailbox::annotation_name(entry);
  if (!name) return {};
  mailbox::Annotated on = mailbox::kTheServer;
  if (!mailbox.empty()) {
    const auto box = services_.mailboxes.find(reader_, account_, mailbox);
    if (!box || !*box) return {};
    on = {account_, (*box)->id};
  }
  auto value = mailbox::annotation(reader_, on, account_, *name);
  return value ? std::move(*value) : std::nullopt;
}

void DeliveryHost::give(const mailbox::Prepared& message, std::string address) {
  const auto owner = services_.directory.account(reader_, account_);
  std::vector<std::string> me = {address};
  if (owner && *owner) me.push_back((*owner)->name);
  arriving_.emplace(message, services_.clock.now(), std::move(me), std::move(address));
}

Result<bool> DeliveryHost::query(std::string_view text) {
  if (!arriving_) return sieve::Host::query(text);
  const auto query = mailbox::parse_query(text, services_.clock.now());
  if (!query) return Error{Code::kInvalid, "a query has too many terms"};
  if (const std::string what = mailbox::not_at_arrival(*query); !what.empty())
    return Error{Code::kInvalid, "a query asks for " + what + ": a message that comes has none yet"};
  return arriving_->holds(*query);
}

// RFC 5183 §4.1; RFC 6785 §4.2 to §4.5: the items of IMAP are there, and empty, when there is no IMAP
std::optional<std::string> DeliveryHost::environment(std::string_view item) {
  constexpr std::string_view kOfImap[] = {"imap.user", "imap.email", "imap.cause", "imap.mailbox", "imap.changedflags"};
  if (const auto fact = facts_.find(item); fact != facts_.end()) return fact->second;
  if (std::find(std::begin(kOfImap), std::end(kOfImap), item) != std::end(kOfImap)) return "";
  if (item == "name") return "Pabal";
  if (item == "version") return PABAL_VERSION;
  if (item == "location") return "MDA";
  if (item == "phase") return "during";
  if (item == "host") return services_.hostname;
  if (item == "domain") return services_.hostname.substr(services_.hostname.find('.') + 1);
  return {};
}

}  // namespace pabal::delivery
