#include "jmap/references.h"

#include "base/text.h"

namespace pabal::jmap {
namespace {

constexpr size_t kValue = 24;  // octets of a number, a boolean, or the frame of anything else

// RFC 6901 §4: ~1 is a slash, ~0 a tilde.
std::string unescaped(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    const bool coded = token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1');
    out += coded ? (token[++i] == '0' ? '~' : '/') : token[i];
  }
  return out;
}

bool take(size_t& left, size_t octets) {
  if (octets > left) return false;
  left -= octets;
  return true;
}

}  // namespace

size_t weight(const json::value& value) {
  size_t sum = kValue;
  if (const json::string* s = value.if_string()) sum += s->size();
  if (const json::array* a = value.if_array())
    for (const json::value& item : *a) sum += weight(item);
  if (const json::object* o = value.if_object()) sum += weight(*o);
  return sum;
}

size_t weight(const json::object& object) {
  size_t sum = 0;
  for (const auto& [name, item] : object) sum += kValue + name.size() + weight(item);
  return sum;
}

std::optional<json::value> evaluate(const json::value& of, std::string_view pointer, size_t& octets_left) {
  const json::value* at = &of;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return {};
    pointer.remove_prefix(1);
    const size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string token = unescaped(pointer.substr(0, end));
    pointer.remove_prefix(end);
    if (const json::object* object = at->if_object()) {
      at = object->if_contains(token);
      if (!at) return {};
      continue;
    }
    const json::array* array = at->if_array();
    if (!array) return {};
    if (token == "*") {
      json::array out;
      for (const json::value& item : *array) {
        if (!take(octets_left, kValue)) return {};
        auto one = evaluate(item, pointer, octets_left);
        if (!one) return {};
        if (json::array* many = one->if_array())
          for (json::value& each : *many) out.push_back(std::move(each));
        else
          out.push_back(std::move(*one));
      }
      return out;
    }
    const auto index = text::parse_u64(token);
    if (!index || *index >= array->size() || (token.size() > 1 && token.front() == '0')) return {};
    at = &(*array)[*index];
  }
  if (!take(octets_left, weight(*at))) return {};
  return *at;
}

std::optional<Failure> resolve_references(json::object& arguments, const json::array& answers, size_t& octets_left) {
  json::object resolved;
  bool any = false;
  for (const auto& [name, value] : arguments) any = any || std::string_view(name).starts_with('#');
  if (!any) return {};
  for (auto& [key, value] : arguments) {
    const std::string_view name = key;
    if (!name.starts_with('#')) {
      resolved[name] = std::move(value);
      continue;
    }
    if (arguments.contains(name.substr(1)))
      return invalid_arguments("both " + std::string(name.substr(1)) + " and " + std::string(name) + " are given");
    const json::string *of = api::string_member(value, "resultOf"), *method = api::string_member(value, "name"),
                       *path = api::string_member(value, "path");
    if (!of || !method || !path) return invalid_arguments(std::string(name) + " is no ResultReference");
    // RFC 8620 §3.7: the first response with that method call id.
    const json::array* found = nullptr;
    for (const json::value& answer : answers)
      if (!found && answer.as_array()[2] == *of) found = &answer.as_array();
    if (!found || (*found)[0] != *method)
      return Failure{"invalidResultReference", "no response before has that name and method call id"};
    auto taken = evaluate((*found)[1], *path, octets_left);
    if (!taken) return Failure{"invalidResultReference", "the path leads nowhere, or to too much"};
    resolved[name.substr(1)] = std::move(*taken);
  }
  arguments = std::move(resolved);
  return {};
}

}  // namespace pabal::jmap
