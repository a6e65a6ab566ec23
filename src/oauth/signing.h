// Identity tokens (OpenID Connect Core §2): signed with RS256 by a key of the server, which the store keeps.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "store/store.h"

namespace pabal::oauth {

class SigningKey {
 public:
  virtual ~SigningKey() = default;
  // A JWS in compact form (RFC 7515 §3.1) of these claims, which are a JSON text.
  virtual Result<std::string> sign(std::string_view claims) const = 0;
  virtual std::string id() const = 0;          // "kid": the thumbprint of RFC 7638
  virtual std::string jwk() const = 0;         // RFC 7517: the public half, a JSON text
  virtual std::string public_pem() const = 0;  // the same in PEM
};
// kCorrupt: not an RSA key in PEM.
Result<std::unique_ptr<SigningKey>> read_signing_key(const std::string& private_pem);
Result<std::string> make_signing_key();  // PEM; RSA, 2,048 bits: a tenth of a second or so

// The key of this store: made when it is first wanted. Thread-safe.
class KeyHolder {
 public:
  KeyHolder(store::Store& store, net::Pool& pool) : store_(store), pool_(pool) {}
  Task<Result<std::shared_ptr<const SigningKey>>> get(net::Loop& loop);

 private:
  Result<std::shared_ptr<const SigningKey>> find_or_make();  // blocks

  store::Store& store_;
  net::Pool& pool_;
  std::mutex mutex_;
  std::shared_ptr<const SigningKey> key_;
};

}  // namespace pabal::oauth
