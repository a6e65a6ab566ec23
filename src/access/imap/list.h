// LIST, LSUB and their extensions (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154). Pure: the mailboxes are given.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "access/imap/words.h"
#include "mailbox/mailbox.h"

namespace pabal::access::imap {

struct ListRequest {
  bool lsub = false;
  bool extended = false;  // selection or return options, or several patterns: RFC 5258 forms of answers
  bool only_subscribed = false, only_special = false, recursive = false;  // selection
  bool return_subscribed = false, return_special = false;
  bool return_my_rights = false;      // RFC 8440
  std::vector<std::string> metadata;  // RFC 9590: entries to tell of each
  std::string reference;
  std::vector<std::string> patterns;  // as the client wrote them
  std::vector<std::string> status;    // RFC 5819: items of STATUS for each
};
std::optional<ListRequest> parse_list(Words& words, bool lsub);
std::optional<std::vector<std::string>> parse_status_items(
    Words& words);  // "(MESSAGES UNSEEN)"; unknown ones are a fault

struct ListLine {
  std::string name;                       // UTF-8
  std::string attributes;                 // "\HasChildren \Sent"
  bool child_info = false;                // RFC 5258 §3.5: something below is subscribed
  const mailbox::Mailbox* box = nullptr;  // null: there is none, or it is told for something below it only
};
// `decode` turns a pattern (with its reference) into UTF-8.
std::vector<ListLine> list(const ListRequest& request, const std::vector<mailbox::Mailbox>& all,
                           const std::set<std::string>& subscribed,
                           const std::function<std::string(std::string_view)>& decode);

// "\Sent", or nothing where a role is no special use.
std::string_view special_use(mailbox::Role role);
std::optional<mailbox::Role> role_of_use(std::string_view use);

}  // namespace pabal::access::imap
