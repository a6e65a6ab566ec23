// Google's partial responses: `fields=messages(id,threadId),nextPageToken` or `payload/headers/name` names what of an
// answer is wanted. `*` is any name; a part of an array is that part of each of its elements.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "api/json.h"

namespace pabal::gmail {

constexpr size_t kMaxFieldMask = 4'096;  // octets
constexpr size_t kMaxFieldDepth = 20;

class FieldMask {
 public:
  static Result<FieldMask> parse(std::string_view text);  // kInvalid
  // Leaves of `value` what is named; false: nothing of it is.
  bool apply(api::json::value& value) const;

 private:
  class Parser;
  void add(FieldMask other);
  std::map<std::string, FieldMask, std::less<>> names_;  // empty: everything
};

}  // namespace pabal::gmail
