// HTTP/2 over a stream (RFC 9113) by libnghttp2, which keeps the states, windows and header compression; this file
// carries octets to and from it and turns its streams into requests, each answered by a coroutine of its own.
//
// libnghttp2 is not to be called from within its callbacks: what they wake is woken by the loop, a moment later.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/log.h"
#include "base/text.h"
#include "net/bell.h"
#include "web/answer.h"
#include "web/server.h"
#include "web/socket.h"
#include "web/target.h"

namespace pabal::web {
namespace {

constexpr seconds kTick{5};                      // deadlines of streams are looked at so often
constexpr size_t kReadBlock = 16 << 10;          // a frame
constexpr size_t kFieldOverhead = 32;            // RFC 9113 §6.5.2
constexpr size_t kMaxRunning = 2 * kMaxStreams;  // handlers, those of streams included that the client has reset

// One request and its answer. Shared by the session, its handler's coroutine and, as the body, the handler.
struct Exchange final : BodyReader {
  explicit Exchange(int32_t number, Time now) : id(number), started(now), progress(now) {}

  const int32_t id;
  const Time started;
  Request request;
  size_t head_octets = 0;
  Refusal refusal;                     // of the head
  std::string protocol;                // of a CONNECT: what is to be spoken in it (RFC 8441)
  bool headed = false;                 // the head is whole
  bool closed = false;                 // the stream is over, well or not
  nghttp2_session* session = nullptr;  // null: it is over, too

  // The body of the request.
  std::string arrived;
  bool ended = false;
  std::optional<Error> failure;
  uint64_t received = 0;
  bool answered = false;               // the rest of it is dropped
  size_t dropped = 0, unconsumed = 0;  // unconsumed: by which its window is narrower
  BodyRule rule{SIZE_MAX, true};
  net::Bell on_arrival;

  // The body of the response.
  std::string out;
  size_t out_at = 0;
  std::shared_ptr<BodySource> source;
  std::shared_ptr<Socket> socket;
  bool source_ended = true, source_failed = false, deferred = false;
  Time progress;  // of the response
  net::Bell on_room;
  std::function<void()> flush;

  Task<Result<std::string>> next() override {
    while (arrived.empty() && !ended && !failure) {
      net::Bell::Awaiter waiting = on_arrival.wait();
      co_await waiting;
    }
    if (failure) co_return *failure;
    std::string some = std::exchange(arrived, {});
    if (session && !closed && !some.empty()) {
      nghttp2_session_consume_stream(session, id, std::exchange(unconsumed, 0));  // the window opens again
      flush();
    }
    co_return some;
  }
  void fail(Error error) {
    if (!failure && !ended) failure = std::move(error);
  }
};

class Session {
 public:
  Session(net::Stream& stream, Services& services)
      : stream_(stream),
        loop_(stream.loop()),
        services_(services),
        quiet_since_(loop_.now()),
        member_(services.connections, loop_, [this] { drain(); }) {}

  Task<void> run();

 private:
  using Shared = std::shared_ptr<Exchange>;

  void open();
  Task<void> read();
  Task<void> write();
  Task<void> serve_one(Shared exchange);
  Task<Response> respond(Shared exchange);
  void submit(Exchange& exchange, Response response, bool head_only);
  Task<void> send_source(Shared exchange);
  void check_deadlines();
  void drain();
  void wake(Shared exchange);
  void over(Exchange& exchange, Code code, const char* why);
  Shared find(int32_t id) const {
    const auto found = exchanges_.find(id);
    return found == exchanges_.end() ? nullptr : found->second;
  }

  // Of libnghttp2.
  int on_begin(const nghttp2_frame& frame);
  int on_field(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  int on_frame(const nghttp2_frame& frame);
  int on_data(int32_t id, std::string_view data);
  int on_sent(const nghttp2_frame& frame);
  int on_close(int32_t id);
  void drop(Exchange& exchange);
  static ssize_t on_read(nghttp2_session*, int32_t, uint8_t* out, size_t size, uint32_t* flags,
                         nghttp2_data_source* source, void*);

  net::Stream& stream_;
  net::Loop& loop_;
  Services& services_;
  std::unique_ptr<nghttp2_session, decltype(&nghttp2_session_del)> session_{nullptr, nghttp2_session_del};
  std::map<int32_t, Shared> exchanges_;
  net::Bell to_write_, all_done_;
  bool over_ = false;    // nothing more is read
  size_t running_ = 0;   // coroutines of exchanges
  size_t buffered_ = 0;  // octets of bodies that are read whole
  size_t resets_ = 0;
  Time quiet_since_;  // no stream is open since then
  Connections::Member member_;
};

// --- the connection -------------------------------------------------------------------------------------------------

void Session::open() {
  nghttp2_session_callbacks* made = nullptr;
  nghttp2_session_callbacks_new(&made);
  const std::unique_ptr<nghttp2_session_callbacks, decltype(&nghttp2_session_callbacks_del)> callbacks(
      made, nghttp2_session_callbacks_del);
  nghttp2_session_callbacks_set_on_begin_headers_callback(made,
                                                          [](nghttp2_session*, const nghttp2_frame* frame, void* me) {
                                                            return static_cast<Session*>(me)->on_begin(*frame);
                                                          });
  nghttp2_session_callbacks_set_on_header_callback(
      made, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
               const uint8_t* value, size_t value_size, uint8_t, void* me) {
        return static_cast<Session*>(me)->on_field(*frame, {reinterpret_cast<const char*>(name), name_size},
                                                   {reinterpret_cast<const char*>(value), value_size});
      });
  // RFC 9113 §8.2.1: fields with what no field may have make the request malformed.
  nghttp2_session_callbacks_set_on_invalid_header_callback(
      made,
      [](nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t, const uint8_t*, size_t, uint8_t,
         void*) -> int { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; });
  nghttp2_session_callbacks_set_on_frame_recv_callback(made,
                                                       [](nghttp2_session*, const nghttp2_frame* frame, void* me) {
                                                         return static_cast<Session*>(me)->on_frame(*frame);
                                                       });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      made, [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* me) {
        return static_cast<Session*>(me)->on_data(id, {reinterpret_cast<const char*>(data), size});
      });
  nghttp2_session_callbacks_set_on_frame_send_callback(made,
                                                       [](nghttp2_session*, const nghttp2_frame* frame, void* me) {
                                                         return static_cast<Session*>(me)->on_sent(*frame);
                                                       });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      made, [](nghttp2_session*, int32_t id, uint32_t, void* me) { return static_cast<Session*>(me)->on_close(id); });

  nghttp2_option* options = nullptr;
  nghttp2_option_new(&options);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_session* session = nullptr;
  nghttp2_session_server_new2(&session, made, this, options);
  nghttp2_option_del(options);
  session_.reset(session);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
                                             {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHead},
                                             {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Task<void> Session::run() {
  open();
  std::vector<Task<void>> both;
  both.push_back(read());
  both.push_back(write());
  Task<void> together = net::all(std::move(both));
  co_await together;
  stream_.close();
  // Whoever still works for this client hears that it is gone.
  std::map<int32_t, Shared> left = std::exchange(exchanges_, {});
  for (const auto& [id, exchange] : left) over(*exchange, Code::kClosed, "the client is gone");
  left.clear();
  while (running_ > 0) {
    net::Bell::Awaiter waiting = all_done_.wait();
    co_await waiting;
  }
}

Task<void> Session::read() {
  const auto block = std::make_unique_for_overwrite<char[]>(kReadBlock);
  while (!over_ && nghttp2_session_want_read(session_.get())) {
    Task<Result<size_t>> reading = stream_.read({block.get(), kReadBlock}, loop_.now() + kTick);
    const Result<size_t> got = co_await reading;
    if (got && *got == 0) break;
    if (!got && got.code() != Code::kTimeout) break;
    if (got) {
      const ssize_t used =
          nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const uint8_t*>(block.get()), *got);
      if (used < 0) break;
      // CVE-2023-44487: streams made to be reset cost us, not the client.
      if (resets_ > kMaxResets) nghttp2_session_terminate_session(session_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
    }
    check_deadlines();
    to_write_.ring();
  }
  over_ = true;
  to_write_.ring();
}

Task<void> Session::write() {
  for (;;) {
    std::string block;
    while (block.size() < kWriteAtOnce) {
      const uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
      if (size < 0) over_ = true;
      if (size <= 0) break;
      block.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
    }
    if (!block.empty()) {
      Task<Result<void>> writing = stream_.write(block, loop_.now() + kWriteTime);
      if (const Result<void> done = co_await writing; done) continue;
      over_ = true;
    }
    // Ends the reader's wait as well; what it had to say has been written.
    if (over_ || !nghttp2_session_want_read(session_.get())) break;
    net::Bell::Awaiter waiting = to_write_.wait();
    co_await waiting;
  }
  stream_.close();
}

// RFC 9113 §6.8: streams under way are finished, new ones are not taken.
void Session::drain() {
  if (over_) return;
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_.get()),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  to_write_.ring();
  std::vector<std::shared_ptr<Socket>> sockets;
  std::vector<std::shared_ptr<BodySource>> sources;
  for (const auto& [id, exchange] : exchanges_)
    if (exchange->socket)
      sockets.push_back(exchange->socket);
    else if (exchange->source && !exchange->source_ended)
      sources.push_back(exchange->source);
  for (const auto& source : sources) source->cancel();
  for (const auto& socket : sockets) socket->close(CloseCode::kGoingAway, "the server stops");
}

void Session::check_deadlines() {
  const Time now = loop_.now();
  if (exchanges_.empty() && now >= quiet_since_ + kIdleTime)
    nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR);
  for (const auto& [id, exchange] : exchanges_) {
    Exchange& x = *exchange;
    if (!x.headed && now >= x.started + kHeadTime)
      nghttp2_session_terminate_session(session_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
    // While octets wait for the handler it is not the client who is slow.
    const seconds body_time = kBodyTime + seconds(static_cast<int64_t>(x.received / kBodyRate));
    if (x.headed && !x.socket && !x.ended && !x.failure && x.arrived.empty() && now >= x.started + body_time) {
      x.fail({Code::kTimeout, "the body did not come in time"});
      wake(exchange);
    }
    if (x.answered && now >= x.started + body_time)
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
    if (x.out_at < x.out.size() && now >= x.progress + kWriteTime)
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  }
}

void Session::wake(Shared exchange) {
  loop_.post([exchange] {
    exchange->on_arrival.ring();
    exchange->on_room.ring();
  });
}

void Session::over(Exchange& exchange, Code code, const char* why) {
  exchange.closed = true;
  exchange.session = nullptr;
  exchange.fail({code, why});
  if (exchange.source && !exchange.source_ended) exchange.source->cancel();
  exchange.on_arrival.ring();
  exchange.on_room.ring();
}

// --- what comes in --------------------------------------------------------------------------------------------------

int Session::on_begin(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  if (running_ >= kMaxRunning) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const auto exchange = std::make_shared<Exchange>(frame.hd.stream_id, loop_.now());
  exchange->session = session_.get();
  exchange->flush = [this] { to_write_.ring(); };
  exchanges_[exchange->id] = exchange;
  return 0;
}

int Session::on_field(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
  const Shared exchange = find(frame.hd.stream_id);
  if (!exchange || exchange->headed) return 0;  // trailers are dropped
  exchange->head_octets += name.size() + value.size() + kFieldOverhead;
  if (exchange->head_octets > kMaxHead + kMaxRequestLine || exchange->request.headers.size() == kMaxFields) {
    exchange->refusal = {431, "the header is longer than 32 KiB or 100 fields"};
    return 0;
  }
  Request& request = exchange->request;
  if (name == ":method") {
    request.method = value;
  } else if (name == ":protocol") {
    exchange->protocol = value;
  } else if (name == ":path") {
    request.target = value;
  } else if (name == ":authority" || name == "host") {
    const std::string host = parse_authority(value);
    if (host.empty() || (!request.host.empty() && request.host != host))
      exchange->refusal = {400, "one good host name is needed"};
    request.host = host;
    if (name == "host") request.headers.add("host", std::string(value));
  } else if (name == "cookie" && request.headers.get("cookie")) {
    // RFC 9113 §8.2.3: cookies may come in pieces.
    request.headers.set("cookie", *request.headers.get("cookie") + "; " + std::string(value));
  } else if (!name.starts_with(':')) {
    request.headers.add(std::string(name), std::string(value));
  }
  return 0;
}

int Session::on_frame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_RST_STREAM) ++resets_;
  const Shared exchange = find(frame.hd.stream_id);
  if (!exchange || (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA)) return 0;
  if (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) {
    exchange->ended = true;
    wake(exchange);
  }
  if (frame.hd.type == NGHTTP2_HEADERS && !std::exchange(exchange->headed, true)) {
    ++running_;
    loop_.spawn(serve_one(exchange));
  }
  return 0;
}

int Session::on_data(int32_t id, std::string_view data) {
  nghttp2_session_consume_connection(session_.get(), data.size());
  const Shared exchange = find(id);
  if (!exchange) return 0;
  exchange->received += data.size();
  exchange->unconsumed += data.size();
  if (exchange->answered) drop(*exchange);
  if (exchange->answered || exchange->failure) return 0;
  if (exchange->received > exchange->rule.limit)
    exchange->fail({Code::kLimit, "the body is larger than " + std::to_string(exchange->rule.limit) + " octets"});
  else
    exchange->arrived += data;
  wake(exchange);
  return 0;
}

// Octets of a request that has its answer. Many clients give up an answer that comes with a reset, so that a short rest
// is taken instead.
void Session::drop(Exchange& exchange) {
  const size_t size = std::exchange(exchange.unconsumed, 0);
  nghttp2_session_consume_stream(session_.get(), exchange.id, size);
  exchange.dropped += size;
  if (exchange.dropped > kMaxDropped)
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, exchange.id, NGHTTP2_NO_ERROR);
}

int Session::on_close(int32_t id) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return 0;
  const Shared exchange = found->second;
  exchanges_.erase(found);
  if (exchanges_.empty()) quiet_since_ = loop_.now();
  exchange->closed = true;
  exchange->fail({Code::kClosed, "the client has given the request up"});
  if (exchange->source && !exchange->source_ended) loop_.post([source = exchange->source] { source->cancel(); });
  wake(exchange);
  return 0;
}

// --- answers --------------------------------------------------------------------------------------------------------

Task<void> Session::serve_one(Shared exchange) {
  const bool head_only = exchange->request.method == "HEAD";
  Task<Response> responding = respond(exchange);
  Response response = co_await responding;
  if (!exchange->closed) {
    const std::shared_ptr<Upgrade> upgrade = std::move(response.upgrade);
    if (upgrade) {
      exchange->socket = std::make_shared<Socket>(
          loop_, exchange, *upgrade, services_.connections.budget(), [this, raw = exchange.get()] {
            if (raw->closed) return;
            nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, raw->id, NGHTTP2_CANCEL);
            to_write_.ring();
          });
      response.source = exchange->socket;
    }
    submit(*exchange, std::move(response), head_only);
    to_write_.ring();
    if (upgrade) {
      std::vector<Task<void>> both;
      both.push_back(exchange->socket->run());
      both.push_back(send_source(exchange));
      Task<void> together = net::all(std::move(both));
      co_await together;
      exchange->socket.reset();  // which holds the exchange
      exchange->source.reset();
    } else if (exchange->source) {
      Task<void> sending = send_source(exchange);
      co_await sending;
    }
  }
  if (--running_ == 0) all_done_.ring();
}

Task<Response> Session::respond(Shared exchange) {
  Exchange& x = *exchange;
  x.request.http2 = true;
  Refusal refusal = x.refusal;
  if (x.request.method == "CONNECT") {
    // RFC 8441 §5: what is a GET with Upgrade in HTTP/1.1.
    x.request.websocket = x.protocol == "websocket";
    x.request.method = "GET";
    if (!x.request.websocket && !refusal.status) refusal = {501, "nothing is tunnelled here but WebSockets"};
  }
  if (!refusal.status) refusal = complete(x.request, stream_, services_.trusted_proxies);
  const Asked asked = what_is_asked(x.request);
  if (!refusal.status) {
    x.rule = x.request.websocket ? BodyRule{SIZE_MAX, true} : services_.handler.body_rule(x.request);
    const std::string* length = x.request.headers.get("content-length");
    if (x.received > x.rule.limit || (length && text::parse_u64(*length).value_or(0) > x.rule.limit))
      refusal = {413, "the body is larger than " + std::to_string(x.rule.limit) + " octets"};
  }
  // Of a refused request nobody reads the body: it would hold itself for ever.
  if (x.rule.streamed && !refusal.status && !x.request.websocket) x.request.stream = exchange;
  Budget::Share share(services_.connections.budget());
  while (!refusal.status && !x.rule.streamed) {
    Task<Result<std::string>> reading = x.next();
    Result<std::string> some = co_await reading;
    if (!some) {
      refusal = {status_of_body(some.code()), some.error().message};
      if (!refusal.status) refusal.status = 400;  // nobody is there to read it
    } else if (some->empty()) {
      break;
    } else if ((buffered_ += some->size()) > kMaxBufferedBodies) {
      buffered_ -= some->size();
      refusal = {503, "too much is being sent at once on this connection; try again in a moment"};
    } else {
      x.request.body += *some;
      if (!share.hold(x.request.body.size())) refusal = {503, std::string(kBusy)};
    }
  }
  const size_t held = x.request.body.size();
  Response response;
  if (refusal.status) {
    response = problem(refusal.status, refusal.why);
  } else {
    Request request = std::exchange(x.request, {});
    Task<Response> answering = answer(services_.handler, std::move(request));
    response = co_await answering;
  }
  buffered_ -= held;
  co_return finished(std::move(response), asked, loop_.now());
}

void Session::submit(Exchange& x, Response response, bool head_only) {
  std::vector<std::pair<std::string, std::string>> fields{{":status", std::to_string(response.status)}};
  for (const Fields::Field& field : response.headers) fields.emplace_back(text::lowered(field.name), field.value);
  const bool bodiless = head_only || has_no_body(response.status);
  if (!response.source && !has_no_body(response.status))
    fields.emplace_back("content-length", std::to_string(response.body.size()));
  std::vector<nghttp2_nv> list;
  for (auto& [name, value] : fields)
    list.push_back({reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()), name.size(),
                    value.size(), NGHTTP2_NV_FLAG_NONE});
  nghttp2_data_provider provider{{.ptr = &x}, on_read};  // it lives until the stream is closed
  x.progress = loop_.now();
  if (!bodiless) {
    x.out = std::move(response.body);
    x.source = std::move(response.source);
    x.source_ended = x.source == nullptr;
  }
  nghttp2_submit_response(session_.get(), x.id, list.data(), list.size(), bodiless ? nullptr : &provider);
}

Task<void> Session::send_source(Shared exchange) {
  Exchange& x = *exchange;
  while (!x.closed && !x.source_ended) {
    if (x.out.size() - x.out_at >= kSourceAhead) {
      net::Bell::Awaiter room = x.on_room.wait();
      co_await room;
      continue;
    }
    Task<Result<std::string>> making = x.source->next();
    const Result<std::string> some = co_await making;
    if (x.closed) break;
    if (some && !some->empty()) {
      if (x.out_at > 0) x.out.erase(0, std::exchange(x.out_at, 0));
      if (x.out.empty()) x.progress = loop_.now();
      x.out += *some;
    } else {
      x.source_ended = true;
      x.source_failed = !some;
    }
    if (std::exchange(x.deferred, false)) nghttp2_session_resume_data(session_.get(), x.id);
    to_write_.ring();
  }
  if (!x.source_ended) x.source->cancel();
}

ssize_t Session::on_read(nghttp2_session*, int32_t, uint8_t* out, size_t size, uint32_t* flags,
                         nghttp2_data_source* source, void* me) {
  Exchange& x = *static_cast<Exchange*>(source->ptr);
  Session& self = *static_cast<Session*>(me);
  const size_t n = std::min(size, x.out.size() - x.out_at);
  std::copy_n(x.out.data() + x.out_at, n, out);
  x.out_at += n;
  if (n > 0) x.progress = self.loop_.now();
  const bool drained = x.out_at == x.out.size();
  if (drained && x.source_failed) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if (drained && x.source_ended) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  } else if (n == 0) {
    x.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (x.source && n > 0)
    if (const Shared shared = self.find(x.id)) self.wake(shared);
  return static_cast<ssize_t>(n);
}

// RFC 9113 §8.1: the answer may be whole before the request is; the rest of the request is not wanted.
int Session::on_sent(const nghttp2_frame& frame) {
  if (!(frame.hd.flags & NGHTTP2_FLAG_END_STREAM) ||
      (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA))
    return 0;
  if (resets_ > 0) --resets_;
  const Shared exchange = find(frame.hd.stream_id);
  if (!exchange || exchange->ended) return 0;
  exchange->answered = true;
  exchange->arrived.clear();
  drop(*exchange);
  return 0;
}

}  // namespace

Task<void> serve_http2(net::Stream& stream, Services& services) {
  Session session(stream, services);
  Task<void> running = session.run();
  co_await running;
}

}  // namespace pabal::web
