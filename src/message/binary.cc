#include "message/binary.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::message {
namespace {

struct Edit {
  size_t offset, size;
  std::string text;
};

constexpr size_t kLine = 76;  // RFC 2045 §6.8

std::string base64_lines(std::string_view bytes) {
  const std::string all = text::base64(bytes);
  std::string out;
  out.reserve(all.size() + all.size() / kLine * 2 + 2);
  for (size_t at = 0; at < all.size(); at += kLine) {
    if (at > 0) out += "\r\n";
    out.append(all, at, kLine);
  }
  return out;
}

// Puts Content-Transfer-Encoding into the header of `part`, in place of those that are there. False: it has no header
// with an end, so that nothing can be put there.
bool relabel(std::string_view bytes, const Part& part, std::string_view encoding, std::vector<Edit>& edits) {
  const std::string_view header = part.header(bytes);
  std::string field = "Content-Transfer-Encoding: " + std::string(encoding) + "\r\n";
  for (size_t at = 0; at < header.size();) {
    size_t end = at;  // of the field, with the lines that continue it
    do end = std::min(header.find('\n', end), header.size() - 1) + 1;
    while (end < header.size() && text::is_wsp(header[end]));
    const std::string_view line = header.substr(at, end - at);
    if (line == "\r\n" || line == "\n") {
      if (!field.empty()) edits.push_back({part.header_offset + at, 0, std::move(field)});
      return true;
    }
    const std::string_view name = line.substr(0, line.find(':'));
    if (text::iequals(text::trim(name), "Content-Transfer-Encoding"))
      edits.push_back({part.header_offset + at, line.size(), std::exchange(field, {})});
    at = end;
  }
  return false;
}

bool is_plain(std::string_view encoding) { return encoding == "7bit" || encoding == "8bit" || encoding == "binary"; }

// Collects the edits in the order of their offsets.
bool collect(std::string_view bytes, const Part& part, std::vector<Edit>& edits) {
  if (part.body(bytes).find('\0') == std::string_view::npos) return true;
  if (!is_plain(part.encoding)) return false;
  if (part.children.empty()) {
    // RFC 2046 §5.1, §5.2.1: nothing but 7bit, 8bit and binary is allowed for these, and a limit kept this one closed.
    if (part.is_multipart() || part.is_message()) return false;
    if (!relabel(bytes, part, "base64", edits)) return false;
    const bool whole = part.body_offset + part.body_size == bytes.size();
    edits.push_back({part.body_offset, part.body_size, base64_lines(part.body(bytes)) + (whole ? "\r\n" : "")});
    return true;
  }
  // RFC 3516 §6: what holds the parts is described by an encoding that the base specification knows.
  if (part.encoding == "binary" && !relabel(bytes, part, "8bit", edits)) return false;
  return std::all_of(part.children.begin(), part.children.end(),
                     [&](const Part& child) { return collect(bytes, child, edits); });
}

}  // namespace

std::optional<std::string> encode_binary(std::string_view bytes, const Message& message) {
  std::vector<Edit> edits;
  if (!collect(bytes, message.root, edits)) return {};
  std::string out;
  size_t at = 0;
  for (const Edit& edit : edits) {
    (out += bytes.substr(at, edit.offset - at)) += edit.text;
    at = edit.offset + edit.size;
  }
  out += bytes.substr(at);
  if (out.find('\0') != out.npos) return {};
  return out;
}

}  // namespace pabal::message
