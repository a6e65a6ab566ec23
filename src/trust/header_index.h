// The header of a message with its fields found by name: once, for all the signatures that cover them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "message/header.h"

namespace pabal::trust {

// Views into the message, which must outlive it. Where the header ends is decided as everywhere else here
// (message/header.h), so that no line can be shown as text and be passed over by a signature.
class HeaderIndex {
 public:
  explicit HeaderIndex(std::string_view message);

  // False: there are more fields than are looked at (message/limits.h), and no signature says anything of the others.
  bool whole() const { return whole_; }
  std::string_view body() const { return body_; }
  const std::vector<message::HeaderField>& fields() const { return fields_; }
  std::string_view text(size_t field) const;               // as it lies, line end included
  std::vector<size_t> named(std::string_view name) const;  // from the top; any case

  // The fields that `names` stand for: for each name the lowest not yet taken, and none when there is none left
  // (RFC 6376 §5.4.2). `without`: a field never taken, the signature itself.
  std::vector<size_t> choose(const std::vector<std::string_view>& names, size_t without) const;

 private:
  struct Group {  // fields of one name: by_name_[begin] is the lowest
    size_t begin = 0, end = 0;
  };
  const Group* group(std::string_view name) const;

  std::string_view message_, body_;
  bool whole_ = true;
  std::vector<message::HeaderField> fields_;
  std::vector<size_t> by_name_;
  std::vector<Group> groups_;  // in the order of names
};

}  // namespace pabal::trust
