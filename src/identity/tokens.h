// Access tokens: bearer tokens (RFC 6750) that let a program in as an account without its password, for some purposes
// and some time. A token is 32 random octets behind the account's number, given out once; the store keeps its hash.
// Directory issues and checks them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace pabal::identity {

// What a token is good for (RFC 6749 §3.3).
constexpr std::string_view kMailRead = "mail.read";  // the mailboxes, with all that can be done in them: IMAP, POP3
constexpr std::string_view kMailSend = "mail.send";  // submission
constexpr std::string_view kScopes[] = {kMailRead, kMailSend};

constexpr days kTokenLifetime{90};        // where nothing else is asked for
constexpr days kMaxTokenLifetime{3'650};  // ten years
constexpr size_t kMaxTokens = 1'000;      // of one account
constexpr size_t kMaxTokenLabel = 200;    // octets

struct Token {
  std::string id;  // names it to its owner; no secret
  uint32_t account = 0;
  std::vector<std::string> scopes;
  std::string label;  // what it is for, as its owner wrote
  Time created, expires;
  bool covers(std::string_view scope) const;
};

}  // namespace pabal::identity
