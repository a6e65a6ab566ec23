// Sets of sequence numbers and UIDs: "1:5,9,20:*", "$" (RFC 9051 §9, sequence-set). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::access::imap {

struct Target {  // one message a command is about
  uint32_t sequence;
  mailbox::Uid uid;
  mailbox::ModSeq modseq = 0;  // of its row, where that was read
};

struct SequenceSet {
  static constexpr uint32_t kStar = UINT32_MAX;
  struct Range {
    uint32_t first, last;
  };
  std::vector<Range> ranges;
  bool saved = false;  // "$": the result that SEARCH RETURN (SAVE) left (RFC 5182)

  // Ascending, disjoint, with '*' as `max`: "5:*" with max 3 is 3:5. Nothing where max is 0.
  std::vector<Range> resolve(uint32_t max) const;
};

std::optional<SequenceSet> parse_set(std::string_view text);

// The messages of `uids` that a set of UIDs names; UIDs that are not there are passed over (RFC 9051 §6.4.9).
std::vector<Target> targets_by_uid(const SequenceSet& set, const mailbox::UidMap& uids, const mailbox::UidMap& saved);
// Likewise for sequence numbers. Nothing: a number over the count (RFC 9051 §9, seq-number). A range up to '*' ends at
// the count.
std::optional<std::vector<Target>> targets_by_sequence(const SequenceSet& set, const mailbox::UidMap& uids,
                                                       const mailbox::UidMap& saved);

// Ascending numbers as a set: "1:3,7".
class SetText {
 public:
  void add(uint32_t n) { add(n, n); }
  void add(uint32_t first, uint32_t last);
  std::string take();

 private:
  void close();
  std::string text_;
  uint32_t first_ = 0, last_ = 0;
};
std::string set_text(const std::vector<mailbox::Uid>& numbers);  // in the order given

}  // namespace pabal::access::imap
