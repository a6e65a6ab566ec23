// Gmail's search language: `from:amy (dinner OR movie) -has:attachment newer_than:2d`. IMAP's X-GM-RAW takes it, and
// what else speaks as Gmail does.
//
// Words are found as words, not as parts of them; what stands between quotes in a row. Terms side by side must all
// hold; OR (also | and {a b}) binds closer than that, - negates, ( ) groups, also behind an operator: subject:(dinner
// movie). As Gmail, it takes whatever is written: a stray parenthesis means nothing, an unknown operator is text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

constexpr size_t kMaxQueryTerms = 100;  // each is looked up in the index
constexpr size_t kMaxQueryDepth = 20;

struct Query {
  enum class Op : uint8_t {
    kAll,
    kNone,
    kAnd,
    kOr,
    kNot,
    kText,
    kSubject,
    kFrom,
    kTo,
    kCc,
    kBcc,
    kList,
    kDeliveredTo,
    kMessageId,
    kFilename,
    kAround,      // the two children, texts, at most `number` words apart
    kAttachment,  // has:attachment
    kUserLabels,  // has:userlabels
    kFlag,
    kLabel,     // in:, label:, category:
    kAnywhere,  // in:anywhere
    kLarger,
    kSmaller,  // `number` octets
    kSince,
    kBefore,  // `time`, of arrival
  } op = Op::kAll;
  std::vector<Query> children{};
  std::string text{};  // UTF-8
  uint8_t flag = 0;
  uint64_t number = 0;
  Time time{};
};

// Nothing: too many terms, or too deep.
std::optional<Query> parse_query(std::string_view utf8, Time now);

struct QueryScope {
  std::vector<std::string> me{};  // addresses that from:me and to:me mean
  bool everywhere = false;        // also in Trash and Junk, though the query does not name them
  // Of another's account only this mailbox may be known: messages of others are not found, labels are not seen.
  std::optional<MailboxId> only{};
};
// The messages found, oldest first. `r` is one moment. May read much: run it on a pool.
Result<std::vector<MessageId>> find(const Mailboxes& boxes, const store::Reader& r, AccountId account,
                                    const Query& query, const QueryScope& scope);

}  // namespace pabal::mailbox
