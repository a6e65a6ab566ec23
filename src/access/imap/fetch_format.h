// FETCH: what a client may ask of a message, and how the answers are written (RFC 9051 §6.4.5, §7.5.2). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/imap/parse.h"
#include "mailbox/mailbox.h"

namespace pabal::access::imap {

struct Section {
  std::vector<uint32_t> part;  // empty: the message itself
  enum class What : uint8_t { kAll, kHeader, kFields, kFieldsNot, kText, kMime } what = What::kAll;
  std::vector<std::string> fields;
  std::optional<uint32_t> offset;  // a partial: octets from here,
  uint32_t count = 0;              // this many at most
};

struct FetchItem {
  enum class Kind : uint8_t {
    kFlags, kUid, kInternalDate, kSize, kEnvelope, kBody, kBodyStructure, kModSeq, kPreview, kSection, kBinary, kBinarySize
  } kind = Kind::kFlags;
  Section section;
  std::string label;  // how the answer names a section
  bool sets_seen = false;
};

struct FetchRequest {
  std::vector<FetchItem> items;
  std::optional<uint64_t> changed_since;
  bool wants(FetchItem::Kind kind) const;
  bool needs_message() const, needs_details() const, needs_content() const, sets_seen() const;
  bool reads() const;  // takes text, not only headers
};
constexpr size_t kMaxFetchItems = 200;

// The item list and modifiers, after the set and its space.
std::optional<FetchRequest> parse_fetch(Words& words);

std::string envelope(const message::Summary& summary);
std::string body_structure(const message::Part& part, bool extended);
std::string flag_list(const mailbox::Flags& flags);  // (\Seen $Forwarded)

// A section of the message prefix + body; nothing when there is no such part. `whole` is both together.
std::optional<std::string> section_text(const Section& section, const mailbox::Details& details, std::string_view whole);
// RFC 9051 §6.4.5.2: transfer encoding undone. kUnsupported: an encoding nobody knows. Nothing: no such part.
Result<std::optional<std::string>> binary_text(const Section& section, const mailbox::Details& details, std::string_view whole);

}  // namespace pabal::access::imap
