#include "relay/courier.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace pabal::relay {
namespace {

std::string tls_text(const net::TlsInfo* tls) {
  if (!tls) return {};
  return tls->version + " " + tls->cipher + (tls->verified ? ", verified" : ", opportunistic");
}

bool is_reply(std::string_view words) {  // "554 5.7.1 ..." of a server, not our own "4.4.1 ..."
  return words.size() > 3 && text::parse_u64(words.substr(0, 3)) && words[3] == ' ';
}

struct Smarthost {
  std::string host;
  uint16_t port;
};
std::optional<Smarthost> parse_smarthost(std::string_view text) {  // "[host]:port"
  const size_t close = text.rfind("]:");
  if (close == text.npos || !text.starts_with('[')) return {};
  const auto port = text::parse_u64(text.substr(close + 2));
  if (!port || *port == 0 || *port > 65535 || close == 1) return {};
  return Smarthost{std::string(text.substr(1, close - 1)), static_cast<uint16_t>(*port)};
}

}  // namespace

// One message on its way: whose outcome is still open, and what was found on the way.
struct Courier::Load {
  std::shared_ptr<const queue::Entry> entry;
  std::string destination;
  std::vector<queue::Recipient> recipients;
  std::shared_ptr<const std::string> content;
  std::vector<Outcome> outcomes;   // of each recipient; deferred until better is known
  std::vector<size_t> open;        // recipients another host may still take
  std::set<std::string> answered;  // hosts that said "later" to some of them
  bool must_prove = false;         // RFC 8689 §4.2.1

  smtp::Outgoing message(const std::vector<size_t>& batch, const Connection& connection) const;
  void settle(size_t index, const smtp::SendResult& result, const smtp::ServerReply& reply,
              const Connection& connection);
};

smtp::Outgoing Courier::Load::message(const std::vector<size_t>& batch, const Connection& connection) const {
  smtp::Outgoing out;
  out.mail.reverse_path = entry->reverse_path;
  out.mail.smtputf8 = entry->smtputf8;
  // RFC 8689 §5: a report asks for it where it is offered, and goes anyway where it is not.
  out.mail.requiretls =
      entry->requiretls &&
      (must_prove || (connection.client->stream().tls() && connection.client->extensions().requiretls));
  out.mail.body_8bit = entry->body_8bit;
  out.mail.body_binary = entry->body_binary;
  out.mail.ret = entry->ret;
  out.mail.envid = entry->envid;
  out.content = *content;
  for (const size_t i : batch)
    out.recipients.push_back({recipients[i].address, recipients[i].notify, recipients[i].orcpt});
  return out;
}

void Courier::Load::settle(size_t index, const smtp::SendResult& result, const smtp::ServerReply& reply,
                           const Connection& connection) {
  Outcome& outcome = outcomes[index];
  outcome.host = connection.host;
  outcome.tls = connection.tls;
  outcome.peer_reports = connection.client->extensions().dsn;
  if (reply.code == 0) {
    const std::string why = result.transport ? result.transport->message : "the server gave no answer";
    outcome.reply = is_reply(why) ? why : "4.4.2 " + why;
    // RFC 1047: it may be there already. Another host would make two of it for sure; this one may know it again.
    if (result.in_doubt)
      outcome.reply += " (after the whole message was sent: it may have arrived)";
    else
      open.push_back(index);
    return;
  }
  outcome.reply = reply.text();
  if (reply.code < 300)
    outcome.kind = Outcome::Kind::kDelivered;
  else if (reply.code >= 500)
    outcome.kind = Outcome::Kind::kFailed;
  else
    open.push_back(index);  // RFC 5321 §5.1: another host may do better
}

Task<std::vector<Outcome>> Courier::carry(CourierOptions options, std::shared_ptr<const queue::Entry> entry,
                                          std::string destination, std::vector<queue::Recipient> recipients,
                                          std::shared_ptr<const std::string> content) {
  Load load;
  load.entry = entry;
  load.destination = destination;
  load.content = content;
  load.must_prove = entry->requiretls && !entry->reverse_path.empty();
  for (size_t i = 0; i < recipients.size(); ++i) {
    load.outcomes.emplace_back();
    load.outcomes.back().address = recipients[i].address;
    load.open.push_back(i);
  }
  load.recipients = std::move(recipients);

  // A warm one first; when those have died meanwhile, a new one.
  while (!load.open.empty() && load.answered.empty()) {
    auto warm = connections_.warm(destination, load.must_prove);
    if (!warm) break;
    Task<void> handing = hand_over(std::move(*warm), load);
    co_await handing;
  }
  if (load.open.empty() || connections_.stopping()) co_return std::move(load.outcomes);

  Task<Result<Route>> finding = find(options, destination);
  const Result<Route> route = co_await finding;
  // What the hosts that could not even be asked said; final only when all of them said so.
  bool final = true;
  Outcome unreached;
  bool reached = false;
  if (!route) {
    unreached.reply = route.error().message;
    final = unreached.reply.starts_with('5');
    if (!final) connections_.failed(destination, unreached.reply);
  } else {
    for (const Hop& hop : route->hops) {
      if (load.open.empty() || load.answered.size() >= kHostsThatAnswer || connections_.stopping()) break;
      if (load.answered.contains(hop.host)) continue;  // another address of the same host
      Task<Result<Connection>> reaching =
          reach(options, hop, route->port ? route->port : options.port, load.must_prove, route->proven);
      Result<Connection> connection = co_await reaching;
      if (connection) {
        reached = true;
        final = false;
        Task<void> handing = hand_over(std::move(*connection), load);
        co_await handing;
        continue;
      }
      const bool refused = connection.code() == Code::kDenied || connection.code() == Code::kUnsupported;
      final = final && refused;
      unreached.reply = connection.error().message;
      unreached.host = is_reply(unreached.reply) ? hop.host + " [" + hop.ip + "]" : "";
    }
    if (!reached && !final && !connections_.stopping()) connections_.failed(destination, unreached.reply);
  }
  for (const size_t i : load.open) {
    Outcome& outcome = load.outcomes[i];
    if (!outcome.reply.empty()) continue;  // a host's own answer says more
    outcome.kind = final ? Outcome::Kind::kFailed : Outcome::Kind::kDeferred;
    outcome.reply = unreached.reply;
    outcome.host = unreached.host;
  }
  co_return std::move(load.outcomes);
}

Task<Result<Route>> Courier::find(const CourierOptions& options, std::string destination) {
  if (options.smarthost.empty()) {
    Task<Result<Route>> finding = find_route(loop_, resolver_, random_, destination, options.hostname);
    co_return co_await finding;
  }
  const auto smarthost = parse_smarthost(options.smarthost);
  if (!smarthost) co_return Error{Code::kInvalid, "4.3.5 relay.smarthost must be \"[host]:port\""};
  Task<Result<Route>> finding = find_host(loop_, resolver_, smarthost->host);
  Result<Route> route = co_await finding;
  if (route) route->port = smarthost->port;
  co_return route;
}

// The message for those still open, in as many transactions as the server's limits ask for. What stays open, another
// host may take.
Task<void> Courier::hand_over(Connection connection, Load& load) {
  std::vector<size_t> left = std::exchange(load.open, {});
  const std::vector<size_t> all = left;
  bool broken = false;
  while (!left.empty() && !broken) {
    const size_t fits = std::min(left.size(), std::max<size_t>(1, connection.client->extensions().max_recipients));
    const std::vector<size_t> batch(left.begin(), left.begin() + static_cast<long>(fits));
    left.erase(left.begin(), left.begin() + static_cast<long>(fits));
    Task<smtp::SendResult> sending = connection.client->send(load.message(batch, connection));
    const smtp::SendResult result = co_await sending;
    ++connection.messages;
    const bool some_taken = std::any_of(result.recipients.begin(), result.recipients.end(),
                                        [](const auto& r) { return r.code >= 200 && r.code < 300; });
    for (size_t i = 0; i < batch.size(); ++i) {
      // RFC 5321 §4.5.3.1.10: too many for one transaction; the rest go in the next.
      if (some_taken && result.recipients[i].code == 452 && !result.transport)
        left.push_back(batch[i]);
      else
        load.settle(batch[i], result, result.recipients[i], connection);
    }
    const bool silent =
        std::any_of(result.recipients.begin(), result.recipients.end(), [](const auto& r) { return r.code == 0; });
    broken = result.transport || silent || !connection.client->usable();
  }
  load.open.insert(load.open.end(), left.begin(), left.end());
  const bool said_later = std::any_of(all.begin(), all.end(), [&](size_t i) {
    return is_reply(load.outcomes[i].reply) && load.outcomes[i].kind == Outcome::Kind::kDeferred;
  });
  if (said_later && !broken) load.answered.insert(connection.name);
  if (broken)
    connections_.dismiss(std::move(connection));
  else
    connections_.keep(load.destination, std::move(connection));
}

// Opportunistic: in clear only after TLS has failed there, and never when the sender asked for more.
Task<Result<Connection>> Courier::reach(const CourierOptions& options, Hop hop, uint16_t port, bool must_prove,
                                        bool route_proven) {
  if (must_prove && !route_proven)
    co_return Error{Code::kUnsupported,
                    "5.7.10 REQUIRETLS was asked for, and nothing proves that " + hop.host + " is the right server"};
  Task<Result<Connection>> connecting = connect(options, hop, port, true, must_prove, route_proven);
  Result<Connection> made = co_await connecting;
  const bool tls_failed = !made && made.code() == Code::kIo;
  if (!tls_failed || connections_.stopping()) co_return made;
  if (must_prove) co_return Error{Code::kUnsupported, "5.7.10 REQUIRETLS was asked for: " + made.error().message};
  Task<Result<Connection>> in_clear = connect(options, hop, port, false, false, false);
  co_return co_await in_clear;
}

// An error's code: kDenied, the host refuses us for good; kUnsupported, it cannot do what the sender asks; kIo, TLS
// failed; kUnavailable, all that passes. Its message is the host's reply or begins with a status of ours.
Task<Result<Connection>> Courier::connect(const CourierOptions& options, Hop hop, uint16_t port, bool tls,
                                          bool must_prove, bool route_proven) {
  Connection made;
  made.name = hop.host;
  made.host = hop.host + " [" + hop.ip + "]" + (port == 25 ? "" : ":" + std::to_string(port));
  const auto trouble = [&](Code code, const std::string& why) {
    return Error{code, is_reply(why) ? why : "4.4.1 " + made.host + ": " + why};
  };
  Task<Result<std::unique_ptr<net::Stream>>> dialing =
      network_.connect(loop_, {hop.ip, port}, options.source_ip, loop_.now() + kConnectTime);
  Result<std::unique_ptr<net::Stream>> stream = co_await dialing;
  if (!stream) co_return trouble(Code::kUnavailable, stream.error().message);
  made.client = std::make_unique<smtp::ClientConnection>(std::move(*stream), options.hostname);
  Task<Result<void>> helloing = made.client->hello();
  if (const Result<void> done = co_await helloing; !done)
    co_return trouble(done.code() == Code::kDenied ? Code::kDenied : Code::kUnavailable, done.error().message);
  if (tls && made.client->extensions().starttls) {
    net::TlsClientOptions wanted;
    wanted.server_name = hop.host;
    wanted.require_verified = must_prove;
    Task<Result<void>> securing = made.client->starttls(wanted);
    if (const Result<void> done = co_await securing; !done)
      co_return Error{Code::kIo, made.host + ": STARTTLS failed: " + done.error().message};
  }
  const net::TlsInfo* const info = made.client->stream().tls();
  made.tls = tls ? tls_text(info) : "in clear: STARTTLS failed there";
  made.proven = info && info->verified && route_proven && made.client->extensions().requiretls;
  if (must_prove && !made.proven) {
    const bool offered = info && info->verified;
    const std::string host = made.host;
    connections_.dismiss(std::move(made));  // RFC 8689 §4.2.1: QUIT, and the next host
    co_return Error{Code::kUnsupported, offered
                                            ? "5.7.30 " + host + " does not offer REQUIRETLS"
                                            : "5.7.10 REQUIRETLS was asked for, and " + host + " has no proven TLS"};
  }
  co_return made;
}

}  // namespace pabal::relay
