#include "smtp/server.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"

namespace pabal::smtp {
namespace {

constexpr size_t kReadBlock = 32 * 1024;

// The status an error of parser.h carries in its message: "501 5.5.4 text".
Reply from_error(const Error& error) {
  const std::string& m = error.message;
  const size_t second = m.find(' ', 4);
  return {static_cast<int>(text::parse_u64(m.substr(0, 3)).value_or(500)), m.substr(4, second - 4), m.substr(second + 1)};
}

bool is_hostname(std::string_view s) {
  if (s.empty() || s.size() > 255) return false;
  return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '<' && c != '>' && c != 0x7F; });
}

// Other protocols' first words: a browser or proxy made to talk to us (ALPACA, cross-protocol requests).
bool foreign_protocol(std::string_view verb) {
  for (const std::string_view word : {"GET", "POST", "PUT", "OPTIONS", "CONNECT", "HEAD", "DELETE", "HOST:", "SSH-2.0"})
    if (verb.starts_with(word)) return true;
  return false;
}

// What the octets in hand, up to a command line, turn out to be.
struct Line {
  enum class Kind { kLine, kTooLong, kBare, kEnd } kind = Kind::kEnd;
  std::string text;
};

class Session {
 public:
  Session(std::unique_ptr<net::Stream> stream, ServerOptions options, std::shared_ptr<ServerPolicy> policy,
          std::shared_ptr<MemoryBudget> budget)
      : stream_(std::move(stream)), loop_(stream_->loop()), options_(std::move(options)), policy_(std::move(policy)),
        budget_(std::move(budget)) {
    info_.remote = stream_->remote();
    info_.local = stream_->local();
    info_.lmtp = options_.lmtp;
  }
  ~Session() { policy_->on_reset(); }

  Task<void> run();

 private:
  // --- octets ---
  Task<bool> fill(Duration patience);
  Task<Line> read_line(size_t limit);
  Task<bool> flush();
  void say(Reply reply);

  // --- commands ---
  Task<void> command(std::string line);
  void hello(const Verb& verb);
  Task<void> start_tls(std::string arguments);
  Task<void> auth(std::string arguments);
  Task<void> mail(std::string arguments);
  Task<void> rcpt(std::string arguments);
  Task<void> data();
  Task<void> bdat(std::string arguments);
  Task<void> finish_message(std::string content);
  void reset();
  void extensions(std::vector<std::string>& lines) const;
  bool may_auth() const { return info_.esmtp && (stream_->tls() || options_.auth_in_clear) && !policy_->auth_mechanisms(info_).empty(); }
  bool in_transaction() const { return mail_.has_value(); }

  std::unique_ptr<net::Stream> stream_;
  net::Loop& loop_;
  ServerOptions options_;
  std::shared_ptr<ServerPolicy> policy_;
  std::shared_ptr<MemoryBudget> budget_;
  ClientInfo info_;

  std::string in_;     // received, not yet used
  size_t in_at_ = 0;
  std::string out_;    // replies not yet sent: pipelined commands are answered together (RFC 2920 §3.2)
  bool ended_ = false;
  size_t errors_ = 0, messages_ = 0, idle_commands_ = 0;

  std::optional<MailParams> mail_;
  size_t recipients_ = 0;
  std::string chunks_;           // BDAT so far
  bool chunking_ = false, chunk_failed_ = false;
};

// --- octets ---------------------------------------------------------------------------------------------------------

Task<bool> Session::fill(Duration patience) {
  if (in_at_ > 0) {
    in_.erase(0, in_at_);
    in_at_ = 0;
  }
  const size_t had = in_.size();
  in_.resize(had + kReadBlock);
  Task<Result<size_t>> reading = stream_->read({in_.data() + had, kReadBlock}, loop_.now() + patience);
  const Result<size_t> got = co_await reading;
  in_.resize(had + (got ? *got : 0));
  if (!got && got.code() == Code::kTimeout) say({421, "4.4.2", options_.hostname + " timed out waiting for you; goodbye", true});
  co_return got && *got > 0;
}

Task<Line> Session::read_line(size_t limit) {
  size_t searched = in_at_;
  bool dropped = false;
  for (;;) {
    const size_t lf = in_.find('\n', searched);
    if (lf != in_.npos) {
      Line line;
      line.kind = dropped ? Line::Kind::kTooLong : Line::Kind::kLine;
      const bool crlf = lf > in_at_ && in_[lf - 1] == '\r';
      if (!crlf) line.kind = Line::Kind::kBare;  // RFC 5321 §2.3.8: only CRLF ends a line
      if (lf - in_at_ > limit) line.kind = Line::Kind::kTooLong;
      if (line.kind == Line::Kind::kLine) line.text = in_.substr(in_at_, lf - 1 - in_at_);
      in_at_ = lf + 1;
      if (line.kind == Line::Kind::kLine && line.text.find('\r') != line.text.npos) line.kind = Line::Kind::kBare;
      co_return line;
    }
    if (in_.size() - in_at_ > limit) {  // its end will be looked for, its text is not kept
      dropped = true;
      in_.clear();
      in_at_ = 0;
    }
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return Line{};
    // Between commands nothing is held: thousands of idle sessions cost little.
    if (in_.size() == in_at_) {
      in_.clear();
      in_at_ = 0;
    }
    searched = in_.size() - in_at_;
    Task<bool> filling = fill(kCommandTime);
    if (!(co_await filling)) co_return Line{};
  }
}

void Session::say(Reply reply) {
  if (reply.code >= 500 && ++errors_ >= kMaxErrors && !reply.close) {
    out_ += to_wire(reply);
    reply = {421, "4.7.0", options_.hostname + " has had too many errors from you; goodbye", true};
  }
  out_ += to_wire(reply);
  if (reply.close) ended_ = true;
}

Task<bool> Session::flush() {
  if (out_.empty()) co_return true;
  const std::string sent = std::exchange(out_, {});
  Task<Result<void>> writing = stream_->write(sent, loop_.now() + kCommandTime);
  const Result<void> done = co_await writing;
  co_return done.ok();
}

// --- the session ----------------------------------------------------------------------------------------------------

Task<void> Session::run() {
  if (options_.implicit_tls) {
    Task<Result<void>> shaking = stream_->tls_accept(options_.tls, loop_.now() + kTlsTime);
    if (!(co_await shaking)) co_return;
  }
  info_.tls = stream_->tls();
  Task<Reply> connecting = policy_->on_connect(info_);
  Reply greeting = co_await connecting;
  if (greeting.code == 220) greeting.text = options_.hostname + (options_.lmtp ? " LMTP " : " ESMTP ") + greeting.text;
  say(greeting);
  while (!ended_) {
    Task<Line> reading = read_line(kMaxCommandLine);
    Line line = co_await reading;
    if (line.kind == Line::Kind::kEnd) break;
    if (line.kind == Line::Kind::kTooLong) {
      say({500, "5.5.6", "the line is too long"});
    } else if (line.kind == Line::Kind::kBare) {
      say({500, "5.5.2", "lines end with CR LF and nothing else"});
    } else {
      Task<void> running = command(std::move(line.text));
      co_await running;
    }
  }
  Task<bool> flushing = flush();
  co_await flushing;
  stream_->close();
}

Task<void> Session::command(std::string line) {
  const Verb verb = parse_verb(line);
  const std::string arguments(verb.arguments);
  if (chunking_ && verb.name != "BDAT" && verb.name != "RSET" && verb.name != "QUIT" && verb.name != "NOOP")
    co_return say({503, "5.5.1", "a BDAT sequence is under way; end it with BDAT 0 LAST or RSET"});
  if (++idle_commands_ > kMaxCommandsWithoutMail)
    co_return say({421, "4.7.0", options_.hostname + ": too many commands without a message; goodbye", true});

  if (verb.name == "EHLO" || verb.name == "HELO" || verb.name == "LHLO") hello(verb);
  else if (verb.name == "MAIL") { Task<void> t = mail(arguments); co_await t; }
  else if (verb.name == "RCPT") { Task<void> t = rcpt(arguments); co_await t; }
  else if (verb.name == "DATA") {
    if (!arguments.empty()) co_return say({501, "5.5.4", "DATA has no arguments"});
    Task<void> t = data();
    co_await t;
  } else if (verb.name == "BDAT") { Task<void> t = bdat(arguments); co_await t; }
  else if (verb.name == "STARTTLS") { Task<void> t = start_tls(arguments); co_await t; }
  else if (verb.name == "AUTH") { Task<void> t = auth(arguments); co_await t; }
  else if (verb.name == "RSET") {
    reset();
    say({250, "2.0.0", "Ok"});
  } else if (verb.name == "NOOP") say({250, "2.0.0", "Ok"});
  else if (verb.name == "QUIT") say({221, "2.0.0", options_.hostname + " says goodbye", true});
  else if (verb.name == "VRFY") say({252, "2.1.5", "send mail to it and see (RFC 5321 §3.5.3)"});
  else if (verb.name == "EXPN") say({502, "5.5.1", "lists are not shown"});
  else if (verb.name == "HELP") say({214, "2.0.0", "HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS AUTH QUIT; see RFC 5321"});
  else if (foreign_protocol(verb.name)) say({421, "4.7.0", "this is a mail server; goodbye", true});
  else say({500, "5.5.2", "that command is not known here"});
}

void Session::hello(const Verb& verb) {
  if ((verb.name == "LHLO") != options_.lmtp)  // RFC 2033 §4.1
    return say({500, "5.5.1", options_.lmtp ? "this is LMTP; say LHLO" : "this is SMTP; say EHLO"});
  if (!is_hostname(verb.arguments)) return say({501, "5.5.4", "say " + verb.name + " and your host name"});
  reset();  // RFC 5321 §4.1.4
  info_.helo = verb.arguments;
  info_.esmtp = verb.name != "HELO";
  if (!info_.esmtp) return say({250, "", options_.hostname});
  std::vector<std::string> lines{options_.hostname};
  extensions(lines);
  say({250, "", text::join(lines, "\n")});
}

void Session::extensions(std::vector<std::string>& lines) const {
  lines.insert(lines.end(), {"PIPELINING", "SIZE " + std::to_string(options_.max_size), "8BITMIME", "SMTPUTF8", "CHUNKING",
                             "BINARYMIME", "DSN", "ENHANCEDSTATUSCODES"});
  // RFC 9422
  lines.push_back("LIMITS MAILMAX=" + std::to_string(kMaxMessages) + " RCPTMAX=" + std::to_string(options_.max_recipients));
  if (options_.tls && !stream_->tls()) lines.emplace_back("STARTTLS");
  if (stream_->tls()) lines.emplace_back("REQUIRETLS");  // RFC 8689 §2: only over TLS
  if (may_auth()) lines.push_back("AUTH " + text::join(policy_->auth_mechanisms(info_), " "));
}

void Session::reset() {
  mail_.reset();
  recipients_ = 0;
  budget_->give(chunks_.size());
  chunks_ = {};
  chunking_ = chunk_failed_ = false;
  policy_->on_reset();
}

Task<void> Session::start_tls(std::string arguments) {
  if (!arguments.empty()) co_return say({501, "5.5.4", "STARTTLS has no arguments"});
  if (!options_.tls) co_return say({502, "5.5.1", "STARTTLS is not offered"});
  if (stream_->tls()) co_return say({503, "5.5.1", "TLS is on already"});
  // RFC 3207 §4.2 and CVE-2011-0411: what came in clear behind the command must not be taken as protected.
  if (in_at_ < in_.size()) co_return say({421, "4.7.0", "nothing may follow STARTTLS before the handshake; goodbye", true});
  say({220, "2.0.0", "go ahead"});
  Task<bool> flushing = flush();
  if (!(co_await flushing)) co_return void(ended_ = true);
  Task<Result<void>> shaking = stream_->tls_accept(options_.tls, loop_.now() + kTlsTime);
  const Result<void> done = co_await shaking;
  if (!done) co_return void(ended_ = true);
  reset();  // and everything said before is forgotten
  in_.clear();
  in_at_ = 0;
  info_.helo.clear();
  info_.esmtp = false;
  info_.auth_user.clear();
  info_.tls = stream_->tls();
}

Task<void> Session::auth(std::string arguments) {
  if (!info_.auth_user.empty()) co_return say({503, "5.5.1", "you are authenticated already"});
  if (in_transaction()) co_return say({503, "5.5.1", "AUTH comes before MAIL"});
  const Verb words = parse_verb(arguments);
  if (!may_auth())
    co_return say(options_.tls && !stream_->tls() && info_.esmtp ? Reply{538, "5.7.11", "STARTTLS first: no passwords in clear"}
                                                                  : Reply{503, "5.5.1", "AUTH is not offered; EHLO first"});
  const auto offered = policy_->auth_mechanisms(info_);
  if (std::find(offered.begin(), offered.end(), words.name) == offered.end())
    co_return say({504, "5.5.4", "that mechanism is not offered"});
  std::optional<std::string> initial;
  if (!words.arguments.empty()) {
    initial = words.arguments == "=" ? std::string() : text::unbase64(words.arguments);  // RFC 4954 §4
    if (!initial) co_return say({501, "5.5.2", "that is not base64"});
  }
  Task<AuthStep> starting = policy_->auth_start(info_, words.name, initial);
  AuthStep step = co_await starting;
  for (int round = 0; step.kind == AuthStep::Kind::kChallenge; ++round) {
    if (round == 10) co_return say({535, "5.7.8", "the exchange does not end"});
    say({334, "", text::base64(step.data)});
    Task<Line> reading = read_line(kMaxAuthLine);
    const Line line = co_await reading;
    if (line.kind == Line::Kind::kEnd) co_return void(ended_ = true);
    if (line.kind == Line::Kind::kTooLong) co_return say({500, "5.5.6", "the line is too long"});
    if (line.text == "*") co_return say({501, "5.7.0", "cancelled"});
    const auto answer = line.kind == Line::Kind::kLine ? text::unbase64(line.text) : std::nullopt;
    if (!answer) co_return say({501, "5.5.2", "that is not base64"});
    Task<AuthStep> continuing = policy_->auth_continue(*answer);
    step = co_await continuing;
  }
  if (step.kind == AuthStep::Kind::kFailure) co_return say(step.failure);
  info_.auth_user = step.user;
  say({235, "2.7.0", "authenticated"});
}

Task<void> Session::mail(std::string arguments) {
  if (info_.helo.empty()) co_return say({503, "5.5.1", "say EHLO or HELO first"});
  if (in_transaction()) co_return say({503, "5.5.1", "one MAIL at a time; RSET ends it"});
  if (messages_ >= kMaxMessages) co_return say({421, "4.7.0", "that is enough for one session; connect again", true});
  const auto parsed = parse_mail(arguments);
  if (!parsed) co_return say(from_error(parsed.error()));
  if (parsed->size && *parsed->size > options_.max_size)  // RFC 1870 §6.1
    co_return say({552, "5.3.4", "the message is larger than " + std::to_string(options_.max_size) + " octets"});
  if (parsed->requiretls && !stream_->tls()) co_return say({530, "5.7.0", "REQUIRETLS needs TLS on this connection"});
  if (!parsed->smtputf8 && !text::is_ascii(parsed->reverse_path))
    co_return say({553, "5.6.7", "that address needs the SMTPUTF8 parameter"});  // RFC 6531 §3.5
  if (!text::is_utf8(parsed->reverse_path)) co_return say({501, "5.1.7", "the address is not UTF-8"});
  Task<Reply> asking = policy_->on_mail(info_, *parsed);
  const Reply reply = co_await asking;
  if (reply.ok()) mail_ = *parsed;
  say(reply);
}

Task<void> Session::rcpt(std::string arguments) {
  if (!in_transaction()) co_return say({503, "5.5.1", "MAIL comes first"});
  if (recipients_ >= options_.max_recipients) co_return say({452, "4.5.3", "too many recipients; send the message again for the rest"});
  const auto parsed = parse_rcpt(arguments);
  if (!parsed) co_return say(from_error(parsed.error()));
  if (!text::is_utf8(parsed->address)) co_return say({501, "5.1.3", "the address is not UTF-8"});
  if (!mail_->smtputf8 && !text::is_ascii(parsed->address)) co_return say({553, "5.6.7", "that address needs SMTPUTF8 in MAIL"});
  Task<Reply> asking = policy_->on_rcpt(info_, *parsed);
  const Reply reply = co_await asking;
  recipients_ += reply.ok();
  say(reply);
}

Task<void> Session::data() {
  if (!in_transaction()) co_return say({503, "5.5.1", "MAIL and RCPT come first"});
  if (recipients_ == 0) co_return say({554, "5.5.1", "there is no valid recipient"});
  if (mail_->body_binary) co_return say({503, "5.5.1", "BINARYMIME goes by BDAT (RFC 3030 §3)"});
  if (!budget_->take(kReadBlock)) co_return say({452, "4.3.1", "the server is short of memory; try again later"});
  budget_->give(kReadBlock);
  say({354, "", "end with a dot on a line of its own"});
  Task<bool> flushing = flush();
  if (!(co_await flushing)) co_return void(ended_ = true);

  DataScanner scanner(options_.max_size);
  size_t held = 0;
  bool starved = false;
  const Time end = loop_.now() + kMessageTime;
  for (;;) {
    in_at_ += scanner.feed(std::string_view(in_).substr(in_at_));
    if (const size_t now = scanner.held(); now > held && !starved) {
      starved = !budget_->take(now - held);
      if (!starved) held = now;
    }
    if (scanner.done() || starved) break;
    Task<bool> filling = fill(std::min<Duration>(kDataBlockTime, end - loop_.now()));
    if (!(co_await filling)) {
      ended_ = true;
      budget_->give(held);
      co_return;
    }
  }
  budget_->give(held);
  if (starved) {
    say({421, "4.3.1", "the server is short of memory; try again later", true});
    co_return;
  }
  std::optional<Reply> refusal;
  if (scanner.bare_line_end()) refusal = Reply{550, "5.6.0", "lines end with CR LF: a CR or LF alone is not accepted"};
  else if (scanner.has_nul()) refusal = Reply{550, "5.6.0", "NUL is not allowed in a message"};
  else if (scanner.line_too_long()) refusal = Reply{550, "5.6.0", "a line is longer than a mebibyte"};
  else if (scanner.too_large()) refusal = Reply{552, "5.3.4", "the message is larger than " + std::to_string(options_.max_size) + " octets"};
  if (refusal) {
    for (size_t i = 0; i < (info_.lmtp ? recipients_ : 1); ++i) say(*refusal);
    reset();
    co_return;
  }
  Task<void> finishing = finish_message(scanner.take());
  co_await finishing;
}

// RFC 3030 §2: exactly that many octets follow, whatever the answer.
Task<void> Session::bdat(std::string arguments) {
  const auto words = text::split(arguments, ' ');
  const auto size = text::parse_u64(words[0]);
  const bool last = words.size() == 2 && text::iequals(words[1], "LAST");
  if (!size || words.size() > 2 || (words.size() == 2 && !last))
    co_return say({421, "5.5.4", "BDAT wants a size: without it the stream is lost; goodbye", true});
  std::optional<Reply> refusal;
  if (!in_transaction()) refusal = Reply{503, "5.5.1", "MAIL and RCPT come first"};
  else if (recipients_ == 0) refusal = Reply{554, "5.5.1", "there is no valid recipient"};
  else if (chunk_failed_) refusal = Reply{503, "5.5.1", "a chunk failed before; RSET"};
  else if (*size > options_.max_size - std::min<uint64_t>(options_.max_size, chunks_.size()))
    refusal = Reply{552, "5.3.4", "the message is larger than " + std::to_string(options_.max_size) + " octets"};
  else if (!budget_->take(*size)) refusal = Reply{452, "4.3.1", "the server is short of memory; try again later"};
  if (*size > 2 * options_.max_size) co_return say({552, "5.3.4", "the chunk is far too large; goodbye", true});

  const Time end = loop_.now() + kMessageTime;
  for (uint64_t left = *size;;) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(left, in_.size() - in_at_));
    if (!refusal) chunks_.append(in_, in_at_, n);
    in_at_ += n;
    left -= n;
    if (left == 0) break;
    Task<bool> flushing = flush();
    const bool sent = co_await flushing;
    Task<bool> filling = fill(std::min<Duration>(kDataBlockTime, end - loop_.now()));
    if (!sent || !(co_await filling)) {
      if (!refusal) budget_->give(left);
      ended_ = true;
      co_return;
    }
  }
  if (refusal) {
    chunk_failed_ = in_transaction();
    chunking_ = chunk_failed_ && !last;
    say(*refusal);
    if (last) reset();
    co_return;
  }
  chunking_ = !last;
  if (!last) co_return say({250, "2.0.0", std::to_string(*size) + " octets received"});
  if (chunks_.find('\0') != chunks_.npos && !mail_->body_binary) {
    for (size_t i = 0; i < (info_.lmtp ? recipients_ : 1); ++i) say({550, "5.6.0", "NUL is allowed with BODY=BINARYMIME only"});
    co_return reset();
  }
  budget_->give(chunks_.size());
  std::string content = std::exchange(chunks_, {});
  Task<void> finishing = finish_message(std::move(content));
  co_await finishing;
}

Task<void> Session::finish_message(std::string content) {
  ++messages_;
  idle_commands_ = 0;
  Task<std::vector<Reply>> asking = policy_->on_message(info_, std::move(content));
  const std::vector<Reply> replies = co_await asking;
  for (const Reply& reply : replies) say(reply);
  reset();
}

}  // namespace

std::string to_wire(const Reply& reply) {
  std::string out;
  std::string code = std::to_string(reply.code);
  std::vector<std::string_view> lines = text::split(reply.text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    out += code + (i + 1 < lines.size() ? '-' : ' ');
    if (!reply.enhanced.empty()) out += reply.enhanced + " ";
    for (char c : lines[i]) out += c == '\r' || c == '\0' ? '?' : c;
    out += "\r\n";
  }
  return out;
}

std::string ClientInfo::protocol() const {
  if (!esmtp) return "SMTP";
  return std::string(lmtp ? "LMTP" : "ESMTP") + (tls ? "S" : "") + (auth_user.empty() ? "" : "A");
}

Task<AuthStep> ServerPolicy::auth_start(ClientInfo, std::string, std::optional<std::string>) {
  co_return AuthStep{AuthStep::Kind::kFailure, "", "", {504, "5.5.4", "no mechanism is offered"}};
}
Task<AuthStep> ServerPolicy::auth_continue(std::string) {
  co_return AuthStep{AuthStep::Kind::kFailure, "", "", {504, "5.5.4", "no mechanism is offered"}};
}

bool MemoryBudget::take(size_t octets) {
  if ((left_ -= static_cast<int64_t>(octets)) >= 0) return true;
  give(octets);
  return false;
}

Task<void> serve(std::unique_ptr<net::Stream> stream, ServerOptions options, std::shared_ptr<ServerPolicy> policy,
                 std::shared_ptr<MemoryBudget> budget) {
  Session session(std::move(stream), std::move(options), std::move(policy), std::move(budget));
  Task<void> running = session.run();
  co_await running;
}

}  // namespace pabal::smtp
