// The criteria of SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4), SORT and THREAD (RFC 5256), and their options RETURN (...)
// and CHARSET. Pure.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/imap/fetch_request.h"
#include "access/imap/partial.h"
#include "access/imap/sequence_set.h"
#include "access/imap/sort.h"
#include "access/imap/words.h"

namespace pabal::access::imap {

struct SearchKey {
  enum class Op : uint8_t {
    kAll,
    kAnd,
    kOr,
    kNot,
    kSequence,
    kUid,
    kFlag,
    kModSeq,
    kEmail,
    kGmRaw,
    kGmMessage,
    kKeyword,  // answered by the row
    kInternal,
    kGmThread,
    kGmLabel,
    kOlder,
    kYounger,
    kSaved,
    kThread,
    kLarger,
    kSmaller,  // by the message's record
    kSent,
    kSubject,
    kAddress,  // by its structure
    kHeader,
    kBody,
    kText,  // by its octets
  } op = Op::kAll;
  std::vector<SearchKey> children{};
  SequenceSet set{};  // kSequence, kUid
  uint8_t flag = 0;
  std::string name{};  // kHeader: the field; kAddress: FROM, TO, CC, BCC
  std::string text{};  // UTF-8; kEmail, kThread: the object identifier
  enum class When : uint8_t { kBefore, kOn, kSince } when = When::kOn;
  std::chrono::sys_days day{};
  uint64_t number = 0;  // octets; kOlder, kYounger: seconds; kModSeq: at least this; kGmMessage, kGmThread: the id
};

enum class Searching : uint8_t { kSearch, kSort, kThread };

struct SearchRequest {
  bool returns = false;  // RETURN (...) was given: the answer is ESEARCH (RFC 4731)
  bool min = false, max = false, all = false, count = false, save = false;
  bool update = false;                    // RFC 5267 §4.3; CONTEXT, a hint, is read and not kept
  std::optional<FetchRequest> of_new{};   // RFC 5465 §7: what UPDATE tells of new messages
  std::optional<PartialRange> partial{};  // RFC 9394
  bool has_charset = false;
  std::vector<SortKey> sort{};  // SORT
  bool references = false;      // THREAD: REFERENCES, not ORDEREDSUBJECT
  SearchKey key;
};

struct SearchParse {
  std::optional<SearchRequest> request;  // nothing: malformed, or
  bool bad_charset = false;
};
// After the command and its space.
SearchParse parse_search(Words& words, Searching kind = Searching::kSearch);

// RFC 7162 §3.1.5: a MODSEQ key is in it, so the answer tells the highest of the messages found.
bool asks_modseq(const SearchKey& key);
bool names_numbers(const SearchKey& key);  // a set of sequence numbers is in it

// What one of the keys costs to answer; those of an AND are asked from the cheapest on.
int cost(const SearchKey& key);

// "* SEARCH ...", "* SORT ..." or "* ESEARCH ...", with CRLF. `found` in the order of the answer. Empty when nothing is
// to be said (SAVE alone).
std::string search_answer(const SearchRequest& request, const std::string& tag, bool uid, bool extended,
                          const std::vector<Target>& found);
// RFC 5182 §2.1, §2.4, RFC 9394 §3.2: what SAVE keeps of the matches: all, or with MIN, MAX or PARTIAL and nothing more
// only those.
std::vector<Target> saved_targets(const SearchRequest& request, const std::vector<Target>& found);

}  // namespace pabal::access::imap
