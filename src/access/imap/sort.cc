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
std::string time(Time t) { return number(static_cast<uint64_t>(to_micros(t)) ^ uint64_t{1} << 63); }
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
      return time(sent_date(message, summary));
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

Time sent_date(const mailbox::Message& message, const message::Summary& summary) {
  return summary.date.value_or(message.received);
}

}  // namespace pabal::access::imap
