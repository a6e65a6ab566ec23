// Immutable segments of postings. A segment is a directory (block number 0: how many messages, and the first word of each block)
// and blocks of sorted words with their postings; a query reads the directory and the blocks its word can be in.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

constexpr size_t kBlockOctets = 32 << 10;  // a block ends behind the word that fills it

// word -> (message, positions), messages ascending
using Postings = std::map<std::string, std::vector<std::pair<MessageId, std::vector<uint32_t>>>>;

struct Segment {
  uint64_t id = 0;
  uint64_t messages = 0;
  std::vector<std::string> first_words;  // of block 1, 2, ...
};
struct BuiltSegment {
  std::vector<store::Entry> entries;
};

std::string segment_prefix(AccountId account, uint64_t segment);
BuiltSegment build_segment(AccountId account, uint64_t id, uint64_t messages, const Postings& postings);
Result<std::vector<Segment>> list_segments(const store::Reader& r, AccountId account);

using VisitPosting = std::function<void(std::string_view word, MessageId message, const std::vector<uint32_t>& positions)>;
// Postings of `word`, or of all words that start with it.
Result<void> read_postings(const store::Reader& r, AccountId account, const Segment& segment, std::string_view word, bool prefix,
                           const VisitPosting& visit);
Result<void> read_all_postings(const store::Reader& r, AccountId account, const Segment& segment, const VisitPosting& visit);

}  // namespace pabal::mailbox
