#include "access/imap/fetch_format.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::access::imap {
namespace {

using message::AddressItem;
using message::Part;
using What = Section::What;

std::string addresses(const std::vector<AddressItem>& list) {
  if (list.empty()) return "NIL";
  std::string out = "(";
  for (const AddressItem& item : list) {
    switch (item.kind) {
      // An empty local part or domain is "", not NIL: NIL there would make it the mark of a group.
      case AddressItem::kMailbox:
        out += "(" + nquote(item.display) + " NIL " + quote(item.local) + " " + quote(item.domain) + ")";
        break;
      // RFC 9051 §7.5.2: a group begins with its name in place of the mailbox and ends with all NIL.
      case AddressItem::kGroupStart:
        out += "(NIL NIL " + quote(item.display) + " NIL)";
        break;
      case AddressItem::kGroupEnd:
        out += "(NIL NIL NIL NIL)";
        break;
    }
  }
  return out + ")";
}

// RFC 2231 §4 (extended-other-values), as it would stand in the message.
std::string percent_encoded(std::string_view utf8) {
  std::string out = "utf-8''";
  for (const char c : utf8) {
    if (text::is_alnum(c) || std::string_view("-._~").find(c) != std::string_view::npos)
      out += c;
    else
      (out += '%') += text::uppered(text::hex(std::string_view(&c, 1)));
  }
  return out;
}

std::string parameters(const message::Params& params) {
  if (params.empty()) return "NIL";
  std::string out = "(";
  for (const auto& [name, value] : params) {
    const bool plain = text::is_ascii(value);
    if (out.size() > 1) out += ' ';
    out += quote(text::uppered(name) + (plain ? "" : "*")) + " " + quote(plain ? value : percent_encoded(value));
  }
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
  out += part.disposition.empty()
             ? " NIL"
             : " (" + quote(text::uppered(part.disposition)) + " " + parameters(part.disposition_params) + ")";
  return out + " " + languages(part.languages) + " " + nquote(part.location);
}

// A multipart in which no part was found is shown as text, so that the grammar has its body and "1" is the whole.
bool is_branch(const Part& part) { return part.is_multipart() && !part.children.empty(); }

// The part that numbers name; nullptr: none. RFC 9051 §6.4.5.1: below a message/rfc822 part they go on in the embedded
// message; a message that is no multipart has one part, 1.
const Part* part_at(const Part& root, const std::vector<uint32_t>& numbers) {
  const Part* at = nullptr;
  for (const uint32_t n : numbers) {
    const bool in_message = !at || (at->is_message() && !at->children.empty());
    const Part* holder = !at ? &root : in_message ? &at->children.front() : at;
    if (is_branch(*holder)) {
      if (n > holder->children.size()) return nullptr;
      at = &holder->children[n - 1];
    } else {
      if (!in_message || n != 1) return nullptr;
      at = holder;
    }
  }
  return at;
}

Octets made_octets(std::string text) {
  Octets out;
  out.made = std::make_shared<const std::string>(std::move(text));
  out.first = *out.made;
  return out;
}

// RFC 9051 §6.4.5.1: the fields as they stand, and always the blank line.
Octets picked_fields(std::string_view header, const Section& section) {
  const bool keep = section.what == What::kFields;
  std::string out;
  for (const message::HeaderField& f : message::header_fields(header)) {
    const bool named = std::any_of(section.fields.begin(), section.fields.end(),
                                   [&](const std::string& n) { return text::iequals(n, f.name); });
    if (named == keep) out += header.substr(f.offset, f.size);
  }
  if (!out.empty() && !out.ends_with('\n')) out += "\r\n";
  out += "\r\n";
  return made_octets(std::move(out));
}

Octets whole_section(const Section& section, const Part& root, std::string_view prefix, std::string_view body) {
  const std::string_view header = root.header(body);
  switch (section.what) {
    case What::kAll:
      return {prefix, body};
    case What::kHeader:
      return {prefix, header};
    case What::kText:
      return {body.substr(std::min<size_t>(root.body_offset, body.size()))};
    default:
      return picked_fields(std::string(prefix).append(header), section);
  }
}

std::optional<Octets> part_section(const Section& section, const Part& root, std::string_view body) {
  const Part* part = part_at(root, section.part);
  if (!part) return {};
  if (section.what == What::kAll) return Octets{part->body(body)};
  if (section.what == What::kMime) return Octets{part->header(body)};
  // HEADER and TEXT of a part are those of the message in it.
  if (!part->is_message() || part->children.empty()) return {};
  const Part& inner = part->children.front();
  if (section.what == What::kHeader) return Octets{inner.header(body)};
  if (section.what == What::kText) return Octets{inner.body(body)};
  return picked_fields(inner.header(body), section);
}

Octets cut(Octets octets, const Section& section) {
  if (!section.partial) return octets;
  const auto from = [](std::string_view s, uint64_t offset) {
    return offset < s.size() ? s.substr(static_cast<size_t>(offset)) : std::string_view();
  };
  const uint64_t in_first = octets.first.size();
  octets.second = from(octets.second, section.offset > in_first ? section.offset - in_first : 0);
  octets.first = from(octets.first, section.offset);
  octets.first = octets.first.substr(0, static_cast<size_t>(std::min<uint64_t>(section.count, octets.first.size())));
  const uint64_t left = section.count - octets.first.size();
  octets.second = octets.second.substr(0, static_cast<size_t>(std::min<uint64_t>(left, octets.second.size())));
  return octets;
}

constexpr std::string_view kEmptyBody = "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 0 0)";

}  // namespace

std::string envelope(const message::Summary& s) {
  // RFC 9051 §7.5.2: Sender and Reply-To default to From.
  const auto& sender = s.sender.empty() ? s.from : s.sender;
  const auto& reply_to = s.reply_to.empty() ? s.from : s.reply_to;
  return "(" + nquote(s.date_raw) + " " + nquote(s.subject) + " " + addresses(s.from) + " " + addresses(sender) + " " +
         addresses(reply_to) + " " + addresses(s.to) + " " + addresses(s.cc) + " " + addresses(s.bcc) + " " +
         nquote(s.in_reply_to) + " " + nquote(s.message_id) + ")";
}

std::string body_structure(const Part& part, bool extended) {
  if (is_branch(part)) {
    std::string out = "(";
    for (const Part& child : part.children) out += body_structure(child, extended);
    out += " " + quote(text::uppered(part.subtype));
    if (extended) out += extension(part, true);
    return out + ")";
  }
  const bool hollow = part.is_multipart();
  std::string out = "(" + quote(hollow ? "TEXT" : text::uppered(part.type)) + " " +
                    quote(hollow ? "PLAIN" : text::uppered(part.subtype)) + " " +
                    (hollow ? "NIL" : parameters(part.params)) + " " + nquote(part.id) + " " +
                    nquote(part.description) + " " + quote(text::uppered(part.encoding)) + " " +
                    std::to_string(part.body_size);
  if (part.is_message()) {
    // RFC 9051 §9, body-type-msg: envelope and structure are no options, even where a limit kept the message closed.
    const Part* inner = part.children.empty() ? nullptr : &part.children.front();
    out += " " + envelope(inner && inner->summary ? *inner->summary : message::Summary{}) + " ";
    out += inner ? body_structure(*inner, extended) : std::string(kEmptyBody);
  }
  if (part.is_message() || part.is_text() || hollow) out += " " + std::to_string(part.body_lines);
  if (extended) out += extension(part, false);
  return out + ")";
}

Octets own_octets(const Section& section, std::string_view header, std::string_view text) {
  switch (section.what) {
    case What::kAll:
      return cut({header, text}, section);
    case What::kHeader:
      return cut({header}, section);
    case What::kText:
      return cut({text}, section);
    default:
      return cut(picked_fields(header, section), section);
  }
}

std::optional<Octets> section_octets(const Section& section, const mailbox::Details& details, std::string_view body) {
  const Part& root = details.structure.root;
  auto octets =
      section.part.empty() ? whole_section(section, root, details.prefix, body) : part_section(section, root, body);
  if (!octets) return {};
  return cut(std::move(*octets), section);
}

Result<std::optional<Octets>> binary_octets(const Section& section, const mailbox::Details& details,
                                            std::string_view body) {
  if (section.part.empty()) return section_octets(section, details, body);
  const Part* part = part_at(details.structure.root, section.part);
  if (!part) return std::optional<Octets>();
  const std::string encoding = is_branch(*part) ? "" : text::lowered(part->encoding);
  static constexpr std::string_view kIdentity[] = {"", "7bit", "8bit", "binary"};
  if (std::find(std::begin(kIdentity), std::end(kIdentity), encoding) != std::end(kIdentity))
    return std::optional<Octets>(cut(Octets{part->body(body)}, section));
  if (encoding != "base64" && encoding != "quoted-printable")
    return Error{Code::kUnsupported, "that transfer encoding is not known"};
  return std::optional<Octets>(cut(made_octets(message::decode_body(part->body(body), encoding)), section));
}

}  // namespace pabal::access::imap
