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
  Task<Result<void>> writing = stream_->write(text, stream_->loop().now() + kWriteTime + milliseconds(text.size() / 10));
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
    if (name == "PIPELINING") extensions_.pipelining = true;
    else if (name == "8BITMIME") extensions_.eight_bit = true;
    else if (name == "SMTPUTF8") extensions_.smtputf8 = true;
    else if (name == "CHUNKING") extensions_.chunking = true;
    else if (name == "BINARYMIME") extensions_.binary = true;
    else if (name == "DSN") extensions_.dsn = true;
    else if (name == "STARTTLS") extensions_.starttls = true;
    else if (name == "REQUIRETLS") extensions_.requiretls = true;
    else if (name == "SIZE") {
      extensions_.size = true;
      if (words.size() > 1) extensions_.max_size = text::parse_u64(words[1]).value_or(0);
    } else if (name == "LIMITS") {
      for (const std::string_view word : words)
        if (text::istarts_with(word, "RCPTMAX="))
          extensions_.max_recipients = std::clamp<uint64_t>(text::parse_u64(word.substr(8)).value_or(100), 1, kMaxRecipients);
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
  if (reply->code != 220) co_return Error{Code::kUnavailable, reply->text()};
  usable_ = false;
  // CVE-2021-38371: what came in clear behind the 220 is nobody's.
  if (!in_.empty()) co_return Error{Code::kInvalid, "the server sent octets in clear after its answer to STARTTLS"};
  Task<Result<void>> shaking = stream_->tls_connect(std::move(options), stream_->loop().now() + kTlsTime);
  if (const Result<void> done = co_await shaking; !done) co_return done;
  usable_ = true;
  Task<Result<void>> helloing = ehlo();
  co_return co_await helloing;
}

Task<Result<void>> ClientConnection::authenticate(std::string user, std::string password) {
  const auto& offered = extensions_.auth;
  if (std::find(offered.begin(), offered.end(), "PLAIN") == offered.end())
    co_return Error{Code::kUnsupported, "the relay offers no AUTH PLAIN"};
  const std::string secret = std::string(1, '\0') + user + std::string(1, '\0') + password;
  Task<Result<ServerReply>> asking = ask("AUTH PLAIN " + text::base64(secret), kMailTime);
  const Result<ServerReply> reply = co_await asking;
  if (!reply) co_return reply.error();
  if (reply->code != 235) co_return Error{Code::kDenied, reply->text()};
  co_return Result<void>();
}

std::optional<Error> ClientConnection::cannot_carry(const Outgoing& message) const {
  if (message.mail.smtputf8 && !extensions_.smtputf8)  // RFC 6531 §3.2
    return Error{Code::kUnsupported, "5.6.7 the next server does not take internationalised addresses (SMTPUTF8)"};
  if (message.mail.requiretls && !(extensions_.requiretls && stream_->tls()))  // RFC 8689 §4.2.1
    return Error{Code::kUnsupported, "5.7.30 REQUIRETLS was asked for, and the next server does not offer it"};
  if (message.mail.body_binary && !(extensions_.binary && extensions_.chunking))
    return Error{Code::kUnsupported, "5.6.3 the next server does not take binary content"};
  if (extensions_.max_size > 0 && message.content.size() > extensions_.max_size)
    return Error{Code::kUnsupported, "5.3.4 the message is larger than the next server takes (" + std::to_string(extensions_.max_size) + " octets)"};
  return {};
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

  std::vector<std::string> commands;
  std::string mail = "MAIL FROM:<" + message.mail.reverse_path + ">";
  if (extensions_.size) mail += " SIZE=" + std::to_string(message.content.size());
  if (message.mail.body_binary) mail += " BODY=BINARYMIME";
  else if (message.mail.body_8bit && extensions_.eight_bit) mail += " BODY=8BITMIME";
  if (message.mail.smtputf8) mail += " SMTPUTF8";
  if (message.mail.requiretls) mail += " REQUIRETLS";
  if (extensions_.dsn && !message.mail.ret.empty()) mail += " RET=" + message.mail.ret;
  if (extensions_.dsn && !message.mail.envid.empty()) mail += " ENVID=" + encode_xtext(message.mail.envid);
  commands.push_back(std::move(mail));
  for (const OutgoingRcpt& rcpt : message.recipients) {
    std::string line = "RCPT TO:<" + rcpt.address + ">";
    if (extensions_.dsn && rcpt.notify) {
      std::vector<std::string> words;
      if (rcpt.notify & kNever) words.emplace_back("NEVER");
      if (rcpt.notify & kSuccess) words.emplace_back("SUCCESS");
      if (rcpt.notify & kFailure) words.emplace_back("FAILURE");
      if (rcpt.notify & kDelay) words.emplace_back("DELAY");
      line += " NOTIFY=" + text::join(words, ",");
    }
    if (const size_t semicolon = rcpt.orcpt.find(';'); extensions_.dsn && semicolon != rcpt.orcpt.npos)
      line += " ORCPT=" + rcpt.orcpt.substr(0, semicolon + 1) + encode_xtext(rcpt.orcpt.substr(semicolon + 1));
    commands.push_back(std::move(line));
  }
  const bool chunked = message.mail.body_binary;
  if (!chunked) commands.emplace_back("DATA");

  // RFC 2920 §3.1: MAIL, RCPTs and DATA go out together; without PIPELINING one by one.
  std::vector<ServerReply> replies;
  if (extensions_.pipelining) {
    std::string all;
    for (const std::string& command : commands) all += command + "\r\n";
    Task<Result<void>> writing = write(std::move(all));
    if (const Result<void> done = co_await writing; !done) {
      result.transport = done.error();
      co_return result;
    }
  }
  bool give_up = false;
  for (size_t i = 0; i < commands.size() && !give_up; ++i) {
    const bool data_command = !chunked && i + 1 == commands.size();
    // Without pipelining nothing is asked when no recipient was taken.
    if (!extensions_.pipelining) {
      const bool any = std::any_of(replies.begin() + (replies.empty() ? 0 : 1), replies.end(), [](const ServerReply& r) { return r.code < 300; });
      if (data_command && !any) break;
      Task<Result<void>> writing = write(commands[i] + "\r\n");
      if (const Result<void> done = co_await writing; !done) {
        result.transport = done.error();
        co_return result;
      }
    }
    Task<Result<ServerReply>> reading = read_reply(data_command ? Duration(kDataStartTime) : Duration(kRcptTime));
    Result<ServerReply> reply = co_await reading;
    if (!reply) {
      result.transport = reply.error();
      co_return result;
    }
    if (i == 0 && reply->code >= 400 && !extensions_.pipelining) give_up = true;
    replies.push_back(std::move(*reply));
  }

  const ServerReply& mail_reply = replies.front();
  size_t taken = 0;
  for (size_t i = 0; i < result.recipients.size(); ++i) {
    if (mail_reply.code >= 300) result.recipients[i] = mail_reply;
    else if (i + 1 < replies.size() && replies[i + 1].code >= 300) result.recipients[i] = replies[i + 1];
    else ++taken;
  }
  const ServerReply* data_reply = !chunked && replies.size() == commands.size() ? &replies.back() : nullptr;
  const bool go_ahead = data_reply && data_reply->code == 354;
  if (taken == 0 && !go_ahead) {
    Task<Result<ServerReply>> resetting = ask("RSET", kMailTime);
    const Result<ServerReply> reset = co_await resetting;
    if (!reset || reset->code != 250) usable_ = false;
    co_return result;
  }
  if (!chunked && !go_ahead) {
    for (ServerReply& reply : result.recipients)
      if (reply.code == 0) reply = data_reply ? *data_reply : local_refusal(451, "4.5.0", "the server did not take DATA");
    Task<Result<ServerReply>> resetting = ask("RSET", kMailTime);
    const Result<ServerReply> reset = co_await resetting;
    if (!reset || reset->code != 250) usable_ = false;
    co_return result;
  }

  // The content. A server that said 354 with no recipient left gets an empty message, as RFC 2920 §3.1 says.
  std::string content = chunked ? "BDAT " + std::to_string(message.content.size()) + " LAST\r\n" + std::string(message.content)
                        : taken > 0 ? to_data(message.content) : std::string(".\r\n");
  Task<Result<void>> writing = write(std::move(content));
  if (const Result<void> done = co_await writing; !done) {
    result.transport = done.error();
    co_return result;
  }
  // One reply for all; in LMTP one for each recipient that was taken (RFC 2033 §4.2).
  ServerReply last;
  bool have_last = false;
  for (ServerReply& decided : result.recipients) {
    if (decided.code != 0 && !(taken == 0 && !have_last)) continue;
    if (!have_last || lmtp_) {
      Task<Result<ServerReply>> reading = read_reply(kDataEndTime);
      Result<ServerReply> reply = co_await reading;
      if (!reply) {
        result.transport = reply.error();
        co_return result;
      }
      last = std::move(*reply);
      have_last = true;
    }
    if (decided.code == 0) decided = last;
  }
  co_return result;
}

Task<void> ClientConnection::quit() {
  if (usable_) {
    Task<Result<ServerReply>> asking = ask("QUIT", kQuitTime);
    co_await asking;
  }
  usable_ = false;
  stream_->close();
}

}  // namespace pabal::smtp
