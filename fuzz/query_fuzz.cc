// room: mailbox
// Gmail's search language: any text is a query within the bounds, or refused.
#include "base/check.h"
#include "mailbox/query.h"

namespace {

using namespace pabal;
using namespace pabal::mailbox;

size_t leaves(const Query& query, size_t depth) {
  PABAL_CHECK(depth <= 3 * kMaxQueryDepth + 3);
  if (query.children.empty()) return 1;
  size_t out = 0;
  for (const Query& child : query.children) out += leaves(child, depth + 1);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto query = parse_query(input, from_unix(1'800'000'000)))
    PABAL_CHECK(leaves(*query, 0) <= kMaxQueryTerms + 1);
  return 0;
}
