// Members of a JSON object as the types of RFC 8620 §1. What is of a wrong type is noted by its name, so that one look
// at bad() tells all of them: the arguments of a call, or the properties of an object.
#pragma once

#include "jmap/methods.h"

namespace pabal::jmap {

bool is_id(std::string_view text);  // RFC 8620 §1.2
std::optional<uint64_t> unsigned_int(const json::value& value);
std::optional<Time> parse_utc_date(std::string_view text);  // RFC 8620 §1.4: "2014-10-30T06:12:00Z"
std::string utc_date(Time t);

class Fields {
 public:
  explicit Fields(const json::object& object) : object_(object) {}

  // Null and absent are the same for all of these. Where another type is found, the value as if absent.
  std::optional<std::string> string(std::string_view name);
  std::optional<uint64_t> number(std::string_view name);  // UnsignedInt
  std::optional<int64_t> integer(std::string_view name);  // Int
  bool boolean(std::string_view name, bool otherwise);
  std::optional<std::vector<std::string>> strings(std::string_view name);
  std::optional<std::set<std::string>> set(std::string_view name);  // {"a": true}
  const json::object* object(std::string_view name);
  const json::array* array(std::string_view name);
  std::optional<Time> utc_date(std::string_view name);
  const json::value* value(std::string_view name) const;  // null: absent or null
  bool has(std::string_view name) const { return object_.contains(name); }

  void note(std::string_view name) { bad_.emplace_back(name); }
  const std::vector<std::string>& bad() const { return bad_; }
  // Nothing: all were good.
  std::optional<Failure> bad_arguments() const;
  std::optional<Failure> bad_properties() const;

 private:
  const json::object& object_;
  std::vector<std::string> bad_;
};

}  // namespace pabal::jmap
