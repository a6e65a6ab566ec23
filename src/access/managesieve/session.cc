#include "access/managesieve/session.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"

namespace pabal::access::managesieve {
namespace {

// RFC 5804 §4: quoted where it may be, else a literal.
std::string quote(std::string_view text) {
  constexpr size_t kMaxQuoted = 1024;
  if (text.size() <= kMaxQuoted && text.find_first_of("\"\\\r\n") == text.npos && text.find('\0') == text.npos)
    return "\"" + std::string(text) + "\"";
  return "{" + std::to_string(text.size()) + "}\r\n" + std::string(text);
}

const std::string kTooLarge = "a script has at most " + std::to_string(sieve::kMaxScriptBytes) + " octets";

using Kind = Word::Kind;

}  // namespace

Session::Session(std::unique_ptr<net::Stream> stream, Options options, Services& services)
    : stream_(std::move(stream)), loop_(stream_->loop()), options_(std::move(options)), services_(services) {}

Task<void> serve(std::unique_ptr<net::Stream> stream, Options options, Services& services) {
  Session session(std::move(stream), std::move(options), services);
  Task<void> running = session.run();
  co_await running;
}

// --- commands -------------------------------------------------------------------------------------------------------

struct Session::Command {
  std::string_view name;
  enum class State : uint8_t { kAny, kGreeted, kLoggedIn } state;
  std::vector<Kind> arguments;
  size_t optional;  // how many of them may be missing, at the end
  Handler run;
};

const Session::Command Session::kCommands[] = {
    {"CAPABILITY", Command::State::kAny, {}, 0, &Session::capability},
    {"LOGOUT", Command::State::kAny, {}, 0, &Session::logout},
    {"NOOP", Command::State::kAny, {Kind::kString}, 1, &Session::noop},
    {"STARTTLS", Command::State::kGreeted, {}, 0, &Session::start_tls},
    {"AUTHENTICATE", Command::State::kGreeted, {Kind::kString, Kind::kString}, 1, &Session::authenticate},
    {"UNAUTHENTICATE", Command::State::kLoggedIn, {}, 0, &Session::unauthenticate},
    {"HAVESPACE", Command::State::kLoggedIn, {Kind::kString, Kind::kNumber}, 0, &Session::have_space},
    {"PUTSCRIPT", Command::State::kLoggedIn, {Kind::kString, Kind::kString}, 0, &Session::put_script},
    {"CHECKSCRIPT", Command::State::kLoggedIn, {Kind::kString}, 0, &Session::check_script},
    {"LISTSCRIPTS", Command::State::kLoggedIn, {}, 0, &Session::list_scripts},
    {"SETACTIVE", Command::State::kLoggedIn, {Kind::kString}, 0, &Session::set_active},
    {"GETSCRIPT", Command::State::kLoggedIn, {Kind::kString}, 0, &Session::get_script},
    {"DELETESCRIPT", Command::State::kLoggedIn, {Kind::kString}, 0, &Session::delete_script},
    {"RENAMESCRIPT", Command::State::kLoggedIn, {Kind::kString, Kind::kString}, 0, &Session::rename_script},
};

Task<void> Session::command() {
  Words words = reader_.take();
  if (words.empty() || words.front().kind != Kind::kAtom) co_return bad("a command was expected");
  const std::string name = text::uppered(words.front().text);
  const auto found =
      std::find_if(std::begin(kCommands), std::end(kCommands), [&](const Command& c) { return c.name == name; });
  if (found == std::end(kCommands)) co_return bad("that command is not known here");
  words.erase(words.begin());
  const auto fits = [](const Word& word, Kind kind) { return word.kind == kind; };
  const std::vector<Kind>& wanted = found->arguments;
  if (words.size() > wanted.size() || words.size() + found->optional < wanted.size() ||
      !std::equal(words.begin(), words.end(), wanted.begin(), fits))
    co_return bad(name + " has other arguments: see RFC 5804");
  if (found->state == Command::State::kLoggedIn && !account_) co_return no("log in first");
  if (found->state == Command::State::kGreeted && account_) co_return no("you are logged in already");
  Task<void> running = (this->*found->run)(std::move(words));
  co_await running;
}

// --- driver ---------------------------------------------------------------------------------------------------------

void Session::limit_reader() {
  const bool in = account_.has_value();
  reader_.limit(kMaxLine, in ? sieve::kMaxScriptBytes + sieve::kMaxScriptName : kMaxLiteralBeforeLogin);
}

Task<void> Session::run() {
  limit_reader();
  say_capabilities();
  ok(services_.hostname + " Pabal ManageSieve");
  while (!over_) {
    switch (reader_.next()) {
      case Reader::State::kCommand: {
        Task<void> running = command();
        co_await running;
        break;
      }
      case Reader::State::kBad: {
        const std::string why(reader_.fault());
        reader_.take();
        bad(why);
        break;
      }
      case Reader::State::kTooBig:
        reader_.take();
        no(kTooLarge, "QUOTA/MAXSIZE");
        break;
      case Reader::State::kTooLong:
        bye("the command is too long");
        break;
      case Reader::State::kNeedMore: {
        Task<bool> flushing = flush();
        if (!(co_await flushing)) co_return;
        Task<bool> filling = fill(account_ ? Duration(kIdleTime) : Duration(kLoginTime));
        if (!(co_await filling)) over_ = true;
        continue;
      }
    }
    if (bad_ >= kMaxBad && !over_) bye("too many errors");
    if (out_.size() < kFlushAt) continue;
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return;
  }
  Task<bool> flushing = flush();
  co_await flushing;
  stream_->close();
}

Task<bool> Session::fill(Duration patience) {
  constexpr size_t kWaiting = 1 << 10, kStreaming = 16 << 10;
  std::string block(reader_.literal_left() > kWaiting ? kStreaming : kWaiting, '\0');
  Task<Result<size_t>> reading = stream_->read(block, loop_.now() + patience);
  const Result<size_t> got = co_await reading;
  if (!got && got.code() == Code::kTimeout) bye("nothing was heard for too long");
  if (!got || *got == 0) co_return false;
  reader_.feed(std::string_view(block).substr(0, *got));
  co_return true;
}

Task<bool> Session::flush() {
  if (out_.empty()) co_return true;
  const std::string sent = std::exchange(out_, {});
  Task<Result<void>> writing = stream_->write(sent, loop_.now() + kWriteTime);
  const Result<void> done = co_await writing;
  if (!done) {
    over_ = true;
    stream_->close();
  }
  co_return done.ok();
}

// RFC 5804 §1.2: OK, NO or BYE; a code for programs; a text for people.
void Session::answer(std::string_view kind, std::string_view code, std::string_view text) {
  out_ += kind;
  if (!code.empty()) ((out_ += " (") += code) += ")";
  if (!text.empty()) (out_ += " ") += quote(text);
  out_ += "\r\n";
  if (kind == "OK") bad_ = 0;
}
void Session::bye(std::string_view text, std::string_view code) {
  answer("BYE", code, text);
  over_ = true;
}
void Session::bad(std::string_view text) {
  no(text);
  ++bad_;
}

// RFC 5804 §1.3
void Session::no(const Error& error) {
  switch (error.code) {
    case Code::kNotFound:
      return no(error.message, "NONEXISTENT");
    case Code::kExists:
      return no(error.message, "ALREADYEXISTS");
    case Code::kLimit:
      return no(error.message, "QUOTA");
    case Code::kDenied:
      return no(error.message, "ACTIVE");
    case Code::kInvalid:
    case Code::kUnsupported:
      return no(error.message);
    default:
      log::error("managesieve", error.message);
      return no("the store cannot be used now; try again later", "TRYLATER");
  }
}

Task<Result<void>> Session::commit(store::Work work) {
  std::function<void(std::function<void(Result<void>)>)> start =
      [&store = services_.store, work](std::function<void(Result<void>)> done) { store.transact(work, done); };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop_, start);
  co_return co_await committing;
}

// --- any state ------------------------------------------------------------------------------------------------------

bool Session::may_login() const { return stream_->tls() || stream_->remote().loopback(); }

// RFC 5804 §1.7
void Session::say_capabilities() {
  const auto say = [this](std::string_view name, std::string_view value) {
    (out_ += quote(name) + " " + quote(value)) += "\r\n";
  };
  std::string mechanisms;
  if (may_login())
    for (const std::string& mechanism : identity::sasl_mechanisms(stream_->tls()))
      (mechanisms += mechanisms.empty() ? "" : " ") += mechanism;
  std::string extensions;
  for (const std::string_view one : sieve::extensions()) (extensions += extensions.empty() ? "" : " ") += one;
  say("IMPLEMENTATION", "Pabal");
  say("SASL", mechanisms);
  say("SIEVE", extensions);
  if (options_.tls && !stream_->tls() && !account_) out_ += "\"STARTTLS\"\r\n";
  say("NOTIFY", sieve::kNotifyMethods);
  say("MAXREDIRECTS", std::to_string(sieve::Limits().redirects));
  say("LANGUAGE", "en");
  if (account_) say("OWNER", account_->name);
  out_ += "\"UNAUTHENTICATE\"\r\n";
  say("VERSION", "1.0");
}

Task<void> Session::capability(Words) {
  say_capabilities();
  ok();
  co_return;
}

Task<void> Session::logout(Words) {
  ok("goodbye");
  over_ = true;
  co_return;
}

Task<void> Session::noop(Words words) {
  if (words.empty()) co_return ok("done");
  ok("done", "TAG " + quote(words[0].text));
}

// --- logging in -----------------------------------------------------------------------------------------------------

Task<void> Session::start_tls(Words) {
  if (!options_.tls || stream_->tls()) co_return no("STARTTLS is not offered now");
  // CVE-2011-0411: nothing that came in clear may be taken as protected.
  if (reader_.pending()) co_return bye("nothing may follow STARTTLS before the handshake");
  ok("begin the handshake");
  Task<bool> flushing = flush();
  if (!(co_await flushing)) co_return;
  Task<Result<void>> shaking = stream_->tls_accept(options_.tls, loop_.now() + kTlsTime);
  if (!(co_await shaking)) {
    over_ = true;
    co_return;
  }
  reader_.clear();
  say_capabilities();  // RFC 5804 §2.2
  ok("TLS is on");
}

// A string that is no command: base64, or "*".
Task<std::optional<std::string>> Session::client_answer() {
  for (;;) {
    const Reader::State state = reader_.next();
    if (state == Reader::State::kNeedMore) {
      Task<bool> flushing = flush();
      if (!(co_await flushing)) co_return std::nullopt;
      Task<bool> filling = fill(kLoginTime);
      if (!(co_await filling)) {
        over_ = true;
        co_return std::nullopt;
      }
      continue;
    }
    if (state == Reader::State::kTooLong) {
      bye("that is too long");
      co_return std::nullopt;
    }
    const Words words = reader_.take();
    if (state == Reader::State::kCommand && words.size() == 1 && words[0].kind == Kind::kString)
      co_return words[0].text;
    bad("a string was expected");
    co_return std::nullopt;
  }
}

Task<void> Session::authenticate(Words words) {
  if (!may_login()) co_return no("STARTTLS first: no passwords in clear", "ENCRYPT-NEEDED");
  std::optional<std::string> initial;
  if (words.size() > 1) {
    initial = text::unbase64(words[1].text);
    if (!initial) co_return bad("that is not base64");
  }
  identity::SaslExchange exchange(services_.login, loop_, stream_->remote().ip, stream_->tls());
  Task<identity::SaslStep> starting = exchange.start(text::uppered(words[0].text), initial);
  identity::SaslStep step = co_await starting;
  std::string last;
  while (step.kind == identity::SaslStep::Kind::kChallenge) {
    std::string given;
    if (step.last) {  // RFC 5804 §1.3: the last word of the server goes with the OK
      last = "SASL " + quote(text::base64(step.data));
    } else {
      out_ += quote(text::base64(step.data)) + "\r\n";
      Task<std::optional<std::string>> reading = client_answer();
      const std::optional<std::string> line = co_await reading;
      if (!line) co_return;
      if (*line == "*") co_return no("cancelled");
      auto answer = text::unbase64(*line);
      if (!answer) co_return bad("that is not base64");
      given = std::move(*answer);
    }
    Task<identity::SaslStep> continuing = exchange.next(std::move(given));
    step = co_await continuing;
  }
  if (step.kind != identity::SaslStep::Kind::kSuccess) {
    if (++failed_logins_ >= kMaxFailedLogins) co_return bye(step.error.message);
    co_return no(step.error.message, step.error.code == Code::kDenied ? "" : "TRYLATER");
  }
  account_ = std::move(step.account);
  limit_reader();
  ok("welcome", last);
}

Task<void> Session::unauthenticate(Words) {
  account_.reset();
  limit_reader();
  ok();
  co_return;
}

// --- scripts --------------------------------------------------------------------------------------------------------

Task<Result<sieve::Compiled>> Session::compiled(std::shared_ptr<const std::string> script) {
  std::function<Result<sieve::Compiled>()> work = [script]() -> Result<sieve::Compiled> {
    return sieve::compile(*script);
  };
  if (script->size() <= kCompileHere) co_return work();
  Task<Result<sieve::Compiled>> compiling = net::run_on<sieve::Compiled>(services_.pool, loop_, work);
  co_return co_await compiling;
}

// The answer to PUTSCRIPT and CHECKSCRIPT when the script is good.
void Session::ok_with(const std::vector<sieve::Fault>& warnings) {
  ok(sieve::in_lines(warnings), warnings.empty() ? "" : "WARNINGS");
}

// True when the script could be stored; else it has been answered.
bool Session::has_room(const std::string& name, uint64_t octets) {
  using Room = sieve::Scripts::Room;
  const auto room = services_.scripts.room_for(services_.store, account_->id, name, octets);
  if (!room) return no(room.error()), false;
  switch (*room) {
    case Room::kFits:
      return true;
    case Room::kTooLarge:
      return no(kTooLarge, "QUOTA/MAXSIZE"), false;
    case Room::kTooMany:
      return no("there are as many scripts as may be; delete one", "QUOTA/MAXSCRIPTS"), false;
    case Room::kFull:
      return no("your scripts together are too large; delete one", "QUOTA"), false;
  }
  return false;
}

Task<void> Session::have_space(Words words) {
  const auto size = text::parse_u64(words[1].text);
  if (!size || *size > UINT32_MAX) co_return bad("the size is a number of 32 bits");
  if (has_room(words[0].text, *size)) ok();
}

Task<void> Session::put_script(Words words) {
  const mailbox::AccountId account = account_->id;
  const std::string name = words[0].text;
  const auto script = std::make_shared<const std::string>(std::move(words[1].text));
  if (script->empty()) co_return no("the script is empty; to filter nothing, make none active");  // RFC 5804 §2.6
  if (!has_room(name, script->size())) co_return;  // what cannot be stored is not compiled
  Task<Result<sieve::Compiled>> compiling = compiled(script);
  const Result<sieve::Compiled> made = co_await compiling;
  if (!made) co_return no("the server is busy; try again", "TRYLATER");
  if (!made->ok()) co_return no(sieve::in_lines(made->faults));
  store::Work work = [&scripts = services_.scripts, account, name, script, program = made->program](
                         store::Transaction& t) { return scripts.put(t, account, name, *script, *program); };
  Task<Result<void>> committing = commit(std::move(work));
  const Result<void> done = co_await committing;
  if (!done) co_return no(done.error());
  ok_with(made->warnings);
}

Task<void> Session::check_script(Words words) {
  const auto script = std::make_shared<const std::string>(std::move(words[0].text));
  if (script->size() > sieve::kMaxScriptBytes) co_return no(kTooLarge, "QUOTA/MAXSIZE");
  Task<Result<sieve::Compiled>> compiling = compiled(script);
  const Result<sieve::Compiled> made = co_await compiling;
  if (!made) co_return no("the server is busy; try again", "TRYLATER");
  if (!made->ok()) co_return no(sieve::in_lines(made->faults));
  ok_with(made->warnings);
}

Task<void> Session::list_scripts(Words) {
  const auto scripts = services_.scripts.list(services_.store, account_->id);
  if (!scripts) co_return no(scripts.error());
  for (const sieve::ScriptInfo& one : *scripts) out_ += quote(one.name) + (one.active ? " ACTIVE\r\n" : "\r\n");
  ok();
}

Task<void> Session::set_active(Words words) {
  store::Work work = [&scripts = services_.scripts, account = account_->id,
                      name = words[0].text](store::Transaction& t) { return scripts.activate(t, account, name); };
  Task<Result<void>> committing = commit(std::move(work));
  const Result<void> done = co_await committing;
  if (!done) co_return no(done.error());
  ok();
}

Task<void> Session::get_script(Words words) {
  const auto script = services_.scripts.text(services_.store, account_->id, words[0].text);
  if (!script) co_return no(script.error());
  // A literal: nothing of it has to be looked at.
  (out_ += "{" + std::to_string(script->size()) + "}\r\n") += *script;
  out_ += "\r\n";
  ok();
}

Task<void> Session::delete_script(Words words) {
  store::Work work = [&scripts = services_.scripts, account = account_->id,
                      name = words[0].text](store::Transaction& t) { return scripts.remove(t, account, name); };
  Task<Result<void>> committing = commit(std::move(work));
  const Result<void> done = co_await committing;
  if (!done) co_return no(done.error());
  ok();
}

Task<void> Session::rename_script(Words words) {
  store::Work work = [&scripts = services_.scripts, account = account_->id, from = words[0].text,
                      to = words[1].text](store::Transaction& t) { return scripts.rename(t, account, from, to); };
  Task<Result<void>> committing = commit(std::move(work));
  const Result<void> done = co_await committing;
  if (!done) co_return no(done.error());
  ok();
}

}  // namespace pabal::access::managesieve
