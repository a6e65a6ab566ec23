// What a NOTIFY asks for (RFC 5465 §8). Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "access/imap/fetch_request.h"
#include "access/imap/words.h"

namespace pabal::access::imap {

struct NotifyEvents {
  bool messages = false;  // MessageNew and MessageExpunge: one is never without the other (§5)
  bool flags = false;
  std::optional<FetchRequest> fetch{};  // of new messages; of the selected mailbox only
  bool names = false, subscriptions = false;
  bool metadata = false;         // of mailboxes
  bool server_metadata = false;  // of the server, whatever the mailboxes
  bool any() const { return messages || flags || names || subscriptions || metadata; }  // of mailboxes
};

struct NotifyGroup {
  enum class Filter : uint8_t {
    kSelected,
    kSelectedDelayed,
    kInboxes,
    kPersonal,
    kSubscribed,
    kSubtree,
    kMailboxes
  } filter = Filter::kPersonal;
  std::vector<std::string> mailboxes{};  // kSubtree, kMailboxes: as the client wrote them
  NotifyEvents events{};
  bool selected() const { return filter == Filter::kSelected || filter == Filter::kSelectedDelayed; }
};

struct NotifyRequest {
  bool status = false;
  std::vector<NotifyGroup> groups;  // NOTIFY NONE: no groups

  const NotifyGroup* selected() const;  // null: nothing of the selected mailbox is wanted
  // What is wanted of a mailbox that is not selected, by all groups together.
  NotifyEvents of(const std::string& mailbox, const std::set<std::string>& subscribed) const;
  bool wants_names() const;          // of any mailbox
  bool wants_subscriptions() const;  // to know them, to tell of them or of those subscribed
  bool wants_metadata() const;       // of any mailbox, or the server
  bool wants_server_metadata() const;
  // Mailboxes of others may be meant (mailbox/sharing.h has how they are called).
  bool may_mean_others(const std::set<std::string>& subscribed) const;
};

struct NotifyParse {
  std::optional<NotifyRequest> request;  // nothing: malformed, or
  bool unknown_event = false;            // §3.1: NO [BADEVENT ...]
};
// After "NOTIFY", to the end.
NotifyParse parse_notify(Words& words);

constexpr std::string_view kNotifyEvents =
    "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange";

}  // namespace pabal::access::imap
