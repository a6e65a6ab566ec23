// Pages of messages and threads, the newest first.
//
// Messages of one label come in the order in which they came under it, others in the order in which they came into the
// account. A page token holds the place where the next page goes on, so that mail which arrives meanwhile moves
// nothing.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gmail/call.h"
#include "gmail/resource.h"

namespace pabal::gmail {

constexpr size_t kUsualResults = 100, kMaxResults = 500;  // of a page
constexpr size_t kMaxLabelsAsked = 20;
constexpr size_t kMaxQuery = 2'048;  // octets of q

// What a list is asked for.
struct Asked {
  std::vector<std::string> labels{};  // ids; all of them
  std::optional<std::string> query{};
  bool everywhere = false;  // SPAM and TRASH too
  size_t results = kUsualResults;
  std::string token{};
  bool scan_is_long() const;  // it may look at much: on the pool
};
// From the parameters of a call: labelIds (and label, also by name), q, includeSpamTrash, maxResults, pageToken.
// kInvalid; kDenied: q without the right to read.
Result<Asked> parse_asked(const Call& call);

struct Page {
  std::vector<mailbox::Message> messages;
  std::string next;  // pageToken; "": it was the last
  size_t estimate = 0;
};
enum class Each : uint8_t { kMessage, kThread };  // kThread: of each thread the newest message that is found
// kInvalid: an unknown label or token.
Result<Page> page_of(const Call& call, const View& view, const Asked& asked, Each each);

// Of 32 bits that must agree and a position.
std::string token_text(uint32_t driver, uint64_t position, uint32_t check);
struct Token {
  uint32_t driver = 0;
  uint64_t position = 0;
};
std::optional<Token> parse_token(std::string_view text, uint32_t check);

}  // namespace pabal::gmail
