#include "message/compose.h"

#include "base/text.h"
#include "message/build.h"
#include "message/limits.h"

namespace pabal::message {
namespace {

class Writer {
 public:
  explicit Writer(Random& random) : random_(random) {}

  Result<void> write(const Outline& part, size_t depth) {
    if (++parts_ > kMaxParts || depth > kMaxDepth) return Error{Code::kLimit, "the message has too many parts"};
    if (!is_media_type(part.type))
      return Error{Code::kInvalid, "\"" + text::printable(part.type) + "\" is no media type"};
    const bool multipart = text::istarts_with(part.type, "multipart/");
    if (multipart == part.parts.empty())
      return Error{Code::kInvalid, multipart ? "a multipart has at least one part" : "only a multipart has parts"};
    out += part.header;
    out += "Content-Type: " + part.type;
    for (const auto& [name, value] : part.params)
      if (!multipart || !text::iequals(name, "boundary")) out += parameter(name, value);
    if (multipart) return write_multipart(part, depth);
    write_leaf(part);
    return {};
  }
  std::string out;

 private:
  void write_leaf(const Outline& part) {
    out += "\r\nContent-Transfer-Encoding: ";
    // RFC 2046 §5.2.1: an embedded message is not coded.
    if (text::istarts_with(part.type, "message/")) {
      out += is_7bit(part.content) ? "7bit\r\n\r\n" : "8bit\r\n\r\n";
      out += part.content;
      return;
    }
    const Coded coded = text::istarts_with(part.type, "text/") ? code_text(part.content)
                                                               : Coded{"base64", encode_base64_lines(part.content)};
    out += coded.encoding + "\r\n\r\n";
    out += coded.octets;
  }
  Result<void> write_multipart(const Outline& part, size_t depth) {
    const std::string boundary = new_boundary(random_);
    out += ";\r\n boundary=\"" + boundary + "\"\r\n\r\n";
    for (const Outline& one : part.parts) {
      out += "--" + boundary + "\r\n";
      if (const auto done = write(one, depth + 1); !done) return done;
      out += "\r\n";
    }
    out += "--" + boundary + "--\r\n";
    return {};
  }

  Random& random_;
  size_t parts_ = 0;
};

}  // namespace

Result<std::string> compose(const Outline& root, Random& random) {
  Writer writer(random);
  if (const auto done = writer.write(root, 0); !done) return done.error();
  return std::move(writer.out);
}

}  // namespace pabal::message
