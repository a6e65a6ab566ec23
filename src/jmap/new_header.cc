#include "jmap/new_header.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "message/build.h"

namespace pabal::jmap {
namespace {

using Form = HeaderProperty::Form;
using message::AddressItem;

constexpr size_t kLine = 78;      // RFC 5322 §2.1.1
constexpr size_t kLongest = 998;  // octets of a line, there

// The properties that stand for a header field (RFC 8621 §4.1.2.3, §4.1.3).
struct Convenience {
  std::string_view property, field;
  Form form;
};
constexpr Convenience kConveniences[] = {{"messageId", "Message-ID", Form::kMessageIds},
                                         {"inReplyTo", "In-Reply-To", Form::kMessageIds},
                                         {"references", "References", Form::kMessageIds},
                                         {"sender", "Sender", Form::kAddresses},
                                         {"from", "From", Form::kAddresses},
                                         {"to", "To", Form::kAddresses},
                                         {"cc", "Cc", Form::kAddresses},
                                         {"bcc", "Bcc", Form::kAddresses},
                                         {"replyTo", "Reply-To", Form::kAddresses},
                                         {"subject", "Subject", Form::kText},
                                         {"sentAt", "Date", Form::kDate}};

Error bad(std::string_view name) {
  return {Code::kInvalid, "the field " + std::string(name) + " cannot have that value"};
}

bool is_graphic(char c) { return c > ' ' && c < 0x7F && c != '<' && c != '>'; }

// "<a> <b>" or "<a>, <b>", folded.
Result<std::string> bracketed(std::string_view name, const json::value& value, std::string_view between) {
  const json::array* list = value.if_array();
  if (!list) return bad(name);
  std::string out;
  size_t line = name.size() + 1;
  for (const json::value& one : *list) {
    const json::string* text = one.if_string();
    const std::string_view item = text ? std::string_view(*text) : std::string_view();
    if (item.empty() || item.size() > message::kMaxMessageIdBytes - 3 ||
        !std::all_of(item.begin(), item.end(), is_graphic))
      return bad(name);
    if (!out.empty()) out += between;
    if (!out.empty() && line + item.size() + 4 > kLine) out += "\r\n", line = 0;
    out += " <" + std::string(item) + ">";
    line += item.size() + 4;
  }
  return out.empty() ? out : std::string(name) + ":" + out + "\r\n";
}

// A draft may have an address that is none yet (RFC 8621 §4.6): whoever sends it looks closer.
std::optional<AddressItem> address_item(const json::value& value) {
  const json::object* object = value.if_object();
  if (!object) return {};
  Fields in(*object);
  const std::string name = in.string("name").value_or(""), email = in.string("email").value_or("");
  for (const auto& [member, ignored] : *object)
    if (member != "name" && member != "email") in.note(member);
  const bool good =
      std::none_of(email.begin(), email.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; });
  if (!in.bad().empty() || !good || email.empty()) return {};
  AddressItem out;
  out.display = name;
  if (const auto strict = message::parse_addr_spec(email, true)) {
    out.local = strict->local;
    out.domain = strict->domain;
    return out;
  }
  const size_t at = email.rfind('@');
  out.local = email.substr(0, at);
  // What is no domain must not become more than one address.
  const std::string domain = at == email.npos ? "" : email.substr(at + 1);
  if (domain.find_first_of(" \t,;:<>()\"\\") != domain.npos) return {};
  out.domain = domain;
  return out;
}

bool add_addresses(const json::value& value, std::vector<AddressItem>& out) {
  const json::array* list = value.if_array();
  if (!list || list->size() > message::kMaxAddresses) return false;
  for (const json::value& one : *list) {
    auto item = address_item(one);
    if (!item) return false;
    out.push_back(std::move(*item));
  }
  return true;
}

bool add_groups(const json::value& value, std::vector<AddressItem>& out) {
  const json::array* list = value.if_array();
  if (!list || list->size() > message::kMaxAddresses) return false;
  for (const json::value& one : *list) {
    const json::object* group = one.if_object();
    if (!group) return false;
    Fields in(*group);
    const auto name = in.string("name");
    const json::value* addresses = in.value("addresses");
    if (!in.bad().empty() || !addresses) return false;
    AddressItem mark;
    mark.kind = AddressItem::kGroupStart;
    mark.display = name.value_or("");
    if (name) out.push_back(mark);
    if (!add_addresses(*addresses, out)) return false;
    mark.kind = AddressItem::kGroupEnd;
    if (name) out.push_back(mark);
  }
  return true;
}

// As it is written, its folds with it.
Result<std::string> raw_line(std::string_view name, std::string_view given) {
  const std::string value = message::with_crlf(given);
  size_t line = name.size() + 1;
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\r' && i + 2 < value.size() && value[i + 1] == '\n' && text::is_wsp(value[i + 2])) {
      ++i;
      line = 0;
    } else if (c == '\r' || c == '\n' || c == '\0' || ++line > kLongest)
      return bad(name);
  }
  return std::string(name) + ":" + value + "\r\n";
}

Result<std::string> one_field(const std::string& name, Form form, const json::value& value) {
  if (value.is_null()) return std::string();
  const json::string* given = value.if_string();
  std::vector<AddressItem> list;
  switch (form) {
    case Form::kRaw:
      return given ? raw_line(name, *given) : bad(name);
    case Form::kText:
      return given ? message::header_line(name, *given) : bad(name);
    case Form::kAddresses:
      if (!add_addresses(value, list)) return bad(name);
      return list.empty() ? std::string() : message::address_line(name, list);
    case Form::kGroups:
      if (!add_groups(value, list)) return bad(name);
      return list.empty() ? std::string() : message::address_line(name, list);
    case Form::kMessageIds:
      return bracketed(name, value, "");
    case Form::kDate: {
      const auto date = given ? header_date(*given) : std::nullopt;
      return date ? message::header_line(name, *date) : bad(name);
    }
    case Form::kUrls:
      return bracketed(name, value, ",");
  }
  return bad(name);
}

}  // namespace

std::optional<std::string> header_date(std::string_view date) {
  int zone = 0;
  std::string utc(date);
  if (!date.ends_with('Z')) {
    if (date.size() < 25) return {};
    const std::string_view offset = date.substr(date.size() - 6);
    const auto hour = text::parse_u64(offset.substr(1, 2)), minute = text::parse_u64(offset.substr(4));
    if ((offset[0] != '+' && offset[0] != '-') || offset[3] != ':' || !hour || !minute || *hour > 23 || *minute > 59)
      return {};
    zone = static_cast<int>(*hour * 60 + *minute) * (offset[0] == '-' ? -1 : 1);
    utc = std::string(date.substr(0, date.size() - 6)) + "Z";
  }
  const auto time = parse_utc_date(utc);  // as the clock there shows it
  if (!time) return {};
  std::string out = message::format_date(*time);
  char text[8];
  std::snprintf(text, sizeof text, "%c%02d%02d", zone < 0 ? '-' : '+', std::abs(zone) / 60 % 100, std::abs(zone) % 60);
  return out.substr(0, out.size() - 5) + text;
}

Result<std::string> header_lines(const HeaderProperty& property, const json::value& value) {
  if (!property.all || value.is_null()) return one_field(property.name, property.form, value);
  const json::array* list = value.if_array();
  if (!list) return bad(property.name);
  std::string out;
  for (const json::value& one : *list) {
    auto lines = one_field(property.name, property.form, one);
    if (!lines) return lines;
    out += *lines;
  }
  return out;
}

void NewHeader::claim(const std::string& lower_name, std::string_view property, Fields& in) {
  if (!names_.insert(lower_name).second) in.note(property);
}

bool NewHeader::take(const std::string& name, const json::value& value, Fields& in) {
  std::optional<HeaderProperty> property;
  const auto known = std::find_if(std::begin(kConveniences), std::end(kConveniences),
                                  [&](const Convenience& one) { return one.property == name; });
  if (known != std::end(kConveniences))
    property = HeaderProperty{known->form, std::string(known->field), false};
  else if (name.starts_with("header:"))
    property = header_property(name);
  else
    return false;
  if (!property) {
    in.note(name);
    return true;
  }
  if (value.is_null()) return true;
  claim(text::lowered(property->name), name, in);
  auto made = header_lines(*property, value);
  if (made)
    lines += *made;
  else
    in.note(name);
  return true;
}

}  // namespace pabal::jmap
