// Questions about mail, and the engine that answers them: Gmail's search language, which IMAP's X-GM-RAW takes too, and
// the conditions of JMAP's filters (RFC 8621 §4.4.1) are trees of the same kind.
//
// Gmail's language: `from:amy (dinner OR movie) -has:attachment newer_than:2d`. Words are found as words, not as parts
// of them, and by their beginning with a star behind it; what stands between quotes in a row and just so. Terms side by
// side must all hold; OR (also | and {a b}) binds closer than that, - negates, ( ) groups, also behind an operator:
// subject:(dinner movie). As Gmail, it takes whatever is written: a stray parenthesis means nothing, an unknown
// operator is text.
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
    kBody,    // the text, and that of attached files
    kHeader,  // the field `name`; without `text`: there is one
    kList,
    kDeliveredTo,
    kMessageId,
    kFilename,
    kAround,      // the two children, texts, at most `number` words apart
    kAttachment,  // has:attachment
    kUserLabels,  // has:userlabels
    kFlag,
    kKeyword,        // `text`, regardless of case; $seen, $answered, $flagged and $draft are the flags; category:
    kThreadAll,      // every message of the thread has the keyword `text`
    kThreadSome,     // one has it
    kLabel,          // in:, label:
    kMailbox,        // in one of `mailboxes`
    kMailboxBeside,  // in one that is not of `mailboxes`
    kAnywhere,       // in:anywhere
    kLarger,
    kSmaller,  // `number` octets
    kSince,
    kBefore,  // `time`, of arrival
  } op = Op::kAll;
  std::vector<Query> children{};
  std::string text{};   // UTF-8
  bool exact = false;   // of texts: just as it is written. Otherwise query_words.h says what does as well
  bool prefix = false;  // of texts: the last word may go on
  std::string name{};   // of a header field
  std::vector<MailboxId> mailboxes{};
  uint8_t flag = 0;
  uint64_t number = 0;
  Time time{};
};

// Nothing: too many terms, or too deep.
std::optional<Query> parse_query(std::string_view utf8, Time now);
// The value of a text condition of JMAP for one of the texts above: words that must all be there, in any order, and
// phrases between single or double quotes (RFC 8621 §4.4.1). Nothing: too many.
std::optional<Query> text_query(Query::Op op, std::string_view utf8);

struct QueryScope {
  std::vector<std::string> me{};  // addresses that from:me and to:me mean
  bool everywhere = false;        // also in Trash and Junk, though the query does not name them
  // Of another's account only this mailbox may be known: messages of others are not found, labels are not seen.
  std::optional<MailboxId> only{};
  std::optional<std::vector<MessageId>> among{};  // only of these: for one that is asked for, or a few
};
// The messages found, oldest first. `r` is one moment. May read much: run it on a pool.
Result<std::vector<MessageId>> find(const Mailboxes& boxes, const store::Reader& r, AccountId account,
                                    const Query& query, const QueryScope& scope);

// A page of them, newest first: by their ids, which is by when they came into the account. It reads little more than
// the page needs, where the words of the query, or the mailboxes it names, say enough.
struct PageWanted {
  size_t limit = 50;
  std::optional<MessageId> before{};  // only older ones than this: the last of the page before
  bool total = false;                 // count them all, which may read much
};
struct FoundPage {
  std::vector<MessageId> ids;
  bool more = false;        // there are older ones
  uint64_t total = 0;       // of all pages
  bool is_estimate = true;  // of what was looked at
};
Result<FoundPage> find_page(const Mailboxes& boxes, const store::Reader& r, AccountId account, const Query& query,
                            const QueryScope& scope, const PageWanted& wanted);

}  // namespace pabal::mailbox
