#include "access/imap/fetch_format.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::access::imap {
namespace {

using Kind = FetchItem::Kind;

FetchItem simple(Kind kind) {
  FetchItem item;
  item.kind = kind;
  return item;
}

// RFC 9051 §9: section = "[" [section-spec] "]"
bool parse_section(Words& words, FetchItem& item) {
  Section& section = item.section;
  words.expect('[');
  std::string name;
  while (text::is_digit(words.peek())) {
    const uint32_t n = words.number();
    if (n == 0 || section.part.size() >= message::kMaxDepth) return false;
    section.part.push_back(n);
    name += (name.empty() ? "" : ".") + std::to_string(n);
    if (!words.accept('.')) break;
    if (!text::is_digit(words.peek())) name += '.';
  }
  if (words.peek() != ']') {
    if (!section.part.empty() && !name.ends_with('.')) return false;
    if (item.kind != Kind::kSection) return false;
    const std::string spec = text::uppered(words.atom());
    using What = Section::What;
    if (spec == "HEADER") section.what = What::kHeader;
    else if (spec == "HEADER.FIELDS") section.what = What::kFields;
    else if (spec == "HEADER.FIELDS.NOT") section.what = What::kFieldsNot;
    else if (spec == "TEXT") section.what = What::kText;
    else if (spec == "MIME" && !section.part.empty()) section.what = What::kMime;
    else return false;
    name += spec;
    if (section.what == What::kFields || section.what == What::kFieldsNot) {
      words.space();
      words.expect('(');
      name += " (";
      do {
        section.fields.push_back(words.astring());
        name += (section.fields.size() > 1 ? " " : "") + section.fields.back();
      } while (words.ok() && section.fields.size() < kMaxFetchItems && words.accept(' '));
      words.expect(')');
      name += ")";
    }
  } else if (name.ends_with('.')) return false;
  words.expect(']');
  item.label += "[" + name + "]";
  if (item.kind != Kind::kBinarySize && words.accept('<')) {
    section.offset = words.number();
    words.expect('.');
    section.count = words.number();
    words.expect('>');
    if (section.count == 0) return false;
    item.label += "<" + std::to_string(*section.offset) + ">";
  }
  return words.ok();
}

bool parse_item(Words& words, std::vector<FetchItem>& out) {
  std::string name;
  // "[" belongs to atoms of other commands, not to these names.
  while (text::is_alnum(words.peek()) || words.peek() == '.') {
    name += text::upper(words.peek());
    words.accept(words.peek());
    if (name.size() > 30) return false;
  }
  static constexpr std::pair<std::string_view, Kind> kNames[] = {
      {"FLAGS", Kind::kFlags},       {"UID", Kind::kUid},   {"INTERNALDATE", Kind::kInternalDate},
      {"RFC822.SIZE", Kind::kSize},  {"ENVELOPE", Kind::kEnvelope}, {"BODYSTRUCTURE", Kind::kBodyStructure},
      {"MODSEQ", Kind::kModSeq}};
  for (const auto& [known, kind] : kNames)
    if (name == known) return out.push_back(simple(kind)), true;

  FetchItem item;
  item.kind = Kind::kSection;
  item.label = name;
  if (name == "BODY" && words.peek() != '[') return out.push_back(simple(Kind::kBody)), true;
  if (name == "PREVIEW") {  // RFC 8970 §3: LAZY changes nothing here, previews are kept ready
    Words ahead = words;
    if (ahead.accept(' ') && ahead.accept('(') && ahead.rest().starts_with("LAZY)")) {
      for (int i = 0; i < 5; ++i) ahead.accept(ahead.peek());
      words = ahead;
    }
    return out.push_back(simple(Kind::kPreview)), true;
  }
  if (name == "BODY" || name == "BODY.PEEK") {
    item.label = "BODY";
    item.sets_seen = name == "BODY";
    if (!parse_section(words, item)) return false;
  } else if (name == "BINARY" || name == "BINARY.PEEK" || name == "BINARY.SIZE") {
    item.kind = name == "BINARY.SIZE" ? Kind::kBinarySize : Kind::kBinary;
    item.label = name == "BINARY.SIZE" ? name : "BINARY";
    item.sets_seen = name == "BINARY";
    if (!parse_section(words, item)) return false;
  } else if (name == "RFC822") item.sets_seen = true;
  else if (name == "RFC822.HEADER") item.section.what = Section::What::kHeader;
  else if (name == "RFC822.TEXT") {
    item.section.what = Section::What::kText;
    item.sets_seen = true;
  } else return false;
  out.push_back(std::move(item));
  return true;
}

std::string address(const message::AddressItem& a) {
  using Item = message::AddressItem;
  if (a.kind == Item::kGroupStart) return "(NIL NIL " + quote(a.display) + " NIL)";
  if (a.kind == Item::kGroupEnd) return "(NIL NIL NIL NIL)";
  return "(" + nquote(a.display) + " NIL " + quote(a.local) + " " + quote(a.domain) + ")";
}

std::string addresses(const std::vector<message::AddressItem>& list) {
  if (list.empty()) return "NIL";
  std::string out = "(";
  for (const auto& a : list) out += address(a);
  return out + ")";
}

std::string parameters(const message::Params& params) {
  if (params.empty()) return "NIL";
  std::string out = "(";
  for (const auto& [name, value] : params)
    out += (out.size() > 1 ? " " : "") + quote(name) + " " + quote(text::is_ascii(value) ? value : message::encode_word(value));
  return out + ")";
}

std::string disposition_and_after(const message::Part& part) {
  std::string out = part.disposition.empty() ? " NIL" : " (" + quote(part.disposition) + " " + parameters(part.disposition_params) + ")";
  if (part.languages.empty()) out += " NIL";
  else if (part.languages.size() == 1) out += " " + quote(part.languages[0]);
  else {
    out += " (";
    for (const auto& language : part.languages) out += (out.ends_with('(') ? "" : " ") + quote(language);
    out += ")";
  }
  return out + " " + nquote(part.location);
}

void write_structure(const message::Part& part, bool extended, std::string& out) {
  static constexpr std::string_view kEmptyBody = "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)";
  out += '(';
  if (part.is_multipart()) {
    if (part.children.empty()) out += kEmptyBody;  // the grammar wants one
    for (const auto& child : part.children) write_structure(child, extended, out);
    out += " " + quote(part.subtype);
    if (extended) out += " " + parameters(part.params) + disposition_and_after(part);
    out += ')';
    return;
  }
  out += quote(part.type) + " " + quote(part.subtype) + " " + parameters(part.params) + " " + nquote(part.id) + " " +
         nquote(part.description) + " " + quote(part.encoding) + " " + std::to_string(part.body_size);
  if (part.type == "message" && part.is_message()) {
    static const message::Summary kNone;
    const bool open = !part.children.empty();
    out += " " + envelope(open && part.children[0].summary ? *part.children[0].summary : kNone) + " ";
    if (open) write_structure(part.children[0], extended, out);
    else out += kEmptyBody;
    out += " " + std::to_string(part.body_lines);
  } else if (part.is_text()) out += " " + std::to_string(part.body_lines);
  if (extended) out += " " + nquote(part.md5) + disposition_and_after(part);
  out += ')';
}

// RFC 9051 §6.4.5.1: numbers go down multiparts and into embedded messages; a message that is no multipart has part 1.
const message::Part* find_part(const message::Part& root, const std::vector<uint32_t>& numbers) {
  const message::Part* at = &root;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const message::Part* base = at;
    bool is_root = i == 0;
    if (!is_root && at->is_message()) {
      if (at->children.empty()) return nullptr;
      base = &at->children[0];
      is_root = true;
    }
    if (base->is_multipart()) {
      if (numbers[i] > base->children.size()) return nullptr;
      at = &base->children[numbers[i] - 1];
    } else if (is_root && numbers[i] == 1) at = base;
    else return nullptr;
  }
  return at;
}

std::string_view piece(std::string_view bytes, size_t offset, size_t size) {
  return offset > bytes.size() ? std::string_view() : bytes.substr(offset, size);
}

std::string picked_fields(std::string_view header, const Section& section) {
  std::string out;
  for (const auto& field : message::header_fields(header)) {
    const bool named = std::any_of(section.fields.begin(), section.fields.end(), [&](const auto& f) { return text::iequals(f, field.name); });
    if (named == (section.what == Section::What::kFields)) out += piece(header, field.offset, field.size);
  }
  return out + "\r\n";  // RFC 9051 §6.4.5.1: the blank line is always there
}

std::string cut(std::string text, const Section& section) {
  if (!section.offset) return text;
  if (*section.offset >= text.size()) return {};
  return text.substr(*section.offset, section.count);
}

}  // namespace

bool FetchRequest::wants(Kind kind) const {
  return std::any_of(items.begin(), items.end(), [&](const FetchItem& i) { return i.kind == kind; });
}
bool FetchRequest::needs_message() const { return wants(Kind::kInternalDate) || wants(Kind::kSize); }
bool FetchRequest::needs_content() const {
  return wants(Kind::kSection) || wants(Kind::kBinary) || wants(Kind::kBinarySize);
}
bool FetchRequest::needs_details() const {
  return needs_content() || wants(Kind::kEnvelope) || wants(Kind::kBody) || wants(Kind::kBodyStructure) || wants(Kind::kPreview);
}
bool FetchRequest::sets_seen() const {
  return std::any_of(items.begin(), items.end(), [](const FetchItem& i) { return i.sets_seen; });
}
bool FetchRequest::reads() const {
  return std::any_of(items.begin(), items.end(), [](const FetchItem& i) {
    using What = Section::What;
    return i.kind == Kind::kBinary || (i.kind == Kind::kSection && (i.section.what == What::kAll || i.section.what == What::kText));
  });
}

std::optional<FetchRequest> parse_fetch(Words& words) {
  FetchRequest request;
  const auto add = [&](std::initializer_list<Kind> kinds) {
    for (const Kind kind : kinds) request.items.push_back(simple(kind));
  };
  const std::string rest = text::uppered(words.rest().substr(0, 5));
  const auto macro = [&](std::string_view name) {
    if (!rest.starts_with(name) || (rest.size() > name.size() && rest[name.size()] != ' ')) return false;
    words.atom();
    return true;
  };
  if (words.accept('(')) {
    do {
      if (!parse_item(words, request.items)) return {};
    } while (request.items.size() < kMaxFetchItems && words.accept(' '));
    words.expect(')');
  } else if (macro("ALL")) add({Kind::kFlags, Kind::kInternalDate, Kind::kSize, Kind::kEnvelope});
  else if (macro("FAST")) add({Kind::kFlags, Kind::kInternalDate, Kind::kSize});
  else if (macro("FULL")) add({Kind::kFlags, Kind::kInternalDate, Kind::kSize, Kind::kEnvelope, Kind::kBody});
  else if (!parse_item(words, request.items)) return {};
  if (words.ok() && words.accept(' ')) {  // RFC 7162 §3.1.4
    words.expect('(');
    if (!text::iequals(words.atom(), "CHANGEDSINCE")) return {};
    words.space();
    size_t n = 0;
    const std::string_view digits = words.rest();
    while (n < digits.size() && text::is_digit(digits[n])) ++n;
    request.changed_since = text::parse_u64(digits.substr(0, n));
    for (size_t i = 0; i < n; ++i) words.accept(words.peek());
    words.expect(')');
    if (!request.changed_since) return {};
    if (!request.wants(Kind::kModSeq)) add({Kind::kModSeq});
  }
  if (!words.ok() || !words.done()) return {};
  return request;
}

std::string envelope(const message::Summary& s) {
  // RFC 9051 §7.5.2: Sender and Reply-To default to From.
  return "(" + nquote(s.date_raw) + " " + nquote(s.subject) + " " + addresses(s.from) + " " +
         addresses(s.sender.empty() ? s.from : s.sender) + " " + addresses(s.reply_to.empty() ? s.from : s.reply_to) + " " +
         addresses(s.to) + " " + addresses(s.cc) + " " + addresses(s.bcc) + " " + nquote(s.in_reply_to) + " " +
         nquote(s.message_id) + ")";
}

std::string body_structure(const message::Part& part, bool extended) {
  std::string out;
  write_structure(part, extended, out);
  return out;
}

std::string flag_list(const mailbox::Flags& flags) {
  static constexpr std::pair<mailbox::Flag, std::string_view> kNames[] = {{mailbox::kAnswered, "\\Answered"},
                                                                          {mailbox::kFlagged, "\\Flagged"},
                                                                          {mailbox::kDeleted, "\\Deleted"},
                                                                          {mailbox::kSeen, "\\Seen"},
                                                                          {mailbox::kDraft, "\\Draft"}};
  std::string out = "(";
  for (const auto& [flag, name] : kNames) {
    if (!flags.has(flag)) continue;
    if (out.size() > 1) out += ' ';
    out += name;
  }
  for (const std::string& keyword : flags.keywords) {
    if (out.size() > 1) out += ' ';
    out += keyword;
  }
  return out + ")";
}

std::optional<std::string> section_text(const Section& section, const mailbox::Details& details, std::string_view whole) {
  using What = Section::What;
  const message::Part& root = details.structure.root;
  const size_t prefix = details.prefix.size();
  if (section.part.empty()) {
    const size_t header = prefix + root.body_offset;
    switch (section.what) {
      case What::kAll: return cut(std::string(whole), section);
      case What::kHeader: return cut(std::string(piece(whole, 0, header)), section);
      case What::kText: return cut(std::string(piece(whole, header, whole.npos)), section);
      case What::kFields:
      case What::kFieldsNot: return cut(picked_fields(piece(whole, 0, header), section), section);
      case What::kMime: return {};
    }
  }
  const message::Part* part = find_part(root, section.part);
  if (!part) return {};
  const std::string_view body = piece(whole, prefix, whole.npos);
  if (section.what == What::kAll) return cut(std::string(piece(body, part->body_offset, part->body_size)), section);
  if (section.what == What::kMime) return cut(std::string(piece(body, part->header_offset, part->header_size)), section);
  if (!part->is_message() || part->children.empty()) return {};
  const message::Part& inner = part->children[0];
  const std::string_view header = piece(body, inner.header_offset, inner.header_size);
  if (section.what == What::kHeader) return cut(std::string(header), section);
  if (section.what == What::kText) return cut(std::string(piece(body, inner.body_offset, inner.body_size)), section);
  return cut(picked_fields(header, section), section);
}

Result<std::optional<std::string>> binary_text(const Section& section, const mailbox::Details& details, std::string_view whole) {
  if (section.part.empty()) return section_text(section, details, whole);
  const message::Part* part = find_part(details.structure.root, section.part);
  if (!part) return std::optional<std::string>();
  static constexpr std::string_view kKnown[] = {"", "7bit", "8bit", "binary", "base64", "quoted-printable"};
  if (std::find(std::begin(kKnown), std::end(kKnown), part->encoding) == std::end(kKnown))
    return Error{Code::kUnsupported, "that transfer encoding is not known"};
  const std::string_view body = piece(whole, details.prefix.size() + part->body_offset, part->body_size);
  return std::optional<std::string>(cut(message::decode_body(body, part->encoding), section));
}

}  // namespace pabal::access::imap
