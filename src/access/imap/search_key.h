// The criteria of SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4), and its options RETURN (...) and CHARSET. Pure.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/imap/sequence_set.h"
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
    kKeyword,  // answered by the row
    kInternal,
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
  std::string text{};  // UTF-8
  enum class When : uint8_t { kBefore, kOn, kSince } when = When::kOn;
  std::chrono::sys_days day{};
  uint64_t number = 0;
};

struct SearchRequest {
  bool returns = false;  // RETURN (...) was given: the answer is ESEARCH (RFC 4731)
  bool min = false, max = false, all = false, count = false, save = false;
  bool has_charset = false;
  SearchKey key;
};

struct SearchParse {
  std::optional<SearchRequest> request;  // nothing: malformed, or
  bool bad_charset = false;
};
// After "SEARCH" and its space.
SearchParse parse_search(Words& words);

// What one of the keys costs to answer; those of an AND are asked from the cheapest on.
int cost(const SearchKey& key);

// "* SEARCH ..." or "* ESEARCH ...", with CRLF. `numbers` ascending. Empty when nothing is to be said (SAVE alone).
std::string search_answer(const SearchRequest& request, const std::string& tag, bool uid, bool extended,
                          const std::vector<uint32_t>& numbers);
// RFC 5182 §2.1, §2.4: what SAVE keeps of the matches: all, or with MIN or MAX and nothing more only those.
std::vector<Target> saved_targets(const SearchRequest& request, const std::vector<Target>& found);

}  // namespace pabal::access::imap
