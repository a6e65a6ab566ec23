#include "trust/dmarc_record.h"

#include <algorithm>

#include "base/text.h"
#include "message/address.h"

namespace pabal::trust {
namespace {

std::optional<Dmarc::Policy> policy_of(std::string_view word) {
  for (const auto policy : {Dmarc::Policy::kNone, Dmarc::Policy::kQuarantine, Dmarc::Policy::kReject})
    if (text::iequals(word, policy_name(policy))) return policy;
  return {};
}

// RFC 3986 §3.1, as far as it matters here: a scheme, and printable octets behind it.
bool is_uri(std::string_view s) {
  const size_t colon = s.find(':');
  return colon != s.npos && colon > 0 && colon + 1 < s.size() && text::is_alpha(s.front()) &&
         std::all_of(s.begin(), s.begin() + static_cast<ptrdiff_t>(colon),
                     [](char c) { return text::is_alnum(c) || c == '+' || c == '-' || c == '.'; }) &&
         std::all_of(s.begin(), s.end(), [](unsigned char c) { return c > 0x20 && c < 0x7F && c != '"' && c != '<'; });
}

std::vector<std::string> uris(std::string_view list) {
  std::vector<std::string> out;
  for (std::string_view uri : text::split(list, ',')) {
    uri = text::trim(uri.substr(0, uri.find('!')));
    if (is_uri(uri) && out.size() < kMaxDmarcUris) out.emplace_back(uri);
  }
  return out;
}

}  // namespace

std::string_view policy_name(Dmarc::Policy policy) {
  switch (policy) {
    case Dmarc::Policy::kNone:
      return "none";
    case Dmarc::Policy::kQuarantine:
      return "quarantine";
    case Dmarc::Policy::kReject:
      return "reject";
  }
  return "none";
}

std::optional<DmarcRecord> parse_dmarc_record(std::string_view record) {
  DmarcRecord out;
  bool first = true;
  std::vector<std::string> seen;
  for (const std::string_view tag : text::split(record.substr(0, kMaxDmarcRecord), ';')) {
    const size_t equals = tag.find('=');
    const std::string name = text::lowered(text::trim(tag.substr(0, equals)));
    const std::string_view value = equals == tag.npos ? "" : text::trim(tag.substr(equals + 1));
    if (first) {
      if (name != "v" || value != "DMARC1") return {};  // case matters here alone
      first = false;
      continue;
    }
    if (equals == tag.npos || std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
    if (seen.size() < 100) seen.push_back(name);
    if (name == "p" || name == "sp" || name == "np") {
      const auto policy = policy_of(value);
      out.bad_policy = out.bad_policy || !policy;
      (name == "p" ? out.p : name == "sp" ? out.sp : out.np) = policy;
    } else if (name == "adkim") {
      out.strict_dkim = text::iequals(value, "s");
    } else if (name == "aspf") {
      out.strict_spf = text::iequals(value, "s");
    } else if (name == "t") {
      out.testing = text::iequals(value, "y");
    } else if (name == "psd") {
      if (text::iequals(value, "y")) out.psd = DmarcRecord::Psd::kYes;
      if (text::iequals(value, "n")) out.psd = DmarcRecord::Psd::kNo;
    } else if (name == "fo") {
      const std::string wish = text::lowered(value);
      const auto parts = text::split(wish, ':');
      if (std::all_of(parts.begin(), parts.end(),
                      [](std::string_view o) { return o == "0" || o == "1" || o == "d" || o == "s"; }) &&
          parts.size() <= 4)
        out.fo = wish;
    } else if (name == "rua") {
      out.rua = uris(value);
    } else if (name == "ruf") {
      out.ruf = uris(value);
    }
  }
  return first ? std::nullopt : std::optional(std::move(out));
}

std::string mailto_address(std::string_view uri) {
  if (!text::istarts_with(uri, "mailto:")) return "";
  uri.remove_prefix(7);
  uri = uri.substr(0, uri.find('?'));
  std::string address;
  for (size_t i = 0; i < uri.size(); ++i) {
    if (uri[i] != '%') {
      address += uri[i];
      continue;
    }
    const auto octet = text::unhex(uri.substr(i + 1, 2));
    if (!octet || octet->size() != 1) return "";
    address += *octet;
    i += 2;
  }
  const auto parsed = message::parse_addr_spec(address, true);
  return parsed ? parsed->text() : "";
}

}  // namespace pabal::trust
