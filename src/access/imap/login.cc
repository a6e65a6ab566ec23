#include "access/imap/session.h"
#include "base/text.h"

namespace pabal::access::imap {

bool Session::may_login() const { return stream_->tls() || stream_->remote().loopback(); }

Task<std::optional<std::string>> Session::client_line() {
  for (;;) {
    if (auto line = reader_.line()) co_return line;
    if (reader_.held() > kMaxLineBeforeLogin) {
      bye("[LIMIT] the line is too long");
      co_return std::nullopt;
    }
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return std::nullopt;
    Task<bool> filling = fill(kLoginTime);
    if (!(co_await filling)) co_return std::nullopt;
  }
}

Task<void> Session::start_tls(Words words, bool) {
  if (!words.done()) co_return bad("STARTTLS has no arguments");
  if (!options_.tls || stream_->tls() || state_ != State::kGreeted) co_return bad("STARTTLS is not offered now");
  // CVE-2011-0411: nothing that came in clear may be taken as protected.
  if (reader_.pending()) co_return bye("nothing may follow STARTTLS before the handshake");
  ok("begin the handshake");
  Task<bool> flushing = flush();
  if (!(co_await flushing)) co_return;
  Task<Result<void>> shaking = stream_->tls_accept(options_.tls, loop_.now() + kTlsTime);
  if (!(co_await shaking)) state_ = State::kOver;
  reader_.clear();
}

void Session::entered(identity::Account account) {
  account_ = std::move(account);
  state_ = State::kAuthenticated;
  reader_.limit(kMaxLine, services_.max_message);
  ok("[CAPABILITY " + capabilities() + "] welcome");
}

void Session::refused(const Error& error) {
  no((error.code == Code::kDenied ? "[AUTHENTICATIONFAILED] " : "[UNAVAILABLE] ") + error.message);
  if (++failed_logins_ >= kMaxFailedLogins) bye("too many failed logins");
}

Task<void> Session::login(Words words, bool) {
  if (state_ != State::kGreeted) co_return bad("you are logged in already");
  words.space();
  const std::string name = words.astring();
  words.space();
  const std::string password = words.astring();
  if (!words.done()) co_return bad("LOGIN wants a name and a password");
  if (!may_login()) co_return no("[PRIVACYREQUIRED] STARTTLS first: no passwords in clear");
  Task<Result<identity::Account>> checking = services_.login.password(loop_, name, password, stream_->remote().ip);
  Result<identity::Account> account = co_await checking;
  if (!account) co_return refused(account.error());
  entered(std::move(*account));
}

Task<void> Session::authenticate(Words words, bool) {
  if (state_ != State::kGreeted) co_return bad("you are logged in already");
  words.space();
  const std::string mechanism = words.name();
  std::optional<std::string> initial;
  bool sane = words.ok();
  if (sane && words.accept(' ')) {  // RFC 4959: "=" is an answer of no octets
    initial = words.rest() == "=" ? std::string() : text::unbase64(words.rest());
    sane = initial.has_value();
  } else {
    sane = words.done();
  }
  if (!sane) co_return bad("AUTHENTICATE wants a mechanism, and base64");
  if (!may_login()) co_return no("[PRIVACYREQUIRED] STARTTLS first: no passwords in clear");
  identity::SaslExchange exchange(services_.login, loop_, stream_->remote().ip, stream_->tls());
  Task<identity::SaslStep> starting = exchange.start(mechanism, initial);
  identity::SaslStep step = co_await starting;
  while (step.kind == identity::SaslStep::Kind::kChallenge) {
    out_ += "+ " + text::base64(step.data) + "\r\n";
    Task<std::optional<std::string>> reading = client_line();
    const std::optional<std::string> line = co_await reading;
    if (!line) co_return void(state_ = State::kOver);
    if (*line == "*") co_return bad("cancelled");
    const auto answer = text::unbase64(*line);
    if (!answer) co_return bad("that is not base64");
    Task<identity::SaslStep> continuing = exchange.next(*answer);
    step = co_await continuing;
  }
  if (step.kind != identity::SaslStep::Kind::kSuccess) co_return refused(step.error);
  entered(std::move(step.account));
}

}  // namespace pabal::access::imap
