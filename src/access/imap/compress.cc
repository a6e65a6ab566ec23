// COMPRESS=DEFLATE (RFC 4978).
#include "access/imap/session.h"
#include "net/deflate.h"

namespace pabal::access::imap {

Task<void> Session::compress(Words words, bool) {
  words.space();
  if (words.name() != "DEFLATE" || !words.done()) co_return bad("COMPRESS wants DEFLATE");
  if (compressed_) co_return no("[COMPRESSIONACTIVE] IMAP is compressed already");
  // RFC 4978 §3: the client waits for the answer. What it sent without would be read as what it is not.
  if (reader_.pending()) co_return bad("nothing may follow COMPRESS before its answer");
  ok("from here on compressed");
  Task<bool> flushing = flush();
  if (!(co_await flushing)) co_return;
  stream_ = net::make_deflate_stream(std::move(stream_));
  compressed_ = true;
}

}  // namespace pabal::access::imap
