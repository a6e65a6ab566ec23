// room: gmail
// Multipart bodies of batches and uploads: refused, or parts that lie within the body; and the requests in them.
#include "base/check.h"
#include "gmail/batch.h"
#include "gmail/multipart.h"
#include "gmail/uploads.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace g = pabal::gmail;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto range = g::parse_content_range(input); range && range->first)
    PABAL_CHECK(*range->first <= *range->last);
  const std::string boundary = g::boundary_of(input.substr(0, 200));
  PABAL_CHECK(boundary.size() <= g::kMaxBoundary);
  for (const std::string_view with : {std::string_view("b"), std::string_view(boundary)}) {
    if (with.empty()) continue;
    const auto pieces = g::split_multipart(input, with, g::kMaxBatchParts);
    if (!pieces) continue;
    PABAL_CHECK(pieces->size() <= g::kMaxBatchParts);
    for (const g::Piece& piece : *pieces) {
      PABAL_CHECK(piece.body.empty() || (piece.body.data() >= input.data() &&
                                         piece.body.data() + piece.body.size() <= input.data() + input.size()));
      if (const auto request = g::read_http_request(piece.body)) PABAL_CHECK(request->path.starts_with('/'));
    }
  }
  return 0;
}
