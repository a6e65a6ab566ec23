#include "web/server.h"

namespace pabal::web {

// Shared with the posted call, which may come after the member has gone.
struct Connections::Member::Place {
  net::Loop& loop;
  std::function<void()> drain;
  bool gone = false;  // loop thread only
};

Connections::Member::Member(Connections& all, net::Loop& loop, std::function<void()> drain)
    : all_(all), place_(std::make_shared<Place>(Place{loop, std::move(drain)})) {
  std::lock_guard lock(all_.mutex_);
  all_.members_.emplace(this, place_);
}

Connections::Member::~Member() {
  place_->gone = true;
  std::lock_guard lock(all_.mutex_);
  all_.members_.erase(this);
}

void Connections::drain() {
  std::lock_guard lock(mutex_);
  for (const auto& one : members_)
    one.second->loop.post([place = one.second] {
      if (!place->gone) place->drain();
    });
}

Task<void> serve(std::unique_ptr<net::Stream> stream, Options options, Services& services) {
  if (options.tls) {
    Task<Result<void>> shaking = stream->tls_accept(options.tls, stream->loop().now() + kTlsTime);
    if (const Result<void> done = co_await shaking; !done) co_return;
  }
  const bool http2 = stream->tls() && stream->tls()->protocol == "h2";
  Task<void> serving = http2 ? serve_http2(*stream, services) : serve_http1(*stream, services);
  co_await serving;
}

}  // namespace pabal::web
