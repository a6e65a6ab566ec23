// JSON for the APIs: Boost.JSON behind the limits that input from outside meets. Include this, never Boost's headers.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pabal::api {

namespace json = boost::json;

constexpr size_t kMaxJsonDepth = 32;        // arrays and objects in each other
constexpr size_t kMaxJsonValues = 200'000;  // a text of a few MB must not become hundreds of MB of values

// A whole JSON text (RFC 8259, UTF-8). kInvalid says where it breaks; kLimit: too deep, or too many values.
Result<json::value> parse_json(std::string_view text);
// Strings are to be valid UTF-8: of what strangers wrote, message::clean_utf8() first.
std::string to_text(const json::value& value);

// What is at `name` if it has that type; else null. Of a value that is no object: null.
const json::value* member(const json::value& of, std::string_view name);
const json::string* string_member(const json::value& of, std::string_view name);
const json::array* array_member(const json::value& of, std::string_view name);
const json::object* object_member(const json::value& of, std::string_view name);

}  // namespace pabal::api
