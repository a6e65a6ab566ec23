#include "access/imap/fetch_request.h"

#include <algorithm>

#include "access/imap/limits.h"
#include "base/text.h"
#include "message/limits.h"

namespace pabal::access::imap {
namespace {

using Kind = FetchItem::Kind;
using What = Section::What;

// section-spec: "1.2.HEADER.FIELDS (From To)", without the brackets. `name` gets it as the answer says it.
bool parse_section_spec(Words& words, Section& section, std::string& name) {
  bool dot = false;
  while (text::is_digit(words.peek())) {
    const uint32_t n = words.number();
    if (n == 0 || section.part.size() >= message::kMaxDepth) return false;
    section.part.push_back(n);
    name += std::to_string(n);
    dot = words.accept('.');
    if (!dot) break;
    name += '.';
  }
  if (words.peek() == ']') return !dot;
  if (!section.part.empty() && !dot) return false;
  const std::string spec = words.name();
  if (spec == "HEADER")
    section.what = What::kHeader;
  else if (spec == "HEADER.FIELDS")
    section.what = What::kFields;
  else if (spec == "HEADER.FIELDS.NOT")
    section.what = What::kFieldsNot;
  else if (spec == "TEXT")
    section.what = What::kText;
  else if (spec == "MIME" && !section.part.empty())
    section.what = What::kMime;
  else
    return false;
  name += spec;
  if (section.what != What::kFields && section.what != What::kFieldsNot) return true;
  words.space();
  name += " (";
  parenthesised(words, [&] {
    const std::string field = words.astring();
    const bool plain = std::all_of(field.begin(), field.end(), [](char c) {
      return c > ' ' && c < 0x7F && c != '"' && c != '(' && c != ')' && c != '\\' && c != ']';
    });
    name += (section.fields.empty() ? "" : " ") + (plain && !field.empty() ? field : quote(field));
    section.fields.push_back(field);
    if (section.fields.size() > kMaxFetchItems) words.fail();
  });
  name += ")";
  return words.ok();
}

// What follows BODY, BODY.PEEK, BINARY...: "[section]" and perhaps "<offset.count>".
bool parse_bracketed(Words& words, FetchItem& item) {
  words.expect('[');
  std::string name;
  if (!parse_section_spec(words, item.section, name)) return false;
  // RFC 9051 §9, section-binary: part numbers only.
  if (item.kind != Kind::kSection && item.section.what != What::kAll) return false;
  words.expect(']');
  item.label += "[" + name + "]";
  if (item.kind != Kind::kBinarySize && words.accept('<')) {
    item.section.partial = true;
    item.section.offset = words.number64();
    words.expect('.');
    item.section.count = words.number64();
    words.expect('>');
    if (item.section.count == 0) return false;  // RFC 9051 §9, partial: nz-number64
    item.label += "<" + std::to_string(item.section.offset) + ">";
  }
  return words.ok();
}

struct Simple {
  std::string_view name;
  Kind kind;
};
constexpr Simple kSimple[] = {{"FLAGS", Kind::kFlags},
                              {"UID", Kind::kUid},
                              {"INTERNALDATE", Kind::kInternalDate},
                              {"RFC822.SIZE", Kind::kSize},
                              {"ENVELOPE", Kind::kEnvelope},
                              {"BODYSTRUCTURE", Kind::kBodyStructure},
                              {"MODSEQ", Kind::kModSeq},
                              {"EMAILID", Kind::kEmailId},
                              {"THREADID", Kind::kThreadId},
                              {"SAVEDATE", Kind::kSaveDate},
                              {"X-GM-MSGID", Kind::kGmMessage},
                              {"X-GM-THRID", Kind::kGmThread},
                              {"X-GM-LABELS", Kind::kGmLabels}};

FetchItem simple(Kind kind) {
  FetchItem item;
  item.kind = kind;
  return item;
}

bool parse_item(Words& words, std::vector<FetchItem>& out) {
  if (out.size() >= kMaxFetchItems) return false;
  const std::string name = words.name();
  for (const Simple& one : kSimple)
    if (name == one.name) return out.push_back(simple(one.kind)), true;
  FetchItem item = simple(Kind::kSection);
  item.label = name;
  if (name == "PREVIEW") {
    // RFC 8970 §3.1: LAZY lets a server skip what it would have to make; here previews are always ready.
    Words ahead = words;
    if (ahead.accept(' ') && ahead.accept('(') && ahead.accept_word("LAZY") && ahead.accept(')')) words = ahead;
    item.kind = Kind::kPreview;
  } else if (name == "BODY" && words.peek() != '[') {
    item.kind = Kind::kBody;
  } else if (name == "BODY" || name == "BODY.PEEK") {
    item.label = "BODY";
    item.sets_seen = name == "BODY";
    if (!parse_bracketed(words, item)) return false;
  } else if (name == "BINARY" || name == "BINARY.PEEK" || name == "BINARY.SIZE") {
    item.kind = name == "BINARY.SIZE" ? Kind::kBinarySize : Kind::kBinary;
    item.label = name == "BINARY.SIZE" ? name : "BINARY";
    item.sets_seen = name == "BINARY";
    if (!parse_bracketed(words, item)) return false;
  } else if (name == "RFC822") {
    item.sets_seen = true;
  } else if (name == "RFC822.HEADER") {
    item.section.what = What::kHeader;
  } else if (name == "RFC822.TEXT") {
    item.section.what = What::kText;
    item.sets_seen = true;
  } else {
    return false;
  }
  out.push_back(std::move(item));
  return true;
}

}  // namespace

bool FetchItem::is_header() const {
  return kind == Kind::kSection && section.part.empty() &&
         (section.what == What::kHeader || section.what == What::kFields || section.what == What::kFieldsNot);
}

bool FetchRequest::wants(Kind kind) const {
  return std::any_of(items.begin(), items.end(), [&](const FetchItem& i) { return i.kind == kind; });
}
FetchRequest::Needs FetchRequest::needs() const {
  Needs needs;
  for (const FetchItem& item : items) {
    switch (item.kind) {
      case Kind::kFlags:
        needs.flags = true;
        break;
      case Kind::kUid:
      case Kind::kModSeq:
      case Kind::kEmailId:
      case Kind::kGmMessage:
        break;
      case Kind::kInternalDate:
      case Kind::kSize:
      case Kind::kThreadId:
      case Kind::kSaveDate:
      case Kind::kGmThread:
      case Kind::kGmLabels:
        needs.message = true;
        break;
      case Kind::kEnvelope:
      case Kind::kBody:
      case Kind::kBodyStructure:
      case Kind::kPreview:
        needs.details = true;
        break;
      case Kind::kSection:
      case Kind::kBinary:
      case Kind::kBinarySize:
        (item.is_header() ? needs.header : needs.body) = true;
        needs.parts |= item.kind != Kind::kSection || !item.section.part.empty();
        break;
    }
  }
  needs.message |= needs.header || needs.body;
  needs.details |= needs.parts;
  return needs;
}
bool FetchRequest::sets_seen() const {
  return std::any_of(items.begin(), items.end(), [](const FetchItem& i) { return i.sets_seen; });
}
bool FetchRequest::reads() const {
  return std::any_of(items.begin(), items.end(), [](const FetchItem& i) {
    return i.kind == Kind::kBinary ||
           (i.kind == Kind::kSection && (i.section.what == What::kAll || i.section.what == What::kText));
  });
}
bool FetchRequest::partial() const {
  return std::any_of(items.begin(), items.end(), [](const FetchItem& i) { return i.section.partial; });
}

namespace {

// RFC 4466 §2.4: "(CHANGEDSINCE 12345 VANISHED)" behind the items.
void parse_modifiers(Words& words, FetchRequest& request) {
  parenthesised(words, [&] {
    const std::string name = words.name();
    if (name == "CHANGEDSINCE") {
      words.space();
      request.changed_since = words.number64();
    } else if (name == "VANISHED") {
      request.vanished = true;
    } else if (name == "PARTIAL" && !request.range) {
      words.space();
      request.range = parse_partial(words);
    } else {
      words.fail();
    }
  });
  // RFC 7162 §3.2.6: VANISHED since when?
  if (request.vanished && !request.changed_since) words.fail();
  // RFC 7162 §3.1.4.1: CHANGEDSINCE asks for MODSEQ too.
  if (request.changed_since && !request.wants(Kind::kModSeq)) request.items.push_back(simple(Kind::kModSeq));
}

}  // namespace

std::optional<Section> parse_section(std::string_view text) {
  const std::string closed = std::string(text) + "]";
  Words words(closed);
  Section section;
  std::string name;
  if (!parse_section_spec(words, section, name)) return {};
  words.expect(']');
  if (!words.done()) return {};
  return section;
}

std::optional<FetchRequest> parse_fetch_list(Words& words) {
  FetchRequest request;
  parenthesised(words, [&] {
    if (!parse_item(words, request.items)) words.fail();
  });
  if (!words.ok()) return {};
  return request;
}

std::optional<FetchRequest> parse_fetch(Words& words) {
  FetchRequest request;
  const auto add = [&](std::vector<Kind> kinds) {
    for (const Kind kind : kinds) request.items.push_back(simple(kind));
  };
  if (words.peek() == '(') {
    parenthesised(words, [&] {
      if (!parse_item(words, request.items)) words.fail();
    });
  } else if (words.accept_word("ALL")) {
    add({Kind::kFlags, Kind::kInternalDate, Kind::kSize, Kind::kEnvelope});
  } else if (words.accept_word("FAST")) {
    add({Kind::kFlags, Kind::kInternalDate, Kind::kSize});
  } else if (words.accept_word("FULL")) {
    add({Kind::kFlags, Kind::kInternalDate, Kind::kSize, Kind::kEnvelope, Kind::kBody});
  } else if (!parse_item(words, request.items)) {
    return {};
  }
  if (words.accept(' ')) parse_modifiers(words, request);
  if (!words.done()) return {};
  return request;
}

}  // namespace pabal::access::imap
