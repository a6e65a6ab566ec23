// What this server puts its name to when mail leaves: signatures with all active keys of a local domain (RFC 6376, RFC
// 8463), and seals on mail that only passes through (RFC 8617).
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "identity/directory.h"
#include "trust/sign.h"

namespace pabal::trust {

// Thread-safe; an RSA signature takes a millisecond: on a pool. Keys that have been read are kept.
class Signer {
 public:
  // `hostname`: the authserv-id of seals. All must outlive it.
  Signer(const identity::Directory& directory, const store::Reader& reader, const Clock& clock, std::string hostname)
      : directory_(directory), reader_(reader), clock_(clock), hostname_(std::move(hostname)) {}

  // The header fields to put before `message`; "" when nobody here can vouch for it. `domain`: of its author; where it
  // is no local domain, the nearest one above it that is signs.
  Result<std::string> sign(std::string_view message, std::string_view domain) const;
  // `results`: mailbox::Details::results, of when the message came in.
  Result<std::string> seal(std::string_view message, std::string_view domain, std::string_view results) const;

 private:
  Result<std::vector<SigningKey>> keys(std::string_view domain) const;

  const identity::Directory& directory_;
  const store::Reader& reader_;
  const Clock& clock_;
  const std::string hostname_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, SigningKey> known_;  // by selector, domain and key
};

}  // namespace pabal::trust
