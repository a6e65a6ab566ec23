// The order of SORT (RFC 5256 §3, RFC 5957). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "access/imap/words.h"
#include "mailbox/headlines.h"

namespace pabal::access::imap {

struct SortKey {
  enum class By : uint8_t { kArrival, kSize, kDate, kSubject, kFrom, kTo, kCc, kDisplayFrom, kDisplayTo } by;
  bool reverse = false;
};

// "(SUBJECT REVERSE DATE)"; nothing: malformed.
std::optional<std::vector<SortKey>> parse_sort_keys(Words& words);

// Headlines say it all.
bool is_by_headline(const std::vector<SortKey>& keys);
// The places of `lines` in order; those of equal ones ascend. None is null.
std::vector<uint32_t> sorted_places(const std::vector<SortKey>& keys,
                                    const std::vector<const mailbox::Headline*>& lines,
                                    const mailbox::Subjects& subjects);

bool needs_summary(const std::vector<SortKey>& keys);
bool needs_message(const std::vector<SortKey>& keys);
// Messages are in order as these octets are; equal ones by their numbers.
std::string sort_octets(const std::vector<SortKey>& keys, const mailbox::Message& message,
                        const message::Summary& summary);

}  // namespace pabal::access::imap
