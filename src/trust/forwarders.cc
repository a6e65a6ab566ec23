#include "trust/forwarders.h"

#include "base/codec.h"
#include "message/address.h"

namespace pabal::trust {
namespace {

constexpr std::string_view kForwarders = "Vf";  // V f DOMAIN: a version byte

Result<std::string> key_of(std::string_view domain) {
  const std::string name = message::ascii_domain(domain);
  if (name.find('.') == name.npos || name.front() == '[')
    return Error{Code::kInvalid, std::string(domain) + " is not a domain"};
  return std::string(kForwarders) + name;
}

}  // namespace

Result<void> trust_forwarder(store::Transaction& t, std::string_view domain) {
  const auto key = key_of(domain);
  if (!key) return key.error();
  t.put(*key, Encoder().u8(1).take());
  return {};
}

Result<void> distrust_forwarder(store::Transaction& t, std::string_view domain) {
  const auto key = key_of(domain);
  if (!key) return key.error();
  const auto there = t.get(*key);
  if (!there) return there.error();
  if (!*there) return Error{Code::kNotFound, std::string(domain) + " is not among the trusted forwarders"};
  t.erase(*key);
  return {};
}

Result<bool> is_trusted_forwarder(const store::Reader& r, std::string_view domain) {
  const auto key = key_of(domain);
  if (!key) return false;
  const auto there = r.get(*key);
  if (!there) return there.error();
  return there->has_value();
}

Result<std::vector<std::string>> trusted_forwarders(const store::Reader& r) {
  std::vector<std::string> out;
  const auto scanned =
      r.scan(store::Range::prefix(std::string(kForwarders)), [&](std::string_view key, std::string_view) {
        out.emplace_back(key.substr(kForwarders.size()));
        return true;
      });
  if (!scanned) return scanned.error();
  return out;
}

}  // namespace pabal::trust
