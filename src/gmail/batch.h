// Many calls in one request: POST /batch/gmail/v1, or /batch. The body is multipart/mixed; each part is a request of
// its own (application/http), answered by the same routes, one after the other. A part has the header fields of the
// batch, but Content-*, unless it has its own; so it may have another token. The answers come as parts in the same
// order, with the Content-ID "<response-...>" of theirs.
#pragma once

#include "web/router.h"

namespace pabal::gmail {

constexpr size_t kMaxBatchParts = 100;
constexpr size_t kMaxBatchBody = 32ull << 20;    // octets
constexpr size_t kMaxBatchAnswer = 64ull << 20;  // octets; what comes beyond is refused, part by part

// The router is the one that answers the parts: it outlives the requests.
void add_batch(web::Router& router);

// One part's request, as far as its octets say it. kInvalid.
Result<web::Request> read_http_request(std::string_view octets);

}  // namespace pabal::gmail
