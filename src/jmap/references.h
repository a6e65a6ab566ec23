// References to the results of calls before (RFC 8620 §3.7). Pure.
#pragma once

#include "jmap/methods.h"

namespace pabal::jmap {

// Puts in place of each "#name" what it refers to in `answers`. `octets_left` bounds what is copied.
std::optional<Failure> resolve_references(json::object& arguments, const json::array& answers, size_t& octets_left);

// What a JSON pointer (RFC 6901) with "*" for all items of an array leads to; nothing: nowhere, or beyond the bound.
std::optional<json::value> evaluate(const json::value& of, std::string_view pointer, size_t& octets_left);

// About what a value takes in memory.
size_t weight(const json::value& value);
size_t weight(const json::object& object);

}  // namespace pabal::jmap
