#include "smtp/client.h"

#include <algorithm>

#include "base/text.h"
#include "smtp/limits.h"

namespace pabal::smtp {
namespace {

// RFC 5321 §4.5.3.2
constexpr minutes kGreetingTime{5}, kMailTime{5}, kRcptTime{5}, kDataStartTime{2}, kDataEndTime{10}, kWriteTime{3};
constexpr seconds kQuitTime{5};

// "5.1.1 text": the code of RFC 2034 §4 at the start of a line.
std::string_view enhanced_of(std::string_view line) {
  size_t at = 0, dots = 0;
  while (at < line.size() && (text::is_digit(line[at]) || line[at] == '.')) dots += line[at++] == '.';
  const bool whole = dots == 2 && at >= 5 && (at == line.size() || line[at] == ' ');
  return whole && (line[0] == '2' || line[0] == '4' || line[0] == '5') ? line.substr(0, at) : std::string_view();
}

ServerReply local_refusal(int code, std::string enhanced, std::string text) {
  ServerReply reply;
  reply.code = code;
  reply.enhanced = std::move(enhanced);
  reply.lines.push_back(std::move(text));
  return reply;
}

// An address goes between "<" and ">" on a line: nothing in it may end either.
bool fits_a_path(std::string_view address) {
  return std::none_of(address.begin(), address.end(),
                      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F || c == '<' || c == '>'; });
}

std::string mail_command(const Outgoing& message, const Extensions& extensions) {
  const MailParams& mail = message.mail;
  std::string line = "MAIL FROM:<" + mail.reverse_path + ">";
  if (extensions.size) line += " SIZE=" + std::to_string(message.content.size());
  if (mail.body_binary)
    line += " BODY=BINARYMIME";
  else if (mail.body_8bit && extensions.eight_bit)
    line += " BODY=8BITMIME";
  if (mail.smtputf8) line += " SMTPUTF8";
  if (mail.requiretls) line += " REQUIRETLS";
  if (extensions.dsn && !mail.ret.empty()) line += " RET=" + mail.ret;
  if (extensions.dsn && !mail.envid.empty()) line += " ENVID=" + encode_xtext(mail.envid);
  return line;
}

std::string rcpt_command(const OutgoingRcpt& rcpt, const Extensions& extensions) {
  std::string line = "RCPT TO:<" + rcpt.address + ">";
  if (!extensions.dsn) return line;
  if (rcpt.notify) {
    std::vector<std::string> words;
    if (rcpt.notify & kNever) words.emplace_back("NEVER");
    if (rcpt.notify & kSuccess) words.emplace_back("SUCCESS");
    if (rcpt.notify & kFailure) words.emplace_back("FAILURE");
    if (rcpt.notify & kDelay) words.emplace_back("DELAY");
    line += " NOTIFY=" + text::join(words, ",");
  }
  const size_t semicolon = rcpt.orcpt.find(';');
  if (semicolon == rcpt.orcpt.npos) return line;
  const std::string_view address = std::string_view(rcpt.orcpt).substr(semicolon + 1);
  // RFC 6533 §3: UTF-8 goes as it is, where SMTPUTF8 is spoken; else it is left out.
  if (!text::is_ascii(address) && !extensions.smtputf8) return line;
  return line + " ORCPT=" + rcpt.orcpt.substr(0, semicolon + 1) +
         (text::is_ascii(address) ? encode_xtext(address) : std::string(address));
}

}  // namespace

std::string ServerReply::text() const {
  std::string out = std::to_string(code);
  if (!enhanced.empty()) out += " " + enhanced;
  for (const std::string& line : lines) out += " " + line;
  return out;
}

std::string to_data(std::string_view content) {
  std::string out;
  out.reserve(content.size() + content.size() / 50 + 8);
  bool line_start = true;
  for (size_t at = 0; at < content.size();) {
    if (line_start && content[at] == '.') out += '.';
    const size_t end = std::min(content.find_first_of("\r\n", at), content.size());
    out.append(content, at, end - at);
    at = end;
    line_start = at < content.size();
    if (!line_start) break;
    out += "\r\n";
    at += content[at] == '\r' && at + 1 < content.size() && content[at + 1] == '\n' ? 2 : 1;
  }
  if (!line_start && !content.empty()) out += "\r\n";
  return out + ".\r\n";
}

std::optional<std::string> without_bare_line_ends(std::string_view content) {
  std::string out;
  size_t done = 0;  // of content: what is in `out`
  for (size_t at = 0; (at = content.find_first_of("\r\n", at)) != content.npos;) {
    if (content.substr(at).starts_with("\r\n")) {
      at += 2;
      continue;
    }
    out.append(content, done, at - done).append("\r\n");
    done = ++at;
  }
  if (done == 0) return {};
  return out.append(content, done);
}

ClientConnection::ClientConnection(std::unique_ptr<net::Stream> stream, std::string hostname)
    : stream_(std::move(stream)), hostname_(std::move(hostname)) {}

Task<Result<ServerReply>> ClientConnection::read_reply(Duration patience) {
  ServerReply reply;
  const Time deadline = stream_->loop().now() + patience;
  for (;;) {
    const size_t lf = in_.find('\n');
    if (lf == in_.npos) {
      if (in_.size() > kMaxReplyLine) {
        usable_ = false;
        co_return Error{Code::kInvalid, "the server's reply line does not end"};
      }
      char block[4096];
      Task<Result<size_t>> reading = stream_->read(block, deadline);
      const Result<size_t> got = co_await reading;
      if (!got || *got == 0) {
        usable_ = false;
        co_return got ? Error{Code::kClosed, "the server closed the connection"} : got.error();
      }
      in_.append(block, *got);
      continue;
    }
    std::string line = in_.substr(0, lf);
    in_.erase(0, lf + 1);
    while (!line.empty() && line.back() == '\r') line.pop_back();
    const auto code = text::parse_u64(std::string_view(line).substr(0, 3));
    const bool more = line.size() > 3 && line[3] == '-';
    if (!code || *code < 200 || *code > 599 || line.size() < 3 || (line.size() > 3 && !more && line[3] != ' ') ||
        (reply.code != 0 && reply.code != static_cast<int>(*code)) || reply.lines.size() >= kMaxReplyLines) {
      usable_ = false;
      co_return Error{Code::kInvalid, "the server does not speak SMTP: " + text::printable(line, 100)};
    }
    reply.code = static_cast<int>(*code);
    std::string_view rest = line.size() > 4 ? std::string_view(line).substr(4) : std::string_view();
    if (const std::string_view enhanced = enhanced_of(rest); !enhanced.empty()) {
      reply.enhanced = enhanced;
      rest = text::trim(rest.substr(enhanced.size()));
    }
    reply.lines.emplace_back(rest);
    if (!more) co_return reply;
  }
}

Task<Result<void>> ClientConnection::write(std::string text) {
  Task<Result<void>> writing =
      stream_->write(text, stream_->loop().now() + kWriteTime + milliseconds(text.size() / 10));
  Result<void> done = co_await writing;
  if (!done) usable_ = false;
  co_return done;
}

Task<Result<ServerReply>> ClientConnection::ask(std::string command, Duration patience) {
  Task<Result<void>> writing = write(command + "\r\n");
  if (const Result<void> done = co_await writing; !done) co_return done.error();
  Task<Result<ServerReply>> reading = read_reply(patience);
  co_return co_await reading;
}

Task<Result<void>> ClientConnection::hello(bool lmtp) {
  lmtp_ = lmtp;
  Task<Result<ServerReply>> reading = read_reply(kGreetingTime);
  const Result<ServerReply> greeting = co_await reading;
  if (!greeting) co_return greeting.error();
  if (greeting->code != 220) {
    usable_ = false;
    co_return Error{greeting->code >= 500 ? Code::kDenied : Code::kUnavailable, greeting->text()};
  }
  Task<Result<void>> helloing = ehlo();
  co_return co_await helloing;
}

Task<Result<void>> ClientConnection::ehlo() {
  extensions_ = {};
  Task<Result<ServerReply>> asking = ask((lmtp_ ? "LHLO " : "EHLO ") + hostname_, kMailTime);
  Result<ServerReply> reply = co_await asking;
  if (!reply) co_return reply.error();
  if (reply->code >= 500 && !lmtp_) {  // RFC 5321 §3.2: an old server
    Task<Result<ServerReply>> again = ask("HELO " + hostname_, kMailTime);
    reply = co_await again;
    if (!reply) co_return reply.error();
    reply->lines.resize(1);
  }
  if (reply->code != 250) {
    usable_ = false;
    co_return Error{reply->code >= 500 ? Code::kDenied : Code::kUnavailable, reply->text()};
  }
  for (size_t i = 1; i < reply->lines.size(); ++i) {
    const auto words = text::split(text::trim(reply->lines[i]), ' ');
    const std::string name = text::uppered(words[0]);
    if (name == "PIPELINING")
      extensions_.pipelining = true;
    else if (name == "8BITMIME")
      extensions_.eight_bit = true;
    else if (name == "SMTPUTF8")
      extensions_.smtputf8 = true;
    else if (name == "CHUNKING")
      extensions_.chunking = true;
    else if (name == "BINARYMIME")
      extensions_.binary = true;
    else if (name == "DSN")
      extensions_.dsn = true;
    else if (name == "STARTTLS")
      extensions_.starttls = true;
    else if (name == "REQUIRETLS")
      extensions_.requiretls = true;
    else if (name == "SIZE") {
      extensions_.size = true;  // RFC 1870
      if (words.size() > 1) extensions_.max_size = text::parse_u64(words[1]).value_or(0);
    } else if (name == "LIMITS") {
      for (const std::string_view word : words) {
        if (text::istarts_with(word, "RCPTMAX="))
          extensions_.max_recipients =
              std::clamp<uint64_t>(text::parse_u64(word.substr(8)).value_or(100), 1, kMaxRecipients);
        if (text::istarts_with(word, "MAILMAX="))
          extensions_.max_messages = text::parse_u64(word.substr(8)).value_or(0);
      }
    } else if (name == "AUTH") {
      for (size_t k = 1; k < words.size(); ++k) extensions_.auth.push_back(text::uppered(words[k]));
    }
  }
  co_return Result<void>();
}

Task<Result<void>> ClientConnection::starttls(net::TlsClientOptions options) {
  Task<Result<ServerReply>> asking = ask("STARTTLS", kMailTime);
  const Result<ServerReply> reply = co_await asking;
  if (!reply) co_return reply.error();
  usable_ = false;
  if (reply->code != 220) co_return Error{Code::kUnavailable, reply->text()};
  // CVE-2021-38371: what came in clear behind the 220 is nobody's.
  if (!in_.empty()) co_return Error{Code::kInvalid, "the server sent octets in clear after its answer to STARTTLS"};
  Task<Result<void>> shaking = stream_->tls_connect(std::move(options), stream_->loop().now() + kTlsTime);
  if (const Result<void> done = co_await shaking; !done) co_return done;
  usable_ = true;
  Task<Result<void>> helloing = ehlo();
  co_return co_await helloing;
}

std::optional<Error> ClientConnection::cannot_carry(const Outgoing& message) const {
  if (message.mail.smtputf8 && !extensions_.smtputf8)  // RFC 6531 §3.2
    return Error{Code::kUnsupported, "5.6.7 the next server does not take internationalised addresses (SMTPUTF8)"};
  if (message.mail.requiretls && !(extensions_.requiretls && stream_->tls()))  // RFC 8689 §4.2.1
    return Error{Code::kUnsupported, "5.7.30 REQUIRETLS was asked for, and the next server does not offer it"};
  if (message.mail.body_binary && !(extensions_.binary && extensions_.chunking))
    return Error{Code::kUnsupported, "5.6.3 the next server does not take binary content"};
  const bool fits = fits_a_path(message.mail.reverse_path) &&
                    std::all_of(message.recipients.begin(), message.recipients.end(),
                                [](const OutgoingRcpt& r) { return fits_a_path(r.address); });
  if (!fits) return Error{Code::kInvalid, "5.1.3 an address cannot be written on a line"};
  if (extensions_.max_size > 0 && message.content.size() > extensions_.max_size)
    return Error{Code::kUnsupported, "5.3.4 the message is larger than the next server takes (" +
                                         std::to_string(extensions_.max_size) + " octets)"};
  return {};
}

// One command (none: it has been sent) and its reply, where 3xx has no place. 421 is the end (RFC 5321 §3.8), whatever
// it answers.
Task<Result<ServerReply>> ClientConnection::step(std::string command, Duration patience) {
  if (!command.empty()) {
    Task<Result<void>> writing = write(command + "\r\n");
    if (const Result<void> done = co_await writing; !done) co_return done.error();
  }
  Task<Result<ServerReply>> reading = read_reply(patience);
  Result<ServerReply> reply = co_await reading;
  if (!reply) co_return reply;
  if (reply->code == 421) {
    usable_ = false;
    co_return Error{Code::kUnavailable, reply->text()};
  }
  if (reply->code >= 300 && reply->code < 400 && reply->code != 354) {
    usable_ = false;
    co_return Error{Code::kInvalid, "the server's reply has no meaning here: " + reply->text()};
  }
  co_return reply;
}

Task<void> ClientConnection::reset() {
  Task<Result<ServerReply>> asking = step("RSET", kMailTime);
  const Result<ServerReply> reply = co_await asking;
  if (!reply || reply->code != 250) usable_ = false;
}

// MAIL, RCPT and DATA. RFC 2920 §3.1: together; without PIPELINING one by one, and nothing in vain. Refused recipients
// get their reply; `go_ahead` comes back true when the content must follow.
Task<std::optional<Error>> ClientConnection::envelope(const Outgoing& message, std::vector<ServerReply>& recipients,
                                                      bool& go_ahead) {
  const bool chunked = message.mail.body_binary, together = extensions_.pipelining;
  std::string mail = mail_command(message, extensions_);
  std::vector<std::string> rcpts;
  for (const OutgoingRcpt& rcpt : message.recipients) rcpts.push_back(rcpt_command(rcpt, extensions_));
  if (together) {
    std::string all = std::exchange(mail, {}) + "\r\n";
    for (std::string& rcpt : rcpts) all += std::exchange(rcpt, {}) + "\r\n";
    if (!chunked) all += "DATA\r\n";
    Task<Result<void>> writing = write(std::move(all));
    if (const Result<void> done = co_await writing; !done) co_return done.error();
  }
  ++messages_;
  Task<Result<ServerReply>> first = step(mail, kMailTime);
  const Result<ServerReply> from = co_await first;
  if (!from) co_return from.error();
  if (from->code >= 300) std::fill(recipients.begin(), recipients.end(), *from);
  if (from->code >= 300 && !together) co_return std::nullopt;

  size_t taken = 0;
  for (size_t i = 0; i < rcpts.size(); ++i) {
    Task<Result<ServerReply>> next = step(rcpts[i], kRcptTime);
    Result<ServerReply> to = co_await next;
    if (!to) co_return to.error();
    if (from->code >= 300) continue;
    if (to->code >= 300)
      recipients[i] = std::move(*to);
    else
      ++taken;
  }
  if (!chunked && (together || taken > 0)) {
    Task<Result<ServerReply>> last = step(together ? "" : "DATA", kDataStartTime);
    const Result<ServerReply> data = co_await last;
    if (!data) co_return data.error();
    if (data->code == 354) {
      go_ahead = true;
      co_return std::nullopt;
    }
    if (data->code < 400) {  // it would take our next command for the message, or has lost its way
      usable_ = false;
      co_return Error{Code::kInvalid, "the server's answer to DATA has no meaning: " + data->text()};
    }
    for (ServerReply& reply : recipients)
      if (reply.code == 0) reply = *data;
    taken = 0;
  }
  go_ahead = taken > 0;
  if (!go_ahead) {
    Task<void> resetting = reset();
    co_await resetting;
  }
  co_return std::nullopt;
}

// The message for those not decided yet. A server that said 354 with no recipient left gets an empty one (RFC 2920
// §3.1).
Task<std::optional<Error>> ClientConnection::content(const Outgoing& message, std::vector<ServerReply>& recipients) {
  const bool anybody =
      std::any_of(recipients.begin(), recipients.end(), [](const ServerReply& reply) { return reply.code == 0; });
  std::string octets = message.mail.body_binary ? "BDAT " + std::to_string(message.content.size()) + " LAST\r\n" +
                                                      std::string(message.content)
                                                : to_data(anybody ? message.content : std::string_view());
  Task<Result<void>> writing = write(std::move(octets));
  const Result<void> written = co_await writing;
  // A server may refuse and close in the middle: its last words say why.
  const Duration patience = written ? Duration(kDataEndTime) : Duration(kQuitTime);
  std::optional<ServerReply> last;
  for (ServerReply& recipient : recipients) {
    if (recipient.code != 0 && (anybody || last)) continue;
    if (!last || lmtp_) {  // one reply for all; in LMTP one for each recipient that was taken (RFC 2033 §4.2)
      Task<Result<ServerReply>> reading = step("", patience);
      Result<ServerReply> reply = co_await reading;
      if (!reply) {
        in_doubt_ = written && reply.code() != Code::kUnavailable;  // 421 is a refusal
        co_return written ? reply.error() : written.error();
      }
      if (reply->code == 354 || (!written && reply->code < 400)) {
        usable_ = false;
        co_return Error{Code::kInvalid, "the server's answer to the message has no meaning: " + reply->text()};
      }
      last = std::move(*reply);
    }
    if (recipient.code == 0) recipient = *last;
  }
  co_return std::nullopt;
}

Task<SendResult> ClientConnection::send(Outgoing message) {
  SendResult result;
  result.recipients.resize(message.recipients.size());
  if (const auto refusal = cannot_carry(message)) {
    const size_t blank = refusal->message.find(' ');
    for (ServerReply& reply : result.recipients)
      reply = local_refusal(550, refusal->message.substr(0, blank), refusal->message.substr(blank + 1));
    co_return result;
  }
  bool go_ahead = false;
  Task<std::optional<Error>> asking = envelope(message, result.recipients, go_ahead);
  result.transport = co_await asking;
  if (result.transport || !go_ahead) co_return result;
  Task<std::optional<Error>> sending = content(message, result.recipients);
  result.transport = co_await sending;
  result.in_doubt = in_doubt_;
  co_return result;
}

Task<void> ClientConnection::quit() {
  if (usable_) {
    Task<Result<ServerReply>> asking = ask("QUIT", kQuitTime);
    const Result<ServerReply> goodbye = co_await asking;  // whatever it is
    static_cast<void>(goodbye);
  }
  usable_ = false;
  stream_->close();
}

}  // namespace pabal::smtp
