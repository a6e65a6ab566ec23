#include "web/svg.h"

#include <algorithm>

#include "base/text.h"
#include "trust/xml.h"

namespace pabal::web {
namespace {

using Token = trust::XmlReader::Token;

constexpr size_t kMaxElements = 5'000;

// Those of SVG Tiny 1.2 that draw. What is not here is refused, whatever it is.
bool draws(std::string_view element) {
  for (const std::string_view one :
       {"svg",  "title",      "desc",    "g",    "defs",  "path",     "rect",   "circle",         "ellipse",
        "line", "polyline",   "polygon", "text", "tspan", "textArea", "tbreak", "linearGradient", "radialGradient",
        "stop", "solidColor", "use"})
    if (element == one) return true;
  return false;
}

std::string_view local_name(std::string_view name) { return name.substr(name.rfind(':') + 1); }

Result<void> check_attribute(const std::string& name, const std::string& value) {
  const std::string local = text::lowered(local_name(name));
  const auto refused = [&](const char* why) {
    return Error{Code::kInvalid, "the attribute " + text::printable(name, 50) + " " + why};
  };
  if (name == "xmlns" || name.starts_with("xmlns:")) return {};
  if (local.starts_with("on")) return refused("is an event");
  if (local == "base") return refused("moves references elsewhere");
  // References lead to this document only: "#gradient".
  if (local == "href" || local == "src") {
    if (!std::string_view(text::trim(value)).starts_with('#')) return refused("refers to something outside");
    return {};
  }
  std::string flat = text::lowered(value);
  std::erase_if(flat, [](unsigned char c) { return c <= ' '; });
  if (flat.find('\\') != flat.npos || flat.find("/*") != flat.npos) return refused("hides what it says");
  for (size_t at = flat.find("url("); at != flat.npos; at = flat.find("url(", at + 1)) {
    const std::string_view to = std::string_view(flat).substr(at + 4);
    if (!to.starts_with('#') && !to.starts_with("'#") && !to.starts_with("\"#"))
      return refused("refers to something outside");
  }
  for (const char* scheme : {"javascript:", "data:", "@import"})
    if (flat.find(scheme) != flat.npos) return refused("refers to something outside");
  return {};
}

Result<void> check_root(const Token& token) {
  bool version = false, profile = false;
  for (const auto& [name, value] : token.attributes) {
    if (name == "version") version = value == "1.2";
    if (name == "baseProfile") profile = text::iequals(value, "tiny-ps");
  }
  if (token.name != "svg" || !version || !profile)
    return Error{Code::kInvalid, "it is not <svg version=\"1.2\" baseProfile=\"tiny-ps\">"};
  return {};
}

}  // namespace

Result<void> check_logo(std::string_view svg) {
  if (svg.size() > kMaxLogo) return Error{Code::kLimit, "it is larger than 64 KiB"};
  if (!text::is_utf8(svg)) return Error{Code::kInvalid, "it is not UTF-8"};
  // A processing instruction may name a style sheet; only the declaration at the start is none.
  if (svg.find("<?", 1) != svg.npos) return Error{Code::kInvalid, "it has a processing instruction"};
  trust::XmlReader reader(svg, true);
  size_t elements = 0;
  bool titled = false;
  for (;;) {
    const auto token = reader.next();
    if (!token) return token.error();
    if (token->kind == Token::kDone) break;
    if (token->kind != Token::kStart) continue;
    if (++elements > kMaxElements) return Error{Code::kLimit, "it has more than 5,000 elements"};
    if (elements == 1)
      if (const auto root = check_root(*token); !root) return root;
    if (!draws(token->name)) return Error{Code::kInvalid, "it has the element " + text::printable(token->name, 50)};
    titled = titled || token->name == "title";
    for (const auto& [name, value] : token->attributes)
      if (const auto good = check_attribute(name, value); !good) return good;
  }
  if (!titled) return Error{Code::kInvalid, "it has no title"};
  return {};
}

}  // namespace pabal::web
