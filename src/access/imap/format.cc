#include "access/imap/format.h"

#include <algorithm>

#include "access/imap/parse.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

using message::AddressItem;
using message::Part;

std::string addresses(const std::vector<AddressItem>& list) {
  if (list.empty()) return "NIL";
  std::string out = "(";
  for (const AddressItem& item : list) {
    switch (item.kind) {
      case AddressItem::kMailbox:
        out += "(" + nquote(item.display) + " NIL " + nquote(item.local) + " " + (item.domain.empty() ? "\"\"" : quote(item.domain)) + ")";
        break;
      // RFC 9051 §7.5.2: a group begins with its name in place of the mailbox and ends with all NIL.
      case AddressItem::kGroupStart: out += "(NIL NIL " + quote(item.display) + " NIL)"; break;
      case AddressItem::kGroupEnd: out += "(NIL NIL NIL NIL)"; break;
    }
  }
  return out + ")";
}

std::string parameters(const message::Params& params) {
  if (params.empty()) return "NIL";
  std::string out = "(";
  for (const auto& [name, value] : params) out += (out.size() > 1 ? " " : "") + quote(text::uppered(name)) + " " + quote(value);
  return out + ")";
}

std::string languages(const std::vector<std::string>& list) {
  if (list.empty()) return "NIL";
  std::string out = "(";
  for (const std::string& one : list) out += (out.size() > 1 ? " " : "") + quote(one);
  return out + ")";
}

std::string extension(const Part& part, bool multipart) {
  std::string out = multipart ? " " + parameters(part.params) : " " + nquote(part.md5);
  out += part.disposition.empty() ? " NIL" : " (" + quote(text::uppered(part.disposition)) + " " + parameters(part.disposition_params) + ")";
  return out + " " + languages(part.languages) + " " + nquote(part.location);
}

// The part that the numbers name; nullptr: none. RFC 9051 §6.4.5.1: a message/rfc822 part's numbers go on in the embedded one.
const Part* part_at(const Part& root, const std::vector<uint32_t>& numbers) {
  const Part* part = &root;
  bool leaf_named = false;  // "1" of a part that is not a multipart is that part itself, once
  for (const uint32_t n : numbers) {
    if (part->is_message() && !part->children.empty() && part != &root && !leaf_named) {
      part = &part->children.front();
    } else if (leaf_named) {
      if (!part->is_message() || part->children.empty()) return nullptr;
      part = &part->children.front();
    }
    leaf_named = false;
    if (part->is_multipart() && !part->children.empty()) {
      if (n == 0 || n > part->children.size()) return nullptr;
      part = &part->children[n - 1];
    } else {
      if (n != 1) return nullptr;
      leaf_named = true;
    }
  }
  return part;
}

std::string chosen_fields(std::string_view head, const Section& section) {
  const bool keep = section.what == Section::What::kHeaderFields;
  std::string out;
  for (const message::HeaderField& f : message::header_fields(head)) {
    const bool named = std::any_of(section.fields.begin(), section.fields.end(), [&](const std::string& n) { return text::iequals(n, f.name); });
    if (named == keep) out += head.substr(f.offset, f.size);
  }
  if (!out.empty() && !out.ends_with("\n")) out += "\r\n";
  return out + "\r\n";
}

}  // namespace

std::string envelope(const message::Summary& s) {
  // RFC 9051 §7.5.2: Sender and Reply-To default to From.
  const auto& sender = s.sender.empty() ? s.from : s.sender;
  const auto& reply_to = s.reply_to.empty() ? s.from : s.reply_to;
  return "(" + nquote(s.date_raw) + " " + nquote(s.subject) + " " + addresses(s.from) + " " + addresses(sender) + " " + addresses(reply_to) + " " +
         addresses(s.to) + " " + addresses(s.cc) + " " + addresses(s.bcc) + " " + nquote(s.in_reply_to) + " " + nquote(s.message_id) + ")";
}

std::string body_structure(const Part& part, bool extended) {
  if (part.is_multipart() && !part.children.empty()) {
    std::string out = "(";
    for (const Part& child : part.children) out += body_structure(child, extended);
    out += " " + quote(text::uppered(part.subtype));
    if (extended) out += extension(part, true);
    return out + ")";
  }
  // A multipart without parts is shown as text, so that clients need no special case.
  const bool hollow = part.is_multipart();
  std::string out = "(" + quote(hollow ? "TEXT" : text::uppered(part.type)) + " " + quote(hollow ? "PLAIN" : text::uppered(part.subtype)) + " " +
                    (hollow ? "NIL" : parameters(part.params)) + " " + nquote(part.id) + " " + nquote(part.description) + " " +
                    quote(text::uppered(part.encoding)) + " " + std::to_string(part.body_size);
  if (part.is_message() && !part.children.empty()) {
    const Part& inner = part.children.front();
    out += " " + envelope(inner.summary ? *inner.summary : message::Summary{}) + " " + body_structure(inner, extended) + " " + std::to_string(part.body_lines);
  } else if (part.is_text() || hollow) out += " " + std::to_string(part.body_lines);
  if (extended) out += extension(part, false);
  return out + ")";
}

std::string flag_list(const mailbox::Flags& flags) {
  constexpr std::pair<mailbox::Flag, std::string_view> kNames[] = {{mailbox::kSeen, "\\Seen"}, {mailbox::kAnswered, "\\Answered"},
                                                                    {mailbox::kFlagged, "\\Flagged"}, {mailbox::kDeleted, "\\Deleted"}, {mailbox::kDraft, "\\Draft"}};
  std::string out = "(";
  for (const auto& [flag, name] : kNames)
    if (flags.has(flag)) (out += out.size() > 1 ? " " : "") += name;
  for (const std::string& keyword : flags.keywords) (out += out.size() > 1 ? " " : "") += keyword;
  return out + ")";
}

std::optional<std::string> section_text(const Section& section, const Part& root, std::string_view prefix, std::string_view body) {
  using What = Section::What;
  if (section.numbers.empty()) {
    const std::string_view head = root.header(body);
    switch (section.what) {
      case What::kAll: return std::string(prefix) + std::string(body);
      case What::kHeader: return std::string(prefix) + std::string(head);
      case What::kText: return std::string(body.substr(std::min<size_t>(root.body_offset, body.size())));
      case What::kHeaderFields: case What::kHeaderFieldsNot: return chosen_fields(std::string(prefix) + std::string(head), section);
      case What::kMime: return {};
    }
  }
  const Part* part = part_at(root, section.numbers);
  if (!part) return {};
  if (section.what == What::kAll) return std::string(part->body(body));
  if (section.what == What::kMime) return std::string(part->header(body));
  if (!part->is_message() || part->children.empty()) return {};
  const Part& inner = part->children.front();
  switch (section.what) {
    case What::kHeader: return std::string(inner.header(body));
    case What::kText: return std::string(inner.body(body));
    default: return chosen_fields(inner.header(body), section);
  }
}

}  // namespace pabal::access::imap
