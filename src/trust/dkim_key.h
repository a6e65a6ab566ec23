// trust: sender authentication. So far: the keys that a domain signs with (RFC 6376, RFC 8463), made and described for
// DNS.
#pragma once

#include <string>

#include "base/result.h"

namespace pabal::trust {

enum class DkimAlgorithm { kRsa2048, kEd25519 };

struct NewDkimKey {
  std::string private_pem;  // PKCS#8
  std::string txt;          // the TXT record at <selector>._domainkey.<domain>: "v=DKIM1; k=rsa; p=..."
};
Result<NewDkimKey> make_dkim_key(DkimAlgorithm algorithm);
// The TXT record of a key made before. kCorrupt: not a private key of these kinds.
Result<std::string> dkim_txt(const std::string& private_pem);

}  // namespace pabal::trust
