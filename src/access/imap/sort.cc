#include "access/imap/sort.h"

#include <algorithm>

#include "access/imap/limits.h"
#include "base/codec.h"
#include "message/casemap.h"

namespace pabal::access::imap {
namespace {

using By = SortKey::By;
using message::AddressItem;

// addr-mailbox of the first address, as ENVELOPE has it: of a group its name.
std::string first_mailbox(const std::vector<AddressItem>& list) {
  if (list.empty()) return {};
  return list.front().kind == AddressItem::kGroupStart ? list.front().display : list.front().local;
}

// RFC 5957 §3
std::string first_shown(const std::vector<AddressItem>& list) {
  if (list.empty()) return {};
  const AddressItem& first = list.front();
  if (first.kind == AddressItem::kGroupStart) return first.display;
  if (std::string name = first.display_text(); !name.empty()) return name;
  return first.domain.empty() ? first.local : first.local + "@" + first.domain;
}

std::string number(uint64_t n) { return Encoder().u64(n).take(); }
uint64_t ordinal(Time t) {
  return static_cast<uint64_t>(to_micros(t)) ^ uint64_t { 1 } << 63;
}
std::string time(Time t) { return number(ordinal(t)); }
// An end that is before all octets of text, so that the shorter of two comes first.
std::string text(std::string_view utf8) {
  std::string out = message::casemap(utf8);
  std::replace(out.begin(), out.end(), '\0', '\1');
  return out += '\0';
}

std::string octets(By by, const mailbox::Message& message, const message::Summary& summary) {
  switch (by) {
    case By::kArrival:
      return time(message.received);
    case By::kSize:
      return number(message.size);
    case By::kDate:
      return time(summary.date.value_or(message.received));
    case By::kSubject:
      return text(message::base_subject(summary.subject));
    case By::kFrom:
      return text(first_mailbox(summary.from));
    case By::kTo:
      return text(first_mailbox(summary.to));
    case By::kCc:
      return text(first_mailbox(summary.cc));
    case By::kDisplayFrom:
      return text(first_shown(summary.from));
    case By::kDisplayTo:
      return text(first_shown(summary.to));
  }
  return {};
}

// In order as the values that `key` asks for.
uint64_t rank(const SortKey& key, const mailbox::Headline& line, const mailbox::Subjects& subjects) {
  uint64_t out = 0;
  if (key.by == By::kArrival) out = ordinal(line.received);
  if (key.by == By::kDate) out = ordinal(line.sent);
  if (key.by == By::kSize) out = line.size;
  if (key.by == By::kSubject) out = subjects.rank(line.subject);
  return key.reverse ? ~out : out;
}

}  // namespace

std::optional<std::vector<SortKey>> parse_sort_keys(Words& words) {
  struct Name {
    std::string_view name;
    By by;
  };
  constexpr Name kNames[] = {
      {"ARRIVAL", By::kArrival},    {"SIZE", By::kSize}, {"DATE", By::kDate}, {"SUBJECT", By::kSubject},
      {"FROM", By::kFrom},          {"TO", By::kTo},     {"CC", By::kCc},     {"DISPLAYFROM", By::kDisplayFrom},
      {"DISPLAYTO", By::kDisplayTo}};
  std::vector<SortKey> out;
  parenthesised(words, [&] {
    const bool reverse = words.accept_word("REVERSE");
    if (reverse) words.space();
    const std::string name = words.name();
    const auto known =
        std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& one) { return one.name == name; });
    if (known == std::end(kNames) || out.size() >= kMaxSortKeys) return words.fail();
    out.push_back({known->by, reverse});
  });
  if (!words.ok()) return {};
  return out;
}

bool is_by_headline(const std::vector<SortKey>& keys) {
  return std::all_of(keys.begin(), keys.end(), [](const SortKey& key) {
    return key.by == By::kArrival || key.by == By::kSize || key.by == By::kDate || key.by == By::kSubject;
  });
}

std::vector<uint32_t> sorted_places(const std::vector<SortKey>& keys,
                                    const std::vector<const mailbox::Headline*>& lines,
                                    const mailbox::Subjects& subjects) {
  struct Item {
    uint64_t first;  // decides most comparisons without a look at a line
    uint32_t place;
  };
  std::vector<Item> order(lines.size());
  for (uint32_t i = 0; i < lines.size(); ++i) order[i] = {rank(keys.front(), *lines[i], subjects), i};
  std::sort(order.begin(), order.end(), [&](const Item& a, const Item& b) {
    if (a.first != b.first) return a.first < b.first;
    for (size_t i = 1; i < keys.size(); ++i) {
      const uint64_t left = rank(keys[i], *lines[a.place], subjects), right = rank(keys[i], *lines[b.place], subjects);
      if (left != right) return left < right;
    }
    return a.place < b.place;
  });
  std::vector<uint32_t> out(lines.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = order[i].place;
  return out;
}

bool needs_summary(const std::vector<SortKey>& keys) {
  return std::any_of(keys.begin(), keys.end(),
                     [](const SortKey& key) { return key.by != By::kArrival && key.by != By::kSize; });
}

bool needs_message(const std::vector<SortKey>& keys) {
  return std::any_of(keys.begin(), keys.end(), [](const SortKey& key) {
    return key.by == By::kArrival || key.by == By::kSize || key.by == By::kDate;
  });
}

std::string sort_octets(const std::vector<SortKey>& keys, const mailbox::Message& message,
                        const message::Summary& summary) {
  std::string out;
  for (const SortKey& key : keys) {
    std::string one = octets(key.by, message, summary);
    if (key.reverse)
      for (char& c : one) c = static_cast<char>(~c);
    out += one;
  }
  return out;
}

}  // namespace pabal::access::imap
