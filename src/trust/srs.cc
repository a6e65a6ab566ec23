#include "trust/srs.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "base/text.h"
#include "message/address.h"

namespace pabal::trust {
namespace {

constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";  // RFC 4648 §6, lower case
constexpr size_t kHashLength = 6;
constexpr size_t kMaxLocal = 64;
constexpr int64_t kDayCycle = 1'024;  // two characters
constexpr int64_t kValidDays = 21;

std::string hash(std::string_view secret, std::string_view what) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const std::string signed_text = text::lowered(what);
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), mac, &size);
  std::string out;
  for (size_t i = 0; i < kHashLength; ++i) {
    const size_t bit = i * 5;
    const unsigned two = static_cast<unsigned>(mac[bit / 8] << 8) | mac[bit / 8 + 1];
    out += kBase32[two >> (11 - bit % 8) & 31];
  }
  return out;
}

int64_t day_of(Time now) { return std::chrono::floor<days>(now.time_since_epoch()).count() % kDayCycle; }

std::string stamp(Time now) {
  const auto day = static_cast<size_t>(day_of(now));
  return {kBase32[day >> 5], kBase32[day & 31]};
}

// Of the last 21 days, or by the clock of another of our machines of tomorrow.
bool is_fresh(std::string_view stamp, Time now) {
  int64_t day = 0;
  for (char c : stamp) {
    const size_t digit = kBase32.find(text::lower(c));
    if (digit == kBase32.npos) return false;
    day = day * 32 + static_cast<int64_t>(digit);
  }
  const int64_t age = (day_of(now) - day + 1 + kDayCycle) % kDayCycle;
  return stamp.size() == 2 && age <= kValidDays + 1;
}

// The tag behind which an address of that kind has '=', '+' or '-'.
bool is_tagged(std::string_view local, std::string_view tag) {
  return text::istarts_with(local, tag) && local.size() > tag.size() &&
         std::string_view("=+-").find(local[tag.size()]) != std::string_view::npos;
}

// Cuts off what is before the next '='; nothing when there is none.
std::optional<std::string_view> next_field(std::string_view& rest) {
  const size_t end = rest.find('=');
  if (end == rest.npos) return {};
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return field;
}

bool is_ours(std::string_view given, std::string_view what, const std::vector<std::string>& secrets) {
  return std::any_of(secrets.begin(), secrets.end(), [&](const std::string& secret) {
    return text::same_secret(text::lowered(given), hash(secret, what));
  });
}

std::optional<std::string> address(std::string local, std::string_view domain) {
  const std::string written = message::Address{std::move(local), std::string(domain)}.text();
  return message::parse_addr_spec(written, true) ? std::optional(written) : std::nullopt;
}

}  // namespace

std::string srs_forward(std::string_view reverse_path, std::string_view our_domain, std::string_view secret, Time now) {
  const std::string unchanged(reverse_path);
  const auto sender = message::parse_addr_spec(reverse_path, true);
  if (!sender || sender->domain.starts_with('[') || text::iequals(sender->domain, our_domain)) return unchanged;
  const std::string ascii = message::ascii_domain(*sender);
  std::string local;
  if (is_tagged(sender->local, "SRS1")) {  // the forwarder before us keeps the first one's name: so do we
    std::string_view rest = std::string_view(sender->local).substr(5);
    if (next_field(rest) && rest.find('=') != rest.npos)
      local = "SRS1=" + hash(secret, "srs1=" + std::string(rest)) + "=" + std::string(rest);
  } else if (is_tagged(sender->local, "SRS0")) {
    const std::string rest = ascii + "=" + sender->local.substr(4);
    local = "SRS1=" + hash(secret, "srs1=" + rest) + "=" + rest;
  }
  if (local.empty()) {
    const std::string rest = stamp(now) + "=" + ascii + "=" + sender->local;
    local = "SRS0=" + hash(secret, "srs0=" + rest) + "=" + rest;
  }
  if (ascii.empty() || local.size() > kMaxLocal) return unchanged;
  return address(std::move(local), our_domain).value_or(unchanged);
}

std::optional<std::string> srs_reverse(std::string_view given, const std::vector<std::string>& secrets, Time now) {
  const auto bounced = message::parse_addr_spec(given, true);
  if (!bounced) return {};
  std::string_view rest = bounced->local;
  const bool first = is_tagged(rest, "SRS0");
  if (!first && !is_tagged(rest, "SRS1")) return {};
  rest.remove_prefix(5);
  const auto mac = next_field(rest);
  if (!mac || !is_ours(*mac, (first ? "srs0=" : "srs1=") + std::string(rest), secrets)) return {};
  if (first) {
    const auto day = next_field(rest);
    const auto domain = day ? next_field(rest) : std::nullopt;
    if (!domain || !is_fresh(*day, now)) return {};
    return address(std::string(rest), text::lowered(*domain));
  }
  const auto domain = next_field(rest);
  if (!domain) return {};
  return address("SRS0" + std::string(rest), text::lowered(*domain));
}

}  // namespace pabal::trust
