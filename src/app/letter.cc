#include "app/letter.h"

#include <fmt/format.h>

#include "base/text.h"
#include "message/build.h"
#include "message/date.h"

namespace pabal::app {
namespace {

constexpr seconds kPatience{20};
constexpr size_t kMaxReply = 1 << 20;

// A dialogue of lines over a stream, as a mail program has it.
class Dialogue {
 public:
  Dialogue(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}
  net::Stream& stream() { return *stream_; }

  Task<Result<void>> send(std::string text) {
    Task<Result<void>> writing = stream_->write(text, deadline());
    co_return co_await writing;
  }
  Task<Result<std::string>> line() {
    for (;;) {
      if (const size_t at = buffer_.find("\r\n"); at != buffer_.npos) {
        std::string out = buffer_.substr(0, at);
        buffer_.erase(0, at + 2);
        co_return out;
      }
      if (buffer_.size() > kMaxReply) co_return Error{Code::kLimit, "the server's line does not end"};
      char block[4096];
      Task<Result<size_t>> reading = stream_->read(block, deadline());
      const Result<size_t> got = co_await reading;
      if (!got) co_return got.error();
      if (*got == 0) co_return Error{Code::kClosed, "the server closed the connection"};
      buffer_.append(block, *got);
    }
  }
  // SMTP: the last line of a reply; an error unless it begins with `code`.
  Task<Result<std::string>> reply(std::string code) {
    for (;;) {
      Task<Result<std::string>> reading = line();
      Result<std::string> got = co_await reading;
      if (!got) co_return got;
      if (got->size() > 3 && (*got)[3] == '-') continue;
      if (!got->starts_with(code)) co_return Error{Code::kDenied, "the server answered: " + *got};
      co_return got;
    }
  }
  Task<Result<std::string>> ask(std::string command, std::string code) {
    Task<Result<void>> sending = send(command + "\r\n");
    if (const Result<void> sent = co_await sending; !sent) co_return sent.error();
    Task<Result<std::string>> replying = reply(code);
    co_return co_await replying;
  }
  // IMAP: everything up to the tagged line, literals included; an error unless that says OK.
  Task<Result<std::string>> command(std::string text) {
    const std::string tag = fmt::format("b{}", ++tags_);
    Task<Result<void>> sending = send(tag + " " + text + "\r\n");
    if (const Result<void> sent = co_await sending; !sent) co_return sent.error();
    std::string all;
    for (;;) {
      Task<Result<std::string>> reading = line();
      Result<std::string> got = co_await reading;
      if (!got) co_return got;
      if (got->starts_with(tag + " OK")) co_return all;
      if (got->starts_with(tag + " ")) co_return Error{Code::kDenied, "the server answered: " + *got};
      all += *got + "\r\n";
      if (all.size() > kMaxReply) co_return Error{Code::kLimit, "the server's answer does not end"};
    }
  }

 private:
  Time deadline() const { return stream_->loop().now() + kPatience; }
  std::unique_ptr<net::Stream> stream_;
  std::string buffer_;
  int tags_ = 0;
};

struct Step {
  std::string command, code, shown;
};

Task<Result<std::string>> idle_until_exists(Dialogue& mail) {
  Task<Result<void>> sending = mail.send("i IDLE\r\n");
  if (const Result<void> sent = co_await sending; !sent) co_return sent.error();
  for (;;) {
    Task<Result<std::string>> reading = mail.line();
    Result<std::string> got = co_await reading;
    if (!got) co_return got;
    if (got->starts_with("i ")) co_return Error{Code::kDenied, "the server answered: " + *got};
    if (got->ends_with(" EXISTS")) break;
  }
  Task<Result<void>> ending = mail.send("DONE\r\n");
  if (const Result<void> sent = co_await ending; !sent) co_return sent.error();
  for (;;) {
    Task<Result<std::string>> reading = mail.line();
    Result<std::string> got = co_await reading;
    if (!got || got->starts_with("i ")) co_return got;
  }
}

// The octets of the first literal in a FETCH answer: {N}CRLF, then N octets.
std::string first_literal(const std::string& answer) {
  const size_t open = answer.find('{');
  const size_t close = answer.find("}\r\n", open);
  if (open == answer.npos || close == answer.npos) return answer;
  const auto size = text::parse_u64(std::string_view(answer).substr(open + 1, close - open - 1));
  return size ? answer.substr(close + 3, *size) : answer;
}

}  // namespace

Letter first_letter(Random& random, Time now) {
  Letter letter;
  letter.message_id = message::new_message_id(random, now, "example.com");
  letter.content = fmt::format(
      "From: Alice <alice@example.com>\r\nTo: Bob <bob@univ.edu>\r\nSubject: A letter from Alice\r\nDate: "
      "{}\r\nMessage-ID: {}\r\n"
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
      "Dear Bob,\r\n\r\nthis letter went from my mail program to my server, waited in its queue, asked DNS for "
      "yours,\r\n"
      "crossed over by SMTP with STARTTLS, and lay in your mailbox before you read it.\r\n\r\n"
      "파발이 도착했습니다.\r\n\r\nAlice\r\n",
      message::format_date(now), letter.message_id);
  return letter;
}

Task<Result<std::string>> send_letter(net::Loop& loop, net::Network& network, net::Address server, std::string password,
                                      Letter letter, Say say) {
  Task<Result<std::unique_ptr<net::Stream>>> connecting = network.connect(loop, server, "", loop.now() + kPatience);
  Result<std::unique_ptr<net::Stream>> stream = co_await connecting;
  if (!stream) co_return stream.error();
  Dialogue smtp(std::move(*stream));
  Task<Result<std::string>> greeting = smtp.reply("220");
  if (const Result<std::string> got = co_await greeting; !got) co_return got.error();

  const std::string plain = text::base64(std::string("\0alice@example.com\0", 19) + password);
  std::vector<Step> before, after;  // filled by push_back: g++ 12 mishandles initializer lists in coroutines
  before.push_back({"EHLO alices-laptop.example.com", "250", ""});
  before.push_back({"STARTTLS", "220", "STARTTLS"});
  after.push_back({"EHLO alices-laptop.example.com", "250", ""});
  after.push_back({"AUTH PLAIN " + plain, "235", "AUTH PLAIN (alice@example.com)"});
  after.push_back({"MAIL FROM:<alice@example.com> BODY=8BITMIME", "250", "MAIL FROM:<alice@example.com>"});
  after.push_back({"RCPT TO:<bob@univ.edu>", "250", "RCPT TO:<bob@univ.edu>"});
  after.push_back({"DATA", "354", "DATA"});
  say("Alice's mail program submits to " + server.text() + ":");
  for (const Step& step : before) {
    Task<Result<std::string>> asking = smtp.ask(step.command, step.code);
    if (const Result<std::string> got = co_await asking; !got) co_return got.error();
    if (!step.shown.empty()) say("  C: " + step.shown);
  }
  net::TlsClientOptions tls;
  tls.server_name = "mail.example.com";
  Task<Result<void>> handshake = smtp.stream().tls_connect(tls, loop.now() + kPatience);
  if (const Result<void> done = co_await handshake; !done) co_return done.error();
  say("     " + smtp.stream().tls()->version + " " + smtp.stream().tls()->cipher);
  for (const Step& step : after) {
    Task<Result<std::string>> asking = smtp.ask(step.command, step.code);
    if (const Result<std::string> got = co_await asking; !got) co_return got.error();
    if (!step.shown.empty()) say("  C: " + step.shown);
  }
  Task<Result<std::string>> sending = smtp.ask(letter.content + ".", "250");  // no line of it begins with a dot
  Result<std::string> queued = co_await sending;
  if (!queued) co_return queued;
  say("  S: " + *queued);
  Task<Result<std::string>> quitting = smtp.ask("QUIT", "221");
  static_cast<void>(co_await quitting);  // the answer tells nothing new
  co_return queued;
}

Task<Result<std::string>> read_letter(net::Loop& loop, net::Network& network, net::Address server, std::string password,
                                      std::string message_id, Say say) {
  Task<Result<std::unique_ptr<net::Stream>>> connecting = network.connect(loop, server, "", loop.now() + kPatience);
  Result<std::unique_ptr<net::Stream>> stream = co_await connecting;
  if (!stream) co_return stream.error();
  net::TlsClientOptions tls;
  tls.server_name = "mail.univ.edu";
  Task<Result<void>> handshake = (*stream)->tls_connect(tls, loop.now() + kPatience);
  if (const Result<void> done = co_await handshake; !done) co_return done.error();
  Dialogue imap(std::move(*stream));
  Task<Result<std::string>> greeting = imap.line();
  if (const Result<std::string> got = co_await greeting; !got) co_return got.error();

  say("\nBob's mail program opens " + server.text() + " over " + imap.stream().tls()->version + ":");
  Task<Result<std::string>> logging_in = imap.command("LOGIN bob@univ.edu " + password);
  if (const Result<std::string> got = co_await logging_in; !got) co_return got.error();
  say("  C: LOGIN bob@univ.edu");
  Task<Result<std::string>> selecting = imap.command("SELECT INBOX");
  if (const Result<std::string> got = co_await selecting; !got) co_return got.error();
  say("  C: SELECT INBOX");
  for (;;) {
    Task<Result<std::string>> searching = imap.command("UID SEARCH HEADER Message-ID \"" + message_id + "\"");
    const Result<std::string> found = co_await searching;
    if (!found) co_return found.error();
    const size_t at = found->find("* SEARCH ");
    if (at != found->npos) {
      const std::string uid(text::trim(found->substr(at + 9, found->find("\r\n", at) - at - 9)));
      say("  C: UID FETCH " + uid + " BODY[]");
      Task<Result<std::string>> fetching = imap.command("UID FETCH " + uid + " BODY[]");
      const Result<std::string> answer = co_await fetching;
      if (!answer) co_return answer.error();
      Task<Result<std::string>> leaving = imap.command("LOGOUT");
      static_cast<void>(co_await leaving);
      co_return first_literal(*answer);
    }
    say("  C: IDLE");
    Task<Result<std::string>> idling = idle_until_exists(imap);
    if (const Result<std::string> got = co_await idling; !got) co_return got.error();
  }
}

}  // namespace pabal::app
