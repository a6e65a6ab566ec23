// Events by EventSource (RFC 8620 §7.3; the format is the HTML standard's §9.2).
#include "base/text.h"
#include "jmap/follower.h"
#include "net/bell.h"

namespace pabal::jmap {
namespace {

class Events final : public web::BodySource, public std::enable_shared_from_this<Events> {
 public:
  Events(net::Loop& loop, push::Hub::Seat seat, bool close_after, seconds ping)
      : loop_(loop), seat_(std::move(seat)), close_after_(close_after), ping_(ping) {}

  std::shared_ptr<Follower> follower;

  void ring() { bell_.ring(); }

  Task<Result<std::string>> next() override {
    if (std::exchange(fresh_, false)) co_return std::string(":\n\n");  // the head and this go out at once
    const Time deadline = loop_.now() + (ping_ > seconds(0) ? ping_ : kSilence);
    while (!ended_ && !follower->over()) {
      if (const auto change = follower->take()) {
        ended_ = close_after_;
        co_return "id: " + positions_text(follower->positions()) + "\nevent: state\ndata: " + api::to_text(*change) +
            "\n\n";
      }
      net::Bell::TimedAwaiter waiting = bell_.wait_until(loop_, deadline);
      const bool rung = co_await waiting;
      if (rung) continue;
      if (ping_ == seconds(0)) co_return std::string(":\n\n");
      co_return "event: ping\ndata: {\"interval\":" + std::to_string(ping_.count()) + "}\n\n";
    }
    follower->stop();
    co_return std::string();
  }

  void cancel() override {
    ended_ = true;
    loop_.post([self = shared_from_this()] { self->ring(); });
  }

 private:
  net::Loop& loop_;
  const push::Hub::Seat seat_;
  const bool close_after_;
  const seconds ping_;
  net::Bell bell_;
  bool fresh_ = true, ended_ = false;
};

struct Wish {
  TypeSet types = kAllTypes;
  bool close_after = false;
  seconds ping{0};
};

// What the URL asks for; or what is wrong with it.
Result<Wish> read_wish(const web::Request& request) {
  Wish wish;
  const std::string* types = request.query_value("types");
  const std::string* close_after = request.query_value("closeafter");
  const std::string* ping = request.query_value("ping");
  if (types && *types != "*") {
    std::set<std::string> names;
    for (const std::string_view one : text::split(*types, ',')) names.emplace(text::trim(one));
    wish.types = types_named(names);
  }
  if (close_after && *close_after != "state" && *close_after != "no")
    return Error{Code::kInvalid, "closeafter is \"state\" or \"no\""};
  wish.close_after = close_after && *close_after == "state";
  if (ping) {
    const auto number = text::parse_u64(*ping);
    if (!number) return Error{Code::kInvalid, "ping is a number of seconds, or 0 for none"};
    if (*number > 0)
      wish.ping = std::clamp(seconds(static_cast<int64_t>(std::min<uint64_t>(*number, 1 << 20))), kMinPing, kMaxPing);
  }
  return wish;
}

}  // namespace

Task<web::Response> PushRoutes::answer_events(web::Request request) {
  Services& services = jmap_.services();
  Task<api::Admission> admitting = services.callers.admit(request, identity::kMailMetadata);
  api::Admission admission = co_await admitting;
  if (!admission.caller) co_return api::refusal(admission);
  const Result<Wish> wish = read_wish(request);
  if (!wish) co_return web::problem(400, wish.error().message);
  Positions since;
  if (const std::string* last = request.headers.get("last-event-id"))
    if (auto known = parse_positions(*last)) since = std::move(*known);
  push::Hub::Seat seat = services.hub.take_seat(admission.caller->account.id);
  if (!seat) {
    web::Response response = web::problem(429, "too many connections listen already; close some");
    response.headers.set("Retry-After", "60");
    co_return response;
  }
  const auto events = std::make_shared<Events>(*request.loop, std::move(seat), wish->close_after, wish->ping);
  const std::function<void()> ring = [weak = std::weak_ptr<Events>(events)] {
    if (const auto held = weak.lock()) held->ring();
  };
  events->follower = Follower::make(services, *request.loop, std::move(*admission.caller), ring);
  Task<Result<void>> starting = events->follower->start(wish->types, std::move(since));
  const Result<void> started = co_await starting;
  if (!started) co_return web::problem(503, started.error().message);
  web::Response response;
  response.headers.set("Content-Type", "text/event-stream");
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("X-Accel-Buffering", "no");  // a proxy in front passes on what comes
  response.source = events;
  co_return response;
}

}  // namespace pabal::jmap
