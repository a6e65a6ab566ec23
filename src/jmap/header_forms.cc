// The parsed forms of header fields (RFC 8621 §4.1.2, §4.1.3).
#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "jmap/email.h"

namespace pabal::jmap {
namespace {

using Form = HeaderProperty::Form;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view one) { return text::iequals(name, one); });
}

// Fields that RFC 5322 or RFC 2369 define take only their own forms.
bool takes(std::string_view name, Form form) {
  if (form == Form::kRaw) return true;
  const bool addresses = is_one_of(name, {"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From",
                                          "Resent-Sender", "Resent-Reply-To", "Resent-To", "Resent-Cc", "Resent-Bcc"});
  const bool ids = is_one_of(name, {"Message-ID", "In-Reply-To", "References", "Resent-Message-ID"});
  const bool date = is_one_of(name, {"Date", "Resent-Date"});
  const bool urls =
      is_one_of(name, {"List-Help", "List-Unsubscribe", "List-Subscribe", "List-Post", "List-Owner", "List-Archive"});
  const bool text = is_one_of(name, {"Subject", "Comments", "Keywords", "List-Id"});
  if (is_one_of(name, {"Return-Path", "Received"})) return false;
  if (addresses) return form == Form::kAddresses || form == Form::kGroups;
  if (ids) return form == Form::kMessageIds;
  if (date) return form == Form::kDate;
  if (urls) return form == Form::kUrls;
  if (text) return form == Form::kText;
  return true;
}

json::object address(const message::AddressItem& item) {
  json::object out;
  const std::string name = message::composed(message::clean_utf8(item.display_text()));
  out["name"] = name.empty() ? json::value(nullptr) : json::value(name);
  out["email"] = message::clean_utf8(item.address());
  return out;
}

json::value groups_value(const std::vector<message::AddressItem>& list) {
  json::array out, members;
  json::value name(nullptr);
  const auto close = [&](bool always) {
    if (always || !members.empty()) {
      json::object group;
      group["name"] = name;
      group["addresses"] = std::move(members);
      out.emplace_back(std::move(group));
    }
    members = json::array();
    name = nullptr;
  };
  for (const message::AddressItem& item : list) {
    if (item.kind == message::AddressItem::kGroupStart) {
      close(false);
      name = message::clean_utf8(item.display_text());
    } else if (item.kind == message::AddressItem::kGroupEnd)
      close(true);
    else
      members.emplace_back(address(item));
  }
  close(false);
  return out;
}

json::value ids_value(std::string_view raw) {
  json::array out;
  for (const std::string& id : message::parse_message_ids(raw))
    out.emplace_back(message::clean_utf8(std::string_view(id).substr(1, id.size() - 2)));
  return out.empty() ? json::value(nullptr) : json::value(std::move(out));
}

json::value date_value(std::string_view raw) {
  const auto date = message::parse_date(raw);
  if (!date) return nullptr;
  const int zone = message::parse_date_zone(raw);
  std::string out = to_rfc3339(*date + minutes(zone)).substr(0, 19);
  char text[8];
  std::snprintf(text, sizeof text, "%c%02d:%02d", zone < 0 ? '-' : '+', std::abs(zone) / 60 % 100, std::abs(zone) % 60);
  return json::value(out + (zone == 0 ? "Z" : text));
}

json::value urls_value(std::string_view raw) {
  json::array out;
  const std::string text = message::clean_utf8(message::unfold(raw));
  for (size_t at = text.find('<'); at != text.npos; at = text.find('<', at)) {
    const size_t end = text.find('>', at);
    if (end == text.npos) break;
    std::string url = text.substr(at + 1, end - at - 1);
    url.erase(std::remove_if(url.begin(), url.end(), text::is_wsp), url.end());
    out.emplace_back(url);
    at = end;
  }
  return out.empty() ? json::value(nullptr) : json::value(std::move(out));
}

}  // namespace

json::value addresses_value(const std::vector<message::AddressItem>& list) {
  json::array out;
  for (const message::AddressItem& item : list)
    if (item.kind == message::AddressItem::kMailbox) out.emplace_back(address(item));
  return out;
}

json::value header_value(std::string_view raw, Form form) {
  switch (form) {
    case Form::kRaw: {
      std::string text = message::clean_utf8(raw);
      std::erase(text, '\0');
      return json::value(text);
    }
    case Form::kText:
      return json::value(message::composed(message::decode_words(raw)));
    case Form::kAddresses:
      return addresses_value(message::parse_address_list(raw));
    case Form::kGroups:
      return groups_value(message::parse_address_list(raw));
    case Form::kMessageIds:
      return ids_value(raw);
    case Form::kDate:
      return date_value(raw);
    case Form::kUrls:
      return urls_value(raw);
  }
  return nullptr;
}

std::optional<HeaderProperty> header_property(std::string_view property) {
  std::vector<std::string_view> parts = text::split(property, ':');
  if (parts.size() < 2 || parts[0] != "header" || parts[1].empty()) return {};
  HeaderProperty out;
  out.name = parts[1];
  for (const char c : out.name)
    if (c <= ' ' || c > '~') return {};
  if (parts.size() > 2 && parts.back() == "all") {
    out.all = true;
    parts.pop_back();
  }
  if (parts.size() > 3) return {};
  if (parts.size() == 3) {
    constexpr std::pair<std::string_view, Form> kForms[] = {{"asRaw", Form::kRaw},
                                                            {"asText", Form::kText},
                                                            {"asAddresses", Form::kAddresses},
                                                            {"asGroupedAddresses", Form::kGroups},
                                                            {"asMessageIds", Form::kMessageIds},
                                                            {"asDate", Form::kDate},
                                                            {"asURLs", Form::kUrls}};
    const auto found =
        std::find_if(std::begin(kForms), std::end(kForms), [&](const auto& one) { return one.first == parts[2]; });
    if (found == std::end(kForms)) return {};
    out.form = found->second;
  }
  if (!takes(out.name, out.form)) return {};
  return out;
}

}  // namespace pabal::jmap
