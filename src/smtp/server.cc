#include "smtp/server.h"

#include <algorithm>

#include "base/text.h"
#include "smtp/wire.h"

namespace pabal::smtp {
namespace {

// The status an error of parser.h carries in its message: "501 5.5.4 text".
Reply from_error(const Error& error) {
  const std::string& m = error.message;
  const size_t second = m.find(' ', 4);
  return {static_cast<int>(text::parse_u64(m.substr(0, 3)).value_or(500)), m.substr(4, second - 4),
          m.substr(second + 1)};
}

bool is_hostname(std::string_view s) {
  if (s.empty() || s.size() > 255) return false;
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '<' && c != '>' && c != 0x7F; });
}

// Other protocols' first words: a browser or proxy made to talk to us (ALPACA, cross-protocol requests).
bool foreign_protocol(std::string_view verb) {
  for (const std::string_view word : {"GET", "POST", "PUT", "OPTIONS", "CONNECT", "HEAD", "DELETE", "HOST:", "SSH-2.0"})
    if (verb.starts_with(word)) return true;
  return false;
}

class Session {
 public:
  Session(std::unique_ptr<net::Stream> stream, ServerOptions options, std::shared_ptr<ServerPolicy> policy,
          std::shared_ptr<MemoryBudget> budget)
      : wire_(std::move(stream)),
        loop_(wire_.stream().loop()),
        options_(std::move(options)),
        policy_(std::move(policy)),
        memory_(std::move(budget)) {
    info_.remote = wire_.stream().remote();
    info_.local = wire_.stream().local();
    info_.lmtp = options_.lmtp;
  }
  ~Session() { policy_->on_reset(); }

  Task<void> run();

 private:
  void say(const Reply& reply);
  void say_for_message(const Reply& reply);
  void bad_line(Line::Kind kind);
  void count_errors();
  Task<Wire::Got> more_content(Time end);

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
  std::string extensions() const;
  Reply too_large() const {
    return {552, "5.3.4", "the message is larger than " + std::to_string(options_.max_size) + " octets"};
  }
  bool may_auth() const {
    return info_.esmtp && (info_.tls || options_.auth_in_clear) && !policy_->auth_mechanisms(info_).empty();
  }
  bool in_transaction() const { return mail_.has_value(); }

  Wire wire_;
  net::Loop& loop_;
  ServerOptions options_;
  std::shared_ptr<ServerPolicy> policy_;
  ClientInfo info_;
  bool ended_ = false;
  bool unwelcome_ = false;  // the greeting was a refusal
  bool failed_ = false;     // a 5xx reply since count_errors()
  size_t errors_ = 0, auth_failures_ = 0, messages_ = 0, idle_commands_ = 0;

  std::optional<MailParams> mail_;
  size_t recipients_ = 0, rcpt_commands_ = 0;
  MemoryBudget::Share memory_;  // of the message under way
  std::string chunks_;          // BDAT so far
  Time chunks_end_;             // when the whole sequence must be there
  bool chunking_ = false, chunk_failed_ = false;
};

// --- the session ----------------------------------------------------------------------------------------------------

void Session::say(const Reply& reply) {
  if (ended_) return;  // nothing follows a goodbye
  wire_.send(to_wire(reply));
  if (reply.code >= 500) failed_ = true;
  if (reply.close) ended_ = true;
}

// The answer to a message: in LMTP once for each recipient that was accepted (RFC 2033 §4.2).
void Session::say_for_message(const Reply& reply) {
  for (size_t i = 0; i < (info_.lmtp ? std::max<size_t>(1, recipients_) : 1); ++i) say(reply);
}

void Session::bad_line(Line::Kind kind) {
  switch (kind) {
    case Line::Kind::kTooLong:
      return say({500, "5.5.6", "the line is too long"});
    case Line::Kind::kControls:
      return say({500, "5.5.2", "a command has no control characters in it"});
    // What follows could be a command to us and text to a proxy in front: it is not read.
    case Line::Kind::kBareLf:
      return say({500, "5.5.2", "lines end with CR LF and nothing else; goodbye", true});
    case Line::Kind::kEndless:
      return say({500, "5.5.6", "the line does not end; goodbye", true});
    case Line::Kind::kTimeout:
      return say({421, "4.4.2", options_.hostname + " timed out waiting for you; goodbye", true});
    case Line::Kind::kEnd:
      ended_ = true;
      return;
    case Line::Kind::kLine:
      return;
  }
}

// Once a command, so that the many replies to one LMTP message are one error.
void Session::count_errors() {
  if (std::exchange(failed_, false) && ++errors_ >= kMaxErrors)
    say({421, "4.7.0", options_.hostname + " has had too many errors from you; goodbye", true});
}

Task<void> Session::run() {
  if (options_.implicit_tls) {
    Task<Result<void>> shaking = wire_.stream().tls_accept(options_.tls, loop_.now() + kTlsTime);
    if (const Result<void> done = co_await shaking; !done) co_return;
  }
  info_.tls = wire_.stream().tls();
  Task<Reply> connecting = policy_->on_connect(info_);
  Reply greeting = co_await connecting;
  unwelcome_ = greeting.code != 220;
  if (!unwelcome_) greeting.text = options_.hostname + (options_.lmtp ? " LMTP " : " ESMTP ") + greeting.text;
  say(greeting);
  while (!ended_) {
    Task<Line> reading = wire_.read_line(kMaxCommandLine, loop_.now() + kCommandTime);
    Line line = co_await reading;
    if (line.kind != Line::Kind::kLine)
      bad_line(line.kind);
    else {
      Task<void> running = command(std::move(line.text));
      co_await running;
    }
    count_errors();
  }
  Task<bool> flushing = wire_.flush();
  co_await flushing;
  wire_.stream().close();
}

Task<void> Session::command(std::string line) {
  const Verb verb = parse_verb(line);
  const std::string arguments(verb.arguments);
  if (verb.name == "QUIT")
    co_return say({221, "2.0.0", options_.hostname + " Service closing transmission channel", true});
  if (unwelcome_) co_return say({503, "5.5.1", "say QUIT"});  // RFC 5321 §3.1
  // RCPT and BDAT have limits of their own.
  if (verb.name != "RCPT" && verb.name != "BDAT" && ++idle_commands_ > kMaxCommandsWithoutMail)
    co_return say({421, "4.7.0", options_.hostname + ": too many commands without a message; goodbye", true});

  if (verb.name == "EHLO" || verb.name == "HELO" || verb.name == "LHLO")
    hello(verb);
  else if (verb.name == "RSET") {
    reset();
    say({250, "2.0.0", "Ok"});
  } else if (verb.name == "NOOP")
    say({250, "2.0.0", "Ok"});
  else if (verb.name == "BDAT") {
    Task<void> t = bdat(arguments);
    co_await t;
  } else if (chunking_)
    say({503, "5.5.1", "a BDAT sequence is under way; end it with BDAT 0 LAST or RSET"});
  else if (verb.name == "MAIL") {
    Task<void> t = mail(arguments);
    co_await t;
  } else if (verb.name == "RCPT") {
    Task<void> t = rcpt(arguments);
    co_await t;
  } else if (verb.name == "DATA") {
    if (!arguments.empty()) co_return say({501, "5.5.4", "DATA has no arguments"});
    Task<void> t = data();
    co_await t;
  } else if (verb.name == "STARTTLS") {
    Task<void> t = start_tls(arguments);
    co_await t;
  } else if (verb.name == "AUTH") {
    Task<void> t = auth(arguments);
    co_await t;
  } else if (verb.name == "VRFY")
    say({252, "2.1.5", "send mail to it and see (RFC 5321 §3.5.3)"});
  else if (verb.name == "EXPN")
    say({502, "5.5.1", "lists are not shown"});
  else if (verb.name == "HELP")
    say({214, "2.0.0", "HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS AUTH QUIT; see RFC 5321"});
  else if (foreign_protocol(verb.name))
    say({421, "4.7.0", "this is a mail server; goodbye", true});
  else
    say({500, "5.5.2", "that command is not known here"});
}

void Session::hello(const Verb& verb) {
  if ((verb.name == "LHLO") != options_.lmtp)  // RFC 2033 §4.1
    return say({500, "5.5.1", options_.lmtp ? "this is LMTP; say LHLO" : "this is SMTP; say EHLO"});
  if (!is_hostname(verb.arguments)) return say({501, "5.5.4", "say " + verb.name + " and your host name"});
  reset();  // RFC 5321 §4.1.4
  info_.helo = verb.arguments;
  info_.esmtp = verb.name != "HELO";
  say({250, "", options_.hostname + " greets " + info_.helo + (info_.esmtp ? extensions() : "")});
}

std::string Session::extensions() const {
  std::string lines = "\nPIPELINING\nSIZE " + std::to_string(options_.max_size) +
                      "\n8BITMIME\nSMTPUTF8\nCHUNKING\nBINARYMIME\nDSN\nENHANCEDSTATUSCODES";
  // RFC 9422
  lines += "\nLIMITS MAILMAX=" + std::to_string(kMaxMessages) + " RCPTMAX=" + std::to_string(options_.max_recipients);
  if (options_.max_hold.count() > 0)  // RFC 4865 §4
    lines += "\nFUTURERELEASE " + std::to_string(options_.max_hold.count()) + " " +
             to_rfc3339(loop_.now() + options_.max_hold);
  if (options_.tls && !info_.tls) lines += "\nSTARTTLS";
  if (info_.tls) lines += "\nREQUIRETLS";  // RFC 8689 §2: only over TLS
  if (may_auth()) lines += "\nAUTH " + text::join(policy_->auth_mechanisms(info_), " ");
  return lines;
}

void Session::reset() {
  mail_.reset();
  recipients_ = rcpt_commands_ = 0;
  chunks_ = {};
  chunking_ = chunk_failed_ = false;
  memory_.release();
  policy_->on_reset();
}

Task<void> Session::start_tls(std::string arguments) {
  if (!arguments.empty()) co_return say({501, "5.5.4", "STARTTLS has no arguments"});
  if (!options_.tls) co_return say({502, "5.5.1", "STARTTLS is not offered"});
  if (info_.tls) co_return say({503, "5.5.1", "TLS is on already"});
  // RFC 3207 §4.2 and CVE-2011-0411: what came in clear behind the command must not be taken as protected.
  if (!wire_.pending().empty())
    co_return say({421, "4.7.0", "nothing may follow STARTTLS before the handshake; goodbye", true});
  say({220, "2.0.0", "go ahead"});
  Task<bool> flushing = wire_.flush();
  if (!(co_await flushing)) co_return void(ended_ = true);
  Task<Result<void>> shaking = wire_.stream().tls_accept(options_.tls, loop_.now() + kTlsTime);
  if (const Result<void> done = co_await shaking; !done) co_return void(ended_ = true);
  reset();  // and everything said before is forgotten
  info_.helo.clear();
  info_.esmtp = false;
  info_.auth_user.clear();
  info_.tls = wire_.stream().tls();
}

Task<void> Session::auth(std::string arguments) {
  if (!info_.auth_user.empty()) co_return say({503, "5.5.1", "you are authenticated already"});
  if (in_transaction()) co_return say({503, "5.5.1", "AUTH comes before MAIL"});
  const Verb words = parse_verb(arguments);
  if (words.name.empty()) co_return say({501, "5.5.4", "say AUTH and a mechanism"});
  if (!may_auth())
    co_return say(options_.tls && !info_.tls && info_.esmtp
                      ? Reply{538, "5.7.11", "STARTTLS first: no passwords in clear"}
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
    Task<Line> reading = wire_.read_line(kMaxAuthLine, loop_.now() + kCommandTime);
    const Line line = co_await reading;
    if (line.kind != Line::Kind::kLine) co_return bad_line(line.kind);
    if (line.text == "*") co_return say({501, "5.7.0", "cancelled"});  // RFC 4954 §4
    const auto answer = text::unbase64(line.text);
    if (!answer) co_return say({501, "5.5.2", "that is not base64"});
    Task<AuthStep> continuing = policy_->auth_continue(*answer);
    step = co_await continuing;
  }
  if (step.kind == AuthStep::Kind::kFailure) {
    say(step.failure);
    if (step.failure.code >= 500 && ++auth_failures_ >= kMaxAuthFailures)
      say({421, "4.7.0", options_.hostname + ": too many failed logins; goodbye", true});
    co_return;
  }
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
    co_return say(too_large());
  if (parsed->requiretls && !info_.tls) co_return say({530, "5.7.0", "REQUIRETLS needs TLS on this connection"});
  if (!parsed->smtputf8 && !text::is_ascii(parsed->reverse_path))
    co_return say({553, "5.6.7", "that address needs the SMTPUTF8 parameter"});  // RFC 6531 §3.5
  if (!text::is_utf8(parsed->reverse_path)) co_return say({501, "5.1.7", "the address is not UTF-8"});
  if (parsed->held()) {
    if (options_.max_hold.count() == 0) co_return say({555, "5.5.4", "that MAIL parameter is not known here"});
    if (parsed->hold_for.value_or(seconds(0)) > options_.max_hold ||
        (parsed->hold_until && *parsed->hold_until > loop_.now() + options_.max_hold))
      co_return say(
          {501, "5.5.4",
           "that is too late: " + std::to_string(options_.max_hold.count()) + " seconds from now is the most"});
  }
  Task<Reply> asking = policy_->on_mail(info_, *parsed);
  const Reply reply = co_await asking;
  if (reply.ok()) mail_ = *parsed;
  say(reply);
}

Task<void> Session::rcpt(std::string arguments) {
  if (!in_transaction()) co_return say({503, "5.5.1", "MAIL comes first"});
  if (++rcpt_commands_ > kMaxRcptCommands)
    co_return say({421, "4.7.0", "that is more than enough recipients; goodbye", true});
  if (recipients_ >= options_.max_recipients)  // RFC 5321 §4.5.3.1.10
    co_return say({452, "4.5.3", "too many recipients; send the message again for the rest"});
  const auto parsed = parse_rcpt(arguments);
  if (!parsed) co_return say(from_error(parsed.error()));
  if (!text::is_utf8(parsed->address)) co_return say({501, "5.1.3", "the address is not UTF-8"});
  if (!mail_->smtputf8 && !text::is_ascii(parsed->address))
    co_return say({553, "5.6.7", "that address needs SMTPUTF8 in MAIL"});
  Task<Reply> asking = policy_->on_rcpt(info_, *parsed);
  const Reply reply = co_await asking;
  recipients_ += reply.ok();
  say(reply);
}

// Waits for content; says goodbye itself when none comes.
Task<Wire::Got> Session::more_content(Time end) {
  Task<Wire::Got> filling = wire_.fill(kContentBlock, std::min<Time>(end, loop_.now() + kDataBlockTime));
  const Wire::Got got = co_await filling;
  if (got != Wire::Got::kOctets) bad_line(got == Wire::Got::kTimeout ? Line::Kind::kTimeout : Line::Kind::kEnd);
  co_return got;
}

Task<void> Session::data() {
  if (!in_transaction()) co_return say({503, "5.5.1", "MAIL and RCPT come first"});
  if (recipients_ == 0) co_return say({554, "5.5.1", "there is no valid recipient"});
  if (mail_->body_binary) co_return say({503, "5.5.1", "BINARYMIME goes by BDAT (RFC 3030 §3)"});
  if (!memory_.grow_to(kContentBlock)) co_return say({452, "4.3.1", "the server is short of memory; try again later"});
  say({354, "", "Start mail input; end with <CRLF>.<CRLF>"});

  DataScanner scanner(options_.max_size);
  const Time end = loop_.now() + kMessageTime;
  for (;;) {
    wire_.consume(scanner.feed(wire_.pending()));
    if (!memory_.grow_to(kContentBlock + scanner.held()))
      co_return say({421, "4.3.1", "the server is short of memory; try again later", true});
    if (scanner.done()) break;
    Task<Wire::Got> waiting = more_content(end);
    const Wire::Got got = co_await waiting;
    if (got != Wire::Got::kOctets) co_return;
  }
  std::optional<Reply> refusal;
  if (scanner.bare_line_end())
    refusal = Reply{550, "5.6.0", "lines end with CR LF: a CR or LF alone is not accepted"};
  else if (scanner.has_nul())
    refusal = Reply{550, "5.6.0", "NUL is not allowed in a message"};
  else if (scanner.line_too_long())
    refusal = Reply{550, "5.6.0", "a line is longer than a mebibyte"};
  else if (scanner.too_large())
    refusal = too_large();
  if (refusal) {
    say_for_message(*refusal);
    co_return reset();
  }
  Task<void> finishing = finish_message(scanner.take());
  co_await finishing;
}

// RFC 3030 §2: exactly that many octets follow, whatever the answer.
Task<void> Session::bdat(std::string arguments) {
  const Verb words = parse_verb(arguments);
  const auto size = text::parse_u64(words.name);
  const bool last = text::iequals(words.arguments, "LAST");
  if (!size || (!last && !words.arguments.empty()))
    co_return say(
        {501, "5.5.4", "BDAT wants a size: without it nobody knows where the next command is; goodbye", true});
  if (*size > 2 * options_.max_size) co_return say({552, "5.3.4", "the chunk is far too large; goodbye", true});
  if (chunking_ && loop_.now() >= chunks_end_) co_return bad_line(Line::Kind::kTimeout);
  std::optional<Reply> refusal;
  if (!in_transaction())
    refusal = Reply{503, "5.5.1", "MAIL and RCPT come first"};
  else if (recipients_ == 0)
    refusal = Reply{554, "5.5.1", "there is no valid recipient"};
  else if (chunk_failed_)
    refusal = Reply{503, "5.5.1", "a chunk failed before; RSET"};
  else if (chunks_.size() + *size > options_.max_size)
    refusal = too_large();
  else if (!memory_.grow_to(chunks_.size() + static_cast<size_t>(*size) + kContentBlock))
    refusal = Reply{452, "4.3.1", "the server is short of memory; try again later"};

  if (chunks_.empty() && !chunking_) chunks_end_ = loop_.now() + kMessageTime;
  for (uint64_t left = *size;;) {
    const std::string_view part = wire_.pending().substr(0, static_cast<size_t>(std::min<uint64_t>(left, SIZE_MAX)));
    if (!refusal) chunks_ += part;
    left -= part.size();
    wire_.consume(part.size());
    if (left == 0) break;
    Task<Wire::Got> waiting = more_content(chunks_end_);
    const Wire::Got got = co_await waiting;
    if (got != Wire::Got::kOctets) co_return;
  }
  if (!refusal && last && !mail_->body_binary && chunks_.find('\0') != chunks_.npos)
    refusal = Reply{550, "5.6.0", "NUL is allowed with BODY=BINARYMIME only"};
  if (refusal) {
    chunk_failed_ = in_transaction();
    chunking_ = chunk_failed_ && !last;
    if (!last) co_return say(*refusal);
    say_for_message(*refusal);
    co_return reset();
  }
  chunking_ = !last;
  if (!last) co_return say({250, "2.0.0", std::to_string(*size) + " octets received"});
  Task<void> finishing = finish_message(std::exchange(chunks_, {}));
  co_await finishing;
}

// The memory is held until the policy has done with the message.
Task<void> Session::finish_message(std::string content) {
  ++messages_;
  idle_commands_ = 0;
  Task<std::vector<Reply>> asking = policy_->on_message(info_, std::move(content));
  std::vector<Reply> replies = co_await asking;
  replies.resize(info_.lmtp ? recipients_ : 1, Reply{451, "4.3.0", "nothing became of it; try again later"});
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

std::string ClientInfo::protocol(bool smtputf8) const {
  if (!esmtp) return "SMTP";
  return std::string(smtputf8 ? "UTF8" : "") +
         (lmtp       ? "LMTP"
          : smtputf8 ? "SMTP"
                     : "ESMTP") +
         (tls ? "S" : "") + (auth_user.empty() ? "" : "A");
}

Task<AuthStep> ServerPolicy::auth_start(ClientInfo, std::string, std::optional<std::string>) {
  co_return AuthStep{AuthStep::Kind::kFailure, "", "", {504, "5.5.4", "no mechanism is offered"}};
}
Task<AuthStep> ServerPolicy::auth_continue(std::string) {
  co_return AuthStep{AuthStep::Kind::kFailure, "", "", {504, "5.5.4", "no mechanism is offered"}};
}

bool MemoryBudget::Share::grow_to(size_t octets) {
  if (octets <= held_) return true;
  const auto more = static_cast<int64_t>(octets - held_);
  if ((budget_->left_ -= more) < 0) {
    budget_->left_ += more;
    return false;
  }
  held_ = octets;
  return true;
}

void MemoryBudget::Share::release() { budget_->left_ += static_cast<int64_t>(std::exchange(held_, 0)); }

Task<void> serve(std::unique_ptr<net::Stream> stream, ServerOptions options, std::shared_ptr<ServerPolicy> policy,
                 std::shared_ptr<MemoryBudget> budget) {
  Session session(std::move(stream), std::move(options), std::move(policy), std::move(budget));
  Task<void> running = session.run();
  co_await running;
}

}  // namespace pabal::smtp
