// Sieve scripts (RFC 9661). The scripts are sieve::Scripts, which knows them by their names; here each has an id beside
// it, which outlives a new name.
#pragma once

#include "jmap/blobs.h"
#include "jmap/collection.h"

namespace pabal::jmap {

// The text of a script, as the blob that its blobId names ("V3").
Result<std::optional<Blob>> read_script(const Services& services, const store::Reader& r, mailbox::AccountId account,
                                        std::string_view id);

}  // namespace pabal::jmap
