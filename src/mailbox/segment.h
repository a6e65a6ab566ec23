// Immutable segments of postings. A segment is a directory (block number 0: how many messages, and the first word of
// each block), blocks of sorted words with their postings, and a dictionary: all its words, one a line, in pages. A
// query for a word reads the directory and the block it is in; one for a part of words looks through the dictionary,
// at the speed of memory, for the words that have it. Blocks without a directory are those of a merge that did not come
// to its end: nobody reads them.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "mailbox/mailbox.h"

namespace pabal::mailbox {

constexpr size_t kBlockOctets = 32 << 10;  // a block ends behind the word that fills it
constexpr size_t kPageOctets = 256 << 10;  // likewise a page of the dictionary

struct Segment {
  uint64_t id = 0;
  uint64_t messages = 0;
  uint32_t pages = 0;                    // of the dictionary
  std::vector<std::string> first_words;  // of block 1, 2, ...
  bool whole = true;                     // has its directory
};

struct Posting {
  MessageId message = 0;
  std::string_view positions;  // search.h, decode_positions()
};

std::string segment_prefix(AccountId account, uint64_t segment);
// All keys of a whole segment.
std::vector<std::string> segment_keys(AccountId account, const Segment& segment);
// By the account's list. One that has none yet is looked through.
Result<std::vector<Segment>> list_segments(const store::Reader& r, AccountId account);
// All that there are, also those that a merge did not finish. The store keeps traces of erased keys for a while: behind
// merges this takes tens of milliseconds.
Result<std::vector<Segment>> scan_segments(const store::Reader& r, AccountId account);
// Puts `made` on the list in place of `gone`, before the blocks of either are written or erased.
Result<void> change_list(store::Transaction& t, AccountId account, const std::vector<uint64_t>& gone, uint64_t made);

// Postings of `word`, or of all words that start with it. The views die with the call of `visit`.
using VisitPosting = std::function<void(std::string_view word, const Posting& posting)>;
Result<void> read_postings(const store::Reader& r, AccountId account, const Segment& segment, std::string_view word,
                           bool prefix, const VisitPosting& visit);

// Likewise of each of `words`, which are in order; a block is read once.
Result<void> read_postings(const store::Reader& r, AccountId account, const Segment& segment,
                           const std::vector<std::string>& words, const VisitPosting& visit);
// Visits the pages of the dictionary: words in order, each with a line feed behind it.
Result<void> read_dictionary(const store::Reader& r, AccountId account, const Segment& segment,
                             const std::function<void(std::string_view page)>& visit);

// Makes a segment, block by block.
class SegmentWriter {
 public:
  SegmentWriter(AccountId account, uint64_t id) : account_(account), id_(id) {}
  // Words in order; the messages of each ascending.
  void add(std::string_view word, const std::vector<Posting>& postings);
  std::vector<store::Entry> take_blocks();                   // those finished since the last call
  std::vector<store::Entry> finish(uint64_t messages);       // the rest, the directory last
  size_t octets_waiting() const { return octets_waiting_; }  // of finished blocks

 private:
  void end_block();
  void end_page();

  AccountId account_;
  uint64_t id_;
  std::vector<store::Entry> blocks_;
  std::vector<std::string> first_words_;
  Encoder block_, page_;
  uint32_t pages_ = 0;
  size_t octets_waiting_ = 0;
};

// Reads the words of a segment in order, one block in memory.
class SegmentCursor {
 public:
  SegmentCursor(const store::Reader& r, AccountId account, Segment segment)
      : r_(r), account_(account), segment_(std::move(segment)) {}
  Result<bool> next();  // false: there are no more
  std::string_view word() const { return word_; }
  // Their views die with the next next(). False: damaged.
  bool postings(std::vector<Posting>& out) const;

 private:
  const store::Reader& r_;
  AccountId account_;
  Segment segment_;
  uint32_t block_number_ = 0;
  std::string block_;
  std::string_view rest_, word_, postings_;
};

}  // namespace pabal::mailbox
