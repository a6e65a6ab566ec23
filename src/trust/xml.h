// A pull parser for the XML of reports: elements and text, nothing else. No DTD, no entities but the five of XML 1.0
// §4.6 and character references: nothing in a document can grow or fetch anything.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace pabal::trust {

constexpr size_t kMaxXmlDepth = 32;  // a report has seven levels
constexpr size_t kMaxXmlName = 200;  // octets

class XmlReader {
 public:
  // `document` in UTF-8; it outlives the reader. Attributes are given only where they are asked for.
  explicit XmlReader(std::string_view document, bool with_attributes = false)
      : in_(document), with_attributes_(with_attributes) {}

  struct Token {
    enum Kind : uint8_t { kStart, kEnd, kText, kDone } kind = kDone;
    std::string name;                                               // of an element, without its namespace prefix
    std::string text;                                               // one run of text, or one CDATA section
    std::vector<std::pair<std::string, std::string>> attributes{};  // of a start, names with their prefix
  };
  // The next token; kDone again and again behind the root element. kInvalid: not well-formed, or a DTD; kLimit. After
  // an error there is nothing more to read.
  Result<Token> next();

 private:
  Result<Token> markup();
  Result<Token> element();
  Result<Token> close();
  Result<std::string> unescape(std::string_view raw);
  std::string name();
  bool skip_to(std::string_view end);
  void skip_blanks();
  Error fault(std::string_view what) const;

  std::string_view in_;
  const bool with_attributes_;
  size_t at_ = 0;
  std::vector<std::string> open_;        // with their prefixes
  bool rooted_ = false, empty_ = false;  // a root element was seen; the last element was <like-this/>
};

// Text for between tags and in attributes: the five characters escaped, what XML cannot hold (C0 controls) left out.
std::string xml_escape(std::string_view utf8);

// The document in UTF-8: by its byte order mark, or the encoding of its declaration; octets that are no text become
// U+FFFD.
std::string xml_to_utf8(std::string_view document);

}  // namespace pabal::trust
