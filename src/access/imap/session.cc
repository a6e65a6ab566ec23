#include "access/imap/session.h"

#include <algorithm>

#include "access/imap/names.h"
#include "access/write.h"
#include "base/log.h"
#include "base/text.h"

namespace pabal::access::imap {

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
  State from;     // the least state in which it may be given
  bool with_uid;  // "UID name" exists
  Handler run;
};

const Session::Command Session::kCommands[] = {
    {"CAPABILITY", State::kGreeted, false, &Session::capability},
    {"NOOP", State::kGreeted, false, &Session::noop},
    {"LOGOUT", State::kGreeted, false, &Session::logout},
    {"ID", State::kGreeted, false, &Session::id},
    {"STARTTLS", State::kGreeted, false, &Session::start_tls},
    {"LOGIN", State::kGreeted, false, &Session::login},
    {"AUTHENTICATE", State::kGreeted, false, &Session::authenticate},
    {"ENABLE", State::kAuthenticated, false, &Session::enable},
    {"NAMESPACE", State::kAuthenticated, false, &Session::name_space},
    {"LIST", State::kAuthenticated, false, &Session::list_mailboxes},
    {"LSUB", State::kAuthenticated, false, &Session::lsub},
    {"STATUS", State::kAuthenticated, false, &Session::status},
    {"CREATE", State::kAuthenticated, false, &Session::create},
    {"DELETE", State::kAuthenticated, false, &Session::remove},
    {"RENAME", State::kAuthenticated, false, &Session::rename},
    {"SUBSCRIBE", State::kAuthenticated, false, &Session::subscribe},
    {"UNSUBSCRIBE", State::kAuthenticated, false, &Session::unsubscribe},
    {"GETACL", State::kAuthenticated, false, &Session::get_acl},
    {"SETACL", State::kAuthenticated, false, &Session::set_acl},
    {"DELETEACL", State::kAuthenticated, false, &Session::delete_acl},
    {"LISTRIGHTS", State::kAuthenticated, false, &Session::list_rights},
    {"MYRIGHTS", State::kAuthenticated, false, &Session::my_rights},
    {"GETMETADATA", State::kAuthenticated, false, &Session::get_metadata},
    {"SETMETADATA", State::kAuthenticated, false, &Session::set_metadata},
    {"SELECT", State::kAuthenticated, false, &Session::select},
    {"EXAMINE", State::kAuthenticated, false, &Session::examine},
    {"APPEND", State::kAuthenticated, false, &Session::append},
    {"GETQUOTA", State::kAuthenticated, false, &Session::get_quota},
    {"GETQUOTAROOT", State::kAuthenticated, false, &Session::get_quota_root},
    {"SETQUOTA", State::kAuthenticated, false, &Session::set_quota},
    {"COMPRESS", State::kAuthenticated, false, &Session::compress},
    {"IDLE", State::kAuthenticated, false, &Session::idle},
    {"NOTIFY", State::kAuthenticated, false, &Session::notify},
    {"CHECK", State::kSelected, false, &Session::noop},
    {"CLOSE", State::kSelected, false, &Session::close},
    {"UNSELECT", State::kSelected, false, &Session::unselect},
    {"FETCH", State::kSelected, true, &Session::fetch},
    {"STORE", State::kSelected, true, &Session::store_flags},
    {"SEARCH", State::kSelected, true, &Session::search},
    {"SORT", State::kSelected, true, &Session::sort},
    {"THREAD", State::kSelected, true, &Session::thread},
    {"CANCELUPDATE", State::kSelected, false, &Session::cancel_update},
    {"COPY", State::kSelected, true, &Session::copy},
    {"MOVE", State::kSelected, true, &Session::move},
    {"EXPUNGE", State::kSelected, true, &Session::expunge},
    {"REPLACE", State::kSelected, true, &Session::replace},
};

const Session::Command* Session::find_command(std::string_view name) {
  for (const Command& command : kCommands)
    if (command.name == name) return &command;
  return nullptr;
}

Task<void> Session::command() {
  Words words(text_);
  const std::string_view start =
      std::string_view(text_).substr(0, std::min(text_.find_first_of(" \r\n"), text_.size()));
  const bool sane = !start.empty() && start.size() <= kMaxTag && start.find_first_of("+(){%*\"\\") == start.npos &&
                    text::is_ascii(start);
  tag_ = sane ? std::string(start) : "*";
  // A web page that makes its reader's browser speak to us gets no second line.
  if (text::istarts_with(text_, "GET ") || text::istarts_with(text_, "POST ") || text::istarts_with(text_, "OPTIONS "))
    state_ = State::kOver;
  words = Words(std::string_view(text_).substr(start.size()));
  words.space();
  std::string name = words.name();
  const bool uid = name == "UID";
  if (uid) {
    words.space();
    name = words.name();
  }
  if (!sane || !words.ok()) co_return bad("a command is a tag, a blank and a word");
  const Command* found = find_command(name);
  if (!found || (uid && !found->with_uid)) co_return bad("that command is not known here");
  if (uidonly_ && found->with_uid && !uid && name != "EXPUNGE")  // RFC 9586
    co_return bad("[UIDREQUIRED] after ENABLE UIDONLY there are no message numbers: say UID " + name);
  if (state_ < found->from) co_return bad(state_ == State::kGreeted ? "log in first" : "select a mailbox first");
  if (state_ == State::kOver) co_return bad("goodbye");
  refresh_rights();
  if (state_ == State::kOver) co_return;
  tell_next_ = loop_.now() + kProgressEvery;
  Task<void> running = (this->*found->run)(words, uid);
  co_await running;
}

// --- driver ---------------------------------------------------------------------------------------------------------

Task<void> Session::run() {
  if (options_.implicit_tls) {
    Task<Result<void>> shaking = stream_->tls_accept(options_.tls, loop_.now() + kTlsTime);
    if (!(co_await shaking)) co_return;
  }
  out_ = "* OK [CAPABILITY " + capabilities() + "] " + services_.hostname + " Pabal IMAP\r\n";
  while (state_ != State::kOver) {
    switch (reader_.next()) {
      case CommandReader::State::kCommand: {
        text_ = reader_.take();
        Task<void> running = command();
        co_await running;
        text_ = {};
        if (bad_ >= kMaxBad && state_ != State::kOver) bye("too many errors");
        break;
      }
      case CommandReader::State::kTooBig: {
        const std::string start = reader_.take();
        tag_ = start.substr(0, std::min(start.find(' '), kMaxTag));
        no("[TOOBIG] that is larger than " + std::to_string(services_.max_message) + " octets");
        break;
      }
      case CommandReader::State::kTooLong:
        bye("[LIMIT] the command is too long");
        break;
      case CommandReader::State::kNeedContinue:
        out_ += "+ go ahead\r\n";
        break;
      case CommandReader::State::kNeedMore: {
        // Pipelined commands are answered together: what is gathered goes out when the client has nothing more for us.
        Task<bool> flushing = flush();
        if (!(co_await flushing)) co_return;
        Task<bool> filling = listen(state_ == State::kGreeted ? Duration(kLoginTime) : Duration(kIdleTime), false);
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

Task<bool> Session::fill(Duration patience) {
  Task<Result<void>> receiving = receive(patience);
  const Result<void> got = co_await receiving;
  if (!got && got.code() == Code::kTimeout) bye("nothing was heard for too long");
  co_return got.ok();
}

// Says nothing: others may be writing meanwhile. kTimeout; kClosed, kIo: there is nobody any more.
Task<Result<void>> Session::receive(Duration patience) {
  // A waiting session holds little; a literal under way comes in larger pieces.
  constexpr size_t kWaiting = 4 << 10, kStreaming = 64 << 10;
  std::string block(reader_.literal_left() > kWaiting ? kStreaming : kWaiting, '\0');
  Task<Result<size_t>> reading = stream_->read(block, loop_.now() + patience);
  const Result<size_t> got = co_await reading;
  if (!got) co_return got.error();
  if (*got == 0) co_return Error{Code::kClosed, "the client has gone"};
  reader_.feed(std::string_view(block).substr(0, *got));
  co_return Result<void>();
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
  Task<bool> writing = write(octets);
  co_return co_await writing;
}

void Session::ok(std::string_view text) {
  std::string code;
  if (selected_ && std::exchange(selected_->owes_modseq, false)) {
    code = highest_modseq() + " ";
    if (text.starts_with('['))
      out_ += "* OK " + std::exchange(code, {}) + "so far\r\n";  // there is one code in an answer
  }
  ((out_ += tag_ + " OK " + code) += text) += "\r\n";
  bad_ = 0;
}
void Session::no(std::string_view text) { ((out_ += tag_ + " NO ") += text) += "\r\n"; }
void Session::bad(std::string_view text) {
  ((out_ += tag_ + " BAD ") += text) += "\r\n";
  ++bad_;
}
void Session::bye(std::string_view text) {
  ((out_ += "* BYE ") += text) += "\r\n";
  state_ = State::kOver;
}

// RFC 5530, RFC 9051 §7.1: the code says to a program what the text says to a person.
void Session::no(const Error& error, std::string_view limit_code) {
  std::string_view code = "UNAVAILABLE";
  switch (error.code) {
    case Code::kNotFound:
      code = "NONEXISTENT";
      break;
    case Code::kExists:
      code = "ALREADYEXISTS";
      break;
    case Code::kLimit:
      code = limit_code;
      break;
    case Code::kInvalid:
    case Code::kDenied:
      code = "CANNOT";
      break;
    case Code::kUnsupported:
      code = "USEATTR";
      break;
    case Code::kCorrupt:
      code = "CORRUPTION";
      break;
    default:
      break;
  }
  if (error.code == Code::kCorrupt || error.code == Code::kIo || error.code == Code::kInternal)
    log::error("imap", error.message);
  no("[" + std::string(code) + "] " + error.message);
}

Task<Result<void>> Session::commit(store::Work work) {
  const auto own = std::make_shared<std::vector<OwnChanges>>();
  if (notified_ && !notified_->request.groups.empty()) {
    std::set<mailbox::AccountId> accounts = {account_->id};
    if (selected_) accounts.insert(selected_->account);
    for (const auto& [owner, seen] : notified_->others.seen) accounts.insert(owner);
    work = [&boxes = services_.mailboxes, accounts, own,
            work = std::move(work)](store::Transaction& t) -> Result<void> {
      own->clear();
      for (const mailbox::AccountId account : accounts)
        if (const auto before = boxes.figures(t, account)) own->push_back({account, before->modseq, 0});
      if (const auto done = work(t); !done) return done;
      for (OwnChanges& one : *own)
        if (const auto after = boxes.figures(t, one.account)) one.after = after->modseq;
      return {};
    };
  }
  std::function<void(std::function<void(Result<void>)>)> start =
      [&store = services_.store, work](std::function<void(Result<void>)> done) { store.transact(work, done); };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop_, start);
  const Result<void> done = co_await committing;
  for (const OwnChanges& one : *own)
    if (done && one.after > one.before) own_changes_.push_back(one);
  co_return done;
}

bool Session::scripts_listen(mailbox::AccountId owner, mailbox::MailboxId box) const {
  return services_.events && services_.events->listens(owner, box);
}

void Session::tell_event(mailbox::MailEvents::Cause cause, mailbox::AccountId owner, mailbox::MailboxId box,
                         std::vector<mailbox::MailEvents::Affected> messages) {
  if (services_.events && !messages.empty())
    services_.events->happened({cause, account_->id, owner, box, std::move(messages)});
}

// --- names ----------------------------------------------------------------------------------------------------------

std::string Session::decoded_name(std::string_view given) const {
  // RFC 9051 §5.1: UTF-8 once the client has asked for it; clients that write UTF-8 without asking are understood too.
  if (rev2_ || utf8_ || !text::is_ascii(given)) return std::string(given);
  return from_modified_utf7(given).value_or(std::string(given));
}

std::optional<std::string> Session::mailbox_argument(Words& words) {
  words.space();
  const std::string given = words.astring();
  if (!words.ok()) return bad("a mailbox name was expected"), std::nullopt;
  return mailbox_name(given);
}

std::optional<std::string> Session::mailbox_name(const std::string& given) {
  if (!rev2_ && !utf8_ && text::is_ascii(given) && !from_modified_utf7(given))
    return no("[CANNOT] that name is not modified UTF-7 (RFC 3501 section 5.1.3); & is written &-"), std::nullopt;
  return decoded_name(given);
}

std::string Session::shown_name(const std::string& name) const {
  return rev2_ || utf8_ ? quote_utf8(name) : quote(to_modified_utf7(name));
}

// --- any state ------------------------------------------------------------------------------------------------------

// One a line, in the order they are told.
constexpr std::string_view kCapabilities[] = {
    "IMAP4rev1",           //
    "IMAP4rev2",           //
    "LITERAL+",            // RFC 7888
    "SASL-IR",             // RFC 4959
    "ID",                  // RFC 2971
    "ENABLE",              // RFC 5161
    "IDLE",                // RFC 2177
    "NAMESPACE",           // RFC 2342
    "UNSELECT",            // RFC 3691
    "UIDPLUS",             // RFC 4315
    "MOVE",                // RFC 6851
    "CHILDREN",            // RFC 3348
    "LIST-EXTENDED",       // RFC 5258
    "LIST-STATUS",         // RFC 5819
    "SPECIAL-USE",         // RFC 6154
    "CREATE-SPECIAL-USE",  // RFC 6154
    "ESEARCH",             // RFC 4731
    "SEARCHRES",           // RFC 5182
    "BINARY",              // RFC 3516
    "MULTIAPPEND",         // RFC 3502
    "CATENATE",            // RFC 4469
    "REPLACE",             // RFC 8508
    "QUOTA",               // RFC 9208
    "QUOTA=RES-STORAGE",   // RFC 9208
    "COMPRESS=DEFLATE",    // RFC 4978
    "PREVIEW",             // RFC 8970
    "STATUS=SIZE",         // RFC 8438
    "UTF8=ACCEPT",         // RFC 6855
    "WITHIN",              // RFC 5032
    "SORT",                // RFC 5256
    "SORT=DISPLAY",        // RFC 5957
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "ESORT",  // RFC 5267
    "CONTEXT=SEARCH",
    "CONTEXT=SORT",
    "PARTIAL",     // RFC 9394
    "INPROGRESS",  // RFC 9585
    "X-GM-EXT-1",  // Google's "IMAP Extensions"
    "CONDSTORE",   // RFC 7162
    "QRESYNC",     // RFC 7162
    "UIDONLY",     // RFC 9586
    "OBJECTID",    // RFC 8474
    "SAVEDATE",    // RFC 8514
    "NOTIFY",      // RFC 5465
    "ACL",         // RFC 4314
    "RIGHTS=kxte",
    "LIST-MYRIGHTS",  // RFC 8440
    "METADATA",       // RFC 5464
    "LIST-METADATA",  // RFC 9590
};

std::string Session::capabilities() const {
  std::string out;
  for (const std::string_view one : kCapabilities) (out += one) += ' ';
  out += "APPENDLIMIT=" + std::to_string(services_.max_message);                 // RFC 7889
  if (account_ && account_->admin) out += " QUOTASET";                           // RFC 9208 §4.1.3
  if (!services_.sieve_url.empty()) out += " IMAPSIEVE=" + services_.sieve_url;  // RFC 6785 §2.1
  if (state_ != State::kGreeted) return out;
  if (options_.tls && !stream_->tls()) out += " STARTTLS";
  if (!may_login()) return out + " LOGINDISABLED";
  for (const std::string& mechanism : identity::sasl_mechanisms(stream_->tls()))
    if (mechanism != "LOGIN") out += " AUTH=" + mechanism;  // for old mail programs of SMTP only
  return out;
}

Task<void> Session::capability(Words words, bool) {
  if (!words.done()) co_return bad("CAPABILITY has no arguments");
  out_ += "* CAPABILITY " + capabilities() + "\r\n";
  ok("these");
}

Task<void> Session::noop(Words words, bool) {
  if (!words.done()) co_return bad("that has no arguments");
  Task<void> telling = tell_news(true);
  co_await telling;
  ok("done");
}

Task<void> Session::logout(Words words, bool) {
  if (!words.done()) co_return bad("LOGOUT has no arguments");
  bye("goodbye");
  ok("goodbye");
}

// RFC 2971. What the client says of itself is read and not kept.
Task<void> Session::id(Words words, bool) {
  words.space();
  if (!words.accept_word("NIL")) {
    words.expect('(');
    if (!words.accept(')')) {
      do {
        words.astring();
        words.space();
        words.astring();  // NIL looks like an atom
      } while (words.ok() && words.accept(' '));
      words.expect(')');
    }
  }
  if (!words.done()) co_return bad("ID wants NIL or a list of pairs");
  out_ += "* ID (\"name\" \"Pabal\")\r\n";
  ok("that is me");
}

Task<void> Session::enable(Words words, bool) {
  std::string enabled;
  do {
    words.space();
    const std::string what = words.name();
    if (what == "IMAP4REV2" && !rev2_) rev2_ = true, enabled += " IMAP4rev2";
    if (what == "UTF8=ACCEPT" && !utf8_) utf8_ = true, enabled += " UTF8=ACCEPT";
    if (what == "UIDONLY" && !uidonly_) uidonly_ = true, enabled += " UIDONLY";
    if (what == "CONDSTORE" && !condstore_) become_condstore(), enabled += " CONDSTORE";
    if (what == "QRESYNC" && !qresync_) become_condstore(), qresync_ = true, enabled += " QRESYNC";
    if (what == "METADATA" && !metadata_enabled_) {
      metadata_enabled_ = true;
      if (!annotations_) annotations_.emplace();
      learn_annotations(false);
      enabled += " METADATA";
    }
  } while (words.peek() == ' ');
  if (!words.done()) co_return bad("ENABLE wants names of capabilities");
  out_ += "* ENABLED" + enabled + "\r\n";
  ok("enabled");
}

}  // namespace pabal::access::imap
