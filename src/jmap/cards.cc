// The pure part of contacts: what a card is, and which one a filter means.
#include <algorithm>

#include "base/text.h"
#include "jmap/contacts.h"
#include "message/casemap.h"

namespace pabal::jmap {
namespace {

// RFC 9553 §2: properties that are maps of objects, and a string that each of these objects must have.
struct MapOf {
  const char* property;
  const char* needs;
};
constexpr MapOf kMaps[] = {
    {"addresses", nullptr},     {"anniversaries", nullptr},
    {"calendars", "uri"},       {"cryptoKeys", "uri"},
    {"directories", "uri"},     {"emails", "address"},
    {"links", "uri"},           {"localizations", nullptr},
    {"media", "uri"},           {"nicknames", "name"},
    {"notes", "note"},          {"onlineServices", nullptr},
    {"organizations", nullptr}, {"personalInfo", "value"},
    {"phones", "number"},       {"preferredLanguages", "language"},
    {"relatedTo", nullptr},     {"schedulingAddresses", "uri"},
    {"titles", "name"},
};
constexpr const char* kStrings[] = {"@type", "kind", "language", "prodId", "uid", "version"};
constexpr const char* kDates[] = {"created", "updated"};
constexpr const char* kSets[] = {"addressBookIds", "keywords", "members"};
constexpr const char* kObjects[] = {"name", "speakToAs"};

constexpr const char* kTextConditions[] = {"text",          "name",          "name/given",   "name/surname",
                                           "name/surname2", "nickname",      "organization", "email",
                                           "phone",         "onlineService", "address",      "note"};
constexpr const char* kExactConditions[] = {"inAddressBook", "uid", "hasMember", "kind"};
constexpr const char* kDateConditions[] = {"createdBefore", "createdAfter", "updatedBefore", "updatedAfter"};

template <size_t N>
bool is_in(const char* const (&list)[N], std::string_view name) {
  return std::any_of(std::begin(list), std::end(list), [&](const char* one) { return name == one; });
}

bool is_set(const json::value& value) {
  const json::object* set = value.if_object();
  return set && std::all_of(set->begin(), set->end(), [](const auto& one) { return one.value() == json::value(true); });
}

bool is_map_of(const json::value& value, const char* needs) {
  const json::object* map = value.if_object();
  return map && std::all_of(map->begin(), map->end(), [&](const auto& one) {
           return one.value().is_object() && (!needs || api::string_member(one.value(), needs));
         });
}

bool is_name(const json::value& value) {
  const json::array* components = api::array_member(value, "components");
  if (value.as_object().contains("components") && !components) return false;
  return !components || std::all_of(components->begin(), components->end(), [](const json::value& one) {
    return api::string_member(one, "kind") && api::string_member(one, "value");
  });
}

bool is_good(std::string_view name, const json::value& value) {
  if (is_in(kStrings, name)) return value.is_string() && (name != "@type" || value == "Card");
  if (is_in(kDates, name)) return value.is_string() && parse_utc_date(value.as_string());
  if (is_in(kSets, name)) return is_set(value);
  if (is_in(kObjects, name)) return value.is_object() && (name != "name" || is_name(value));
  for (const MapOf& map : kMaps)
    if (name == map.property) return is_map_of(value, map.needs);
  return true;
}

// --- matching -------------------------------------------------------------------------------------------------------

std::string string_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

// The strings of a value, folded, each behind a line end, so that no phrase goes from one to the next.
void gather(const json::value& value, std::string& out) {
  if (const json::string* s = value.if_string()) {
    if (!std::string_view(*s).starts_with("data:")) out += '\n' + message::casemap(*s);
  } else if (const json::array* a = value.if_array()) {
    for (const json::value& one : *a) gather(one, out);
  } else if (const json::object* o = value.if_object()) {
    for (const auto& [name, one] : *o)
      if (name != "@type") gather(one, out);
  }
}

// The named strings of each object of a map.
std::string of_map(const json::object& card, std::string_view property, std::initializer_list<const char*> names) {
  std::string out;
  const json::value* map = card.if_contains(property);
  if (!map || !map->is_object()) return out;
  for (const auto& [key, one] : map->as_object())
    for (const char* name : names)
      if (const json::value* value = one.is_object() ? one.as_object().if_contains(name) : nullptr) gather(*value, out);
  return out;
}

// The values of the components of a name; `kind`: empty for all of them.
std::string of_name(const json::object& card, std::string_view kind, bool first = false) {
  std::string out;
  const json::value* name = card.if_contains("name");
  if (!name) return out;
  if (const json::array* components = api::array_member(*name, "components"))
    for (const json::value& one : *components) {
      const json::string* is = api::string_member(one, "kind");
      const json::string* value = api::string_member(one, "value");
      if (!value || (!kind.empty() && (!is || *is != kind))) continue;
      out += '\n' + message::casemap(*value);
      if (first) break;
    }
  if (kind.empty())
    if (const json::string* full = api::string_member(*name, "full")) out += '\n' + message::casemap(*full);
  return out;
}

std::string haystack(const json::object& card, std::string_view condition) {
  if (condition == "name") return of_name(card, "");
  if (condition.starts_with("name/")) return of_name(card, condition.substr(5));
  if (condition == "nickname") return of_map(card, "nicknames", {"name"});
  if (condition == "organization") return of_map(card, "organizations", {"name"});
  if (condition == "email") return of_map(card, "emails", {"address", "label"});
  if (condition == "phone") return of_map(card, "phones", {"number", "label"});
  if (condition == "onlineService") return of_map(card, "onlineServices", {"service", "uri", "user", "label"});
  if (condition == "address") return of_map(card, "addresses", {"components", "full"});
  if (condition == "note") return of_map(card, "notes", {"note"});
  std::string all;
  for (const auto& [name, value] : card)
    if (name != "id" && name != "addressBookIds" && name != "version" && name != "@type") gather(value, all);
  return all;
}

// RFC 9610 §3.3.1: words that must all be there, and phrases in quotes.
std::vector<std::string> tokens(std::string_view text) {
  std::vector<std::string> out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == ' ' || text[i] == '\t') {
      ++i;
      continue;
    }
    std::string token;
    const char quote = text[i] == '"' || text[i] == '\'' ? text[i] : '\0';
    if (quote) ++i;
    for (; i < text.size() && (quote ? text[i] != quote : text[i] != ' ' && text[i] != '\t'); ++i) {
      if (quote && text[i] == '\\' && i + 1 < text.size()) ++i;
      token += text[i];
    }
    if (quote) ++i;
    if (!token.empty()) out.push_back(message::casemap(token));
  }
  return out;
}

bool has_member(const json::object& card, std::string_view set, std::string_view name) {
  const json::value* value = card.if_contains(set);
  return value && value->is_object() && value->as_object().contains(name);
}

}  // namespace

std::vector<std::string> card_faults(const json::object& card) {
  std::vector<std::string> out;
  for (const auto& [name, value] : card)
    if (!is_good(name, value)) out.emplace_back(name);
  if (string_at(card, "uid").empty() || string_at(card, "uid").size() > 500) out.emplace_back("uid");
  return out;
}

std::optional<Failure> check_card_condition(const json::object& condition) {
  Fields in(condition);
  for (const auto& [name, value] : condition) {
    if (is_in(kTextConditions, name) || is_in(kExactConditions, name))
      in.string(name);
    else if (is_in(kDateConditions, name))
      in.utc_date(name);
    else
      return Failure{"unsupportedFilter", "there is no condition \"" + std::string(name) + "\""};
  }
  return in.bad_arguments();
}

bool card_matches(const json::object& card, const json::object& condition) {
  Fields in(condition);
  for (const auto& [given, value] : condition) {
    if (value.is_null()) continue;
    const std::string_view name = given;
    if (is_in(kTextConditions, name)) {
      const std::string words = haystack(card, name);
      for (const std::string& token : tokens(value.as_string()))
        if (words.find(token) == words.npos) return false;
    } else if (name == "inAddressBook") {
      if (!has_member(card, "addressBookIds", value.as_string())) return false;
    } else if (name == "hasMember") {
      if (!has_member(card, "members", value.as_string())) return false;
    } else if (name == "uid" || name == "kind") {
      std::string is = string_at(card, name);
      if (name == "kind" && is.empty()) is = "individual";  // RFC 9553 §2.1.4
      if (is != value.as_string()) return false;
    } else {
      const auto bound = in.utc_date(name);
      const auto at = parse_utc_date(string_at(card, name.starts_with("created") ? "created" : "updated"));
      if (!at || !bound || (name.ends_with("Before") ? *at >= *bound : *at < *bound)) return false;
    }
  }
  return true;
}

std::string card_sort_key(const json::object& card, const std::string& property) {
  return property.starts_with("name/") ? of_name(card, property.substr(5), true) : string_at(card, property);
}

}  // namespace pabal::jmap
