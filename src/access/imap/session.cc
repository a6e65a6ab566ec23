#include "access/imap/session.h"

#include "base/log.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {
constexpr minutes kWriteTime{5};
constexpr seconds kTlsTime{30};
constexpr size_t kMaxFailedLogins = 3;
}  // namespace

Session::Session(std::unique_ptr<net::Stream> stream, Options options, Services& services)
    : stream_(std::move(stream)), loop_(stream_->loop()), options_(std::move(options)), services_(services) {}

Task<void> serve(std::unique_ptr<net::Stream> stream, Options options, Services& services) {
  auto session = std::make_shared<Session>(std::move(stream), std::move(options), services);
  Task<void> running = session->run();
  co_await running;
}

// --- driver ---------------------------------------------------------------------------------------------------------

Task<bool> Session::fill(Duration patience) {
  std::string block(state_ == State::kGreeted ? 4096 : 16384, '\0');
  Task<Result<size_t>> reading = stream_->read(block, loop_.now() + patience);
  const Result<size_t> got = co_await reading;
  if (!got && got.code() == Code::kTimeout) out_ += "* BYE nothing was heard for too long\r\n";
  if (!got || *got == 0) co_return false;
  reader_.feed(std::string_view(block).substr(0, *got));
  co_return true;
}

Task<bool> Session::flush() {
  if (out_.empty()) co_return true;
  const std::string sent = std::exchange(out_, {});
  Task<Result<void>> writing = stream_->write(sent, loop_.now() + kWriteTime);
  const Result<void> done = co_await writing;
  co_return done.ok();
}

Task<void> Session::run() {
  if (options_.implicit_tls) {
    Task<Result<void>> shaking = stream_->tls_accept(options_.tls, loop_.now() + kTlsTime);
    if (!(co_await shaking)) co_return;
  }
  out_ = "* OK [CAPABILITY " + capabilities() + "] " + services_.hostname + " Pabal IMAP\r\n";
  while (state_ != State::kOver) {
    const CommandReader::State next = reader_.next();
    if (next == CommandReader::State::kCommand) {
      Task<void> running = command(reader_.take());
      co_await running;
      if (bad_ >= kMaxBad) {
        out_ += "* BYE too many errors\r\n";
        break;
      }
      // Pipelined commands are answered together, to a bound.
      if (reader_.pending() && out_.size() < kFlushAt && state_ != State::kOver) continue;
      Task<bool> flushing = flush();
      if (!(co_await flushing)) break;
      continue;
    }
    if (next == CommandReader::State::kTooLong) {
      out_ += "* BYE [LIMIT] the command is too long\r\n";
      break;
    }
    if (next == CommandReader::State::kNeedContinue) out_ += "+ go ahead\r\n";
    Task<bool> flushing = flush();
    if (!(co_await flushing)) break;
    Task<bool> filling = fill(state_ == State::kGreeted ? kLoginTime : kIdleTime);
    if (!(co_await filling)) break;
  }
  Task<bool> flushing = flush();
  co_await flushing;
  watch_.reset();
  stream_->close();
}

void Session::ok(std::string_view text) { (out_ += tag_ + " OK ") += std::string(text) + "\r\n"; bad_ = 0; }
void Session::no(std::string_view text) { (out_ += tag_ + " NO ") += std::string(text) + "\r\n"; }
void Session::bad(std::string_view text) {
  (out_ += tag_ + " BAD ") += std::string(text) + "\r\n";
  ++bad_;
}
void Session::no(const Error& error) {
  switch (error.code) {
    case Code::kNotFound: return no("[NONEXISTENT] " + error.message);
    case Code::kExists: return no("[ALREADYEXISTS] " + error.message);
    case Code::kLimit: return no("[OVERQUOTA] " + error.message);
    case Code::kInvalid: return no("[CANNOT] " + error.message);
    case Code::kDenied: return no("[NOPERM] " + error.message);
    default: return no("[UNAVAILABLE] " + error.message);
  }
}

bool Session::may_login() const { return stream_->tls() || stream_->remote().loopback(); }

std::string Session::capabilities() const {
  std::string out = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UNSELECT UIDPLUS MOVE CHILDREN LIST-EXTENDED LIST-STATUS "
                    "SPECIAL-USE CREATE-SPECIAL-USE ESEARCH UTF8=ACCEPT APPENDLIMIT=" + std::to_string(services_.max_message);
  if (state_ == State::kGreeted) {
    if (options_.tls && !stream_->tls()) out += " STARTTLS";
    if (may_login())
      for (const std::string& mechanism : identity::sasl_mechanisms(stream_->tls())) out += mechanism == "LOGIN" ? "" : " AUTH=" + mechanism;
    else out += " LOGINDISABLED";
  }
  return out;
}

Task<Result<void>> Session::commit(store::Work work) {
  std::function<void(std::function<void(Result<void>)>)> start = [this, work](std::function<void(Result<void>)> done) {
    services_.store.transact(work, done);
  };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop_, start);
  co_return co_await committing;
}

Task<std::optional<std::string>> Session::client_line() {
  for (;;) {
    if (auto line = reader_.line()) co_return line;
    if (reader_.held() > kMaxLineBeforeLogin) co_return std::nullopt;
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return std::nullopt;
    Task<bool> filling = fill(state_ == State::kGreeted ? kLoginTime : kIdleTime);
    if (!(co_await filling)) co_return std::nullopt;
  }
}

Task<void> Session::command(std::string text) {
  Words words(text);
  tag_ = words.astring();
  if (!words.ok() || tag_.empty() || tag_.size() > 100 || tag_.find_first_of("\r\n+") != tag_.npos) {
    tag_ = "*";
    if (text::istarts_with(text, "GET ") || text::istarts_with(text, "POST ") || text::istarts_with(text, "OPTIONS ")) state_ = State::kOver;
    co_return bad("a command is a tag, a blank and a word");
  }
  words.space();
  std::string name = text::uppered(words.atom());
  if (!words.ok()) co_return bad("a command is a tag, a blank and a word");
  const bool uid = name == "UID";
  if (uid) {
    words.space();
    name = text::uppered(words.atom());
  }
  const bool in = state_ != State::kGreeted;
  const bool selected = state_ == State::kSelected;
  bool may_expunge = true;

  if (name == "CAPABILITY") {
    out_ += "* CAPABILITY " + capabilities() + "\r\n";
    ok("these");
  } else if (name == "NOOP" || name == "CHECK") {
    if (selected) sync(true);
    co_return ok("done");
  } else if (name == "LOGOUT") {
    out_ += "* BYE goodbye\r\n";
    ok("goodbye");
    state_ = State::kOver;
    co_return;
  } else if (name == "ID") {
    out_ += "* ID (\"name\" \"Pabal\")\r\n";
    ok("that is me");
  } else if (name == "STARTTLS") { Task<void> t = start_tls(); co_await t; co_return; }
  else if (name == "LOGIN") { Task<void> t = login(words); co_await t; co_return; }
  else if (name == "AUTHENTICATE") { Task<void> t = authenticate(words); co_await t; co_return; }
  else if (!in) co_return bad("log in first");
  else if (name == "ENABLE") {
    std::string enabled;
    while (words.accept(' ')) {
      const std::string what = text::uppered(words.atom());
      if (what == "IMAP4REV2") rev2_ = true, enabled += " IMAP4rev2";
      else if (what == "UTF8=ACCEPT") utf8_ = true, enabled += " UTF8=ACCEPT";
      if (!words.ok()) break;
    }
    out_ += "* ENABLED" + enabled + "\r\n";
    ok("enabled");
  } else if (name == "NAMESPACE") {
    out_ += "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n";
    ok("one namespace");
  } else if (name == "LIST") list(words, false);
  else if (name == "LSUB") list(words, true);
  else if (name == "STATUS") status(words);
  else if (name == "SELECT" || name == "EXAMINE") { select(words, name == "EXAMINE"); co_return; }
  else if (name == "CREATE") { Task<void> t = create(words); co_await t; }
  else if (name == "DELETE") { Task<void> t = remove(words); co_await t; }
  else if (name == "RENAME") { Task<void> t = rename(words); co_await t; }
  else if (name == "SUBSCRIBE" || name == "UNSUBSCRIBE") { Task<void> t = subscribe(words, name == "SUBSCRIBE"); co_await t; }
  else if (name == "APPEND") { Task<void> t = append(words); co_await t; co_return; }
  else if (name == "IDLE") { Task<void> t = idle(); co_await t; co_return; }
  else if (!selected) co_return bad("select a mailbox first, or that command is not known here");
  else if (name == "FETCH") { may_expunge = uid; Task<void> t = fetch(words, uid); co_await t; co_return; }
  else if (name == "STORE") { Task<void> t = store_flags(words, uid); co_await t; co_return; }
  else if (name == "SEARCH") { Task<void> t = search(words, uid); co_await t; co_return; }
  else if (name == "COPY" || name == "MOVE") { Task<void> t = copy(words, uid, name == "MOVE"); co_await t; co_return; }
  else if (name == "EXPUNGE") {
    std::optional<SequenceSet> only;
    if (uid) {
      words.space();
      only = parse_set(words.rest());
      if (!only) co_return bad("that is not a set of UIDs");
    }
    Task<void> t = expunge(only, false);
    co_await t;
    co_return;
  } else if (name == "CLOSE" || name == "UNSELECT") {
    if (name == "CLOSE" && !read_only_) {
      Task<void> t = expunge(std::nullopt, true);
      co_await t;
    }
    state_ = State::kAuthenticated;
    box_.reset();
    watch_.reset();
    co_return ok("closed");
  } else co_return bad("that command is not known here");
  static_cast<void>(may_expunge);
}

// --- logging in -----------------------------------------------------------------------------------------------------

Task<void> Session::start_tls() {
  if (!options_.tls || stream_->tls() || state_ != State::kGreeted) co_return bad("STARTTLS is not offered now");
  // CVE-2011-0411: nothing that came in clear may be taken as protected.
  if (reader_.pending()) {
    out_ += "* BYE nothing may follow STARTTLS before the handshake\r\n";
    state_ = State::kOver;
    co_return;
  }
  ok("begin the handshake");
  Task<bool> flushing = flush();
  const bool sent = co_await flushing;
  Task<Result<void>> shaking = stream_->tls_accept(options_.tls, loop_.now() + kTlsTime);
  if (!sent || !(co_await shaking)) state_ = State::kOver;
  reader_.clear();
}

void Session::entered(identity::Account account) {
  account_ = std::move(account);
  state_ = State::kAuthenticated;
  reader_.limit(kMaxLine, services_.max_message);
  ok("[CAPABILITY " + capabilities() + "] welcome");
}

Task<void> Session::login(Words words) {
  if (state_ != State::kGreeted) co_return bad("you are logged in already");
  words.space();
  const std::string name = words.astring();
  words.space();
  const std::string password = words.astring();
  if (!words.ok() || !words.done()) co_return bad("LOGIN wants a name and a password");
  if (!may_login()) co_return no("[PRIVACYREQUIRED] STARTTLS first: no passwords in clear");
  Task<Result<identity::Account>> checking = services_.login.password(loop_, name, password, stream_->remote().ip);
  Result<identity::Account> account = co_await checking;
  if (account) co_return entered(std::move(*account));
  if (++failed_logins_ >= kMaxFailedLogins) {
    out_ += "* BYE too many failed logins\r\n";
    state_ = State::kOver;
  }
  no(account.code() == Code::kDenied ? "[AUTHENTICATIONFAILED] " + account.error().message : "[UNAVAILABLE] " + account.error().message);
}

Task<void> Session::authenticate(Words words) {
  if (state_ != State::kGreeted) co_return bad("you are logged in already");
  words.space();
  const std::string mechanism = text::uppered(words.atom());
  std::optional<std::string> initial;
  bool sane = words.ok();
  if (sane && words.accept(' ')) {
    initial = words.rest() == "=" ? std::string() : text::unbase64(words.rest());
    sane = initial.has_value();
  }
  if (!sane) co_return bad("AUTHENTICATE wants a mechanism, and base64");
  if (!may_login()) co_return no("[PRIVACYREQUIRED] STARTTLS first: no passwords in clear");
  identity::SaslExchange exchange(services_.login, loop_, stream_->remote().ip, stream_->tls());
  Task<identity::SaslStep> starting = exchange.start(mechanism, initial);
  identity::SaslStep step = co_await starting;
  while (step.kind == identity::SaslStep::Kind::kChallenge) {
    out_ += "+ " + text::base64(step.data) + "\r\n";
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return void(state_ = State::kOver);
    Task<std::optional<std::string>> reading = client_line();
    const std::optional<std::string> line = co_await reading;
    if (!line) co_return void(state_ = State::kOver);
    if (*line == "*") co_return bad("cancelled");
    const auto answer = text::unbase64(*line);
    if (!answer) co_return bad("that is not base64");
    Task<identity::SaslStep> continuing = exchange.next(*answer);
    step = co_await continuing;
  }
  if (step.kind == identity::SaslStep::Kind::kSuccess) co_return entered(std::move(step.account));
  if (++failed_logins_ >= kMaxFailedLogins) {
    out_ += "* BYE too many failed logins\r\n";
    state_ = State::kOver;
  }
  no("[AUTHENTICATIONFAILED] " + step.error.message);
}

// --- IDLE -----------------------------------------------------------------------------------------------------------

// Tells an idling client what has changed. Runs beside the read that waits for DONE.
Task<void> Session::push(std::shared_ptr<Session> self) {
  if (self->pushing_) {
    self->push_again_ = true;
    co_return;
  }
  self->pushing_ = true;
  do {
    self->push_again_ = false;
    if (!self->idling_ || self->state_ != State::kSelected) break;
    self->sync(true);
    Task<bool> flushing = self->flush();
    co_await flushing;
  } while (self->push_again_);
  self->pushing_ = false;
}

Task<void> Session::idle() {
  if (state_ == State::kSelected) {
    sync(true);
    if (!watch_)
      watch_ = services_.mailboxes.watch(account_->id, [weak = weak_from_this(), &loop = loop_] {
        loop.post([weak, &loop] {
          if (const auto self = weak.lock(); self && self->idling_) loop.spawn(push(self));
        });
      });
  }
  out_ += "+ idling\r\n";
  if (state_ == State::kSelected) sync(true);
  Task<bool> flushing = flush();
  if (!(co_await flushing)) co_return void(state_ = State::kOver);
  idling_ = true;
  std::optional<std::string> line = reader_.line();
  while (!line) {
    if (reader_.held() > 1000) break;
    Task<bool> filling = fill(kIdleTime);
    if (!(co_await filling)) break;
    line = reader_.line();
  }
  idling_ = false;
  while (pushing_) {  // its write ends first
    Task<void> waiting = net::sleep(loop_, milliseconds(1));
    co_await waiting;
  }
  if (!line) {
    state_ = State::kOver;
    co_return;
  }
  text::iequals(*line, "DONE") ? ok("idled") : bad("DONE was expected");
}

}  // namespace pabal::access::imap
