// HTTP/1.1 over a stream (RFC 9112): one request after the other, answered in order. One coroutine reads ahead, so that
// a client that goes is noticed while its answer is made; the other reads requests from what has come and answers them.
#include <algorithm>
#include <optional>

#include "net/bell.h"
#include "web/answer.h"
#include "web/server.h"
#include "web/socket.h"

namespace pabal::web {
namespace {

constexpr size_t kMaxEmptyLines = 4;  // before a request line (RFC 9112 §2.2)
constexpr hours kForever{24};         // for the reader: the one who waits for what it reads has the deadlines

enum class More { kOctets, kEnd, kLate };

class Session {
 public:
  Session(net::Stream& stream, Services& services)
      : stream_(stream), loop_(stream.loop()), services_(services), member_(services.connections, loop_, [this] {
          closing_ = true;
          if (socket_)
            socket_->close(CloseCode::kGoingAway, "the server stops");
          else if (source_)
            source_->cancel();
          arrived_.ring();
        }) {}

  Task<void> run() {
    std::vector<Task<void>> both;
    both.push_back(read_ahead());
    both.push_back(talk());
    Task<void> together = net::all(std::move(both));
    co_await together;
  }

 private:
  // The body of the request under way. The handler may keep it longer than the session lives.
  class Body final : public BodyReader {
   public:
    Body(Session& session, const Head& head, size_t limit)
        : session_(&session),
          chunked_(head.chunked),
          left_(head.length),
          limit_(limit),
          expected_(head.expects_continue && head.has_body()),
          started_(session.loop_.now()) {}

    Task<Result<std::string>> next() override;
    bool finished() const { return !failed_ && (chunked_ ? decoder_.done() : left_ == 0); }
    void skip_arrived();  // drops what is here already, so that the connection can be used again
    void detach() { session_ = nullptr; }

   private:
    Result<std::string> take();

    Session* session_;  // null: the answer is out
    const bool chunked_;
    uint64_t left_;
    const size_t limit_;
    bool expected_;  // the client waits for 100 Continue
    bool failed_ = false;
    uint64_t taken_ = 0;
    const Time started_;
    ChunkDecoder decoder_;
  };

  // What comes after an upgrade.
  class Octets final : public BodyReader {
   public:
    explicit Octets(Session& session) : session_(&session) {}
    Task<Result<std::string>> next() override;
    void detach() { session_ = nullptr; }

   private:
    Session* session_;
  };

  Task<void> read_ahead();
  Task<void> talk();
  Task<void> run_socket();
  Task<void> pump_socket();
  Task<More> more(Time deadline);
  Task<std::optional<Head>> read_head();
  Task<bool> serve_one(Head head);  // false: the connection cannot be used again
  Task<bool> refuse(Refusal refusal);
  Task<bool> send(Response response, bool head_only, bool http10, bool keep);
  Task<bool> send_source(std::shared_ptr<BodySource> source, bool chunked);
  Task<bool> write(std::string octets);

  std::string_view pending() const { return std::string_view(in_).substr(at_); }
  void consume(size_t n) {
    at_ += n;
    if (at_ == in_.size()) {
      in_.clear();
      if (in_.capacity() > kReadAhead / 2) in_.shrink_to_fit();
      at_ = 0;
    }
    room_.ring();
  }

  net::Stream& stream_;
  net::Loop& loop_;
  Services& services_;
  std::string in_;  // read and not consumed from `at_` on
  size_t at_ = 0;
  net::Bell arrived_, room_;
  bool ended_ = false;    // the client says nothing more
  bool over_ = false;     // we do not listen any more
  bool closing_ = false;  // the server stops
  bool fresh_ = true;     // no request yet
  size_t idle_block_ = kIdleBlock;
  std::shared_ptr<Upgrade> upgrade_;
  std::shared_ptr<Socket> socket_;
  std::shared_ptr<BodySource> source_;  // of the response under way
  Connections::Member member_;          // last: the others are there when it calls
};

// --- reading --------------------------------------------------------------------------------------------------------

Task<void> Session::read_ahead() {
  std::string block(idle_block_, '\0');
  while (!over_) {
    if (in_.size() - at_ >= kReadAhead) {
      net::Bell::Awaiter room = room_.wait();
      co_await room;
      continue;
    }
    Task<Result<size_t>> reading = stream_.read(block, loop_.now() + kForever);
    const Result<size_t> got = co_await reading;
    if (!got || *got == 0) break;
    if (at_ > 0) in_.erase(0, std::exchange(at_, 0));
    in_.append(block.data(), *got);
    // A busy connection reads in large pieces, an idle one holds a small one.
    const size_t wanted = *got == block.size() ? std::min(block.size() * 4, kReadAhead) : idle_block_;
    if (wanted != block.size()) block = std::string(wanted, '\0');
    arrived_.ring();
  }
  ended_ = true;
  if (source_) source_->cancel();
  arrived_.ring();
}

Task<More> Session::more(Time deadline) {
  if (ended_) co_return More::kEnd;
  net::Bell::TimedAwaiter waiting = arrived_.wait_until(loop_, deadline);
  const bool rung = co_await waiting;
  co_return rung ? More::kOctets : More::kLate;
}

Task<void> Session::talk() {
  for (bool keep = true; keep;) {
    Task<std::optional<Head>> reading = read_head();
    std::optional<Head> head = co_await reading;
    if (!head) break;
    fresh_ = false;
    Task<bool> serving = serve_one(std::move(*head));
    keep = co_await serving;
  }
  if (upgrade_) {
    Task<void> running = run_socket();
    co_await running;
  }
  over_ = true;
  stream_.close();
  room_.ring();
}

// What the request took has been freed when this runs.
Task<void> Session::run_socket() {
  const auto octets = std::make_shared<Octets>(*this);
  socket_ = std::make_shared<Socket>(loop_, octets, *std::exchange(upgrade_, nullptr), services_.connections.budget(),
                                     [this] { stream_.close(); });
  if (closing_) socket_->close(CloseCode::kGoingAway, "the server stops");
  std::vector<Task<void>> both;
  both.push_back(socket_->run());
  both.push_back(pump_socket());
  Task<void> together = net::all(std::move(both));
  co_await together;
  octets->detach();
  socket_.reset();
}

Task<void> Session::pump_socket() {
  Task<bool> sending = send_source(socket_, false);
  static_cast<void>(co_await sending);
}

Task<Result<std::string>> Session::Octets::next() {
  while (session_ && session_->pending().empty() && !session_->ended_) {
    net::Bell::Awaiter waiting = session_->arrived_.wait();
    co_await waiting;
  }
  if (!session_) co_return std::string();
  std::string out(session_->pending());
  session_->consume(out.size());
  co_return out;
}

// Nothing: the connection ends here; what there was to say is said.
Task<std::optional<Head>> Session::read_head() {
  Time deadline = loop_.now() + (fresh_ ? kHeadTime : kIdleTime);
  size_t line = 0, empty_lines = 0;
  bool begun = false;
  Refusal refusal;
  while (!refusal.status) {
    while (pending().starts_with("\r\n") && line == 0 && ++empty_lines <= kMaxEmptyLines) consume(2);
    const std::string_view in = pending();
    if (!in.empty() && !is_token(in.substr(0, 1)) && in.front() != '\r') {
      refusal = {400, "this is not HTTP"};
      break;
    }
    const HeadEnd end = find_head_end(in, line);
    refusal = end.refusal;
    if (refusal.status) break;
    if (end.size > 0) {
      ParsedHead parsed = parse_head(in.substr(0, end.size));
      consume(end.size);
      if (!parsed.refusal.status) co_return std::move(parsed.head);
      refusal = std::move(parsed.refusal);
      break;
    }
    if (!in.empty() && !std::exchange(begun, true)) deadline = std::min(deadline, loop_.now() + kHeadTime);
    if (closing_ && in.empty()) co_return std::nullopt;
    Task<More> waiting = more(deadline);
    const More got = co_await waiting;
    if (got == More::kEnd) co_return std::nullopt;
    if (got == More::kLate) {
      if (pending().empty()) co_return std::nullopt;
      refusal = {408, "the request did not come in time"};
    }
  }
  Task<bool> refusing = refuse(std::move(refusal));
  co_await refusing;
  co_return std::nullopt;
}

Task<Result<std::string>> Session::Body::next() {
  if (session_ && std::exchange(expected_, false) && session_->pending().empty()) {
    Task<bool> telling = session_->write("HTTP/1.1 100 Continue\r\n\r\n");  // RFC 9110 §10.1.1
    co_await telling;
  }
  while (session_ && !failed_ && !finished()) {
    Result<std::string> some = take();
    if (!some || !some->empty()) {
      failed_ = !some;
      co_return some;
    }
    if (finished()) break;
    // A body of any size has its time, as long as it keeps coming.
    Task<More> waiting = session_->more(
        started_ + kBodyTime + seconds(static_cast<int64_t>(std::min<uint64_t>(taken_, 1ull << 40) / kBodyRate)));
    const More got = co_await waiting;
    if (got == More::kOctets) continue;
    failed_ = true;
    if (got == More::kLate) co_return Error{Code::kTimeout, "the body did not come in time"};
  }
  if (!session_ || failed_) co_return Error{Code::kClosed, "the client is gone"};
  co_return std::string();
}

Result<std::string> Session::Body::take() {
  const std::string_view in = session_->pending();
  std::string out;
  if (!chunked_) {
    out = in.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, in.size())));
    left_ -= out.size();
    session_->consume(out.size());
  } else {
    const size_t used = decoder_.feed(in, out);
    session_->consume(used);
    if (decoder_.bad()) return Error{Code::kInvalid, "the chunks of the body are broken"};
  }
  taken_ += out.size();
  if (taken_ > limit_) return Error{Code::kLimit, "the body is larger than " + std::to_string(limit_) + " octets"};
  return out;
}

void Session::Body::skip_arrived() {
  if (failed_ || finished()) return;
  failed_ = !take();
}

// --- answering ------------------------------------------------------------------------------------------------------

Task<bool> Session::serve_one(Head head) {
  const bool head_only = head.method == "HEAD", http10 = head.http10, keep_alive = head.keep_alive;
  Request request;
  request.method = head.method;
  request.target = head.target;
  request.host = head.host;
  request.headers = head.fields;
  if (Refusal refusal = complete(request, stream_, services_.trusted_proxies); refusal.status) {
    Task<bool> refusing = refuse(std::move(refusal));
    co_return co_await refusing;
  }

  const BodyRule rule = services_.handler.body_rule(request);
  const auto body = std::make_shared<Body>(*this, head, rule.limit);
  request.websocket = request.method == "GET" && !http10 && !head.has_body() &&
                      head.fields.has_token("Upgrade", "websocket") && head.fields.has_token("Connection", "upgrade");
  Refusal refusal;
  if (head.length > rule.limit) refusal = {413, "the body is larger than " + std::to_string(rule.limit) + " octets"};
  if (!refusal.status && rule.streamed) request.stream = body;
  Budget::Share share(services_.connections.budget());
  while (!refusal.status && !rule.streamed && !body->finished()) {
    Task<Result<std::string>> reading = body->next();
    const Result<std::string> some = co_await reading;
    if (some) {
      request.body += *some;
      if (!share.hold(request.body.size())) refusal = {503, std::string(kBusy)};
      continue;
    }
    refusal = {status_of_body(some.code()), some.error().message};
    if (!refusal.status) co_return false;
  }
  if (refusal.status) {
    body->detach();
    Task<bool> refusing = refuse(std::move(refusal));
    co_return co_await refusing;
  }

  const Asked asked = what_is_asked(request);
  Task<Response> answering = answer(services_.handler, std::move(request));
  Response response = co_await answering;
  static_cast<void>(share.hold(0));  // the client may take its time for the answer
  body->skip_arrived();
  const bool keep = keep_alive && body->finished() && !closing_;
  body->detach();
  std::shared_ptr<Upgrade> upgrade = std::move(response.upgrade);
  response = finished(std::move(response), asked, loop_.now());
  Task<bool> sending = send(std::move(response), head_only, http10, keep || upgrade);
  const bool sent = co_await sending;
  if (sent && upgrade) {
    upgrade_ = std::move(upgrade);
    idle_block_ = kSocketIdleBlock;
    co_return false;
  }
  co_return sent&& keep;
}

// Always false: where the request is not understood, where it ends is not known either.
Task<bool> Session::refuse(Refusal refusal) {
  Asked asked;
  asked.secure = stream_.tls() != nullptr;
  Response response = finished(problem(refusal.status, refusal.why), asked, loop_.now());
  Task<bool> sending = send(std::move(response), false, false, false);
  co_await sending;
  co_return false;
}

Task<bool> Session::send(Response response, bool head_only, bool http10, bool keep) {
  const bool streamed = response.source != nullptr, chunked = streamed && !http10;
  if (streamed && http10) keep = false;  // the end of the connection is the end of the body
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason(response.status)) + "\r\n";
  for (const Fields::Field& field : response.headers) out += field.name + ": " + field.value + "\r\n";
  if (chunked)
    out += "Transfer-Encoding: chunked\r\n";
  else if (!streamed && !has_no_body(response.status))
    out += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  const bool upgrade = response.status == 101 || response.status == 426;
  if (upgrade) out += "Upgrade: websocket\r\nConnection: Upgrade\r\n";  // RFC 9110 §7.8, §15.5.22
  if (!keep)
    out += "Connection: close\r\n";
  else if (http10)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
  if (!head_only && !streamed) out += response.body;
  Task<bool> writing = write(std::move(out));
  const bool written = co_await writing;
  if (!written || head_only || !streamed) co_return written&& keep;
  Task<bool> streaming = send_source(response.source, chunked);
  const bool whole = co_await streaming;
  co_return whole&& keep;
}

Task<bool> Session::send_source(std::shared_ptr<BodySource> source, bool chunked) {
  source_ = source;
  if (ended_) source->cancel();
  bool whole = false;
  for (;;) {
    Task<Result<std::string>> making = source->next();
    Result<std::string> some = co_await making;
    if (!some) break;
    const bool last = some->empty();
    if (chunked) {
      char size[24];
      std::snprintf(size, sizeof size, "%zx\r\n", some->size());
      *some = size + *some + "\r\n";
    }
    Task<bool> writing = write(std::move(*some));
    if (!co_await writing) break;
    if (last) {
      whole = true;
      break;
    }
  }
  if (!whole) source->cancel();
  source_.reset();
  co_return whole;
}

Task<bool> Session::write(std::string octets) {
  for (size_t at = 0; at < octets.size(); at += kWriteAtOnce) {
    Task<Result<void>> writing =
        stream_.write(std::string_view(octets).substr(at, kWriteAtOnce), loop_.now() + kWriteTime);
    const Result<void> done = co_await writing;
    if (!done) co_return false;
  }
  co_return true;
}

}  // namespace

Task<void> serve_http1(net::Stream& stream, Services& services) {
  Session session(stream, services);
  Task<void> running = session.run();
  co_await running;
}

}  // namespace pabal::web
