// Keys on the curve P-256, as Web Push uses them: to agree on a secret (RFC 8291) and to sign (ES256, RFC 7518 §3.4).
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"

namespace pabal::push {

constexpr size_t kScalar = 32, kPoint = 65;  // octets of a private key and of an uncompressed public one

class EcKey {
 public:
  static EcKey generate(Random& random);
  static Result<EcKey> from_private(std::string_view scalar);  // kInvalid: not a number of the curve

  const std::string& scalar() const { return scalar_; }
  const std::string& point() const { return point_; }
  // ECDH with the public key of somebody else; kInvalid: `point` is not on the curve.
  Result<std::string> agree(std::string_view point) const;
  std::string sign(std::string_view message) const;  // 64 octets: R and S

 private:
  EcKey() = default;
  std::string scalar_, point_;
  std::shared_ptr<EVP_PKEY> key_;
};

bool is_public_key(std::string_view point);
bool verify_es256(std::string_view point, std::string_view message, std::string_view signature);

}  // namespace pabal::push
