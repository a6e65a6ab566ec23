#include "access/pop3/session.h"

#include "access/write.h"
#include "base/log.h"
#include "base/text.h"

namespace pabal::access::pop3 {

Session::Session(std::unique_ptr<net::Stream> stream, Options options, Services& services)
    : stream_(std::move(stream)),
      loop_(stream_->loop()),
      options_(std::move(options)),
      services_(services),
      began_(loop_.now()) {}

Task<void> serve(std::unique_ptr<net::Stream> stream, Options options, Services& services) {
  Session session(std::move(stream), std::move(options), services);
  Task<void> running = session.run();
  co_await running;
}

std::unique_ptr<Locks::Lock> Locks::take(mailbox::AccountId account) {
  const std::lock_guard guard(mutex_);
  if (!held_.insert(account).second) return nullptr;
  return std::make_unique<Lock>(*this, account);
}

Locks::Lock::~Lock() {
  const std::lock_guard guard(locks_.mutex_);
  locks_.held_.erase(account_);
}

// --- commands -------------------------------------------------------------------------------------------------------

struct Session::Entry {
  enum class Where { kAuthorization, kTransaction, kBoth } where;
  std::string_view name;
  enum class Takes { kText, kNumbers } takes;
  size_t least, most;  // numbers
  Handler run;
  static const Entry* find(std::string_view name);
};

const Session::Entry Session::kCommands[] = {
    {Entry::Where::kBoth, "CAPA", Entry::Takes::kNumbers, 0, 0, &Session::capa},
    {Entry::Where::kBoth, "LANG", Entry::Takes::kText, 0, 0, &Session::lang},
    {Entry::Where::kBoth, "QUIT", Entry::Takes::kNumbers, 0, 0, &Session::quit},
    {Entry::Where::kAuthorization, "STLS", Entry::Takes::kNumbers, 0, 0, &Session::stls},
    {Entry::Where::kAuthorization, "UTF8", Entry::Takes::kNumbers, 0, 0, &Session::utf8},
    {Entry::Where::kAuthorization, "USER", Entry::Takes::kText, 0, 0, &Session::user},
    {Entry::Where::kAuthorization, "PASS", Entry::Takes::kText, 0, 0, &Session::pass},
    {Entry::Where::kAuthorization, "AUTH", Entry::Takes::kText, 0, 0, &Session::auth},
    {Entry::Where::kTransaction, "NOOP", Entry::Takes::kNumbers, 0, 0, &Session::noop},
    {Entry::Where::kTransaction, "STAT", Entry::Takes::kNumbers, 0, 0, &Session::stat},
    {Entry::Where::kTransaction, "LIST", Entry::Takes::kNumbers, 0, 1, &Session::list},
    {Entry::Where::kTransaction, "UIDL", Entry::Takes::kNumbers, 0, 1, &Session::uidl},
    {Entry::Where::kTransaction, "RETR", Entry::Takes::kNumbers, 1, 1, &Session::retr},
    {Entry::Where::kTransaction, "TOP", Entry::Takes::kNumbers, 2, 2, &Session::top},
    {Entry::Where::kTransaction, "DELE", Entry::Takes::kNumbers, 1, 1, &Session::dele},
    {Entry::Where::kTransaction, "RSET", Entry::Takes::kNumbers, 0, 0, &Session::rset},
};

const Session::Entry* Session::Entry::find(std::string_view name) {
  for (const Entry& entry : kCommands)
    if (entry.name == name) return &entry;
  return nullptr;
}

Task<void> Session::command(std::string line) {
  // A web page that makes its reader's browser speak to us gets no second line.
  if (text::istarts_with(line, "GET ") || text::istarts_with(line, "POST ") || text::istarts_with(line, "OPTIONS "))
    co_return void(state_ = State::kOver);
  Command given = parse_command(line);
  const Entry* entry = Entry::find(given.name);
  if (!entry) co_return bad("that command is not known here");
  if (entry->where == Entry::Where::kTransaction && state_ != State::kTransaction) co_return bad("log in first");
  if (entry->where == Entry::Where::kAuthorization && state_ != State::kAuthorization)
    co_return bad("that is possible before the login only");
  Request request;
  if (entry->takes == Entry::Takes::kText) {
    request.text = std::move(given.text);
  } else {
    auto numbers = parse_numbers(given.text, entry->least, entry->most);
    if (!numbers)
      co_return bad(entry->most == 0   ? "that command takes no argument"
                    : entry->most == 2 ? "TOP takes the number of a message and of lines"
                                       : "that command takes the number of a message");
    request.numbers = std::move(*numbers);
  }
  Task<void> running = (this->*entry->run)(std::move(request));
  co_await running;
}

// --- driver ---------------------------------------------------------------------------------------------------------

Task<void> Session::run() {
  if (options_.implicit_tls) {
    Task<Result<void>> shaking = stream_->tls_accept(options_.tls, loop_.now() + kTlsTime);
    if (!(co_await shaking)) co_return;
  }
  out_ = "+OK " + services_.hostname + " Pabal POP3\r\n";
  while (state_ != State::kOver) {
    switch (reader_.next()) {
      case LineReader::State::kLine: {
        Task<void> running = command(reader_.take());
        co_await running;
        if (bad_ >= kMaxBad && state_ != State::kOver) {
          err("too many errors; goodbye");
          state_ = State::kOver;
        }
        break;
      }
      case LineReader::State::kTooLong:
        err("the line is too long; goodbye");
        state_ = State::kOver;
        break;
      case LineReader::State::kNeedMore: {
        // Pipelined commands are answered together: what is gathered goes out when the client has nothing more for us.
        Task<bool> flushing = flush();
        if (!(co_await flushing)) co_return;
        Task<bool> filling = fill();
        if (!(co_await filling)) state_ = State::kOver;
        continue;
      }
    }
    if (out_.size() < kFlushAt) continue;
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return;
  }
  Task<bool> flushing = flush();
  co_await flushing;
  stream_->close();
}

Task<bool> Session::fill() {
  std::string block(4 << 10, '\0');
  const Time deadline =
      state_ == State::kAuthorization ? began_ + Duration(kLoginTime) : loop_.now() + Duration(kIdleTime);
  Task<Result<size_t>> reading = stream_->read(block, deadline);
  const Result<size_t> got = co_await reading;
  // RFC 1939 §3: who was silent for too long is told nothing, and nothing is removed.
  if (!got || *got == 0) co_return false;
  reader_.feed(std::string_view(block).substr(0, *got));
  co_return true;
}

Task<bool> Session::write(std::string_view octets) {
  Task<Result<void>> writing = write_in_steps(*stream_, octets, kWriteAtOnce, kWriteTime);
  if (const Result<void> done = co_await writing; done) co_return true;
  state_ = State::kOver;
  stream_->close();
  co_return false;
}

Task<bool> Session::flush() {
  const std::string sent = std::exchange(out_, {});
  Task<bool> writing = write(sent);
  co_return co_await writing;
}

Task<bool> Session::put(std::string_view octets) {
  if (out_.size() + octets.size() <= kFlushAt) {
    out_ += octets;
    co_return true;
  }
  Task<bool> flushing = flush();
  if (!(co_await flushing)) co_return false;
  if (octets.size() <= kFlushAt) {
    out_ += octets;
    co_return true;
  }
  Task<bool> writing = write(octets);
  co_return co_await writing;
}

void Session::ok(std::string_view text) {
  ((out_ += "+OK ") += text) += "\r\n";
  bad_ = 0;
}

void Session::err(std::string_view text) { ((out_ += "-ERR ") += text) += "\r\n"; }

// RFC 3206: whether the same may work later.
void Session::err(const Error& error) {
  const bool passing = error.code == Code::kUnavailable || error.code == Code::kLimit || error.code == Code::kTimeout ||
                       error.code == Code::kIo || error.code == Code::kConflict;
  if (error.code == Code::kCorrupt || error.code == Code::kIo || error.code == Code::kInternal)
    log::error("pop3", error.message);
  err((passing ? "[SYS/TEMP] " : "[SYS/PERM] ") + error.message);
}

void Session::bad(std::string_view why) {
  err(why);
  ++bad_;
}

// --- small commands -------------------------------------------------------------------------------------------------

Task<void> Session::capa(Request) {
  ok("these");
  out_ += "TOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nUTF8 USER\r\nLANG\r\nEXPIRE NEVER\r\n";
  if (state_ == State::kAuthorization) {
    if (options_.tls && !stream_->tls()) out_ += "STLS\r\n";
    if (may_login()) out_ += "USER\r\nSASL" + sasl_mechanisms() + "\r\n";
  }
  out_ += "IMPLEMENTATION Pabal\r\n.\r\n";
  co_return;
}

Task<void> Session::noop(Request) {
  ok("done");
  co_return;
}

// RFC 6856 §3: there is one language.
Task<void> Session::lang(Request request) {
  const std::string_view range = text::trim(request.text);
  if (range.empty())
    out_ += "+OK languages\r\nen English\r\n.\r\n";
  else if (range == "*" || text::iequals(range, "en"))
    ok("en it is");
  else
    err("that language is not spoken here; LANG lists those that are");
  co_return;
}

Task<void> Session::utf8(Request) {
  utf8_ = true;
  ok("UTF-8 it is");
  co_return;
}

Task<void> Session::quit(Request) {
  if (state_ == State::kTransaction) {  // RFC 1939 §6: the UPDATE state
    Task<Result<void>> removing = remove_deleted();
    if (const Result<void> done = co_await removing; done)
      ok("goodbye");
    else
      err(Error{done.code(), "some messages could not be removed and are there still: " + done.error().message});
  } else {
    ok("goodbye");
  }
  // The maildrop is free before the client can know that it is.
  lock_.reset();
  state_ = State::kOver;
}

}  // namespace pabal::access::pop3
