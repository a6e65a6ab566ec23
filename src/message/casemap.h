// i;unicode-casemap (RFC 5051): how IMAP compares text. Pure.
#pragma once

#include <string>
#include <string_view>

namespace pabal::message {

// Each character in title case, then decomposed. Texts are equal, in order, or one within another, as these octets are.
std::string casemap(std::string_view utf8);

// A string that is looked for in many texts.
class Needle {
 public:
  explicit Needle(std::string_view utf8);
  bool in(std::string_view utf8) const;  // always, when it is empty
  bool empty() const { return mapped_.empty(); }

 private:
  std::string mapped_;
  bool ascii_;
};

}  // namespace pabal::message
