// Signs messages that go out: DKIM (RFC 6376, 8301, 8463) and ARC (RFC 8617). Which keys a domain signs with is not
// decided here.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "trust/public_key.h"
#include "trust/verdict.h"

namespace pabal::trust {

// A private key with the place of its public half. Cheap to copy; any thread may sign with it.
class SigningKey {
 public:
  // `domain`: A-labels. kInvalid: not a private key of these kinds in PEM form, or RSA with less than 1024 bits
  // (RFC 8301 §3.2), or a name that DNS cannot have.
  static Result<SigningKey> load(std::string domain, std::string selector, const std::string& private_pem);

  const std::string& domain() const { return domain_; }
  const std::string& selector() const { return selector_; }
  Algorithm algorithm() const { return algorithm_; }
  Result<std::string> sign(std::string_view hash) const { return sign_hash(key_.get(), algorithm_, hash); }

 private:
  std::string domain_, selector_;
  Algorithm algorithm_ = Algorithm::kRsaSha256;
  std::shared_ptr<evp_pkey_st> key_;
};

// Fields named in one h=; a message with more occurrences than that is not signed (kLimit).
inline constexpr size_t kMaxSignedFields = 200;

// DKIM-Signature fields to put before the message, one a key, all from one pass over the body. The message must be as
// it goes over the wire: CRLF, nothing added to the fields below afterwards.
//
// What a reader sees or a program obeys is signed once more than it occurs, so that another of it breaks the signature
// (RFC 6376 §8.15): From, To, Cc, Subject, Date, Message-ID, Reply-To, In-Reply-To, References and the MIME fields.
// Sender and List-* are signed as often as they are there: lists may put theirs. Never l= (RFC 6376 §8.2), no x=.
Result<std::string> sign_dkim(std::string_view message, const std::vector<SigningKey>& keys, Time now);

// The fields of the next ARC set, to put before the message. `found`: what verify_signatures told of its chain when it
// came. `results`: resinfo of RFC 8601 §2.2 ("spf=pass smtp.mailfrom=a.example; arc=none"), one line or folded.
// "": nothing is to be added, as a handler before us has closed the chain with cv=fail (RFC 8617 §5.1 step 2), or it
// has 50 sets. A chain that fails is closed by a set that seals only itself (§5.1.2).
Result<std::string> seal_arc(std::string_view message, const Arc& found, std::string_view results,
                             std::string_view authserv_id, const SigningKey& key, Time now);

}  // namespace pabal::trust
