#include <arpa/inet.h>
#include <idn2.h>

#include <memory>

#include "base/text.h"
#include "dns/resolver.h"

namespace pabal::dns {

std::string reverse_name(std::string_view ip) {
  unsigned char raw[16];
  const std::string text(ip);
  std::string out;
  if (inet_pton(AF_INET, text.c_str(), raw) == 1) {
    for (int i = 3; i >= 0; --i) out += std::to_string(raw[i]) + ".";
    return out + "in-addr.arpa";
  }
  if (inet_pton(AF_INET6, text.c_str(), raw) != 1) return {};
  constexpr char kDigits[] = "0123456789abcdef";
  for (int i = 15; i >= 0; --i) {
    out += kDigits[raw[i] & 15];
    out += '.';
    out += kDigits[raw[i] >> 4];
    out += '.';
  }
  return out + "ip6.arpa";
}

Result<std::string> to_ascii(std::string_view domain) {
  std::string name(domain);
  if (!name.empty() && name.back() == '.') name.pop_back();
  const Error bad{Code::kInvalid, "'" + text::printable(domain, 80) + "' is not a host name"};
  if (name.empty() || name.size() > 1000 || name.find('\0') != name.npos) return bad;
  if (!text::is_ascii(name)) {
    uint8_t* converted = nullptr;
    const int done = idn2_lookup_u8(reinterpret_cast<const uint8_t*>(name.c_str()), &converted,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (done != IDN2_OK) return bad;
    name = reinterpret_cast<char*>(converted);
    idn2_free(converted);
  }
  name = text::lowered(name);
  if (name.size() > 253) return bad;
  for (const std::string_view label : text::split(name, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return bad;
    for (char c : label)
      if (!text::is_alnum(c) && c != '-' && c != '_') return bad;  // '_': service names, RFC 8552
  }
  return name;
}

std::string to_unicode(std::string_view domain) {
  char* shown = nullptr;
  if (idn2_to_unicode_8z8z(std::string(domain).c_str(), &shown, IDN2_NONTRANSITIONAL) != IDN2_OK)
    return std::string(domain);
  std::string out(shown);
  idn2_free(shown);
  // What does not lead back is no name but a trick: control characters, look-alikes that IDNA does not allow.
  const auto back = to_ascii(out);
  return back && *back == text::lowered(domain.ends_with('.') ? domain.substr(0, domain.size() - 1) : domain)
             ? out
             : std::string(domain);
}

}  // namespace pabal::dns
