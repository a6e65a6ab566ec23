// What a FETCH asks for (RFC 9051 §6.4.5, RFC 8970, RFC 8474, RFC 8514, RFC 7162). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "access/imap/partial.h"
#include "access/imap/words.h"

namespace pabal::access::imap {

struct Section {
  std::vector<uint32_t> part;  // empty: the message itself
  enum class What : uint8_t { kAll, kHeader, kFields, kFieldsNot, kText, kMime } what = What::kAll;
  std::vector<std::string> fields;
  bool partial = false;  // octets from `offset`, `count` at most
  uint64_t offset = 0, count = 0;
};

struct FetchItem {
  enum class Kind : uint8_t {
    kFlags,
    kUid,
    kInternalDate,
    kSize,
    kEnvelope,
    kBody,
    kBodyStructure,
    kPreview,
    kModSeq,
    kEmailId,
    kThreadId,
    kSaveDate,
    kGmMessage,
    kGmThread,
    kGmLabels,
    kSection,
    kBinary,
    kBinarySize
  } kind = Kind::kFlags;
  Section section{};
  std::string label{};  // how the answer names it
  bool sets_seen = false;
  bool is_header() const;  // all or some fields of the message's own header
};

struct FetchRequest {
  std::vector<FetchItem> items;
  std::optional<mailbox::ModSeq> changed_since;  // RFC 7162 §3.1.4.1
  bool vanished = false;                         // RFC 7162 §3.2.6
  std::optional<PartialRange> range;             // RFC 9394 §3.3: of the messages named, only these
  bool wants(FetchItem::Kind kind) const;
  struct Needs {
    bool flags = false;
    bool message = false;  // the record of what changes: dates, size, where the body is
    bool details = false;  // the parsed structure
    bool header = false;   // octets of the message's own header
    bool body = false;     // other octets of the message
    bool parts = false;    // octets that the structure has to find or decode
  };
  Needs needs() const;
  bool sets_seen() const;
  bool reads() const;  // takes text, not only headers
  bool partial() const;
};

// What stands between the brackets: "1.2.HEADER.FIELDS (From To)". Nothing: malformed.
std::optional<Section> parse_section(std::string_view text);

// "(UID FLAGS)" alone, with nothing behind the items; what follows is left (RFC 5465 §5.2). Nothing: malformed.
std::optional<FetchRequest> parse_fetch_list(Words& words);

// The items, after the set and its space. Nothing: malformed.
std::optional<FetchRequest> parse_fetch(Words& words);

}  // namespace pabal::access::imap
