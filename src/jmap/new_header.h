// Header fields as clients write them (RFC 8621 §4.1.2): a property of an Email or EmailBodyPart as lines of a header.
#pragma once

#include "jmap/email.h"

namespace pabal::jmap {

// The lines of the field or, with `all`, the fields; "" of null, or of an empty list of any but `all`. kInvalid: a
// value that the form does not take, or that no field holds.
Result<std::string> header_lines(const HeaderProperty& property, const json::value& value);

// Lines of one header, gathered property by property.
class NewHeader {
 public:
  // Takes "subject", "from", "header:X:asText" ...: whether it is such a property at all. What cannot be done with it
  // is noted in `in`, also a field that is there already.
  bool take(const std::string& name, const json::value& value, Fields& in);
  bool has(const std::string& lower_name) const { return names_.contains(lower_name); }
  // For fields that are written otherwise: notes the property where the field is there already.
  void claim(const std::string& lower_name, std::string_view property, Fields& in);
  const std::set<std::string>& names() const { return names_; }  // in lower case

  std::string lines;

 private:
  std::set<std::string> names_;
};

// "2014-10-30T14:12:00+08:00" (RFC 8620 §1.4) as a date-time of RFC 5322; nothing: it is none.
std::optional<std::string> header_date(std::string_view date);

}  // namespace pabal::jmap
