#include "access/pop3/session.h"
#include "base/text.h"

namespace pabal::access::pop3 {

bool Session::may_login() const { return stream_->tls() || stream_->remote().loopback(); }

std::string Session::sasl_mechanisms() const {
  std::string out;
  for (const std::string& mechanism : identity::sasl_mechanisms(stream_->tls()))
    if (mechanism != "LOGIN") out += " " + mechanism;  // for old mail programs of SMTP only
  return out;
}

Task<std::optional<std::string>> Session::client_line() {
  for (;;) {
    switch (reader_.next()) {
      case LineReader::State::kLine:
        co_return reader_.take();
      case LineReader::State::kTooLong:
        err("the line is too long; goodbye");
        state_ = State::kOver;
        co_return std::nullopt;
      case LineReader::State::kNeedMore:
        break;
    }
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return std::nullopt;
    Task<bool> filling = fill();
    if (!(co_await filling)) {
      state_ = State::kOver;
      co_return std::nullopt;
    }
  }
}

// RFC 2595 §4.
Task<void> Session::stls(Request) {
  if (!options_.tls || stream_->tls()) co_return bad("STLS is not offered now");
  if (utf8_) co_return bad("STLS comes before UTF8");  // RFC 6856 §2.1
  // CVE-2011-0411: nothing that came in clear may be taken as protected.
  if (reader_.pending()) {
    err("nothing may follow STLS before the handshake; goodbye");
    co_return void(state_ = State::kOver);
  }
  ok("begin the handshake");
  Task<bool> flushing = flush();
  if (!(co_await flushing)) co_return;
  user_.reset();
  Task<Result<void>> shaking = stream_->tls_accept(options_.tls, loop_.now() + kTlsTime);
  if (!(co_await shaking)) state_ = State::kOver;
}

Task<void> Session::entered(identity::Account account) {
  // RFC 2449 §8.1.2: only who has proved to be the owner learns that the maildrop is in use.
  lock_ = services_.locks.take(account.id);
  if (!lock_) co_return err("[IN-USE] another session has the maildrop open; try again when it has ended");
  account_ = std::move(account);
  Task<Result<void>> opening = open_maildrop();
  if (const Result<void> done = co_await opening; !done) {
    lock_.reset();
    co_return err(done.error());
  }
  state_ = State::kTransaction;
  ok(totals());
}

void Session::refused(const Error& error) {
  if (error.code == Code::kDenied)
    err("[AUTH] " + error.message);  // RFC 3206: the credentials are the problem
  else
    err(error);
  if (++failed_logins_ < kMaxFailedLogins) return;
  state_ = State::kOver;
}

Task<void> Session::user(Request request) {
  if (!may_login()) co_return err("STLS first: no passwords in clear");
  if (request.text.empty() || !text::is_utf8(request.text)) co_return bad("USER takes a name");
  user_ = std::move(request.text);
  ok("and the password");  // the same for names that are and are not known (RFC 1939 §13)
}

Task<void> Session::pass(Request request) {
  if (!may_login()) co_return err("STLS first: no passwords in clear");
  if (!user_) co_return bad("USER first");
  const std::string name = *std::exchange(user_, {});
  if (!text::is_utf8(request.text)) co_return bad("PASS takes a password in UTF-8");
  Task<Result<identity::Account>> checking =
      services_.login.password(loop_, name, std::move(request.text), stream_->remote().ip);
  Result<identity::Account> account = co_await checking;
  if (!account) co_return refused(account.error());
  Task<void> entering = entered(std::move(*account));
  co_await entering;
}

// RFC 5034 §4: AUTH mechanism [initial response].
Task<void> Session::auth(Request request) {
  const size_t blank = std::min(request.text.find(' '), request.text.size());
  const std::string mechanism = text::uppered(request.text.substr(0, blank));
  const std::string given(text::trim(request.text.substr(blank)));
  if (mechanism.empty()) co_return bad("AUTH takes a mechanism; CAPA lists them");
  std::optional<std::string> initial;
  if (!given.empty()) {
    initial = given == "=" ? std::string() : text::unbase64(given);
    if (!initial) co_return bad("that is not base64");
  }
  if (!may_login()) co_return err("STLS first: no passwords in clear");
  identity::SaslExchange exchange(services_.login, loop_, stream_->remote().ip, stream_->tls());
  Task<identity::SaslStep> starting = exchange.start(mechanism, initial);
  identity::SaslStep step = co_await starting;
  while (step.kind == identity::SaslStep::Kind::kChallenge) {
    out_ += "+ " + text::base64(step.data) + "\r\n";
    Task<std::optional<std::string>> reading = client_line();
    const std::optional<std::string> line = co_await reading;
    if (!line) co_return;
    if (*line == "*") co_return bad("cancelled");
    const auto answer = text::unbase64(*line);
    if (!answer) co_return bad("that is not base64");
    Task<identity::SaslStep> continuing = exchange.next(*answer);
    step = co_await continuing;
  }
  if (step.kind != identity::SaslStep::Kind::kSuccess) co_return refused(step.error);
  Task<void> entering = entered(std::move(step.account));
  co_await entering;
}

}  // namespace pabal::access::pop3
