// room: smtp
// MAIL and RCPT never crash, their errors are replies, and xtext comes back; DATA reads the same in one piece and in
// many.
#include <string>

#include "base/check.h"
#include "smtp/parser.h"

namespace smtp = pabal::smtp;

namespace {

void check_reply(const pabal::Error& error) {
  PABAL_CHECK(error.message.size() > 10 && error.message[0] == '5' && error.message[3] == ' ' &&
              error.message[4] == '5');
}

void check_printable(std::string_view text) {
  for (const char c : text) PABAL_CHECK(static_cast<unsigned char>(c) >= ' ' && c != 0x7F);
}

struct Scanned {
  std::string content;
  size_t used = 0;
  bool done = false, large = false, bare = false, nul = false, line = false;
  bool operator==(const Scanned&) const = default;
};

Scanned scan(std::string_view input, size_t step) {
  smtp::DataScanner scanner(200);
  Scanned out;
  for (size_t at = 0; at < input.size() && !scanner.done(); at += step)
    out.used += scanner.feed(input.substr(at, step));
  out.done = scanner.done();
  out.large = scanner.too_large();
  out.bare = scanner.bare_line_end();
  out.nul = scanner.has_nul();
  out.line = scanner.line_too_long();
  out.content = scanner.take();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const smtp::Verb verb = smtp::parse_verb(input);
  if (const auto mail = smtp::parse_mail(verb.arguments)) {
    check_printable(mail->envid);
    check_printable(mail->auth);
  } else
    check_reply(mail.error());
  if (const auto rcpt = smtp::parse_rcpt(verb.arguments)) {
    PABAL_CHECK(!rcpt->address.empty());
    check_printable(rcpt->orcpt);
  } else
    check_reply(rcpt.error());
  PABAL_CHECK(smtp::decode_xtext(smtp::encode_xtext(input)) == input);

  const Scanned whole = scan(input, size + 1);
  for (const size_t step : {1, 2, 3, 7}) PABAL_CHECK(scan(input, step) == whole);
  if (whole.done) {
    PABAL_CHECK(input.substr(0, whole.used).ends_with(".\r\n"));
    PABAL_CHECK(whole.used == 3 || whole.bare || input.substr(0, whole.used).ends_with("\r\n.\r\n"));
  }
  return 0;
}
